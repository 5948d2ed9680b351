"""Ranks as actors of Ray: Ray starts, places and watches them, and carries the messages.

    from minikeras.distribution import on_ray

    results = on_ray.run(train, 4)

Each actor runs `train` with the same arguments; `set_distribution(DataParallel())` in it
finds the others. Arrays go from one actor to another through Ray's object stores; the
adding is that of every other communicator, so the bits are those of MPI.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minikeras.distribution import world
from minikeras.distribution.exchange import Array, ExchangingCommunicator

# Bytes up to which an array goes through the meeting itself.
_SMALL = 1 << 14


def run(
    function: Callable[..., Any],
    num_workers: int,
    *args: object,
    resources: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
) -> list[Any]:
    """Call a function on so many actors that train together.

    Args:
        function: What each runs; Ray pickles it. It calls `set_distribution`.
        num_workers: How many actors.
        *args: Passed on.
        resources: What an actor needs, as `ray.remote` takes it. Default:
            `{"num_cpus": 1}`.
        environment: Environment variables of the actors.

    Returns:
        What each returned, in the order of the ranks.

    Raises:
        ImportError: If Ray is not installed.
        ray.exceptions.RayError: If an actor dies or raises; the others are ended.
    """
    ray = _ray()
    if not ray.is_initialized():
        ray.init()
    needs = {"num_cpus": 1} if resources is None else resources
    threads = str(max(int(needs.get("num_cpus", 1)), 1))
    variables = {"MINIKERAS_NUM_THREADS": threads, **(environment or {})}
    meeting = ray.remote(_Meeting).options(num_cpus=0).remote(num_workers)
    worker = ray.remote(_Worker).options(**needs, runtime_env={"env_vars": variables})
    workers = [worker.remote(r, num_workers, meeting) for r in range(num_workers)]
    try:
        found: list[Any] = ray.get([w.run.remote(function, args) for w in workers])
    finally:
        for actor in (*workers, meeting):
            ray.kill(actor)
    return found


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ImportError(
            f"on_ray.run needs Ray ({error}): pip install 'minikeras[ray]'."
        ) from error
    return ray


class _Worker:
    """An actor: one rank."""

    def __init__(self, rank: int, size: int, meeting: object) -> None:
        for name in list(os.environ):
            if name.startswith(("OMPI_", "PMI_", "SLURM_")):
                del os.environ[name]  # Ray itself may have been started by one of these
        world.meet_by(RayCommunicator(_ray(), meeting, rank, size))

    def run(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Call the function."""
        return function(*args)


class _Meeting:
    """An actor that collects one small thing of each rank and gives all of them back."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rounds: dict[int, tuple[list[Any], asyncio.Event]] = {}
        self._came: dict[int, int] = {}

    async def exchange(self, number: int, rank: int, value: object) -> list[Any]:
        """What all ranks gave in round `number`, once the last has come."""
        fresh = [None] * self._size, asyncio.Event()
        found, ready = self._rounds.setdefault(number, fresh)
        found[rank] = value
        self._came[number] = self._came.get(number, 0) + 1
        if self._came[number] == self._size:
            ready.set()
            del self._rounds[number], self._came[number]
        await ready.wait()
        return found


class RayCommunicator(ExchangingCommunicator):
    """Ranks that talk by Ray.

    Args:
        ray: The module `ray`.
        meeting: The actor where ranks meet.
        rank: The number of this one.
        size: How many there are.
    """

    name = "ray"

    def __init__(self, ray: Any, meeting: Any, rank: int, size: int) -> None:
        super().__init__(rank, size)
        self.ray, self.meeting = ray, meeting
        self._round = 0
        # Held till all have fetched it, which they have when the round after next begins.
        self._sent: list[Any] = []

    def gather(self, value: Any) -> list[Any]:
        number, self._round = self._round, self._round + 1
        answer = self.meeting.exchange.remote(number, self.rank, value)
        found: list[Any] = self.ray.get(answer)
        return found

    def broadcast(self, value: object) -> Any:
        return self.gather(None if self.rank else value)[0]

    def scatter(self, values: Sequence[object] | None, root: int) -> Any:
        ray = self.ray
        own = None if values is None else [[ray.put(value)] for value in values]
        self._sent = [*self._sent[-2:], own]
        return ray.get(self.gather(own)[root][self.rank][0])

    def to_all(self, mine: Array, all_of_them: Array) -> None:
        rows = all_of_them.reshape(self.size, -1)
        flat = mine.reshape(-1)
        small = flat.nbytes <= _SMALL
        parts = self.gather(flat.copy()) if small else self._sent_and_fetched([flat], 0)
        for row, part in zip(rows, parts):
            row[...] = part

    def transposed(self, pieces: Array, received: Array) -> None:
        parts = self._sent_and_fetched(list(pieces), self.rank)
        for row, part in zip(received, parts):
            row[...] = part

    def _sent_and_fetched(self, parts: list[Array], which: int) -> list[Array]:
        """Parts put where others find them; part `which` of every rank."""
        references = [self.ray.put(np.array(part)) for part in parts]
        self._sent = [*self._sent[-2:], references]
        everyone = self.gather([[reference] for reference in references])
        found: list[Array] = self.ray.get([own[which][0] for own in everyone])
        return found
