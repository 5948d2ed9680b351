"""Stacks of small matrices: a lane for each matrix.

A group of matrices is turned so that one element of all of them is one vector. What LAPACK
does with the numbers of one matrix is then done with vectors, in straight loops without a
branch on values, and the results are turned back. Choices that differ between matrices
(pivots, orders of eigenvalues) are selections and gathers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.turning import transposed
from minikeras_kernels.values import Address, Kind, Val, const, counting

from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.launch import Launch, Native
from minikeras_numba.machine.team import get_threads
from minikeras_numba.tiles.scratch import scratch

KINDS = {"float32": Kind.F32, "float64": Kind.F64}
ZERO = const(Kind.I64, 0)
_HEAD = 6  # words of the table before those of a kernel
_SHARES = 2  # of a thread, so that a busy core delays nobody for long
_MOST_BYTES = 1 << 20  # of what a unit works in: beyond the caches LAPACK is as fast
_NAN = float("nan")


class Stack(KernelWriter):
    """A kernel whose unit is some groups of matrices, with room of its own.

    The room is counted in vectors: item i is one element of all matrices of the group.
    """

    def __init__(self, name: str, dtype: str, words: int) -> None:
        super().__init__(name, target())
        self.kind = KINDS[dtype]
        self.epsilon = float(np.finfo(dtype).eps)
        self.lanes = target().lanes(self.kind.nbytes)
        found = self.words(_HEAD + words)
        self.matrices, self.groups, self.units, room, own, self.size = found[:_HEAD]
        self.given = found[_HEAD:]
        lent = self.load(
            self.at(self.regs, self.select(self.icmp(Rel.SLT, room, 0), ZERO, room))
        )
        self.buffers = self.select(self.icmp(Rel.SLT, room, 0), own, lent)
        self.base = self.buffers
        self.members: list[Val] = []
        self.poison = self.slot(self.kind, self.lanes)

    def wide(self, value: float) -> Val:
        return const(self.kind, value, self.lanes)

    def number(self, value: Val) -> Val:
        """A scalar index in every lane."""
        return self.splat(self.convert(Op.TRUNC, value, Kind.I32), self.lanes)

    @contextmanager
    def each_group(self) -> Iterator[None]:
        """The body is done for each group; nothing has failed at its start."""
        with self.loop(self.start, self.stop) as unit:
            vector = self.lanes * self.kind.nbytes
            self.base = self.add(
                self.buffers, self.mul(unit, self.mul(self.size, vector))
            )
            first, last = (
                self.bin(Op.SDIV, self.mul(self.groups, u), self.units)
                for u in (unit, self.add(unit, 1))
            )
            with self.loop(first, last) as group:
                start = self.mul(group, self.lanes)
                # Lanes without a matrix do the last one once more.
                end = self.sub(self.matrices, 1)
                self.members = [
                    self.one(Op.SMIN, self.add(start, i), end)
                    for i in range(self.lanes)
                ]
                self.put(self.poison, self.wide(0.0))
                yield

    # items -----------------------------------------------------------------------------

    def place(self, index: Val, kind: Kind | None = None) -> Address:
        room = self.pointer(self.base, kind or self.kind)
        return self.at(room, self.mul(index, self.lanes))

    def item(self, index: Val) -> Val:
        return self.load(self.place(index), self.lanes)

    def keep(self, index: Val, value: Val) -> None:
        self.store(value, self.place(index))

    def whole(self, index: Val) -> Val:
        """An item of integers; those of 32 bits are counted from the room's begin too."""
        return self.load(self.place(index, Kind.I32), self.lanes)

    def keep_whole(self, index: Val, value: Val) -> None:
        self.store(value, self.place(index, Kind.I32))

    def picked(self, index: Val, kind: Kind | None = None) -> Val:
        """For each lane its element of the item with the lane's own index (int32)."""
        lane = counting(Kind.I32, self.lanes)
        flat = self.add(self.mul(index, self.lanes), lane)
        return self.gather(self.pointer(self.base, kind or self.kind), flat)

    def fail(self, where: Val) -> None:
        """The matrices of these lanes have no result."""
        self.put(
            self.poison, self.select(where, self.wide(_NAN), self.get(self.poison))
        )

    def poisoned(self, first: Val, count: Val) -> None:
        """NaN for these items where a matrix has no result."""
        poison = self.get(self.poison)
        failed = self.fcmp(Rel.UNO, poison, poison)
        with self.when(self.any_lane(failed)), self.loop(ZERO, count) as i:
            at = self.add(first, i)
            self.keep(at, self.select(failed, poison, self.item(at)))

    # from and to arrays ----------------------------------------------------------------

    def turn_in(
        self, array: Address, size: Val, start: Val, count: Val, first: Val
    ) -> None:
        """`count` elements of each matrix (of `size`), from `start`, to items from `first`.

        As many items behind the last one as there are lanes may be overwritten.
        """
        lines = [self.add(self.mul(m, size), start) for m in self.members]

        def step(at: Val, mask: Val | None) -> None:
            square = [
                self.load(self.at(array, self.add(line, at)), self.lanes, mask)
                for line in lines
            ]
            for i, vector in enumerate(transposed(self, square)):
                self.keep(self.add(first, at, i), vector)

        self.sweep(ZERO, count, self.lanes, step)

    def turn_out(self, array: Address, count: Val, first: Val) -> None:
        """Items from `first` on as the elements of each matrix, `count` in all."""
        lines = [self.mul(m, count) for m in self.members]

        def step(at: Val, mask: Val | None) -> None:
            square = [
                self.load(self.place(self.add(first, at, i), array.kind), self.lanes)
                for i in range(self.lanes)
            ]
            for line, vector in zip(lines, transposed(self, square), strict=True):
                self.store(vector, self.at(array, self.add(line, at)), mask)

        self.sweep(ZERO, count, self.lanes, step)


def suits(shape: Sequence[int], dtype: str, vectors: int) -> bool:
    """Whether there are enough matrices, and they are small enough.

    A single matrix is always the reference's: initial weights are made by it.
    """
    count = math.prod(shape[:-2])
    if dtype not in KINDS or not math.prod(shape) or count < 2:
        return False
    lanes = target().lanes(np.dtype(dtype).itemsize)
    room = (vectors + 2 * lanes) * lanes * np.dtype(dtype).itemsize
    return 2 * count >= lanes > 1 and room <= _MOST_BYTES


def launched(
    name: str,
    write: Callable[[], Code],
    key: str,
    shape: Sequence[int],
    dtype: str,
    vectors: int,
    words: Sequence[int],
) -> Native:
    """The call of a kernel of a stack, with its room."""
    fn = compile_kernel(name, write, f"{key} {dtype} {target()}")
    itemsize = np.dtype(dtype).itemsize
    lanes = target().lanes(itemsize)
    matrices = math.prod(shape[:-2])
    groups = -(-matrices // lanes)
    units = min(groups, _SHARES * get_threads())
    size = vectors + 2 * lanes
    room = scratch(units * size * lanes * itemsize)
    own = 0 if room.array is None else room.array.ctypes.data
    head = [matrices, groups, units, room.register, own, size]
    meta = np.array([*head, *words], np.int64)
    return Native([Launch(fn, meta, units, 1, (room,))])
