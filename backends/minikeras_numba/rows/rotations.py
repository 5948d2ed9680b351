"""Jacobi's rotations, for eigenvalues and singular values of stacks of small matrices.

Golub and Van Loan, Matrix Computations, 8.5 (cyclic by rows) and 8.6.3 (one-sided). Rows
that are rotated lie in a row, since a lane holds a matrix; sweeps end when no matrix of
the group has anything left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from minikeras_kernels.code import Op, Rel
from minikeras_kernels.values import Address, Kind, Val, const

from minikeras_numba.rows.stacks import ZERO, Stack

MOST = 64  # rows: beyond, LAPACK's number of operations counts
_SWEEPS = 30  # five to ten are what it takes


class Rotations(Stack):
    """What the kernels of eigenvalues and of singular values have in common."""

    def __init__(self, name: str, dtype: str, words: int) -> None:
        super().__init__(name, dtype, words)
        self.going = self.slot(Kind.I64)
        self.worst = self.slot(self.kind, self.lanes)
        self.sum = self.slot(self.kind, self.lanes)
        self.chosen = self.slot(Kind.I32, self.lanes)

    def greatest(self, first: Val, count: Val) -> Val:
        """The largest size among items, 1 if all are 0; what is not finite has no result."""
        self.put(self.worst, self.wide(0.0))
        with self.loop(ZERO, count) as i:
            size = self.one(Op.FABS, self.item(self.add(first, i)))
            self.put(self.worst, self.one(Op.MAXIMUM, self.get(self.worst), size))
        most = self.get(self.worst)
        infinite = self.fmul(most, self.wide(0.0))
        strange = self.fcmp(Rel.UNO, infinite, infinite)
        self.fail(strange)
        none = self.fcmp(Rel.OEQ, most, self.wide(0.0))
        either = self.bin(Op.OR, none, strange)
        return self.select(either, self.wide(1.0), most)

    @contextmanager
    def sweeps(self, count: Val) -> Iterator[tuple[Val, Val]]:
        """Pairs p < q below `count`, again and again until `worst` stays at most 0."""
        self.put(self.going, const(Kind.I64, 1))
        with (
            self.loop(ZERO, const(Kind.I64, _SWEEPS)),
            self.when(self.icmp(Rel.NE, self.get(self.going), 0)),
        ):
            self.put(self.worst, self.wide(0.0))
            with (
                self.loop(ZERO, count) as p,
                self.loop(self.add(p, 1), count) as q,
            ):
                yield p, q
            more = self.fcmp(Rel.OGT, self.get(self.worst), self.wide(0.0))
            self.put(self.going, self.convert(Op.ZEXT, self.any_lane(more), Kind.I64))

    def angle(self, one: Val, two: Val, across: Val) -> tuple[Val, Val, Val]:
        """Of the rotation that takes `across` away: tangent, sine, tangent of the half."""
        theta = self.fdiv(self.fsub(two, one), self.fadd(across, across))
        root = self.one(Op.SQRT, self.fma(theta, theta, self.wide(1.0)))
        size = self.fdiv(self.wide(1.0), self.fadd(self.one(Op.FABS, theta), root))
        tangent = self.one(Op.COPYSIGN, size, theta)
        done = self.fcmp(Rel.OEQ, across, self.wide(0.0))
        tangent = self.select(done, self.wide(0.0), tangent)
        square = self.fma(tangent, tangent, self.wide(1.0))
        cosine = self.fdiv(self.wide(1.0), self.one(Op.SQRT, square))
        sine = self.fmul(tangent, cosine)
        return tangent, sine, self.fdiv(sine, self.fadd(cosine, self.wide(1.0)))

    def rotate(self, one: Val, two: Val, sine: Val, half: Val) -> tuple[Val, Val]:
        """Two items after the rotation, as small changes (Rutishauser, 1966)."""
        x, y = self.item(one), self.item(two)
        x, y = (
            self.fnma(sine, self.fma(half, x, y), x),
            self.fma(sine, self.fnma(half, y, x), y),
        )
        self.keep(one, x)
        self.keep(two, y)
        return x, y

    def identity(self, place: Val, n: Val, stride: Val) -> None:
        with self.loop(ZERO, n) as i:
            row = self.add(place, self.mul(i, stride))
            with self.loop(ZERO, n) as j:
                self.keep(self.add(row, j), self.wide(0.0))
            self.keep(self.add(row, i), self.wide(1.0))

    def order(self, keys: Val, count: Val, place: Val) -> None:
        """Which item of the keys comes first, second, ...: int32 items from `place` on."""
        ranks = self.add(place, count)
        with self.loop(ZERO, count) as i:
            key = self.item(self.add(keys, i))
            self.put(self.chosen, const(Kind.I32, 0, self.lanes))
            for first, last, how in (
                (ZERO, i, Rel.OLE),
                (self.add(i, 1), count, Rel.OLT),
            ):
                with self.loop(first, last) as j:
                    before = self.fcmp(how, self.item(self.add(keys, j)), key)
                    one = self.convert(Op.ZEXT, before, Kind.I32)
                    self.put(self.chosen, self.add(self.get(self.chosen), one))
            self.keep_whole(self.add(ranks, i), self.get(self.chosen))
        with self.loop(ZERO, count) as r:
            self.put(self.chosen, const(Kind.I32, 0, self.lanes))
            with self.loop(ZERO, count) as i:
                mine = self.icmp(Rel.EQ, self.whole(self.add(ranks, i)), self.number(r))
                chosen = self.select(mine, self.number(i), self.get(self.chosen))
                self.put(self.chosen, chosen)
            self.keep_whole(self.add(place, r), self.get(self.chosen))

    def ordered(
        self, place: Val, stride: Val, which: Val, i: Val, columns: Val | None
    ) -> Val:
        """Of row number `which[i]` (an item of int32) each lane's own element."""
        line = self.mul(self.whole(self.add(which, i)), self.number(stride))
        begin = self.number(place if columns is None else self.add(place, columns))
        return self.picked(self.add(line, begin))

    def give(
        self, array: Address, rows: Val, columns: Val, first: Val,
        element: Callable[[Val, Val], Val],
    ) -> None:  # fmt: skip
        """A result of elements (row, column), gathered at `first`."""
        with self.loop(ZERO, rows) as i, self.loop(ZERO, columns) as j:
            self.keep(self.add(first, self.mul(i, columns), j), element(i, j))
        size = self.mul(rows, columns)
        self.poisoned(first, size)
        self.turn_out(array, size, first)
