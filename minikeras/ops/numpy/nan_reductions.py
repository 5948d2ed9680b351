"""Reductions that leave nans out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy import reductions, scans
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import axes_of, cast_to, const
from minikeras.types import ArrayLike, Axis, DTypeLike

__all__ = [
    "nansum", "nanprod", "nancumsum", "nancumprod", "nanmax", "nanmin", "nanargmax",
    "nanargmin", "nanmean", "nanvar", "nanstd",
]  # fmt: skip


def _filled(x: ArrayLike, value: float) -> tuple[Tensor, Tensor | None]:
    """`x` with `value` in the place of nan, and where nans were."""
    x = to_tensor(x)
    if not (dtypes.is_float(x.dtype) or dtypes.is_complex(x.dtype)):
        return x, None
    bad = prims.isnan(x)
    return prims.select(bad, const(x, value), x), bad


def _all_bad(bad: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    axes = axes_of(axis, bad.ndim, "nan reduction")
    return prims.all(bad, axes=axes, keepdims=bool(keepdims)) if axes else bad


@op
def nansum(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum along axes of what is not nan.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to reduce; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes.

    Example:

    >>> keras.ops.nansum(keras.ops.array([1.0, float("nan"), 3.0])).tolist()
    4.0
    """
    return reductions.sum(_filled(x, 0)[0], axis, keepdims)


@op
def nanprod(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product along axes of what is not nan.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to reduce; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes.

    Example:

    >>> keras.ops.nanprod(keras.ops.array([2.0, float("nan"), 3.0])).tolist()
    6.0
    """
    return reductions.prod(_filled(x, 1)[0], axis, keepdims)


@op
def nancumsum(
    x: ArrayLike, axis: Axis = None, dtype: DTypeLike | None = None
) -> Tensor:
    """The running sum along an axis of what is not nan.

    Args:
        x: Tensor of any shape.
        axis: Axis to sum along; None takes the flattened tensor.
        dtype: Dtype to sum in; by default that of `x`.

    Returns:
        Tensor of the shape of `x`, or flat.

    Example:

    >>> keras.ops.nancumsum(keras.ops.array([2.0, float("nan"), 3.0])).tolist()
    [2.0, 2.0, 5.0]
    """
    return scans.cumsum(_filled(x, 0)[0], axis, dtype)


@op
def nancumprod(
    x: ArrayLike, axis: Axis = None, dtype: DTypeLike | None = None
) -> Tensor:
    """The running product along an axis of what is not nan.

    Args:
        x: Tensor of any shape.
        axis: Axis to multiply along; None takes the flattened tensor.
        dtype: Dtype to multiply in; by default that of `x`.

    Returns:
        Tensor of the shape of `x`, or flat.

    Example:

    >>> keras.ops.nancumprod(keras.ops.array([2.0, float("nan"), 3.0])).tolist()
    [2.0, 2.0, 6.0]
    """
    return scans.cumprod(_filled(x, 1)[0], axis, dtype)


def _extremum(
    reduce: Callable[..., Any], x: ArrayLike, fill: float, axis: Axis, keepdims: bool
) -> Tensor:
    filled, bad = _filled(x, fill)
    result = reduce(filled, axis, keepdims)
    if bad is None:
        return result
    # Where all are nan, the filler would be the answer.
    return prims.select(_all_bad(bad, axis, keepdims), const(result, math.nan), result)


@op
def nanmax(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The greatest element along axes that is not nan; nan where all are.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to reduce; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes.

    Example:

    >>> keras.ops.nanmax(keras.ops.array([1.0, float("nan"), 3.0])).tolist()
    3.0
    """
    return _extremum(reductions.max, x, -math.inf, axis, keepdims)


@op
def nanmin(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The least element along axes that is not nan; nan where all are.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to reduce; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor without the axes.

    Example:

    >>> keras.ops.nanmin(keras.ops.array([1.0, float("nan"), 3.0])).tolist()
    1.0
    """
    return _extremum(reductions.min, x, math.inf, axis, keepdims)


def _where(row: Any, x: ArrayLike, fill: float, axis: Axis, keepdims: bool) -> Tensor:
    filled, bad = _filled(x, fill)
    index = row(filled, axis, keepdims)
    if bad is None:
        return index
    return prims.select(_all_bad(bad, axis, keepdims), const(index, -1), index)


@op
def nanargmax(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The index of the greatest element that is not nan; -1 where all are.

    Args:
        x: Tensor of any shape.
        axis: Axis to search along; None searches the flattened tensor.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor of int32 without the axis.

    Example:

    >>> keras.ops.nanargmax(keras.ops.array([1.0, float("nan"), 3.0])).tolist()
    2
    """
    return _where(scans.argmax, x, -math.inf, axis, keepdims)


@op
def nanargmin(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The index of the least element that is not nan; -1 where all are.

    Args:
        x: Tensor of any shape.
        axis: Axis to search along; None searches the flattened tensor.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Tensor of int32 without the axis.

    Example:

    >>> keras.ops.nanargmin(keras.ops.array([float("nan"), 3.0, 2.0])).tolist()
    2
    """
    return _where(scans.argmin, x, math.inf, axis, keepdims)


def _mean(x: Tensor, bad: Tensor | None, axis: Axis, keepdims: bool) -> Tensor:
    """The mean of elements that are not bad, those being 0."""
    if bad is None:
        return reductions.mean(x, axis, keepdims)
    good = prims.cast(prims.logical_not(bad), dtype=x.dtype)
    total = reductions.sum(x, axis, keepdims)
    return prims.div(total, reductions.sum(good, axis, keepdims))


@op
def nanmean(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean along axes of what is not nan; nan where all are.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to reduce; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes.

    Example:

    >>> keras.ops.nanmean(keras.ops.array([1.0, float("nan"), 3.0])).tolist()
    2.0
    """
    filled, bad = _filled(x, 0)
    own = filled.dtype
    wide = cast_to(filled, dtypes.result_type(own, "float32"))
    result = _mean(wide, bad, axis, keepdims)
    return cast_to(result, own if dtypes.is_float(own) else wide.dtype)


@op
def nanvar(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The variance along axes of what is not nan; nan where all are.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to reduce; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes.

    Example:

    >>> keras.ops.nanvar(keras.ops.array([1.0, float("nan"), 3.0])).tolist()
    1.0
    """
    filled, bad = _filled(x, 0)
    if bad is None:
        return reductions.var(filled, axis, keepdims)
    own = filled.dtype
    wide = cast_to(filled, dtypes.result_type(own, "float32"))
    gap = prims.sub(wide, _mean(wide, bad, axis, True))
    # The filled zeros lie a mean away from the mean; they must not count.
    gap = prims.select(bad, const(gap, 0), gap)
    if dtypes.is_complex(own):
        parts = prims.real(gap), prims.imag(gap)
        squares = prims.add(*(prims.mul(part, part) for part in parts))
        return _mean(squares, bad, axis, keepdims)
    return cast_to(_mean(prims.mul(gap, gap), bad, axis, keepdims), own)


@op
def nanstd(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The standard deviation along axes of what is not nan; nan where all are.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to reduce; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes.

    Example:

    >>> keras.ops.nanstd(keras.ops.array([1.0, float("nan"), 3.0])).tolist()
    1.0
    """
    x = to_tensor(x)
    wide = cast_to(x, dtypes.result_type(x.dtype, "float32"))
    root = prims.sqrt(nanvar(wide, axis, keepdims))
    if dtypes.is_complex(x.dtype):
        return root
    return cast_to(root, dtypes.result_type(x.dtype, float))
