"""Writing at positions."""

from __future__ import annotations

import math
from collections.abc import Callable

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import Shape, ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import cast_to, const, index, int_shape, spread
from minikeras.types import ArrayLike

__all__ = ["scatter", "scatter_update"]


def _nd_in_range(indices: ArrayLike, shape: Shape, op: str) -> tuple[Tensor, Tensor]:
    """Index rows with negative columns wrapped, and which rows lie within their axes.

    The columns of the others are clipped, so that nothing is written outside.
    """
    i = index(indices, op)
    wide = i.dtype in ("int64", "uint32", "uint64")
    i = cast_to(i, "int64" if wide else "int32")
    if i.ndim == 0 or i.shape[-1] > len(shape):
        raise ShapeError(
            f"{op}: indices of shape {i.shape} do not fit the shape {shape}; expected "
            f"(..., depth) with a depth of at most {len(shape)}."
        )
    sizes = to_tensor(list(shape[: i.shape[-1]]), i.dtype)
    zero = const(i, 0)
    i = prims.select(prims.lt(i, zero), prims.add(i, sizes), i)
    fits = prims.bitwise_and(prims.ge(i, zero), prims.lt(i, sizes))
    inside = prims.all(fits, axes=(i.ndim - 1,), keepdims=False)
    # A row outside is dropped by `inside`; clipped, its number still is an index.
    clipped = prims.maximum(prims.minimum(i, prims.sub(sizes, const(i, 1))), zero)
    return clipped, inside


def _added(where: Tensor, inside: Tensor, values: Tensor, shape: Shape) -> Tensor:
    """Zeros with the values added whose rows lie inside."""
    depth = where.shape[-1]
    u = spread(values, (*where.shape[:-1], *shape[depth:]))
    if 0 in shape:
        return prims.full(shape=shape, dtype=u.dtype, value=0)  # nowhere to add to
    ids = _rows(where, inside, shape)
    rows, inner = math.prod(shape[:depth]), math.prod(shape[depth:])
    given = prims.reshape(u, shape=(ids.size, inner))
    added = prims.scatter_add_axis(given, ids, shape=(rows, inner), axis=0)
    return prims.reshape(added, shape=shape)


@op
def scatter(indices: ArrayLike, values: ArrayLike, shape: object) -> Tensor:
    """Zeros with values added at indices; those that meet at one place are summed.

    Args:
        indices: Integer tensor `(..., depth)`: each row names the first `depth` axes.
            Negative ones count from the end; rows out of range are dropped.
        values: Tensor `(..., *shape[depth:])`.
        shape: Shape of the result.

    Returns:
        Tensor of that shape and the dtype of `values`.

    Example:

    >>> keras.ops.scatter([[0], [2]], [5.0, 7.0], (4,)).tolist()
    [5.0, 0.0, 7.0, 0.0]
    """
    sizes = int_shape(shape, "scatter")
    where, inside = _nd_in_range(indices, sizes, "scatter")
    return _added(where, inside, to_tensor(values), sizes)


@op
def scatter_update(
    inputs: ArrayLike,
    indices: ArrayLike,
    updates: ArrayLike,
    reduction: str | None = None,
) -> Tensor:
    """A tensor with the elements at indices replaced, or combined with updates.

    Args:
        inputs: Tensor to start from.
        indices: Integer tensor `(..., depth)`: each row names the first `depth` axes.
            Negative ones count from the end; rows out of range are dropped.
        updates: Tensor `(..., *inputs.shape[depth:])`.
        reduction: None replaces (the last update of a place wins); `"add"`, `"max"`,
            `"min"` and `"mul"` combine.

    Returns:
        Tensor of the shape and dtype of `inputs`.

    Raises:
        ValueError: If `reduction` is not known.

    Example:

    >>> keras.ops.scatter_update([1, 2, 3], [[0], [2]], [10, 30]).tolist()
    [10, 2, 30]
    """
    if reduction not in (None, "add", "max", "min", "mul"):
        raise ValueError(
            f"scatter_update: reduction={reduction!r}; expected None, 'add', 'max', 'min' "
            "or 'mul'."
        )
    x = to_tensor(inputs)
    where, inside = _nd_in_range(indices, x.shape, "scatter_update")
    u = to_tensor(updates, x.dtype)
    if x.size == 0:
        return x
    if reduction == "add":
        return prims.add(x, _added(where, inside, u, x.shape))
    depth = where.shape[-1]
    rows, inner = math.prod(x.shape[:depth]), math.prod(x.shape[depth:])
    ids = _rows(where, inside, x.shape)
    flat = prims.reshape(x, shape=(rows, inner))
    wide = spread(u, (*where.shape[:-1], *x.shape[depth:]))
    given: Tensor = prims.reshape(wide, shape=(ids.size, inner))
    if reduction is None:
        result = _replaced(flat, ids, given)
    elif reduction == "mul" or not dtypes.is_float(x.dtype):
        combined = prims.combine_segments(given, ids, rows, reduction)
        result = prims.COMBINE[reduction](flat, combined)
    else:
        fixed = prims.stop_gradient(given)
        combined = prims.combine_segments(fixed, ids, rows, reduction)
        result = prims.COMBINE[reduction](prims.stop_gradient(flat), combined)
        result = _shared_by_ties(result, flat, given, ids)
    return prims.reshape(result, shape=x.shape)


def _rows(indices: Tensor, inside: Tensor, shape: Shape) -> Tensor:
    """The row of each update, counted through all indexed axes; what is dropped comes last."""
    depth = indices.shape[-1]
    # Row-major, as the reshape of the result counts.
    weights = [math.prod(shape[i + 1 : depth]) for i in range(depth)]
    scaled = prims.mul(indices, to_tensor(weights, indices.dtype))
    row = prims.sum(scaled, axes=(indices.ndim - 1,), keepdims=False)
    beyond = spread(const(row, math.prod(shape[:depth])), row.shape)
    row = prims.select(inside, row, beyond)
    return prims.reshape(row, shape=(row.size,))


def _replaced(x: Tensor, ids: Tensor, updates: Tensor) -> Tensor:
    """Rows with the last update of each in its place."""
    if not ids.size:
        return x
    order = prims.iota(shape=ids.shape, dtype=ids.dtype, axis=0)
    # The greatest number of an update is the last one: which one wins is certain.
    last = prims.combine_segments(order, ids, x.shape[0], "max")
    zero = const(last, 0)
    found = prims.take(updates, prims.maximum(last, zero), axis=0)
    hit = prims.reshape(prims.ge(last, zero), shape=(last.size, 1))
    return prims.select(spread(hit, x.shape), found, x)


def _shared_by_ties(result: Tensor, x: Tensor, updates: Tensor, ids: Tensor) -> Tensor:
    """The gradient of each extreme shared by the input and all updates equal to it."""
    rows, inner = x.shape
    shape = (rows + 1, inner)
    own = prims.iota(shape=(rows,), dtype=ids.dtype, axis=0)
    every = prims.concat(own, ids, axis=0)
    rivals = prims.concat(x, updates, axis=0)
    inside = prims.minimum(every, const(every, rows - 1))
    hits = prims.eq(rivals, prims.take(result, inside, axis=0))

    def total(values: Tensor) -> Tensor:
        summed = prims.scatter_add_axis(values, every, shape=shape, axis=0)
        return prims.slice(summed, starts=(0, 0), stops=(rows, inner), steps=(1, 1))

    return shared_among(result, rivals, hits, total)


def shared_among(
    result: Tensor, x: Tensor, hits: Tensor, total: Callable[[Tensor], Tensor]
) -> Tensor:
    """`result` as it is, its gradient in equal shares to the `x` that `hits` marks.

    Args:
        result: Extremes of groups.
        x: Elements of the groups.
        hits: Which of them are equal to the extreme of their group.
        total: Sums what has the shape of `x` over each group.
    """
    count = total(prims.cast(hits, dtype=x.dtype))
    chosen = total(prims.select(hits, x, const(x, 0)))
    # The mean of equal numbers is that number; its gradient is the equal shares.
    mean = prims.div(chosen, prims.maximum(count, const(count, 1)))
    return prims.with_gradient_of(result, mean)
