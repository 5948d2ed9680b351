"""What the families of ops share: conversion to float, axes, constants."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import (
    Shape,
    ShapeError,
    Unknown,
    normalize_axes,
    normalize_axis,
)
from minikeras.engine.interpret import current
from minikeras.engine.staging import Abstract
from minikeras.engine.tensor import Tensor, ValueShapeError
from minikeras.ops.op import promote_float, to_tensor
from minikeras.types import ArrayLike, Axis


def floating(x: ArrayLike) -> Tensor:
    """`x` as a tensor of a float dtype: its own, or `floatx()`."""
    return promote_float(x)[0]


def numeric(x: ArrayLike) -> Tensor:
    """`x` as a tensor that is not bool: bool becomes int32."""
    x = to_tensor(x)
    return prims.cast(x, dtype="int32") if x.dtype == "bool" else x


def index(x: ArrayLike, op: str, argument: str = "indices") -> Tensor:
    """`x` as integers that count elements: at least 32 bits, to hold any size.

    Raises:
        ShapeError: If it holds floats, which would be cut off, or bools.
    """
    x = to_tensor(x)
    if not dtypes.is_integer(x.dtype) and x.size and not unjudged(x):
        raise ShapeError(
            f"{op}: `{argument}` of shape {x.shape} has dtype {x.dtype}; expected "
            'integers. Cast it first, as in `ops.cast(x, "int32")`.'
        )
    return x if x.dtype in ("int64", "uint32", "uint64") else cast_to(x, "int32")


def unjudged(x: Tensor) -> bool:
    """Whether `x` is said to hold floats where only shapes are asked for.

    A `KerasTensor` is float32 if nothing else is said, and people say nothing when it is
    a shape they want to know. So it may stand for integers; the call on arrays judges.
    """
    return x.staged and dtypes.is_float(x.dtype) and isinstance(current(), Abstract)


def boolean(x: ArrayLike) -> Tensor:
    """`x` as a bool tensor: what is not zero is true."""
    return to_tensor(x, "bool")


def by_parts(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """`function` of a real tensor; of a complex one, of its two parts."""
    if not dtypes.is_complex(x.dtype):
        return function(x)
    return prims.complex(function(prims.real(x)), function(prims.imag(x)))


def conjugated(x: Tensor) -> Tensor:
    """The complex conjugate; a real tensor itself."""
    if not dtypes.is_complex(x.dtype):
        return x
    return prims.complex(prims.real(x), prims.neg(prims.imag(x)))


def const(like: Tensor, value: bool | int | float) -> Tensor:
    """A scalar of the dtype of `like`."""
    return prims.const(like, value)


def axis_of(axis: object, ndim: int, op: str) -> int:
    """One axis, counted from the front.

    Raises:
        TypeError: If it is no integer.
    """
    at = axis if type(axis) is int else whole(axis, op, "axis")
    return normalize_axis(at, ndim, op)


def axes_of(axis: Axis, ndim: int, op: str) -> tuple[int, ...]:
    """Axes as a sorted tuple, counted from the front; None means all."""
    if axis is not None and not isinstance(axis, (int, Sequence)):
        axis = whole(axis, op, "axis")
    if isinstance(axis, Sequence):
        axis = tuple(a if type(a) is int else whole(a, op, "axis") for a in axis)
    return normalize_axes(axis, ndim, op)


def cast_to(x: Tensor, dtype: str) -> Tensor:
    """`x` in `dtype`; itself where it has it already."""
    return x if x.dtype == dtype else prims.cast(x, dtype=dtype)


def int_shape(shape: Any, op: str) -> Shape:
    """A shape argument as a tuple of integers; one integer means rank 1.

    Raises:
        ValueError: If a size is not an integer.
    """
    sizes = shape if isinstance(shape, (tuple, list)) else _listed(shape)
    try:
        return tuple(d if isinstance(d, int) else d.__index__() for d in sizes)
    except (AttributeError, TypeError):
        raise ValueError(
            f"{op}: shape={shape!r}; expected a tuple of integers. In a symbolic call "
            "use -1 for the size that is not known."
        ) from None


def _listed(shape: Shape) -> Sequence[Any]:
    if isinstance(shape, int) or not getattr(shape, "shape", None):
        return (shape,)
    return tuple(to_tensor(shape).tolist())


def spread(x: Tensor, shape: Shape) -> Tensor:
    """`x` broadcast to `shape`; itself where it has that shape."""
    return x if x.shape == shape else prims.broadcast_to(x, shape=shape)


def sub_slice(x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    """`x[start:stop]` along one axis, both ends within it."""
    starts, stops = [0] * x.ndim, list(x.shape)
    starts[axis], stops[axis] = start, stop
    steps = (1,) * x.ndim
    return prims.slice(x, starts=tuple(starts), stops=tuple(stops), steps=steps)


def with_axis(shape: Shape, axis: int, size: int) -> Shape:
    """`shape` with another size in one axis."""
    return (*shape[:axis], size, *shape[axis + 1 :])


def along(ndim: int, axis: int, size: int) -> Shape:
    """The shape that broadcasts a vector of `size` along `axis`."""
    return with_axis((1,) * ndim, axis, size)


class ArgumentError(TypeError, ValueError):
    """An argument of the wrong kind: in Keras a TypeError or a ValueError, by the op."""


def whole(value: Any, op: str, argument: str) -> int:
    """An argument that must be an integer, or a tensor or array that holds one.

    Raises:
        ArgumentError: If it is something else, a float too.
    """
    kind = getattr(value, "dtype", None)
    scalar = kind is not None and getattr(value, "shape", None) == ()
    if scalar and not dtypes.is_float(dtypes.standardize(kind)):
        return int(value)
    try:
        return operator.index(value)
    except TypeError:
        raise ArgumentError(
            f"{op}: {argument}={value!r} of type {type(value).__name__}; expected an "
            "integer."
        ) from None


# What a size that hangs on values is while shapes are asked for; it prints as None.
_ANY_SIZE = Unknown(7)


def unknown_size(x: Tensor, op: str, fix: str) -> Unknown | None:
    """A size that hangs on the values of `x`, where only shapes are wanted; else None.

    Raises:
        ValueShapeError: In a compiled function, where every size must be known.
    """
    if x.staged and isinstance(current(), Abstract):
        return _ANY_SIZE
    known(x, op, fix)
    return None


def blank(shape: Shape, dtype: str) -> Tensor:
    """A tensor of which only shape and dtype are wanted."""
    return prims.full(shape=shape, dtype=dtype, value=0)


def known(x: Tensor, op: str, fix: str) -> Tensor:
    """`x`, whose values the shape of the op's result depends on.

    Args:
        x: Tensor.
        op: Name of the op, for the error.
        fix: What to use instead.

    Raises:
        ValueShapeError: If the values are not known yet.
    """
    if x.staged:
        raise ValueShapeError(
            f"{op}: the shape of its result depends on the values of a tensor of shape "
            f"{x.shape}, which are not known in a compiled function or a symbolic call. "
            f"Use {fix}, or run eagerly: compile(run_eagerly=True)."
        )
    return x
