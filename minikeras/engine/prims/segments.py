"""The extremes and products of slices that share an id.

`segment_combine` is a row because a kernel reads the slices once, where the composition
sorts them and combines neighbours by doubling: 2048 slices of 64 in 100 segments took
0.64 ms.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.dtypes import is_float
from minikeras.engine.primitive import primitive
from minikeras.engine.prims.create import const, full
from minikeras.engine.prims.elementwise import (
    bitwise_and,
    cast,
    eq,
    ge,
    gt,
    lt,
    maximum,
    minimum,
    mul,
    ne,
    select,
)
from minikeras.engine.prims.helpers import agree
from minikeras.engine.prims.index import scatter_add_axis, take
from minikeras.engine.prims.movement import concat, reshape, slice_
from minikeras.engine.prims.reduce import argsort

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor

COMBINE = {"max": maximum, "min": minimum, "mul": mul}


def _neutral(dtype: str, how: str) -> bool | int | float:
    """The number that changes nothing."""
    if how == "mul":
        return dtype == "bool" or 1
    top = how == "min"
    if dtype == "bool":
        return top
    if is_float(dtype):
        return math.inf if top else -math.inf
    limits = np.iinfo(dtype)
    return int(limits.max if top else limits.min)


def _infer(
    x: Aval, ids: Aval, *, count: int, how: str, start: bool | int | float
) -> Aval:
    fits = x.ndim and ids.ndim == 1 and agree(ids.shape[0], x.shape[0])
    if not fits or ids.dtype not in ("int32", "int64"):
        raise ShapeError(
            f"segment_combine: x is {x} and ids is {ids}; expected an int32 or int64 id for "
            "each slice along the first axis."
        )
    if how not in COMBINE or count < 0:
        raise ShapeError(
            f"segment_combine: how={how!r}, count={count}; expected one of "
            f"{', '.join(COMBINE)}, and a count of at least 0."
        )
    return Aval((count, *x.shape[1:]), x.dtype)


def _part(x: Tensor, start: int, stop: int) -> Tensor:
    rest = x.ndim - 1
    return slice_(
        x,
        starts=(start,) + (0,) * rest,
        stops=(stop, *x.shape[1:]),
        steps=(1,) * x.ndim,
    )


def _last_of_run(sorted_ids: Tensor) -> Tensor:
    """Whether each element of a sorted vector is the last of its equals."""
    n = sorted_ids.size
    end: Tensor = full(shape=(min(n, 1),), dtype="bool", value=True)
    if n < 2:
        return end
    more: Tensor = ne(_part(sorted_ids, 1, n), _part(sorted_ids, 0, n - 1))
    return concat(more, end, axis=0)


def _running(values: Tensor, sorted_ids: Tensor, how: str) -> Tensor:
    """Within each run of equal ids, the combination of all values up to here.

    By doubling, as in Hillis and Steele's scan: log2(n) steps over axis 0.
    """
    combine, n, step = COMBINE[how], sorted_ids.size, 1
    lead = (n,) + (1,) * (values.ndim - 1)
    while step < n:
        same = eq(_part(sorted_ids, step, n), _part(sorted_ids, 0, n - step))
        same = reshape(same, shape=(n - step, *lead[1:]))
        here, before = _part(values, step, n), _part(values, 0, n - step)
        joined = select(same, combine(here, before), here)
        values = concat(_part(values, 0, step), joined, axis=0)
        step *= 2
    return values


def _by_sorting(
    x: Tensor, ids: Tensor, *, count: int, how: str, start: bool | int | float
) -> Tensor:
    # Ids out of range go to a segment of their own, behind all others, which is cut off
    # at the end.
    end = const(ids, count)
    inside = bitwise_and(ge(ids, const(ids, 0)), lt(ids, end))
    ids = select(inside, ids, end)
    if ids.size:
        order = argsort(ids, axis=0)
        ids, x = take(ids, order, axis=0), take(x, order, axis=0)
    last = _last_of_run(ids)
    ones = (1,) * (x.ndim - 1)
    shaped = reshape(last, shape=(last.size, *ones))
    # The last of each run has the whole combination; the others add 0 where it is
    # written.
    only = select(shaped, _running(x, ids, how), const(x, 0))
    shape = (count + 1, *x.shape[1:])
    found = _part(scatter_add_axis(only, ids, shape=shape, axis=0), 0, count)
    one = cast(last, dtype="int32")
    seen = _part(scatter_add_axis(one, ids, shape=(count + 1,), axis=0), 0, count)
    hit = reshape(gt(seen, const(seen, 0)), shape=(count, *ones))
    return select(hit, found, const(found, start))


# Slices along the first axis combined by id; those whose id is not below `count` are left
# out. Combining begins with `start`, which is what no slice goes to.
segment_combine = primitive(
    "segment_combine",
    kind="opaque",
    infer=_infer,
    vjp=None,
    composition=_by_sorting,
)


def combine_segments(x: Tensor, ids: Tensor, count: int, how: str) -> Tensor:
    """`segment_combine` that begins with the number that changes nothing."""
    start = _neutral(x.dtype, how)
    return segment_combine(x, ids, count=count, how=how, start=start)
