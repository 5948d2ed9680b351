"""Sizes that are known only when the file is run, as ONNX nodes.

A number that differed between the probes is looked for among the sizes of arrays
that exist at that place: itself, products of several axes, and what a multiple, a
quotient or an offset makes of them. The nearest array that gives it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from minikeras.engine.graph import Value
from minikeras.export.errors import ExportError
from minikeras.export.probing import TURNS, Varying, at

if TYPE_CHECKING:
    from minikeras.export.writer import Writer

Dim = int | Varying
_LOST = (
    "export to ONNX: in layer {0!r} a number ({1:g} at the first try) depends on the free "
    "sizes of the inputs in a way that cannot be written. Fix these sizes by "
    "input_signature."
)


_MOST_DIVISOR = 65
_MOST_FACTOR = 17
# (size * factor + before) // divisor + after
_Fit = tuple[int, int, int, int]


class _Term(NamedTuple):
    """A product of axes of a value, and what it was in each probe."""

    value: Value
    axes: tuple[int, ...]
    sizes: tuple[int, ...]


class Sizes:
    """Finds numbers that depend on free sizes; see the module's text."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self._seen: list[Value] = []

    def seen(self, value: Value) -> None:
        """A value that has a name from now on."""
        if any(isinstance(d, Varying) for d in self.writer.probed.shape(value)):
            self._seen.append(value)

    def mark(self) -> int:
        """How many values are known; `forget` goes back to it at the end of a body."""
        return len(self._seen)

    def forget(self, mark: int) -> None:
        del self._seen[mark:]

    def vector(self, dims: Sequence[Dim], near: Sequence[Value] = ()) -> str:
        """An int64 vector of these sizes."""
        if all(isinstance(d, int) for d in dims):
            return self.writer.ints([d for d in dims if isinstance(d, int)])
        parts = [
            self.writer.ints([d]) if isinstance(d, int) else self.one(d, near)
            for d in dims
        ]
        return parts[0] if len(parts) == 1 else self.writer.op("Concat", *parts, axis=0)

    def one(self, dim: Varying, near: Sequence[Value] = ()) -> str:
        """One size as an int64 vector of one element.

        Raises:
            ExportError: If no array's shape leads to it.
        """
        found = self._find(dim.values, near)
        if found is None:
            where = self.writer.source or "of the model"
            raise ExportError(_LOST.format(where, dim.values[0]))
        term, (factor, before, divisor, after) = found
        w = self.writer
        name = self._product(term)
        for op, number, nothing in (
            ("Mul", factor, 1), ("Add", before, 0), ("Div", divisor, 1), ("Add", after, 0),
        ):  # fmt: skip
            name = name if number == nothing else w.op(op, name, w.ints([number]))
        return name

    def number(self, dim: Varying, dtype: str) -> str:
        """A scalar of `dtype`: a size, or one divided by a size."""
        w = self.writer
        for turned in (False, True):
            values = [1 / v if turned else v for v in dim.values]
            whole = tuple(round(v) for v in values)
            close = all(abs(v - n) <= 1e-4 * abs(v) for v, n in zip(values, whole))
            sizes = self._exactly(whole) if close else None
            if sizes is not None:
                name = w.cast(self.one(Varying(sizes)), dtype)
                name = w.op("Reciprocal", name) if turned else name
                return w.op("Squeeze", name, w.ints([0]))
        raise ExportError(_LOST.format(w.source or "of the model", dim.values[0]))

    def _exactly(self, values: tuple[int, ...]) -> tuple[int, ...] | None:
        """The sizes that these are, which float32 rounds where they are large."""
        if self._find(values, ()) is not None:
            return values
        for term in self._terms(()):
            if all(abs(a - b) <= 1e-7 * b for a, b in zip(values, term.sizes)):
                return term.sizes
        return None

    def _product(self, term: _Term) -> str:
        w = self.writer
        named = w.names[term.value]
        name, perm = (named, None) if isinstance(named, str) else named
        parts = []
        for axis in term.axes:
            at = axis if perm is None else perm[axis]
            parts.append(w.op("Shape", name, start=at, end=at + 1))
        while len(parts) > 1:
            parts[:2] = [w.op("Mul", *parts[:2])]
        return parts[0]

    def _find(
        self, values: Sequence[float], near: Sequence[Value]
    ) -> tuple[_Term, _Fit] | None:
        for fitting in (_equal, _line, _rounded):
            for term in self._terms(near):
                fit = fitting(term.sizes, values)
                if fit is not None:
                    return term, fit
        return None

    def _terms(self, near: Sequence[Value]) -> Iterator[_Term]:
        probed = self.writer.probed
        named = [v for v in near if v in self.writer.names]
        for value in (*named, *reversed(self._seen)):
            shape = probed.shape(value)
            free = [i for i, d in enumerate(shape) if isinstance(d, Varying)]
            if not free:
                continue
            for count in range(1, len(shape) + 1):
                for axes in combinations(range(len(shape)), count):
                    if not any(a in free for a in axes):
                        continue
                    sizes = tuple(
                        int(np.prod([at(shape[a], t) for a in axes]))
                        for t in range(TURNS)
                    )
                    yield _Term(value, axes, sizes)


def _equal(xs: Sequence[int], ys: Sequence[float]) -> _Fit | None:
    return (1, 0, 1, 0) if tuple(xs) == tuple(ys) else None


def _line(xs: Sequence[int], ys: Sequence[float]) -> _Fit | None:
    """The line through the points, if all lie on one with a whole offset."""
    if xs[0] == xs[1]:
        return None
    slope = Fraction(int(ys[1] - ys[0]), xs[1] - xs[0])
    offset = int(ys[0]) - slope * xs[0]
    if slope == 0 or offset.denominator != 1 or (slope < 0 and slope.denominator != 1):
        return None
    if any(slope * x + offset != y for x, y in zip(xs, ys)):
        return None
    return slope.numerator, 0, slope.denominator, int(offset)


def _rounded(xs: Sequence[int], ys: Sequence[float]) -> _Fit | None:
    """A quotient that is rounded down or up, and an offset."""
    if len(set(xs)) < 2:
        return None
    for divisor in range(2, _MOST_DIVISOR):
        for factor in range(1, min(divisor, _MOST_FACTOR)):
            for before in range(divisor):
                gap = ys[0] - (factor * xs[0] + before) // divisor
                if all(
                    y - (factor * x + before) // divisor == gap for x, y in zip(xs, ys)
                ):
                    return factor, before, divisor, int(gap)
    return None
