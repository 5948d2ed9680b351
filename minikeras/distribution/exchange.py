"""Sums in the order of the ranks, by exchanges of bytes.

Reductions of MPI and its like may add in any order, and in another one with another
network. So ranks exchange what is to be added, and each adds in order: small messages go
to everybody (one exchange), of large ones each rank gets its piece of everybody's, adds it
up, and the sums go round (two exchanges, and twice the bytes of an array whatever the
number of ranks). Both ways give the same bits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minikeras.engine.ranks import Communicator

Array = np.ndarray[Any, np.dtype[Any]]
Run = Callable[[Sequence[Any], Sequence[Any]], None]

# Bytes of each rank up to which everything goes to everybody.
SMALL = 1 << 15


class ExchangingCommunicator(Communicator):
    """Ranks that can exchange bytes; a subclass writes `to_all` and `transposed`."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size
        self._reductions: dict[Any, Run] = {}

    def to_all(self, mine: Array, all_of_them: Array) -> None:
        """Each rank's array to every rank: row r of the result is that of rank r."""
        raise NotImplementedError

    def transposed(self, pieces: Array, received: Array) -> None:
        """Row r goes to rank r; row r of the result is what rank r sent here."""
        raise NotImplementedError

    def reduce_into(
        self, arrays: Sequence[Any], results: Sequence[Any], means: Sequence[bool]
    ) -> None:
        key = (tuple([(a.size, a.dtype) for a in arrays]), tuple(means))
        run = self._reductions.get(key)
        if run is None:
            run = self._reductions[key] = _Reduction(self, *key)
        run(arrays, results)


def as_bytes(array: Array) -> Array:
    """The memory of a C-contiguous array."""
    return array.reshape(-1).view(np.uint8)


class _Reduction:
    """A reduction of arrays of known sizes: buffers, and who goes where in them."""

    def __init__(
        self,
        comm: ExchangingCommunicator,
        specs: Sequence[tuple[int, Any]],
        means: Sequence[bool],
    ) -> None:
        groups: dict[Any, list[int]] = {}
        for i, ((_, dtype), mean) in enumerate(zip(specs, means, strict=True)):
            # Sums of halves may overflow where their mean does not: divided in between.
            narrow = dtype.itemsize == 2
            groups.setdefault((dtype, mean if narrow else None), []).append(i)
        self.flats = [
            _Flat(comm, dtype, places, [specs[i][0] for i in places], means)
            for (dtype, _), places in groups.items()
        ]
        small = [f for f in self.flats if f.small]
        self.joined = small if len(small) > 1 else []
        self.comm = comm
        self._mine = np.empty(sum(f.mine.nbytes for f in self.joined), np.uint8)
        self._all = np.empty((comm.size, self._mine.size), np.uint8)

    def __call__(self, arrays: Sequence[Any], results: Sequence[Any]) -> None:
        for flat in self.flats:
            flat.pack(arrays)
        if self.joined:
            self._exchange_joined()
        for flat in self.flats:
            if flat not in self.joined:
                flat.exchange()
            flat.unpack(results)

    def _exchange_joined(self) -> None:
        """Small arrays of several dtypes as one message of bytes."""
        at = 0
        for flat in self.joined:
            self._mine[at : at + flat.mine.nbytes] = as_bytes(flat.mine)
            at += flat.mine.nbytes
        self.comm.to_all(self._mine, self._all)
        at = 0
        for flat in self.joined:
            size = flat.mine.nbytes
            flat.add([_row(self._all[r, at : at + size], flat) for r in flat.ranks])
            at += size


def _row(raw: Array, flat: _Flat) -> Array:
    return np.frombuffer(raw.tobytes(), flat.mine.dtype)


class _Flat:
    """All arrays of one dtype, one after the other in one buffer.

    Attributes:
        small: Whether everything goes to everybody.
        mine: What this rank has.
    """

    def __init__(
        self,
        comm: ExchangingCommunicator,
        dtype: np.dtype[Any],
        places: Sequence[int],
        sizes: Sequence[int],
        means: Sequence[bool],
    ) -> None:
        self.comm, self.places = comm, places
        self.ranks = range(comm.size)
        self.means = [means[i] for i in places]
        count = sum(sizes)
        self.small = count * dtype.itemsize <= SMALL
        self.piece = count if self.small else -(-count // comm.size)
        whole = count if self.small else self.piece * comm.size
        self.mine = np.zeros(whole, dtype)
        self.received = np.empty((comm.size, self.piece), dtype)
        self.total = np.empty(whole, dtype)
        # Halves are added in float32, and rounded once.
        wide = np.dtype(np.float32) if dtype.itemsize == 2 and _floats(dtype) else dtype
        self._sum = np.empty(self.piece, wide)
        self._mean_here = bool(wide != dtype and self.means[0])
        ends = np.cumsum([0, *sizes]).tolist()
        self.slices = [slice(a, b) for a, b in itertools.pairwise(ends)]

    def pack(self, arrays: Sequence[Any]) -> None:
        """Copy the arrays into the buffer."""
        for i, where in zip(self.places, self.slices):
            self.mine[where] = arrays[i].reshape(-1)

    def exchange(self) -> None:
        """Make the sums of all ranks."""
        if self.small:
            self.comm.to_all(self.mine, self.received)
            self.add(list(self.received))
            return
        self.comm.transposed(self.mine.reshape(self.received.shape), self.received)
        piece = self.total[: self.piece]
        self.add(list(self.received), piece)
        # Gathered into the other buffer: what is sent and what comes may not overlap.
        self.comm.to_all(piece, self.received)
        self.total[...] = self.received.reshape(-1)

    def add(self, rows: list[Array], target: Array | None = None) -> None:
        """Add in the order of the ranks."""
        total = self._sum
        np.copyto(total, rows[0])
        for row in rows[1:]:
            np.add(total, row, out=total)
        if self._mean_here:
            np.multiply(total, total.dtype.type(1 / self.comm.size), out=total)
        np.copyto(self.total if target is None else target, total, casting="unsafe")

    def unpack(self, results: Sequence[Any]) -> None:
        """Copy the sums, or means, to where they are wanted."""
        for i, where, mean in zip(self.places, self.slices, self.means):
            result = results[i].reshape(-1)
            if mean and not self._mean_here:
                share = self.total.dtype.type(1 / self.comm.size)
                np.multiply(self.total[where], share, out=result)
            else:
                result[...] = self.total[where]


def _floats(dtype: np.dtype[Any]) -> bool:
    return dtype.kind not in "iub"
