"""MPI as communicator, by mpi4py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras.distribution.exchange import Array, ExchangingCommunicator, as_bytes
from minikeras.distribution.watch import Watch


class MpiCommunicator(ExchangingCommunicator):
    """Ranks that talk by MPI.

    Args:
        mpi: The module `mpi4py.MPI`.
        comm: The communicator of all processes; a copy of it is used.
        watch: Who watches that nobody waits for ever.
    """

    name = "mpi"

    def __init__(self, mpi: Any, comm: Any, watch: Watch) -> None:
        super().__init__(comm.rank, comm.size)
        self.mpi, self.comm, self.watch = mpi, comm.Dup(), watch

    def gather(self, value: object) -> list[Any]:
        with self.watch.during("gather"):
            found: list[Any] = self.comm.allgather(value)
        return found

    def broadcast(self, value: object) -> Any:
        with self.watch.during("broadcast"):
            return self.comm.bcast(value, root=0)

    def scatter(self, values: Sequence[object] | None, root: int) -> Any:
        with self.watch.during("scatter"):
            return self.comm.scatter(values, root)

    def to_all(self, mine: Array, all_of_them: Array) -> None:
        kind = self.mpi.BYTE
        with self.watch.during("reduction"):
            self.comm.Allgather([as_bytes(mine), kind], [as_bytes(all_of_them), kind])

    def transposed(self, pieces: Array, received: Array) -> None:
        kind = self.mpi.BYTE
        with self.watch.during("reduction"):
            self.comm.Alltoall([as_bytes(pieces), kind], [as_bytes(received), kind])
