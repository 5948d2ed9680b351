"""NCCL as communicator of GPUs, by CuPy: one process a GPU, sums in the order of the ranks.

NCCL's own reductions add in the order of its rings and trees, which depend on the machine.
So, as over MPI, each rank gets its piece of everybody's arrays, adds in order, and the
sums go round. MPI carries what is not on the GPU: the id by which the GPUs meet, and
Python objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras.extend import BackendError, Communicator


class NcclCommunicator(Communicator):
    """Ranks whose arrays are on GPUs.

    Args:
        host: The communicator for Python objects.
        cupy: The module `cupy`.
        nccl: The module `cupy.cuda.nccl`.
    """

    name = "nccl"

    def __init__(self, host: Communicator, cupy: Any, nccl: Any) -> None:
        self.host, self.cupy, self.nccl = host, cupy, nccl
        self.rank, self.size = host.rank, host.size
        identity = nccl.get_unique_id() if not host.rank else None
        self._comm = nccl.NcclCommunicator(
            host.size, host.broadcast(identity), host.rank
        )
        self._buffers: dict[Any, Any] = {}

    def gather(self, value: Any) -> list[Any]:
        return self.host.gather(value)

    def broadcast(self, value: Any) -> Any:
        return self.host.broadcast(value)

    def scatter(self, values: Sequence[object] | None, root: int) -> Any:
        return self.host.scatter(values, root)

    def reduce_into(
        self, arrays: Sequence[Any], results: Sequence[Any], means: Sequence[bool]
    ) -> None:
        groups: dict[Any, list[int]] = {}
        for i, array in enumerate(arrays):
            narrow = array.dtype.itemsize == 2
            key = array.dtype, bool(means[i]) if narrow else None
            groups.setdefault(key, []).append(i)
        for (dtype, mean), places in groups.items():
            self._reduce(dtype, [arrays[i].reshape(-1) for i in places], bool(mean))
            at, total = 0, self._buffer("total", dtype, 0)
            for i in places:
                size = arrays[i].size
                part = total[at : at + size].reshape(arrays[i].shape)
                share = means[i] and mean is None
                results[i][...] = part * dtype.type(1 / self.size) if share else part
                at += size

    def _buffer(self, name: str, dtype: Any, size: int) -> Any:
        """Memory that is kept from call to call, at least of that size."""
        found = self._buffers.get((name, dtype))
        if found is None or found.size < size:
            found = self._buffers[name, dtype] = self.cupy.empty(size, dtype)
        return found

    def _reduce(self, dtype: Any, flat: list[Any], mean: bool) -> None:
        """The sums of all arrays of a dtype into the buffer `total`."""
        cp, size = self.cupy, self.size
        count = sum(a.size for a in flat)
        piece = -(-count // size)
        mine = self._buffer("mine", dtype, piece * size)[: piece * size]
        received = self._buffer("received", dtype, piece * size)[: piece * size]
        total = self._buffer("total", dtype, piece * size)[: piece * size]
        cp.concatenate(flat, out=mine[:count])
        self._exchange(mine, received, piece)
        rows = received.reshape(size, piece)
        wide = cp.float32 if dtype.itemsize == 2 and dtype.kind not in "iu" else dtype
        summed = rows[0].astype(wide)
        for row in rows[1:]:
            summed += row
        if mean:
            summed *= summed.dtype.type(1 / size)
        own = summed.astype(dtype)
        nbytes, stream = own.nbytes, self._stream()
        self._comm.allGather(
            own.data.ptr, total.data.ptr, nbytes, self.nccl.NCCL_UINT8, stream
        )

    def _exchange(self, pieces: Any, received: Any, piece: int) -> None:
        """Piece r goes to rank r; piece r of the result is what rank r sent here."""
        nbytes, stream = piece * pieces.dtype.itemsize, self._stream()
        kind = self.nccl.NCCL_UINT8
        self.nccl.groupStart()
        for peer in range(self.size):
            at = peer * nbytes
            self._comm.send(pieces.data.ptr + at, nbytes, kind, peer, stream)
            self._comm.recv(received.data.ptr + at, nbytes, kind, peer, stream)
        self.nccl.groupEnd()

    def _stream(self) -> int:
        return int(self.cupy.cuda.get_current_stream().ptr)


def nccl_over(host: Communicator, cupy: Any, local_rank: int) -> NcclCommunicator:
    """The communicator of ranks that have met, each on the GPU of its number.

    Args:
        host: How they talk so far.
        cupy: The module `cupy`.
        local_rank: The number of this process among those of its machine.

    Raises:
        BackendError: If CuPy finds no NCCL.
    """
    try:
        from cupy.cuda import nccl
    except ImportError as error:
        raise BackendError(
            f"training on several GPUs needs NCCL, which CuPy does not find ({error}): pip "
            "install 'minikeras[nccl]' beside 'minikeras[cuda12]', or choose the backend "
            "'numba'."
        ) from error
    cupy.cuda.Device(local_rank % cupy.cuda.runtime.getDeviceCount()).use()
    return NcclCommunicator(host, cupy, nccl)
