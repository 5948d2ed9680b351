"""What the shape and gradient rules share: dtype checks, dimension checks, constants.

Every check raises `ShapeError` with the op, the argument, what came, what was
expected and the likely fix. An `Unknown` dimension agrees with any size.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine.aval import Aval, Shape, ShapeError, Unknown, broadcast_shapes
from minikeras.engine.dtypes import is_complex, is_float, is_inexact, is_integer

# What a gradient rule gives: for each operand its gradient, or None.
Grads = tuple[Any, ...]
Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]  # in front and behind, by axis

_CLASSES: dict[str, tuple[Callable[[str], bool], str, str]] = {
    "float": (
        is_float,
        "a float dtype",
        'Cast it first, as in `ops.cast(x, "float32")`.',
    ),
    "inexact": (
        is_inexact,
        "a float or complex dtype",
        'Cast it first, as in `ops.cast(x, "float32")`.',
    ),
    "complex": (
        is_complex,
        "a complex dtype",
        'Cast it first, as in `ops.cast(x, "complex64")`.',
    ),
    "ordered": (
        lambda d: d != "bool" and not is_complex(d),
        "a number dtype that has an order",
        "Take its real part or its size first, as in `ops.abs(x)`.",
    ),
    "numeric": (
        lambda d: d != "bool",
        "a number dtype",
        'Cast it first, as in `ops.cast(x, "int32")`.',
    ),
    "integer": (
        is_integer,
        "an integer dtype",
        'Cast it first, as in `ops.cast(x, "int32")`.',
    ),
    "bool": (
        lambda d: d == "bool",
        "dtype bool",
        'Compare it, or cast it with `ops.cast(x, "bool")`.',
    ),
    "bits": (
        lambda d: not is_inexact(d),
        "an integer dtype or bool",
        'Cast it first, as in `ops.cast(x, "int32")`.',
    ),
    "any": (lambda d: True, "any dtype", ""),
}


def check_dtype(op: str, argument: str, aval: Aval, wanted: str) -> None:
    """Raise unless `aval` has a dtype of the class `wanted`, a key of `_CLASSES`."""
    accepts, text, fix = _CLASSES[wanted]
    if not accepts(aval.dtype):
        raise ShapeError(
            f"{op}: argument `{argument}` has dtype {aval.dtype}, shape "
            f"{aval.shape}; expected {text}. {fix}"
        )


def check_same_dtype(op: str, names: Sequence[str], avals: Sequence[Aval]) -> None:
    """Raise unless all `avals` have one dtype."""
    first = avals[0].dtype
    if len(avals) == 2 and avals[1].dtype == first:  # nearly always
        return
    for name, aval in zip(names[1:], avals[1:], strict=True):
        if aval.dtype != first:
            raise ShapeError(
                f"{op}: argument `{name}` has dtype {aval.dtype}; expected {first}, the "
                f"dtype of `{names[0]}`. Cast one of them, or call the function of "
                f"`ops`, which promotes."
            )


def check_rank(op: str, argument: str, aval: Aval, low: int, high: int | None) -> None:
    """Raise unless `low <= aval.ndim <= high` (`high` None: no limit)."""
    if aval.ndim < low or (high is not None and aval.ndim > high):
        wanted = f"{low}" if low == high else f"at least {low}"
        if high is not None and low != high:
            wanted = f"{low} to {high}"
        raise ShapeError(
            f"{op}: argument `{argument}` has rank {aval.ndim}, shape {aval.shape}; "
            f"expected rank {wanted}. Reshape it or add axes with `ops.expand_dims`."
        )


def agree(a: int, b: int) -> bool:
    """Whether two sizes can be the same dimension."""
    return a == b or isinstance(a, Unknown) or isinstance(b, Unknown)


def check_shape(op: str, argument: str, aval: Aval, wanted: Shape) -> None:
    """Raise unless the shape is the wanted one, as far as both are known."""
    if aval.ndim != len(wanted) or not all(map(agree, aval.shape, wanted)):
        raise ShapeError(
            f"{op}: argument `{argument}` has shape {aval.shape}; expected {wanted}."
        )


def meet(a: int, b: int) -> int:
    """The better known one of two sizes that agree."""
    return b if isinstance(a, Unknown) else a


def has_unknown(shape: Sequence[int]) -> bool:
    return any(isinstance(d, Unknown) for d in shape)


def sizes_agree(a: Sequence[int], b: Sequence[int]) -> bool:
    """Whether arrays of two shapes hold the same number of elements."""
    return has_unknown(a) or has_unknown(b) or math.prod(a) == math.prod(b)


def unary(op: str, wanted: str, out: str | None = None) -> Callable[[Aval], Aval]:
    """The shape rule of an elementwise op of one argument."""

    def infer(x: Aval) -> Aval:
        check_dtype(op, "x", x, wanted)
        return Aval(x.shape, out or x.dtype)

    return infer


def binary(op: str, wanted: str, out: str | None = None) -> Callable[..., Aval]:
    """The shape rule of an elementwise op of two arguments of one dtype."""

    def infer(a: Aval, b: Aval) -> Aval:
        check_same_dtype(op, ("a", "b"), (a, b))
        check_dtype(op, "a", a, wanted)
        # Equal sizes may hide an unknown one, which only `broadcast_shapes` looks at.
        shape = a.shape if a.shape == b.shape else None
        if shape is None or has_unknown(shape):
            shape = broadcast_shapes(a.shape, b.shape, op=op)
        return Aval(shape, out or a.dtype)

    return infer


def drop_axes(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """The shape left when `axes` are reduced."""
    if keepdims:
        return tuple(1 if i in axes else d for i, d in enumerate(shape))
    return tuple(d for i, d in enumerate(shape) if i not in axes)


def check_static_axes(op: str, axes: Sequence[int], ndim: int) -> None:
    """Raise unless `axes` is a sorted tuple of distinct axes counted from the front."""
    ok = isinstance(axes, tuple) and all(0 <= a < ndim for a in axes)
    if not ok or any(a >= b for a, b in itertools.pairwise(axes)):
        raise ShapeError(
            f"{op}: axes {axes!r} are not valid for rank {ndim}; expected a sorted tuple "
            f"of distinct axes between 0 and {ndim - 1}. Normalise them first."
        )


def check_axis(op: str, axis: int, ndim: int) -> None:
    """Raise unless `axis`, counted from the front, exists."""
    if not 0 <= axis < ndim:
        raise ShapeError(
            f"{op}: axis {axis} is out of range for an array of rank {ndim}; "
            f"expected 0 <= axis < {ndim}."
        )
