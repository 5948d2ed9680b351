"""Index kernels: gather, and scatter that adds where indices repeat.

Every scatter is brought to one form: rows of a matrix to which rows are added.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minikeras_numpy.common import Array, Kernel, Table, to, work_dtype

Ints = tuple[int, ...]


def _one_by_one(xp: Any) -> Kernel:
    """`out[rows[i]] += values[i]` by the namespace's unbuffered add."""

    def add_rows(out: Array, rows: Array, values: Array) -> None:
        xp.add.at(out, rows, values)

    return add_rows


def _by_segments(out: Array, rows: Array, values: Array) -> None:
    """The same for NumPy, where sorting rows and summing segments is far faster."""
    if out.shape[1] == 1:
        np.add.at(out[:, 0], rows, values[:, 0])
        return
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    first = np.empty(rows.size, dtype=bool)
    first[:1] = True
    np.not_equal(rows[1:], rows[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    if starts.size == rows.size:
        out[rows] = values[order]
    else:
        out[rows[starts]] = np.add.reduceat(values[order], starts, axis=0)


def _start(starts: Array, shape: Ints, sizes: Ints) -> tuple[slice, ...]:
    """The window of `sizes` at `starts`, moved inside `shape`."""
    return tuple(
        slice(at := min(max(int(s), 0), d - size), at + size)
        for s, d, size in zip(starts, shape, sizes, strict=True)
    )


def _filler(dtype: Any) -> Any:
    """What stands for an element that does not exist: NaN, or the far end of integers."""
    if dtype.kind == "b":
        return True
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return limits.max if dtype.kind == "u" else limits.min
    return np.nan


def _outside(xp: Any, indices: Array, size: int) -> Array | None:
    """Which indices are out of range; None where NumPy sees that none is."""
    bad = (indices < 0) | (indices >= size)
    return None if xp is np and not bad.any() else bad


def _along(bad: Array, axis: int, ndim: int) -> Array:
    """The marks of indices along `axis`, to broadcast over what was taken."""
    return bad.reshape((1,) * axis + bad.shape + (1,) * (ndim - axis - bad.ndim))


def scatters(xp: Any) -> Table:
    """The three kernels that add at indices."""
    add_rows = _by_segments if xp is np else _one_by_one(xp)

    def add(rows: Array, values: Array, shape: Ints, width: int) -> Array:
        work = work_dtype(values.dtype)
        out = xp.zeros((math.prod(shape) // max(width, 1), width), dtype=work)
        if rows.size and width:
            flat = to(values.reshape(rows.size, width), work)
            add_rows(out, rows.reshape(-1), flat)
        return to(out, values.dtype).reshape(shape)

    def scatter_add_axis(g: Array, indices: Array, *, shape: Ints, axis: int) -> Array:
        width = math.prod(shape[axis + 1 :])
        bad = _outside(xp, indices, shape[axis])
        if bad is not None:  # they add nothing
            indices = xp.where(bad, 0, indices)
            g = xp.where(_along(bad, axis, g.ndim), to(xp.zeros(()), g.dtype), g)
        rows = indices.reshape(-1).astype(np.intp)
        lead = math.prod(shape[:axis])
        if lead != 1:
            rows = rows + xp.arange(lead)[:, None] * shape[axis]
        return add(rows, g, shape, width)

    def put_along_axis_add(
        g: Array, indices: Array, *, shape: Ints, axis: int
    ) -> Array:
        lead, width = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
        bad = _outside(xp, indices, shape[axis])
        if bad is not None:
            indices = xp.where(bad, 0, indices)
            g = xp.where(bad, to(xp.zeros(()), g.dtype), g)
        at = indices.astype(np.intp).reshape(lead, indices.shape[axis], width)
        at = at + xp.arange(lead)[:, None, None] * shape[axis]
        at = at * width + xp.arange(width)
        return add(at, g, shape, 1)

    def scatter_nd_add(indices: Array, updates: Array, *, shape: Ints) -> Array:
        depth = indices.shape[-1]
        rows = xp.zeros(indices.shape[:-1], dtype=np.intp)
        for k in range(depth):
            rows = rows * shape[k] + indices[..., k]
        width = math.prod(shape[depth:])
        return add(xp.asarray(rows), updates, shape, width)

    return {
        "scatter_add_axis": scatter_add_axis,
        "put_along_axis_add": put_along_axis_add,
        "scatter_nd_add": scatter_nd_add,
    }


def fill_outside(taken: Array, indices: Array, size: int, axis: int) -> None:
    """Put the filler where an index is out of range, in place."""
    bad = _outside(np, indices, size)
    if bad is not None:
        np.copyto(taken, _filler(taken.dtype), where=_along(bad, axis, taken.ndim))


def _filled(xp: Any, taken: Array, bad: Array | None, axis: int) -> Array:
    """What was taken, with the filler where the index was out of range."""
    if bad is None:
        return taken
    filler = xp.asarray(_filler(taken.dtype)).astype(taken.dtype)
    return xp.where(_along(bad, axis, taken.ndim), filler, taken)


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""

    def take(x: Array, indices: Array, *, axis: int) -> Array:
        bad = _outside(xp, indices, x.shape[axis])
        if xp is np:
            taken = np.asarray(np.take(x, indices, axis=axis, mode="clip"))
        else:
            last = max(x.shape[axis] - 1, 0)
            taken = xp.asarray(xp.take(x, xp.clip(indices, 0, last), axis=axis))
        return _filled(xp, taken, bad, axis)

    def take_along_axis(x: Array, indices: Array, *, axis: int) -> Array:
        bad = _outside(xp, indices, x.shape[axis])
        at = indices.astype(np.intp)
        if bad is not None:
            at = xp.where(bad, 0, at)
        return _filled(xp, xp.take_along_axis(x, at, axis=axis), bad, 0)

    def gather_nd(x: Array, indices: Array) -> Array:
        at = tuple(indices[..., k] for k in range(indices.shape[-1]))
        shape = (*indices.shape[:-1], *x.shape[len(at) :])
        return xp.asarray(xp.broadcast_to(x, shape) if not at else x[at])

    def dynamic_slice(x: Array, starts: Array, *, sizes: Ints) -> Array:
        return x[_start(starts, x.shape, sizes)] if x.ndim else x

    def dynamic_update_slice(x: Array, u: Array, starts: Array) -> Array:
        out = x.copy()
        out[_start(starts, x.shape, u.shape)] = u
        return out

    return {
        "take": take,
        "take_along_axis": take_along_axis,
        "gather_nd": gather_nd,
        "dynamic_slice": dynamic_slice,
        "dynamic_update_slice": dynamic_update_slice,
        **scatters(xp),
    }
