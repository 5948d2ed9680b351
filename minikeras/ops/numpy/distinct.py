"""The different elements of a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.core.sweeps import scan
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import (
    along,
    axis_of,
    blank,
    cast_to,
    const,
    sub_slice,
    unknown_size,
    with_axis,
)
from minikeras.types import ArrayLike

__all__ = ["unique"]

_CLOSE = (
    4  # times as many integers between the least and the greatest as there are elements
)


@op
def unique(
    x: ArrayLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: ArrayLike | None = None,
) -> tuple[Tensor, Tensor] | Tensor | tuple[Any, ...]:
    """The different elements, in ascending order.

    How many there are depends on the values. In a compiled function `size` has to say
    it; symbolically it is None. Each nan is an element of its own, as in Keras.

    Args:
        x: Tensor of any shape.
        sorted: Kept for Keras's signature; the result is always sorted.
        return_index: Whether to return where each first occurs.
        return_inverse: Whether to return, for each element, the index of its value.
        return_counts: Whether to return how often each occurs.
        axis: Axis whose slices are compared; None compares elements.
        size: Length of the result: cut, or filled up with `fill_value`. None (the
            default) gives all there are, and works eagerly only.
        fill_value: What to fill with; None, the default, takes the first value. Filled
            places have the first one's index and a count of 0.

    Returns:
        Tensor of the values, `(size,)` or with an `axis` the shape of `x` with `size`
        there; with more asked for, a tuple of it and int32 tensors: index `(size,)`,
        inverse (the shape of `x`, or `(x.shape[axis],)`) and counts `(size,)`.

    Raises:
        ValueShapeError: Inside a compiled function, where values are not known, without
            `size`.
        ValueError: If `x` is empty, and there is nothing to fill up to `size` with.

    Example:

    >>> keras.ops.unique([3, 1, 3, 2]).tolist()
    [1, 2, 3]
    >>> keras.ops.unique([3, 1, 3, 2], size=4, fill_value=0).tolist()
    [1, 2, 3, 0]
    """
    x = to_tensor(x)
    at = 0 if axis is None else axis_of(axis, x.ndim, "unique")
    line = prims.reshape(x, shape=(x.size,)) if axis is None else x
    n = line.shape[at]
    if n == 0 and size and fill_value is None:
        raise ValueError(
            f"unique: x of shape {x.shape} is empty and size={size}; expected a fill_value."
        )
    places = return_index or return_inverse
    plain = line.ndim == 1 and dtypes.is_integer(line.dtype) and not places
    if plain and size is None and n and unknown_size(line, "unique", "size=") is None:
        values, counts = _of_integers(line.numpy())
        return (values, counts) if return_counts else values
    if plain:
        # Equal integers are the same ones: to sort them takes less than to rank them.
        line = prims.sort(line, axis=0)
        order = prims.iota(shape=(n,), dtype="int32", axis=0)
        rank = _numbered(prims.reshape(line, shape=(1, n)))
    else:
        order, rank = _ranked(line, at)
    if size is None:
        any_size = unknown_size(rank, "unique", "size=")
        if any_size is not None:
            whole = with_axis(line.shape, at, any_size)
            of_inverse = x.shape if axis is None else (n,)
            asked = ((return_index, (any_size,)), (return_inverse, of_inverse),
                     (return_counts, (any_size,)))  # fmt: skip
            parts = [blank(shape, "int32") for wanted, shape in asked if wanted]
            values = blank(whole, x.dtype)
            return (values, *parts) if parts else values
        size = int(rank[n - 1]) + 1 if n else 0
    counts, index = _groups(order, rank, size)
    values = prims.take(line, index, axis=at) if n else _none(line, at, size)
    if fill_value is not None and size:
        real = prims.gt(counts, const(counts, 0))
        filling = cast_to(to_tensor(fill_value), x.dtype)
        real = prims.reshape(real, shape=along(line.ndim, at, size))
        values = prims.select(real, values, filling)
    if dtypes.is_float(values.dtype):
        # Which values there are changes in jumps: the slope is 0.
        flat = prims.mul(values, const(values, 0))
        values = prims.with_gradient_of(values, flat)
    results = [values]
    if return_index:
        results.append(index)
    if return_inverse:
        # `rank` follows the sorted order; the inverse permutation brings it back to the
        # places of `x`.
        inverse = prims.take(rank, prims.argsort(order, axis=0), axis=0)
        results.append(
            prims.reshape(inverse, shape=x.shape) if axis is None else inverse
        )
    if return_counts:
        results.append(counts)
    return tuple(results) if len(results) > 1 else values


def _of_integers(held: np.ndarray[Any, Any]) -> tuple[Tensor, Tensor]:
    """The values of a vector, and how often each occurs; counted where they lie close."""
    least, most = int(held.min()), int(held.max())
    if most - least < _CLOSE * held.size and most < 2**62 and least > -(2**62):
        counts = np.bincount(held.astype(np.int64) - least)
        found = np.flatnonzero(counts)
        values, counts = (found + least).astype(held.dtype), counts[found]
    else:
        values, counts = np.unique(held, return_counts=True)
    return to_tensor(values), to_tensor(counts.astype(np.int32))


def _ranked(x: Tensor, at: int) -> tuple[Tensor, Tensor]:
    """The places of slices in ascending order, and the number of the value of each.

    Of slices with several elements the first decides; so they are sorted by the last
    one, then by the one before, each sort keeping the order of what is equal.
    """
    n = x.shape[at]
    perm = (*(i for i in range(x.ndim) if i != at), at)
    keys = prims.transpose(x, perm=perm) if x.ndim > 1 else x
    keys = prims.reshape(keys, shape=(x.size // n if n else 1, n))
    if keys.dtype == "bool":
        keys = cast_to(keys, "int32")

    def by_key(order: Tensor, key: Tensor) -> tuple[Tensor, None]:
        again = prims.argsort(prims.take(key, order, axis=0), axis=0)
        return prims.take(order, again, axis=0), None

    order = prims.iota(shape=(n,), dtype="int32", axis=0)
    if n == 0:
        return order, order
    # Sorted by the last key first, stably: then the first key decides, and others only
    # between its equals.
    order = scan(by_key, order, keys, reverse=True)[0]
    return order, _numbered(prims.take(keys, order, axis=1))


def _numbered(rows: Tensor) -> Tensor:
    """The number of the value that each column of sorted rows has."""
    n = rows.shape[1]
    if n == 0:
        return prims.full(shape=(0,), dtype="int32", value=0)
    new = prims.ne(sub_slice(rows, 1, 1, n), sub_slice(rows, 1, 0, n - 1))
    new = prims.any(new, axes=(0,), keepdims=False)
    start = prims.full(shape=(1,), dtype="int32", value=0)
    # The number of a value goes up by one wherever a column differs from the one
    # before.
    steps = prims.concat(start, prims.cast(new, dtype="int32"), axis=0)
    return prims.cumsum(steps, axis=0, reverse=False)


def _groups(order: Tensor, rank: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """How many slices have each value, and which is the first of them."""
    n = rank.shape[0]
    room = max(n, size)
    ones = prims.full(shape=(n,), dtype="int32", value=1)
    counts = prims.scatter_add_axis(ones, rank, shape=(room,), axis=0)
    # Groups lie one after the other, so each begins where those before it end.
    ends = prims.cumsum(counts, axis=0, reverse=False)
    starts = sub_slice(prims.sub(ends, counts), 0, 0, size)
    counts = sub_slice(counts, 0, 0, size)
    # Beyond the last value comes the first again.
    real = prims.gt(counts, const(counts, 0))
    starts = prims.select(real, starts, const(starts, 0))
    return counts, prims.take(order, starts, axis=0) if n else starts


def _none(x: Tensor, at: int, size: int) -> Tensor:
    """Zeros, to be filled, where there are no values."""
    shape = (*x.shape[:at], size, *x.shape[at + 1 :])
    return prims.zeros(shape=shape, dtype=x.dtype)
