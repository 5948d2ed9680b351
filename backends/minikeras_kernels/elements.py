"""Kernels of which each lane makes one element of the result, and looks for what it needs.

Nothing is scattered: what several places would add to is gathered, in an order that never
changes. Lanes count in 32 bits where all sizes allow it, since each divides to find its
coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from minikeras_kernels.code import Op, Rel
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import Target
from minikeras_kernels.values import Address, Kind, Val, const, counting

# Vectors that a unit makes: what is the same for all of them is worked out once.
STEPS = 2
# Beyond, an index might pass the end of 32 bits on its way.
_NARROW = 2**31 - 2**25


def is_wide(*sizes: int) -> bool:
    """Whether numbers up to these need 64 bits."""
    return max(sizes, default=0) >= _NARROW


def unit(target: Target) -> int:
    """Elements that one unit of work makes."""
    return STEPS * target.lanes()


def units(count: int, target: Target) -> int:
    """Units of work of so many elements."""
    return -(-count // unit(target))


class Elements(KernelWriter):
    """A kernel over elements; `index` numbers are of kind `ix`, in every lane or in one."""

    def __init__(self, name: str, target: Target, wide: bool) -> None:
        super().__init__(name, target)
        self.width = target.lanes()
        self.ix = Kind.I64 if wide else Kind.I32

    def number(self, word: Val) -> Val:
        """A word of the table as an index number."""
        return word if self.ix is Kind.I64 else self.convert(Op.TRUNC, word, self.ix)

    def everywhere(self, x: Val) -> Val:
        """A number of one lane in all of them."""
        return self.splat(x, self.width)

    def nothing(self, kind: Kind) -> Val:
        return const(kind, 0, self.width)

    def each(self, count: Val, body: Callable[[Val, Val, Val | None], None]) -> None:
        """`body(index, at, mask)` for the elements of the units: their numbers in lanes, the
        first of them, and which lanes there are."""
        step = unit(self.target)
        lanes = counting(self.ix, self.width)
        with self.loop(self.start, self.stop) as number:
            left = self.mul(number, step)
            right = self.one(Op.SMIN, self.add(left, step), count)

            def run(at: Val, mask: Val | None) -> None:
                index = self.add(self.everywhere(self.number(at)), lanes)
                body(index, at, mask)

            self.sweep(left, right, self.width, run)

    def coordinates(self, index: Val, sizes: Sequence[Val]) -> list[Val]:
        """Where elements are along axes; the first axis needs no size."""
        found: list[Val] = []
        for size in reversed(sizes[1:]):
            size = self.everywhere(size)
            found.append(self.bin(Op.UREM, index, size))
            index = self.bin(Op.UDIV, index, size)
        return [index, *reversed(found)]

    def times(self, x: Val, number: Val) -> Val:
        """`x` in lanes times a number of one lane."""
        return self.mul(x, self.everywhere(number))

    def plus(self, x: Val, number: Val) -> Val:
        return self.add(x, self.everywhere(number))

    def less(self, x: Val, number: Val) -> Val:
        return self.sub(x, self.everywhere(number))

    def below(self, x: Val, number: Val) -> Val:
        """Whether 0 <= x < number: a negative one is huge without its sign."""
        return self.icmp(Rel.ULT, x, self.everywhere(number))

    def both(self, *masks: Val | None) -> Val | None:
        """What all masks have; None stands for all lanes."""
        given = [m for m in masks if m is not None]
        if not given:
            return None
        whole = given[0]
        for mask in given[1:]:
            whole = self.bin(Op.AND, whole, mask)
        return whole

    @contextmanager
    def count(self, stop: Val) -> Iterator[Val]:
        """`for i in range(stop)`, of index numbers of one lane."""
        with self.loop(const(self.ix, 0), stop) as i:
            yield i

    def put_at(self, x: Val, place: Address, at: Val, mask: Val | None) -> None:
        """Neighbouring elements to memory, from element `at`."""
        self.store(x, self.at(place, at), mask)
