"""Pooling and its gradients: each element of the result looks through its windows.

Arrays are channels-last, (batch, *spatial, channels); one to three spatial axes are written
as three, with leading ones. A gradient asks of each element which windows it is in, and,
under a maximum, whether it is their first maximum. Nothing in a window equals a maximum that
is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.elements import Elements, is_wide
from minikeras_kernels.elementwise import (
    MEMORY_KIND,
    REGISTER_KIND,
    from_memory,
    to_memory,
)
from minikeras_kernels.folds import identity
from minikeras_kernels.target import Target
from minikeras_kernels.values import Address, Val, const

POOLS = ("max_pool", "max_pool_grad", "max_pool_gather", "sum_pool", "sum_pool_grad")
DTYPES = tuple(d for d in REGISTER_KIND if d != "bool")
_SIZES = (
    "I",
    "O",
    "W",
    "S",
    "P",
    "K",
)  # of x, windows, a window, steps, padding, covers
_ARRAYS = {
    "max_pool": 2,
    "max_pool_grad": 3,
    "max_pool_gather": 3,
    "sum_pool": 2,
    "sum_pool_grad": 2,
}
Ints = Sequence[int]
Axes = Sequence[Val]
Tap = Callable[[Val, Val], None]


class Sizes(NamedTuple):
    """A pooling, with as many numbers for each spatial axis."""

    batch: int
    spatial: Ints
    channels: int
    out: Ints
    window: Ints
    strides: Ints
    before: Ints  # padding before the first element

    @property
    def elements(self) -> tuple[int, int]:
        """Of x, and of the windows' results."""
        one = self.batch * self.channels
        return one * math.prod(self.spatial), one * math.prod(self.out)

    def words(self) -> list[int]:
        """The sizes as they stand in the kernel's table, behind the count of elements."""
        covers = [-(-w // s) for w, s in zip(self.window, self.strides, strict=True)]
        rows = (self.spatial, self.out, self.window, self.strides, self.before, covers)
        fills = (1, 1, 1, 1, 0, 1)
        filled = [
            n
            for row, fill in zip(rows, fills, strict=True)
            for n in (*(fill,) * (3 - len(row)), *row)
        ]
        return [self.channels, *filled]

    @property
    def wide(self) -> bool:
        return is_wide(*self.elements)


def pooling(name: str, dtype: str, sizes: Sizes, target: Target) -> Code:
    """The kernel of a row.

    Its table: the count of elements of the result, `sizes.words()`, the arrays in the order
    of the row, result last. One text serves all sizes, but for how wide indices are.
    """
    return _Pool(name, dtype, sizes.wide, target).write()


class _Pool:
    def __init__(self, name: str, dtype: str, wide: bool, target: Target) -> None:
        self.f = Elements("pool", target, wide)
        self.name, self.dtype = name, dtype
        self.kind = REGISTER_KIND[dtype]

    def write(self) -> Code:
        f = self.f
        arrays = _ARRAYS[self.name]
        count, *words = f.words(2 + 3 * len(_SIZES) + arrays)
        numbers = [f.number(w) for w in words[: 1 + 3 * len(_SIZES)]]
        self.channels = numbers[0]
        for i, name in enumerate(_SIZES):
            setattr(self, name, numbers[1 + 3 * i : 4 + 3 * i])
        memory = MEMORY_KIND[self.dtype]
        *self.given, self.out = [f.array(w, memory) for w in words[-arrays:]]
        spatial = self.I if self.name.endswith("_grad") else self.O
        self.slots()

        def body(index: Val, at: Val, mask: Val | None) -> None:
            n, *place, channel = f.coordinates(index, [n_, *spatial, self.channels])
            self.n, self.channel, self.mask = n, channel, mask
            made = getattr(self, f"_{self.name}")(place, index)
            f.put_at(to_memory(f, made, self.dtype), self.out, at, mask)

        n_ = self.channels  # the first axis needs no size
        f.each(count, body)
        return f.code

    I: Axes  # noqa: E741 - as in the table
    O: Axes  # noqa: E741
    W: Axes
    S: Axes
    P: Axes
    K: Axes

    def slots(self) -> None:
        """Memory for what is found, of one vector each."""
        f = self.f
        self.total = f.slot(self.kind, f.width)
        self.best = f.slot(self.kind, f.width)
        self.first = f.slot(f.ix, f.width)  # -1: nothing yet

    def read(self, array: Address, index: Val, mask: Val | None) -> Val:
        return from_memory(self.f, self.f.gather(array, index, mask), self.dtype)

    def flat(self, place: Axes, sizes: Axes) -> Val:
        """The number of an element of the batch entry and channel at hand."""
        f, at = self.f, self.n
        for where, size in zip(place, sizes, strict=True):
            at = f.add(f.times(at, size), where)
        return f.add(f.times(at, self.channels), self.channel)

    # ways through windows -------------------------------------------------------------------

    def taps(self, window: Axes, mask: Val | None, visit: Tap) -> None:
        """`visit(number of the element, mask)` for each tap that is no border."""
        f = self.f
        corner = [
            f.less(f.times(o, s), p)
            for o, s, p in zip(window, self.S, self.P, strict=True)
        ]

        def along(axis: int, place: list[Val], inside: Val | None) -> None:
            if axis == 3:
                assert inside is not None
                visit(self.flat(place, self.I), inside)
                return
            with f.count(self.W[axis]) as w:
                p = f.plus(corner[axis], w)
                known = f.both(inside, f.below(p, self.I[axis]))
                along(axis + 1, [*place, p], known)

        along(0, [], mask)

    def covering(self, place: Axes, visit: Callable[[list[Val], Val], None]) -> None:
        """`visit(window, mask)` for the windows that an element is in, the last one first."""
        f = self.f
        moved = [f.plus(x, p) for x, p in zip(place, self.P, strict=True)]
        last = [
            f.bin(Op.UDIV, x, f.everywhere(s))
            for x, s in zip(moved, self.S, strict=True)
        ]

        def along(axis: int, window: list[Val], inside: Val | None) -> None:
            if axis == 3:
                assert inside is not None
                visit(window, inside)
                return
            with f.count(self.K[axis]) as k:
                o = f.less(last[axis], k)
                tap = f.sub(moved[axis], f.times(o, self.S[axis]))
                known = f.both(
                    inside, f.below(o, self.O[axis]), f.below(tap, self.W[axis])
                )
                along(axis + 1, [*window, o], known)

        along(0, [], self.mask)

    def find(self, window: Axes, mask: Val | None) -> tuple[Val, Val]:
        """The maximum of a window and its first place, -1 where it has none."""
        f, x = self.f, self.given[0]
        f.put(self.best, f.nothing(self.kind))
        f.put(self.first, const(f.ix, -1, f.width))

        def visit(at: Val, inside: Val) -> None:
            value, best, first = (
                self.read(x, at, inside),
                f.get(self.best),
                f.get(self.first),
            )
            fresh = f.icmp(Rel.EQ, first, f.like(first, -1))
            wins = f.bin(Op.AND, inside, f.bin(Op.OR, fresh, self.greater(value, best)))
            f.put(self.best, f.select(wins, value, best))
            f.put(self.first, f.select(wins, at, first))

        self.taps(window, mask, visit)
        return f.get(self.best), f.get(self.first)

    def greater(self, x: Val, best: Val) -> Val:
        """x > best, where the first NaN is greater than any number."""
        f = self.f
        if self.kind.is_float:
            return f.bin(Op.AND, f.fcmp(Rel.UGT, x, best), f.fcmp(Rel.ORD, best, best))
        return f.icmp(Rel.UGT if self.dtype.startswith("u") else Rel.SGT, x, best)

    def a_number(self, best: Val) -> Val | None:
        return self.f.fcmp(Rel.ORD, best, best) if self.kind.is_float else None

    def sum(self, value: Val, mask: Val) -> None:
        f, so_far = self.f, self.f.get(self.total)
        more = f.fadd(so_far, value) if self.kind.is_float else f.add(so_far, value)
        f.put(self.total, f.select(mask, more, so_far))

    # the rows -------------------------------------------------------------------------------

    def _max_pool(self, window: Axes, index: Val) -> Val:
        f = self.f
        best, first = self.find(window, self.mask)
        lowest = f.like(best, identity("max", self.dtype))
        return f.select(f.icmp(Rel.EQ, first, f.like(first, -1)), lowest, best)

    def _max_pool_gather(self, window: Axes, index: Val) -> Val:
        f = self.f
        best, first = self.find(window, self.mask)
        there = f.icmp(Rel.NE, first, f.like(first, -1))
        return self.read(self.given[1], first, f.both(there, self.a_number(best)))

    def _max_pool_grad(self, place: Axes, index: Val) -> Val:
        f = self.f
        f.put(self.total, f.nothing(self.kind))

        def visit(window: list[Val], inside: Val) -> None:
            best, first = self.find(window, inside)
            mine = f.both(inside, f.icmp(Rel.EQ, first, index), self.a_number(best))
            assert mine is not None
            self.sum(self.read(self.given[1], self.flat(window, self.O), mine), mine)

        self.covering(place, visit)
        return f.get(self.total)

    def _sum_pool(self, window: Axes, index: Val) -> Val:
        f, x = self.f, self.given[0]
        f.put(self.total, f.nothing(self.kind))
        self.taps(window, self.mask, lambda at, on: self.sum(self.read(x, at, on), on))
        return f.get(self.total)

    def _sum_pool_grad(self, place: Axes, index: Val) -> Val:
        f, dy = self.f, self.given[0]
        f.put(self.total, f.nothing(self.kind))

        def visit(window: list[Val], inside: Val) -> None:
            at = self.flat(window, self.O)
            self.sum(self.read(dy, at, inside), inside)

        self.covering(place, visit)
        return f.get(self.total)
