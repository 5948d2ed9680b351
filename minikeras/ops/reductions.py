"""Reductions: sums, means, extrema, and running ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, promote, to_tensor
from minikeras.ops.support import (
    axes_of,
    axis_of,
    boolean,
    cast_to,
    const,
    floating,
    numeric,
)

# Sums of small integers are taken in 32 bits, as in JAX.
_WIDE = {
    "bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32",
}  # fmt: skip


def _widened(x: Any, dtype: Any) -> Tensor:
    x = to_tensor(x)
    wanted = _WIDE.get(x.dtype, x.dtype) if dtype is None else dtypes.standardize(dtype)
    return cast_to(x, wanted)


def _reduce(row: Callable[..., Any], x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    axes = axes_of(axis, x.ndim, row.name)  # type: ignore[attr-defined]
    return row(x, axes=axes, keepdims=bool(keepdims)) if axes else x


@op
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
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

    >>> import minikeras as keras
    >>> keras.ops.sum([[1, 2], [3, 4]], axis=0).tolist()
    [4, 6]
    """
    return _reduce(prims.sum, _widened(x, None), axis, keepdims)


@op
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """The product along axes.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.
        dtype: Dtype to multiply in.

    Returns:
        Tensor without the axes; small integers and bools count in 32 bits.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.prod([[1, 2], [3, 4]], axis=0).tolist()
    [3, 8]
    """
    return _reduce(prims.prod, _widened(x, dtype), axis, keepdims)


@op
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean along axes.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes. Half precision is summed in float32.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.mean([[1.0, 2.0], [3.0, 4.0]], axis=0).tolist()
    [2.0, 3.0]
    """
    x = to_tensor(x)
    wide = cast_to(x, dtypes.result_type(x.dtype, "float32"))
    result = _mean(wide, axes_of(axis, x.ndim, "mean"), keepdims)
    return cast_to(result, x.dtype if dtypes.is_float(x.dtype) else wide.dtype)


def _mean(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    if not axes:
        return x
    total = prims.sum(x, axes=axes, keepdims=bool(keepdims))
    return prims.div(total, const(total, math.prod(x.shape[a] for a in axes)))


@op
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The variance along axes: the mean of the squared distance from the mean.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes. Half precision is summed in float32.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.var([[1.0, 2.0], [3.0, 6.0]], axis=0).tolist()
    [1.0, 4.0]
    """
    x = to_tensor(x)
    wide = cast_to(x, dtypes.result_type(x.dtype, "float32"))
    axes = axes_of(axis, x.ndim, "var")
    centred = prims.sub(wide, _mean(wide, axes, True))
    result = _mean(prims.mul(centred, centred), axes, keepdims)
    return cast_to(result, dtypes.result_type(x.dtype, float))


@op
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The standard deviation along axes: the square root of the variance.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.std([[1.0, 2.0], [3.0, 6.0]], axis=0).tolist()
    [1.0, 2.0]
    """
    return prims.sqrt(var(x, axis, keepdims))


@op
def max(
    x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None
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

    >>> import minikeras as keras
    >>> keras.ops.max([[1, 5], [3, 2]], axis=0).tolist()
    [3, 5]
    """
    return _extremum(prims.max, prims.maximum, to_tensor(x), axis, keepdims, initial)


@op
def min(
    x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None
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

    >>> import minikeras as keras
    >>> keras.ops.min([[1, 5], [3, 2]], axis=0).tolist()
    [1, 2]
    """
    return _extremum(prims.min, prims.minimum, to_tensor(x), axis, keepdims, initial)


def _extremum(
    row: Any, pair: Any, x: Tensor, axis: Any, keepdims: bool, initial: Any
) -> Tensor:
    if initial is None:
        return _reduce(row, x, axis, keepdims)
    start = to_tensor(initial, x.dtype)
    axes = axes_of(axis, x.ndim, row.name)
    if math.prod(x.shape[a] for a in axes) == 0:
        shape = tuple(
            1 if i in axes else d
            for i, d in enumerate(x.shape)
            if keepdims or i not in axes
        )
        return prims.broadcast_to(start, shape=shape)
    return pair(_reduce(row, x, axis, keepdims), start)


@op
def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The greatest element along axes; NumPy's other name for `max`.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.amax([[1, 5], [3, 2]], axis=0).tolist()
    [3, 5]
    """
    return _reduce(prims.max, to_tensor(x), axis, keepdims)


@op
def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The least element along axes; NumPy's other name for `min`.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.amin([[1, 5], [3, 2]], axis=0).tolist()
    [1, 2]
    """
    return _reduce(prims.min, to_tensor(x), axis, keepdims)


@op
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The greatest element less the least one, along axes.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.ptp([[1, 5], [3, 2]], axis=0).tolist()
    [2, 3]
    """
    x = to_tensor(x)
    top = _reduce(prims.max, x, axis, keepdims)
    return prims.sub(top, _reduce(prims.min, x, axis, keepdims))


@op
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether at least one element along axes is true.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Bool tensor without the axes.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.any([[True, False], [False, False]], axis=0).tolist()
    [True, False]
    """
    return _reduce(prims.any, boolean(x), axis, keepdims)


@op
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether every element along axes is true.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Bool tensor without the axes.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.all([[True, False], [True, True]], axis=0).tolist()
    [True, False]
    """
    return _reduce(prims.all, boolean(x), axis, keepdims)


@op
def count_nonzero(x: Any, axis: Any = None) -> Tensor:
    """How many elements along axes are not zero.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.

    Returns:
        Tensor of int32 without the axes.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.count_nonzero([[0, 1], [2, 3]], axis=0).tolist()
    [1, 2]
    """
    hits = prims.cast(boolean(x), dtype="int32")
    return _reduce(prims.sum, hits, axis, False)


@op
def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The index of the greatest element, the first of several.

    Args:
        x: Tensor of any shape.
        axis: Axis to search along; None searches the flattened tensor.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor of int32 without the axis.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.argmax([[1, 5], [3, 2]], axis=1).tolist()
    [1, 0]
    """
    return _arg(prims.argmax, to_tensor(x), axis, keepdims)


@op
def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The index of the least element, the first of several.

    Args:
        x: Tensor of any shape.
        axis: Axis to search along; None searches the flattened tensor.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor of int32 without the axis.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.argmin([[1, 5], [3, 2]], axis=1).tolist()
    [0, 1]
    """
    return _arg(prims.argmin, to_tensor(x), axis, keepdims)


def _arg(row: Any, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    rank, shape = x.ndim, x.shape
    if axis is None or rank == 0:
        x, at = prims.reshape(x, shape=(x.size,)), 0
    else:
        at = axis_of(axis, rank, row.name)
    found = row(x, axis=at)
    if not keepdims:
        return found
    kept = (1,) * rank if axis is None else (*shape[:at], 1, *shape[at + 1 :])
    return prims.reshape(found, shape=kept)


@op
def cumsum(x: Any, axis: Any = None, dtype: Any = None) -> Tensor:
    """The running sum along an axis.

    Args:
        x: Tensor of any shape.
        axis: Axis to sum along; None sums over the flattened tensor.
        dtype: Dtype to sum in; by default that of `x`, int32 for bool.

    Returns:
        Tensor of the shape of `x`, or flat.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.cumsum([[1, 2], [3, 4]], axis=0).tolist()
    [[1, 2], [4, 6]]
    """
    return _running(prims.cumsum, x, axis, dtype)


@op
def cumprod(x: Any, axis: Any = None, dtype: Any = None) -> Tensor:
    """The running product along an axis.

    Args:
        x: Tensor of any shape.
        axis: Axis to multiply along; None takes the flattened tensor.
        dtype: Dtype to multiply in; by default that of `x`, int32 for bool.

    Returns:
        Tensor of the shape of `x`, or flat.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.cumprod([[1, 2], [3, 4]], axis=0).tolist()
    [[1, 2], [3, 8]]
    """
    return _running(prims.cumprod, x, axis, dtype)


def _running(row: Any, x: Any, axis: Any, dtype: Any) -> Tensor:
    x = to_tensor(x)
    x = (
        numeric(x)
        if dtype is None
        else numeric(to_tensor(x, dtypes.standardize(dtype)))
    )
    if axis is None or x.ndim == 0:
        return row(prims.reshape(x, shape=(x.size,)), axis=0, reverse=False)
    return row(x, axis=axis_of(axis, x.ndim, row.name), reverse=False)


@op
def average(x: Any, axis: Any = None, weights: Any = None) -> Tensor:
    """The mean along an axis, each element counted with its weight.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        weights: Tensor of the shape of `x`, or a vector along `axis`. None: all equal.

    Returns:
        Float tensor without the axes.

    Raises:
        ValueError: If a vector of weights comes without an axis.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.average([1.0, 2.0, 4.0], weights=[1.0, 1.0, 2.0]).tolist()
    2.75
    """
    if weights is None:
        return mean(x, axis)
    values, w = promote(floating(x), floating(weights))
    if w.shape != values.shape:
        if axis is None or w.ndim != 1:
            raise ValueError(
                f"average: weights of shape {w.shape} do not fit x of shape {values.shape}; "
                "expected the shape of x, or a vector together with its axis."
            )
        at = axis_of(axis, values.ndim, "average")
        shape = tuple(w.size if i == at else 1 for i in range(values.ndim))
        w = prims.broadcast_to(prims.reshape(w, shape=shape), shape=values.shape)
    total = _reduce(prims.sum, prims.mul(values, w), axis, False)
    return prims.div(total, _reduce(prims.sum, w, axis, False))


@op
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """`log(sum(exp(x)))` along axes, without overflow.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.logsumexp([[0.0, 0.0], [1.0, 3.0]], axis=1).tolist()
    [0.6931, 3.1269]
    """
    x = floating(x)
    axes = axes_of(axis, x.ndim, "logsumexp")
    if not axes:
        return x
    top = prims.stop_gradient(prims.max(x, axes=axes, keepdims=True))
    top = prims.select(prims.isfinite(top), top, const(top, 0))
    total = prims.sum(prims.exp(prims.sub(x, top)), axes=axes, keepdims=True)
    result = prims.add(prims.log(total), top)
    if keepdims:
        return result
    left = tuple(d for i, d in enumerate(x.shape) if i not in axes)
    return prims.reshape(result, shape=left)
