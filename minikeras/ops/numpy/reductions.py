"""Reductions: sums, means, extrema."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import (
    axes_of,
    boolean,
    cast_to,
    const,
)
from minikeras.types import ArrayLike, Axis, DTypeLike

if TYPE_CHECKING:
    from minikeras.engine.primitive import Primitive


__all__ = [
    "sum", "prod", "mean", "var", "std", "max", "min", "amax", "amin", "ptp", "any",
    "all",
]  # fmt: skip

# Sums of small integers are taken in 32 bits, as in JAX.
_WIDE = {
    "bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32",
}  # fmt: skip


def widened(x: ArrayLike, dtype: DTypeLike | None) -> Tensor:
    """`x` in the dtype that its sum is taken in."""
    x = to_tensor(x)
    wanted = _WIDE.get(x.dtype, x.dtype) if dtype is None else dtypes.standardize(dtype)
    return cast_to(x, wanted)


def reduce(row: Callable[..., Any], x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    """A reduction by Keras's axis argument."""
    axes = axes_of(axis, x.ndim, row.name)  # type: ignore[attr-defined]  # rows have names
    return row(x, axes=axes, keepdims=bool(keepdims)) if axes else x


@op
def sum(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum along axes.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes; small integers and bools are summed in 32 bits.

    Raises:
        ShapeError: If an axis does not exist or is named twice.

    Example:

    >>> keras.ops.sum([[1, 2], [3, 4]], axis=0).tolist()
    [4, 6]
    """
    return reduce(prims.sum, widened(x, None), axis, keepdims)


@op
def prod(
    x: ArrayLike,
    axis: Axis = None,
    keepdims: bool = False,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The product along axes.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.
        dtype: Dtype to multiply in.

    Returns:
        Tensor without the axes; small integers and bools count in 32 bits.

    Example:

    >>> keras.ops.prod([[1, 2], [3, 4]], axis=0).tolist()
    [3, 8]
    """
    return reduce(prims.prod, widened(x, dtype), axis, keepdims)


@op
def mean(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean along axes.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes. Half precision is summed in float32.

    Example:

    >>> keras.ops.mean([[1.0, 2.0], [3.0, 4.0]], axis=0).tolist()
    [2.0, 3.0]
    """
    x = to_tensor(x)
    wide = cast_to(x, dtypes.result_type(x.dtype, "float32"))
    result = mean_of(wide, axes_of(axis, x.ndim, "mean"), keepdims)
    return cast_to(result, x.dtype if dtypes.is_float(x.dtype) else wide.dtype)


def mean_of(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The mean along axes counted from the front."""
    if not axes:
        return x
    # With and without the axes it is one value, which graphs then compute once.
    total = prims.sum(x, axes=axes, keepdims=True)
    mean = prims.div(total, const(total, math.prod(x.shape[a] for a in axes)))
    if keepdims:
        return mean
    left = tuple(d for i, d in enumerate(x.shape) if i not in axes)
    return prims.reshape(mean, shape=left)


@op
def var(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The variance along axes: the mean of the squared distance from the mean.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes. Half precision is summed in float32.

    Example:

    >>> keras.ops.var([[1.0, 2.0], [3.0, 6.0]], axis=0).tolist()
    [1.0, 4.0]
    """
    x = to_tensor(x)
    if dtypes.is_complex(x.dtype):
        parts = prims.real(x), prims.imag(x)
        return prims.add(*(var(part, axis, keepdims) for part in parts))
    wide = cast_to(x, dtypes.result_type(x.dtype, "float32"))
    axes = axes_of(axis, x.ndim, "var")
    result = prims.variance(wide, axes=axes, keepdims=bool(keepdims))
    return cast_to(result, dtypes.result_type(x.dtype, float))


@op
def std(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The standard deviation along axes: the square root of the variance.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes.

    Example:

    >>> keras.ops.std([[1.0, 2.0], [3.0, 6.0]], axis=0).tolist()
    [1.0, 2.0]
    """
    x = to_tensor(x)
    # The root of a variance that is beyond a half is not.
    wide = cast_to(x, dtypes.result_type(x.dtype, "float32"))
    root = prims.sqrt(var(wide, axis, keepdims))
    if dtypes.is_complex(x.dtype):
        return root
    return cast_to(root, dtypes.result_type(x.dtype, float))


@op
def max(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, initial: Any = None
) -> Tensor:
    """The greatest element along axes.

    The gradient is split evenly among elements that are equal.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.
        initial: Least value of the result; needed where there are no elements.

    Returns:
        Tensor without the axes.

    Raises:
        ShapeError: If there are no elements and no `initial`.

    Example:

    >>> keras.ops.max([[1, 5], [3, 2]], axis=0).tolist()
    [3, 5]
    """
    return _extremum(prims.max, prims.maximum, to_tensor(x), axis, keepdims, initial)


@op
def min(
    x: ArrayLike, axis: Axis = None, keepdims: bool = False, initial: Any = None
) -> Tensor:
    """The least element along axes.

    The gradient is split evenly among elements that are equal.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.
        initial: Greatest value of the result; needed where there are no elements.

    Returns:
        Tensor without the axes.

    Raises:
        ShapeError: If there are no elements and no `initial`.

    Example:

    >>> keras.ops.min([[1, 5], [3, 2]], axis=0).tolist()
    [1, 2]
    """
    return _extremum(prims.min, prims.minimum, to_tensor(x), axis, keepdims, initial)


def _extremum(
    row: Primitive,
    pair: Primitive,
    x: Tensor,
    axis: Axis,
    keepdims: bool,
    initial: ArrayLike,
) -> Tensor:
    if initial is None:
        return reduce(row, x, axis, keepdims)
    start = to_tensor(initial, x.dtype)
    axes = axes_of(axis, x.ndim, row.name)
    if math.prod(x.shape[a] for a in axes) == 0:
        shape = tuple(
            1 if i in axes else d
            for i, d in enumerate(x.shape)
            if keepdims or i not in axes
        )
        return prims.broadcast_to(start, shape=shape)
    return pair(reduce(row, x, axis, keepdims), start)


@op
def amax(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The greatest element along axes; NumPy's other name for `max`.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes.

    Example:

    >>> keras.ops.amax([[1, 5], [3, 2]], axis=0).tolist()
    [3, 5]
    """
    return reduce(prims.max, to_tensor(x), axis, keepdims)


@op
def amin(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The least element along axes; NumPy's other name for `min`.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes.

    Example:

    >>> keras.ops.amin([[1, 5], [3, 2]], axis=0).tolist()
    [1, 2]
    """
    return reduce(prims.min, to_tensor(x), axis, keepdims)


@op
def ptp(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The greatest element less the least one, along axes.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes.

    Example:

    >>> keras.ops.ptp([[1, 5], [3, 2]], axis=0).tolist()
    [2, 3]
    """
    x = to_tensor(x)
    top = reduce(prims.max, x, axis, keepdims)
    return prims.sub(top, reduce(prims.min, x, axis, keepdims))


@op
def any(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether at least one element along axes is true.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Bool tensor without the axes.

    Example:

    >>> keras.ops.any([[True, False], [False, False]], axis=0).tolist()
    [True, False]
    """
    return reduce(prims.any, boolean(x), axis, keepdims)


@op
def all(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether every element along axes is true.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Bool tensor without the axes.

    Example:

    >>> keras.ops.all([[True, False], [True, True]], axis=0).tolist()
    [True, False]
    """
    return reduce(prims.all, boolean(x), axis, keepdims)
