"""Reductions over the parts of an axis that share an id."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.prims.helpers import agree
from minikeras.engine.tensor import Tensor
from minikeras.ops.core.scattering import last_of_run, running, shared_among
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import blank, cast_to, const, index, unknown_size
from minikeras.types import ArrayLike

__all__ = ["segment_sum", "segment_max", "segment_min", "segment_prod"]


def _ids(
    segment_ids: ArrayLike, num_segments: int | None, data: Tensor, name: str
) -> tuple[Tensor, int]:
    """Ids as int32, with those that are no segment moved to one past the last."""
    ids = cast_to(index(segment_ids, name, "segment_ids"), "int32")
    if ids.ndim != 1 or not data.ndim or not agree(ids.shape[0], data.shape[0]):
        raise ShapeError(
            f"{name}: data of shape {data.shape} and segment_ids of shape {ids.shape}; expected "
            "one id for each slice along the first axis."
        )
    if num_segments is None:
        any_size = unknown_size(ids, name, "num_segments=")
        if any_size is not None:
            return ids, any_size
        held = ids.numpy()
        count = int(held.max()) + 1 if held.size else 0
    else:
        count = int(num_segments)
    end = const(ids, count)
    inside = prims.bitwise_and(prims.ge(ids, const(ids, 0)), prims.lt(ids, end))
    return prims.select(inside, ids, end), count


def _first(x: Tensor, count: int) -> Tensor:
    return prims.slice(
        x,
        starts=(0,) * x.ndim,
        stops=(count, *x.shape[1:]),
        steps=(1,) * x.ndim,
    )


@op
def segment_sum(
    data: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    sorted: bool = False,
) -> Tensor:
    """The sum of the slices of each segment.

    Args:
        data: Tensor whose first axis is cut into segments.
        segment_ids: Integer vector, the segment of each slice. Slices whose id is
            negative or too large are left out.
        num_segments: Number of segments; None takes the greatest id plus 1, which works
            eagerly only; symbolically the number is None.
        sorted: Whether ids ascend; the result does not depend on it.

    Returns:
        Tensor `(num_segments, *data.shape[1:])`.

    Raises:
        ShapeError: If there is not one id for each slice.

    Example:

    >>> keras.ops.segment_sum(keras.ops.array([1, 2, 4]), keras.ops.array([0, 0, 1]), 2).tolist()
    [3, 4]
    """
    x = to_tensor(data)
    ids, count = _ids(segment_ids, num_segments, x, "segment_sum")
    if isinstance(count, Unknown):
        return blank((count, *x.shape[1:]), x.dtype)
    shape = (count + 1, *x.shape[1:])
    return _first(prims.scatter_add_axis(x, ids, shape=shape, axis=0), count)


def _combined(
    data: ArrayLike, segment_ids: ArrayLike, num_segments: Any, how: str, empty: Any
) -> Tensor:
    x = to_tensor(data)
    name = f"segment_{'prod' if how == 'mul' else how}"
    ids, count = _ids(segment_ids, num_segments, x, name)
    if isinstance(count, Unknown):
        return blank((count, *x.shape[1:]), x.dtype)
    order = prims.argsort(ids, axis=0)
    ids, x = prims.take(ids, order, axis=0), prims.take(x, order, axis=0)
    last = last_of_run(ids)
    shaped = prims.reshape(last, shape=(last.size,) + (1,) * (x.ndim - 1))
    only = prims.select(shaped, running(x, ids, how), const(x, 0))
    shape = (count + 1, *x.shape[1:])
    found = _first(prims.scatter_add_axis(only, ids, shape=shape, axis=0), count)
    one = prims.cast(last, dtype="int32")
    seen = _first(prims.scatter_add_axis(one, ids, shape=(count + 1,), axis=0), count)
    seen = prims.reshape(
        prims.gt(seen, const(seen, 0)), shape=(count,) + (1,) * (x.ndim - 1)
    )
    result = prims.select(seen, found, const(found, empty))
    if how == "mul" or not dtypes.is_float(x.dtype) or not count:
        return result
    own = prims.take(result, prims.minimum(ids, const(ids, count - 1)), axis=0)

    def total(values: Tensor) -> Tensor:
        return _first(prims.scatter_add_axis(values, ids, shape=shape, axis=0), count)

    return shared_among(result, x, prims.eq(x, own), total)


def _extreme(dtype: str, top: bool) -> Any:
    if dtype == "bool":
        return top
    if dtypes.is_float(dtype):
        return math.inf if top else -math.inf
    limits = np.iinfo(dtype)
    return int(limits.max if top else limits.min)


@op
def segment_max(
    data: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    sorted: bool = False,
) -> Tensor:
    """The greatest element of the slices of each segment.

    Args:
        data: Tensor whose first axis is cut into segments.
        segment_ids: Integer vector, the segment of each slice. Slices whose id is
            negative or too large are left out.
        num_segments: Number of segments; None takes the greatest id plus 1, which works
            eagerly only.
        sorted: Whether ids ascend; the result does not depend on it.

    Returns:
        Tensor `(num_segments, *data.shape[1:])`; the least value of the dtype where a
        segment is empty.

    Raises:
        ShapeError: If there is not one id for each slice.

    Example:

    >>> keras.ops.segment_max(keras.ops.array([1, 2, 4]), keras.ops.array([0, 0, 1]), 2).tolist()
    [2, 4]
    """
    x = to_tensor(data)
    return _combined(x, segment_ids, num_segments, "max", _extreme(x.dtype, False))


@op
def segment_min(
    data: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    sorted: bool = False,
) -> Tensor:
    """The least element of the slices of each segment.

    Args:
        data: Tensor whose first axis is cut into segments.
        segment_ids: Integer vector, the segment of each slice. Slices whose id is
            negative or too large are left out.
        num_segments: Number of segments; None takes the greatest id plus 1, which works
            eagerly only.
        sorted: Whether ids ascend; the result does not depend on it.

    Returns:
        Tensor `(num_segments, *data.shape[1:])`; the greatest value of the dtype where a
        segment is empty.

    Raises:
        ShapeError: If there is not one id for each slice.

    Example:

    >>> keras.ops.segment_min(keras.ops.array([1, 2, 4]), keras.ops.array([0, 0, 1]), 2).tolist()
    [1, 4]
    """
    x = to_tensor(data)
    return _combined(x, segment_ids, num_segments, "min", _extreme(x.dtype, True))


@op
def segment_prod(
    data: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    sorted: bool = False,
) -> Tensor:
    """The product of the slices of each segment.

    Args:
        data: Tensor whose first axis is cut into segments.
        segment_ids: Integer vector, the segment of each slice. Slices whose id is
            negative or too large are left out.
        num_segments: Number of segments; None takes the greatest id plus 1, which works
            eagerly only.
        sorted: Whether ids ascend; the result does not depend on it.

    Returns:
        Tensor `(num_segments, *data.shape[1:])`; 1 where a segment is empty.

    Raises:
        ShapeError: If there is not one id for each slice.

    Example:

    >>> keras.ops.segment_prod(keras.ops.array([1, 2, 4]), keras.ops.array([0, 0, 1]), 2).tolist()
    [2, 4]
    """
    return _combined(to_tensor(data), segment_ids, num_segments, "mul", 1)
