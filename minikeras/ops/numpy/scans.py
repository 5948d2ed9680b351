"""Indices of extrema, counts, running sums, weighted means."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.reductions import mean, reduce
from minikeras.ops.op import op, promote_float, to_tensor
from minikeras.ops.support import (
    axes_of,
    axis_of,
    boolean,
    floating,
    numeric,
)
from minikeras.types import ArrayLike, Axis, DTypeLike

if TYPE_CHECKING:
    from minikeras.engine.primitive import Primitive


__all__ = ["count_nonzero", "argmax", "argmin", "cumsum", "cumprod", "average"]


@op
def count_nonzero(x: ArrayLike, axis: Axis = None) -> Tensor:
    """How many elements along axes are not zero.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.

    Returns:
        Tensor without the axes: int32, or int64 where 2**31 entries or more are counted.

    Example:

    >>> keras.ops.count_nonzero([[0, 1], [2, 3]], axis=0).tolist()
    [1, 2]
    """
    x = to_tensor(x)
    counted = math.prod(x.shape[a] for a in axes_of(axis, x.ndim, "count_nonzero"))
    # As many as there are elements: int32 as long as that holds them.
    hits = prims.cast(boolean(x), dtype="int32" if counted < 1 << 31 else "int64")
    return reduce(prims.sum, hits, axis, False)


@op
def argmax(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The index of the greatest element, the first of several.

    Args:
        x: Tensor of any shape.
        axis: Axis to search along; None searches the flattened tensor.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor of int32 without the axis.

    Example:

    >>> keras.ops.argmax([[1, 5], [3, 2]], axis=1).tolist()
    [1, 0]
    """
    return _arg(prims.argmax, to_tensor(x), axis, keepdims)


@op
def argmin(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The index of the least element, the first of several.

    Args:
        x: Tensor of any shape.
        axis: Axis to search along; None searches the flattened tensor.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor of int32 without the axis.

    Example:

    >>> keras.ops.argmin([[1, 5], [3, 2]], axis=1).tolist()
    [0, 1]
    """
    return _arg(prims.argmin, to_tensor(x), axis, keepdims)


def _arg(row: Primitive, x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
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
def cumsum(x: ArrayLike, axis: Axis = None, dtype: DTypeLike | None = None) -> Tensor:
    """The running sum along an axis.

    Args:
        x: Tensor of any shape.
        axis: Axis to sum along; None sums over the flattened tensor.
        dtype: Dtype to sum in; by default that of `x`, int32 for bool.

    Returns:
        Tensor of the shape of `x`, or flat.

    Example:

    >>> keras.ops.cumsum([[1, 2], [3, 4]], axis=0).tolist()
    [[1, 2], [4, 6]]
    """
    return _running(prims.cumsum, x, axis, dtype)


@op
def cumprod(x: ArrayLike, axis: Axis = None, dtype: DTypeLike | None = None) -> Tensor:
    """The running product along an axis.

    Args:
        x: Tensor of any shape.
        axis: Axis to multiply along; None takes the flattened tensor.
        dtype: Dtype to multiply in; by default that of `x`, int32 for bool.

    Returns:
        Tensor of the shape of `x`, or flat.

    Example:

    >>> keras.ops.cumprod([[1, 2], [3, 4]], axis=0).tolist()
    [[1, 2], [3, 8]]
    """
    return _running(prims.cumprod, x, axis, dtype)


def _running(
    row: Primitive, x: ArrayLike, axis: Axis, dtype: DTypeLike | None
) -> Tensor:
    x = to_tensor(x)
    x = (
        numeric(x)
        if dtype is None
        else numeric(to_tensor(x, dtypes.standardize(dtype)))
    )
    if isinstance(axis, (tuple, list)) and len(axis) == 1:
        axis = axis[0]
    if axis is None or x.ndim == 0:
        return row(prims.reshape(x, shape=(x.size,)), axis=0, reverse=False)
    return row(x, axis=axis_of(axis, x.ndim, row.name), reverse=False)


@op
def average(
    x: ArrayLike, axis: Axis = None, weights: ArrayLike | None = None
) -> Tensor:
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

    >>> keras.ops.average([1.0, 2.0, 4.0], weights=[1.0, 1.0, 2.0]).tolist()
    2.75
    """
    if weights is None:
        return mean(floating(x), axis)
    values, w = promote_float(x, weights)
    if w.shape != values.shape:
        if axis is None or w.ndim != 1:
            raise ValueError(
                f"average: weights of shape {w.shape} do not fit x of shape {values.shape}; "
                "expected the shape of x, or a vector together with its axis."
            )
        at = axis_of(axis, values.ndim, "average")
        shape = tuple(w.size if i == at else 1 for i in range(values.ndim))
        w = prims.broadcast_to(prims.reshape(w, shape=shape), shape=values.shape)
    total = reduce(prims.sum, prims.mul(values, w), axis, False)
    return prims.div(total, reduce(prims.sum, w, axis, False))
