"""Medians, percentiles and quantiles."""

from __future__ import annotations

import math

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import axes_of, const, floating
from minikeras.types import ArrayLike, Axis

__all__ = [
    "quantile", "percentile", "median", "nanquantile", "nanpercentile", "nanmedian",
]  # fmt: skip

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def last_axis(x: Tensor, axis: Axis, name: str) -> tuple[Tensor, tuple[int, ...]]:
    """The axes to reduce, made one and moved to the end; and which they were."""
    axes = axes_of(axis, x.ndim, name)
    rest = tuple(a for a in range(x.ndim) if a not in axes)
    if not x.ndim:
        return prims.reshape(x, shape=(1,)), ()
    moved = prims.transpose(x, perm=(*rest, *axes))
    size = math.prod(x.shape[a] for a in axes)
    return prims.reshape(moved, shape=(*(x.shape[a] for a in rest), size)), axes


def kept(
    result: Tensor, lead: int, axes: tuple[int, ...], rank: int, keepdims: bool
) -> Tensor:
    """The reduced axes put back with size 1, after `lead` axes of quantiles."""
    if not keepdims:
        return result
    sizes = iter(result.shape[lead:])
    shape = [1 if a in axes else next(sizes) for a in range(rank)]
    if not rank:
        shape = [1]  # as NumPy has it: the elements of a scalar are a row of one
    return prims.reshape(result, shape=(*result.shape[:lead], *shape))


def _pick(row: Tensor, place: Tensor) -> Tensor:
    """Elements of the last axis of `row` at places that broadcast, given as floats."""
    index = prims.cast(place, dtype="int32")
    return prims.take_along_axis(row, index, axis=row.ndim - 1)


def _interpolated(row: Tensor, place: Tensor, method: str) -> Tensor:
    """The value at a place between elements."""
    low, high = prims.floor(place), prims.ceil(place)
    if method == "lower":
        return _pick(row, low)
    if method == "higher":
        return _pick(row, high)
    if method == "nearest":
        # Compared and not subtracted: a compiled product less a half may not be rounded.
        upper = prims.gt(place, prims.add(low, const(low, 0.5)))
        return _pick(row, prims.select(upper, high, low))
    below, above = _pick(row, low), _pick(row, high)
    share = const(row, 0.5) if method == "midpoint" else prims.sub(place, low)
    mixed = prims.mul(below, prims.sub(const(row, 1), share))
    return prims.add(mixed, prims.mul(above, share))


def quantile_of(
    x: Tensor,
    q: ArrayLike,
    axis: Axis,
    method: str,
    keepdims: bool,
    name: str,
    skip: bool,
) -> Tensor:
    """Quantiles along axes; `skip` leaves nans out, else they make the result nan."""
    if method not in _METHODS:
        raise ValueError(f"{name}: method={method!r}; expected one of {_METHODS}.")
    x = floating(x)
    rank = x.ndim
    row, axes = last_axis(x, axis, name)
    q = to_tensor(q, x.dtype)
    row = prims.sort(row, axis=row.ndim - 1)  # nans come last
    bad = prims.isnan(row)
    n = row.shape[-1]
    good = prims.sum(
        prims.cast(prims.logical_not(bad), dtype=row.dtype),
        axes=(row.ndim - 1,),
        keepdims=True,
    )
    parts = []
    for i in range(q.size):
        level = prims.slice(
            prims.reshape(q, shape=(q.size,)), starts=(i,), stops=(i + 1,), steps=(1,)
        )
        # Quantile q of n elements lies at place q (n - 1) of the sorted ones.
        top = prims.maximum(prims.sub(good, const(good, 1)), const(good, 0))
        places = prims.mul(level, top if skip else const(good, n - 1))
        places = prims.broadcast_to(places, shape=(*row.shape[:-1], 1))
        value = _interpolated(row, places, method)
        # With `skip` nan where nothing is left, else where there was any nan.
        missing = (
            prims.eq(good, const(good, 0)) if skip else prims.lt(good, const(good, n))
        )
        value = prims.select(missing, const(value, math.nan), value)
        parts.append(prims.reshape(value, shape=(1, *row.shape[:-1])))
    lead = 1 if q.ndim else 0
    result = prims.concat(*parts, axis=0) if q.ndim else parts[0]
    if not q.ndim:
        result = prims.reshape(result, shape=row.shape[:-1])
    return kept(result, lead, axes, rank, keepdims)


@op
def quantile(
    x: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """The value below which a share of the elements lies.

    Args:
        x: Tensor of any shape.
        q: Share from 0 to 1, or a vector of shares.
        axis: Axis or axes to reduce; None for all of them.
        method: How to go between elements: `"linear"`, `"lower"`, `"higher"`,
            `"midpoint"` or `"nearest"` (the lower of two that are as near).
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes; a vector of shares adds a first axis.

    Raises:
        ValueError: If the method is not known.

    Example:

    >>> keras.ops.quantile(keras.ops.array([1.0, 2.0, 3.0, 4.0]), 0.25).tolist()
    1.75
    """
    return quantile_of(to_tensor(x), q, axis, method, keepdims, "quantile", False)


@op
def percentile(
    x: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """The value below which a percentage of the elements lies.

    Args:
        x: Tensor of any shape.
        q: Percentage from 0 to 100, or a vector of them.
        axis: Axis or axes to reduce; None for all of them.
        method: How to go between elements, as for `quantile`.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes; a vector of percentages adds a first axis.

    Raises:
        ValueError: If the method is not known.

    Example:

    >>> keras.ops.percentile(keras.ops.array([1.0, 2.0, 3.0, 4.0]), 25).tolist()
    1.75
    """
    share = _share(x, q)
    return quantile_of(to_tensor(x), share, axis, method, keepdims, "percentile", False)


def _share(x: ArrayLike, percentage: ArrayLike) -> Tensor:
    q = to_tensor(percentage, floating(x).dtype)
    return prims.div(q, const(q, 100))


@op
def median(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The middle element along axes, or the mean of the two middle ones.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to reduce; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes.

    Example:

    >>> keras.ops.median(keras.ops.array([[1.0, 3.0], [2.0, 10.0]])).tolist()
    2.5
    """
    x = to_tensor(x)
    return quantile_of(x, 0.5, axis, "midpoint", keepdims, "median", False)


@op
def nanquantile(
    x: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """The value below which a share of the elements that are not nan lies.

    Args:
        x: Tensor of any shape.
        q: Share from 0 to 1, or a vector of shares.
        axis: Axis or axes to reduce; None for all of them.
        method: How to go between elements, as for `quantile`.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes; a vector of shares adds a first axis.

    Raises:
        ValueError: If the method is not known.

    Example:

    >>> keras.ops.nanquantile(keras.ops.array([1.0, float("nan"), 3.0]), 0.5).tolist()
    2.0
    """
    return quantile_of(to_tensor(x), q, axis, method, keepdims, "nanquantile", True)


@op
def nanpercentile(
    x: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """The value below which a percentage of the elements that are not nan lies.

    Args:
        x: Tensor of any shape.
        q: Percentage from 0 to 100, or a vector of them.
        axis: Axis or axes to reduce; None for all of them.
        method: How to go between elements, as for `quantile`.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes; a vector of percentages adds a first axis.

    Raises:
        ValueError: If the method is not known.

    Example:

    >>> keras.ops.nanpercentile(keras.ops.array([1.0, float("nan"), 3.0]), 50).tolist()
    2.0
    """
    share = _share(x, q)
    return quantile_of(
        to_tensor(x), share, axis, method, keepdims, "nanpercentile", True
    )


@op
def nanmedian(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The median of the elements that are not nan.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to reduce; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes.

    Example:

    >>> keras.ops.nanmedian(keras.ops.array([1.0, float("nan"), 3.0])).tolist()
    2.0
    """
    x = to_tensor(x)
    return quantile_of(x, 0.5, axis, "midpoint", keepdims, "nanmedian", True)
