"""Reductions over the parts of an axis that share an id."""

from __future__ import annotations

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.prims.helpers import agree
from minikeras.engine.tensor import Tensor
from minikeras.ops.core.scattering import shared_among
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
    # One row more, for ids that are no segment.
    shape = (count + 1, *x.shape[1:])
    return _first(prims.scatter_add_axis(x, ids, shape=shape, axis=0), count)


def _combined(
    data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None, how: str
) -> Tensor:
    x = to_tensor(data)
    name = f"segment_{'prod' if how == 'mul' else how}"
    ids, count = _ids(segment_ids, num_segments, x, name)
    if isinstance(count, Unknown):
        return blank((count, *x.shape[1:]), x.dtype)
    if how == "mul" or not dtypes.is_float(x.dtype) or not count:
        return prims.combine_segments(x, ids, count, how)
    shape = (count + 1, *x.shape[1:])
    # The value has no gradient of its own: equal extremes share it below.
    result = prims.combine_segments(prims.stop_gradient(x), ids, count, how)
    own = prims.take(result, prims.minimum(ids, const(ids, count - 1)), axis=0)

    def total(values: Tensor) -> Tensor:
        return _first(prims.scatter_add_axis(values, ids, shape=shape, axis=0), count)

    return shared_among(result, x, prims.eq(x, own), total)


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
    return _combined(data, segment_ids, num_segments, "max")


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
    return _combined(data, segment_ids, num_segments, "min")


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
    return _combined(data, segment_ids, num_segments, "mul")
