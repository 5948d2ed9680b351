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
    clipped = prims.maximum(prims.minimum(i, prims.sub(sizes, const(i, 1))), zero)
    return clipped, inside


def _added(where: Tensor, inside: Tensor, values: Tensor, shape: Shape) -> Tensor:
    """Zeros with the values added whose rows lie inside."""
    depth = where.shape[-1]
    u = spread(values, (*where.shape[:-1], *shape[depth:]))
    if 0 in shape:
        return prims.full(shape=shape, dtype=u.dtype, value=0)  # nowhere to add to
    mask = prims.reshape(inside, shape=(*inside.shape, *(1,) * (len(shape) - depth)))
    kept = prims.select(spread(mask, u.shape), u, const(u, 0))
    made: Tensor = prims.scatter_nd_add(where, kept, shape=shape)
    return made


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
    places, flat = _flat_places(where, inside, u, x.shape)
    total = (x.size + 1,)  # the last place is for what is dropped
    order = prims.argsort(places, axis=0)
    places = prims.take(places, order, axis=0)
    flat = prims.take(flat, order, axis=0)
    last = last_of_run(places)
    given = flat
    if reduction is not None:
        flat = running(flat, places, reduction)
    one = prims.cast(last, dtype="int32")
    column = prims.reshape(places, shape=(places.size, 1))
    hit = prims.scatter_nd_add(column, one, shape=total)
    winners = prims.select(last, flat, const(flat, 0))
    found = _without_last(prims.scatter_nd_add(column, winners, shape=total), x.shape)
    mask = _without_last(prims.gt(hit, const(hit, 0)), x.shape)
    if reduction is not None:
        found = COMBINE[reduction](x, found)
    result = prims.select(mask, found, x)
    if reduction in ("max", "min") and dtypes.is_float(x.dtype):
        return _shared_by_ties(result, x, given, places)
    return result


def _shared_by_ties(
    result: Tensor, x: Tensor, updates: Tensor, places: Tensor
) -> Tensor:
    """The gradient of each extreme shared by the input and all updates equal to it."""
    size = (x.size + 1,)
    own = prims.iota(shape=size, dtype=places.dtype, axis=0)
    ids = prims.concat(own, places, axis=0)
    dropped = prims.full(shape=(1,), dtype=x.dtype, value=0)
    rivals = prims.concat(prims.reshape(x, shape=(x.size,)), dropped, updates, axis=0)
    flat = prims.concat(prims.reshape(result, shape=(x.size,)), dropped, axis=0)
    hits = prims.eq(rivals, prims.take(flat, ids, axis=0))

    def total(values: Tensor) -> Tensor:
        summed: Tensor = prims.scatter_add_axis(values, ids, shape=size, axis=0)
        return summed

    return _without_last(shared_among(flat, rivals, hits, total), x.shape)


def _without_last(x: Tensor, shape: Shape) -> Tensor:
    """A vector but for its last element, in another shape."""
    made: Tensor = prims.reshape(_part(x, 0, x.size - 1), shape=shape)
    return made


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
    mean = prims.div(chosen, prims.maximum(count, const(count, 1)))
    same: Tensor = prims.with_gradient_of(result, mean)
    return same


COMBINE = {
    "max": prims.maximum,
    "min": prims.minimum,
    "mul": prims.mul,
    "add": prims.add,
}


def _flat_places(
    indices: Tensor, inside: Tensor, updates: Tensor, shape: Shape
) -> tuple[Tensor, Tensor]:
    """Each update's place in the flattened tensor, and the updates, as vectors.

    The place of those that are dropped is the one after all others.
    """
    depth = indices.shape[-1]
    inner = math.prod(shape[depth:])
    weights = [math.prod(shape[i + 1 :]) for i in range(depth)]
    scaled = prims.mul(indices, to_tensor(weights, indices.dtype))
    row = prims.sum(scaled, axes=(indices.ndim - 1,), keepdims=False)
    count = row.size
    row = prims.reshape(row, shape=(count, 1))
    lane = prims.iota(shape=(1, inner), dtype=indices.dtype, axis=1)
    kept = prims.reshape(inside, shape=(count, 1))
    beyond = const(row, math.prod(shape))
    places = prims.select(
        spread(kept, (count, inner)),
        prims.add(row, lane),
        spread(beyond, (count, inner)),
    )
    places = prims.reshape(places, shape=(count * inner,))
    wide = spread(updates, (*indices.shape[:-1], *shape[depth:]))
    return places, prims.reshape(wide, shape=(count * inner,))


def last_of_run(sorted_ids: Tensor) -> Tensor:
    """Whether each element of a sorted vector is the last of its equals."""
    n = sorted_ids.size
    if n == 0:
        return prims.full(shape=(0,), dtype="bool", value=True)
    end = prims.full(shape=(1,), dtype="bool", value=True)
    return prims.concat(
        prims.ne(_part(sorted_ids, 1, n), _part(sorted_ids, 0, n - 1)), end, axis=0
    )


def _part(x: Tensor, start: int, stop: int) -> Tensor:
    rest = x.ndim - 1
    return prims.slice(
        x,
        starts=(start,) + (0,) * rest,
        stops=(stop, *x.shape[1:]),
        steps=(1,) * x.ndim,
    )


def running(values: Tensor, sorted_ids: Tensor, how: str) -> Tensor:
    """Within each run of equal ids, the combination of all values up to here.

    By doubling, as in Hillis and Steele's scan: log2(n) steps over axis 0.
    """
    combine, n, step = COMBINE[how], sorted_ids.size, 1
    lead = (n,) + (1,) * (values.ndim - 1)
    while step < n:
        same = prims.eq(_part(sorted_ids, step, n), _part(sorted_ids, 0, n - step))
        same = prims.reshape(same, shape=(n - step, *lead[1:]))
        here, before = _part(values, step, n), _part(values, 0, n - step)
        joined = prims.select(same, combine(here, before), here)
        values = prims.concat(_part(values, 0, step), joined, axis=0)
        step *= 2
    return values
