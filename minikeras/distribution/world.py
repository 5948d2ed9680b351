"""The world: which processes there are, and how this one came to be one of them.

`mpiexec`, `srun` and what starts MPI jobs on Kubernetes tell each process its rank in the
environment. That is looked at first, so that a process alone never imports MPI.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import NamedTuple

from minikeras.engine.ranks import Communicator

# Size, rank, and rank on its machine, as the launchers write them.
_LAUNCHERS = {
    "Open MPI": (
        "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK"
    ),
    # A batch script of Slurm has SLURM_PROCID too; a step of srun alone has its size.
    "Slurm": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_LOCALID"),
    "MPICH": ("PMI_SIZE", "PMI_RANK", "MPI_LOCALRANKID"),
}  # fmt: skip
_HOW = (
    "Start the processes by `minikeras launch -n N -- python train.py`, mpiexec or srun; "
    "they then know one another without these settings."
)


class Place(NamedTuple):
    """Where a process is among its like."""

    launcher: str
    size: int
    rank: int
    local_rank: int


def place_in(environment: Mapping[str, str]) -> Place | None:
    """What a launcher wrote into an environment; None where there was none.

    >>> place_in({"PMI_SIZE": "4", "PMI_RANK": "1"})
    Place(launcher='MPICH', size=4, rank=1, local_rank=1)
    """
    for launcher, (size, rank, local) in _LAUNCHERS.items():
        if size in environment and rank in environment:
            number = int(environment[rank])
            here = int(environment.get(local, number))
            return Place(launcher, int(environment[size]), number, here)
    return None


_world: Communicator | None = None


def size() -> int:
    """How many processes there are; 1 before `join`."""
    return 1 if _world is None else _world.size


def meet_by(communicator: Communicator) -> None:
    """Have `join` find the processes that talk by this communicator.

    For those that start processes in a way of their own, as `on_ray` does; call it first.
    """
    global _world
    _world = communicator


def join(
    num_processes: int | None = None, process_id: int | None = None
) -> Communicator:
    """Meet the other processes; the first call does, on every one of them.

    Args:
        num_processes: How many there must be, or None.
        process_id: Which of them this must be, or None.

    Raises:
        ValueError: If these are others than the launcher started.
        ImportError: If there are several and mpi4py is not installed.
    """
    global _world
    if _world is None:
        place = None if _is_worker() else place_in(os.environ)
        several = place is not None and place.size > 1
        _world = _met(place) if several and place is not None else Communicator()
    for name, wanted, found in (
        ("num_processes", num_processes, _world.size),
        ("process_id", process_id, _world.rank),
    ):
        if wanted is not None and wanted != found:
            raise ValueError(
                f"distribution.initialize: {name}={wanted}; this process was started as "
                f"rank {_world.rank} of {_world.size}. {_HOW}"
            )
    return _world


def _is_worker() -> bool:
    """Whether a rank started this process, to load data: it has that rank's variables."""
    module = sys.modules.get("multiprocessing")
    return module is not None and module.parent_process() is not None


def _met(place: Place) -> Communicator:
    """The communicator of the processes that the launcher started."""
    from minikeras.distribution import meeting

    return meeting.meet(place)


def setting(name: str, given: int | None) -> int | None:
    """A number that was given, else that in the environment, else None.

    Raises:
        ValueError: If what is there is no number.
    """
    text = os.environ.get(f"KERAS_DISTRIBUTION_{name}")
    if given is not None or not text:
        return given
    try:
        return int(text)
    except ValueError:
        raise ValueError(
            f"KERAS_DISTRIBUTION_{name}={text!r}; expected an integer."
        ) from None
