"""Reading and adding at positions that are data."""

from __future__ import annotations

import numpy as np

from minikeras.engine.graph import Node, Value
from minikeras.export.probing import each
from minikeras.export.writer import Row, Writer, carried_dtype, has_varying


def _take(w: Writer, node: Node) -> str:
    x, indices = node.inputs
    return w.op("Gather", w.name(x), w.name(indices), axis=node.static["axis"])


def _take_along_axis(w: Writer, node: Node) -> str:
    x, indices = node.inputs
    return w.op("GatherElements", w.name(x), w.name(indices), axis=node.static["axis"])


def _gather_nd(w: Writer, node: Node) -> str:
    x, indices = node.inputs
    return w.op("GatherND", w.name(x), w.cast(w.name(indices), "int64"))


def _zeros(w: Writer, node: Node, like: Value) -> str:
    shape = w.sizes.vector(w.probed.static(node, "shape"), node.inputs)
    return w.op("Expand", w.like(like, 0), shape)


def _scatter_nd_add(w: Writer, node: Node) -> str:
    indices, updates = node.inputs
    return w.op(
        "ScatterND", _zeros(w, node, updates), w.cast(w.name(indices), "int64"),
        w.name(updates), reduction="add",
    )  # fmt: skip


def _put_along_axis_add(w: Writer, node: Node) -> str:
    g, indices = node.inputs
    return w.op(
        "ScatterElements", _zeros(w, node, g), w.name(indices), w.name(g),
        axis=node.static["axis"], reduction="add",
    )  # fmt: skip


def _scatter_add_axis(w: Writer, node: Node) -> str:
    """Along the first axis, by rows: (*indices, 1) names a row of the result each."""
    g, indices = node.inputs
    axis = node.static["axis"]
    rank, depth = len(g.aval.shape), len(indices.aval.shape)
    to_front = (*range(axis, axis + depth), *range(axis), *range(axis + depth, rank))
    rows = w.lying(g, to_front)
    shape = w.probed.static(node, "shape")
    front = [shape[axis], *shape[:axis], *shape[axis + 1 :]]
    zeros = w.op("Expand", w.like(g, 0), w.sizes.vector(front, node.inputs))
    places = w.op("Unsqueeze", w.cast(w.name(indices), "int64"), w.ints([depth]))
    made = w.op("ScatterND", zeros, places, rows, reduction="add")
    back = [*range(1, axis + 1), 0, *range(axis + 1, len(shape))]
    return made if axis == 0 else w.op("Transpose", made, perm=back)


def _dynamic_slice(w: Writer, node: Node) -> str:
    x, starts = node.inputs
    first = w.cast(w.name(starts), "int64")
    sizes = w.sizes.vector(w.probed.static(node, "sizes"), node.inputs)
    axes = w.ints(range(len(x.aval.shape)))
    return w.op("Slice", w.name(x), first, w.op("Add", first, sizes), axes)


def _dynamic_update_slice(w: Writer, node: Node) -> str:
    """Every place of the window, named by its offset in it, written anew."""
    x, u, starts = node.inputs
    places = w.op("Add", _offsets(w, u), w.cast(w.name(starts), "int64"))
    return w.op("ScatterND", w.name(x), places, w.name(u))


def _offsets(w: Writer, u: Value) -> str:
    """(*shape, rank) with the indices of each element."""
    shape = w.probed.shape(u)
    if not has_varying(shape):
        return w.constant(np.moveaxis(np.indices(u.aval.shape, np.int64), 0, -1))
    target = w.sizes.vector([*shape, 1], [u])
    zero, one = (w.constant(np.asarray(n, np.int64)) for n in (0, 1))
    lines = []
    for axis in range(len(shape)):
        size = w.op("Squeeze", w.sizes.vector([shape[axis]], [u]), w.ints([0]))
        stood = [1] * (len(shape) + 1)
        stood[axis] = -1
        line = w.op("Reshape", w.op("Range", zero, size, one), w.ints(stood))
        lines.append(w.op("Expand", line, target))
    return w.op("Concat", *lines, axis=len(shape))


def _segment_combine(w: Writer, node: Node) -> str:
    """Rows that are left out go to one of their own, behind the others."""
    x, ids = node.inputs
    count = w.probed.static(node, "count")
    kept = w.probed.shape(x)[1:]
    is_bool = x.aval.dtype == "bool"
    dtype = "int32" if is_bool else x.aval.dtype
    start = np.asarray(node.static["start"]).astype(carried_dtype(dtype))
    more = each(lambda n: n + 1, count)
    shape = w.sizes.vector([more, *kept], node.inputs)
    buffer = w.op("Expand", w.constant(start), shape)
    places = w.cast(w.name(ids), "int64")
    end = w.sizes.vector([count], node.inputs)
    outside = w.op("Less", places, w.ints([0])), w.op("GreaterOrEqual", places, end)
    places = w.op("Where", w.op("Or", *outside), end, places)
    made = w.op(
        "ScatterND", buffer, w.op("Unsqueeze", places, w.ints([1])),
        w.cast(w.name(x), dtype) if is_bool else w.name(x), reduction=node.static["how"],
    )  # fmt: skip
    made = w.op("Slice", made, w.ints([0]), end, w.ints([0]))
    return w.cast(made, "bool") if is_bool else made


ROWS: dict[str, Row] = {
    "take": _take,
    "take_along_axis": _take_along_axis,
    "gather_nd": _gather_nd,
    "scatter_nd_add": _scatter_nd_add,
    "put_along_axis_add": _put_along_axis_add,
    "scatter_add_axis": _scatter_add_axis,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "segment_combine": _segment_combine,
}
