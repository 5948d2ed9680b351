"""Abstract values: what is known of an array before it exists, its shape and its dtype.

Shape rules (`infer`) take avals and give avals. During a symbolic call (a
`KerasTensor` with None dimensions) an unknown dimension is an `Unknown`: an
integer of some probe size that remembers it stands for None. Rules and layers
may compute with it as with any integer; broadcasting and error messages see
through it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from minikeras.engine.dtypes import itemsize

Shape = tuple[int, ...]


class ShapeError(ValueError):
    """Shapes or dtypes that an op cannot take. The message names op, got, expected."""


class Unknown(int):
    """The size of a None dimension while shapes are probed; prints as None."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "None"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Aval:
    """Shape and dtype of an array that may not exist yet."""

    shape: Shape
    dtype: str

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * itemsize(self.dtype)

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]"


def broadcast_shapes(*shapes: Sequence[int], op: str = "broadcast") -> Shape:
    """The NumPy broadcast of `shapes`; an `Unknown` meets a known size as that size."""
    if len(shapes) == 2:
        long, short = shapes
        if len(long) < len(short):
            long, short = short, long
        if tuple(long[len(long) - len(short) :]) == tuple(short):
            return tuple(long)
    rank = max((len(s) for s in shapes), default=0)
    result: list[int] = [1] * rank
    for shape in shapes:
        for i, d in enumerate(shape, rank - len(shape)):
            have = result[i]
            if d == have or (d == 1 and not isinstance(d, Unknown)):
                continue
            if (have == 1 and not isinstance(have, Unknown)) or isinstance(
                have, Unknown
            ):
                result[i] = d
            elif not isinstance(d, Unknown):
                listing = " and ".join(str(tuple(s)) for s in shapes)
                raise ShapeError(
                    f"{op}: shapes {listing} cannot be broadcast together: size "
                    f"{have} meets size {d} in axis {i - rank}. Sizes must be equal or 1."
                )
    return tuple(result)


def normalize_axis(axis: int, ndim: int, op: str = "op") -> int:
    """`axis` counted from the front, checked against `ndim`."""
    if not -ndim <= axis < ndim:
        raise ShapeError(
            f"{op}: axis {axis} is out of range for an array of rank {ndim}; "
            f"expected {-ndim} <= axis < {ndim}."
        )
    return axis + ndim if axis < 0 else axis


def normalize_axes(
    axis: int | Sequence[int] | None, ndim: int, op: str = "op"
) -> tuple[int, ...]:
    """Sorted axes counted from the front; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    result = tuple(sorted(normalize_axis(a, ndim, op) for a in axes))
    if len(set(result)) != len(result):
        raise ShapeError(f"{op}: axis {axis} names the same axis twice.")
    return result
