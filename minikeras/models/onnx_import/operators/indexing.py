"""Operators that read and write at positions that are data."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.prims import index as rows
from minikeras.models.onnx_import.values import Call, Operator, Value


def _wrapped(indices: Value, size: Any) -> Value:
    """Negative places counted from the end, as int32."""
    places = ops.cast(indices, "int32")
    return ops.where(
        ops.less(places, 0), ops.add(places, ops.cast(size, "int32")), places
    )


def _gather(call: Call, x: Value, indices: Value) -> Value:
    axis = call.get("axis", 0)
    return ops.take(x, _wrapped(indices, x.shape[axis]), axis=axis)


def _gather_elements(call: Call, x: Value, indices: Value) -> Value:
    axis = call.axis(call.get("axis", 0), len(x.shape))
    places = _wrapped(indices, x.shape[axis])
    for other, size in enumerate(places.shape):
        if other != axis and size != x.shape[other]:  # only the first are read
            where = [slice(None)] * len(x.shape)
            where[other] = slice(0, size)
            x = x[tuple(where)]
    return ops.take_along_axis(x, places, axis=axis)


def _gather_nd(call: Call, x: Value, indices: Value) -> Value:
    shared = call.get("batch_dims", 0)
    places = _wrapped(indices, np.asarray(x.shape[shared : shared + indices.shape[-1]]))
    if shared:
        lead = np.indices(places.shape[:-1])[:shared]
        parts = [ops.cast(part[..., None], "int32") for part in lead]
        places = ops.concatenate([*parts, places], axis=-1)
    return rows.gather_nd(ops.convert_to_tensor(x), ops.convert_to_tensor(places))


def _scattered(call: Call, x: Value, places: Value, updates: Value) -> Value:
    """`x` with rows at `places` (..., axes) set to, or joined with, `updates`."""
    how = call.get("reduction", "none")
    if how == "none":
        return ops.scatter_update(x, places, updates)
    return ops.scatter_update(x, places, updates, reduction=how)


def _scatter_nd(call: Call, x: Value, indices: Value, updates: Value) -> Value:
    depth = indices.shape[-1]
    return _scattered(call, x, _wrapped(indices, np.asarray(x.shape[:depth])), updates)


def _scatter_elements(call: Call, x: Value, indices: Value, updates: Value) -> Value:
    axis = call.axis(call.get("axis", 0), len(x.shape))
    grid = list(np.indices(tuple(indices.shape)))
    parts = [ops.cast(g, "int32") for g in grid]
    parts[axis] = _wrapped(indices, x.shape[axis])
    places = ops.reshape(ops.stack(parts, axis=-1), (-1, len(x.shape)))
    return _scattered(call, x, places, ops.reshape(updates, (-1,)))


def _one_hot(call: Call, indices: Value, depth: Value, values: Value) -> Value:
    count = call.ints(depth, "depth")[0]
    axis = call.get("axis", -1)
    rank = len(indices.shape) + 1
    axis = call.axis(axis, rank)
    places = ops.expand_dims(ops.cast(indices, "int64"), axis)
    places = ops.where(ops.less(places, 0), ops.add(places, count), places)
    line = np.arange(count).reshape([-1 if i == axis else 1 for i in range(rank)])
    return ops.where(ops.equal(places, line), values[1], values[0])


def _top_k(call: Call, x: Value, k: Value = None) -> list[Value]:
    found = call.listed(1, "k", (x, k)) or [1]
    axis = call.axis(call.get("axis", -1), len(x.shape))
    # A sort of all: of equal elements the first comes first, either way.
    largest = call.get("largest", 1)
    if largest:
        turned = ops.flip(x, axis=axis)
        order = ops.flip(ops.argsort(turned, axis=axis), axis=axis)
        order = ops.subtract(x.shape[axis] - 1, order)
    else:
        order = ops.argsort(x, axis=axis)
    where = [slice(None)] * len(x.shape)
    where[axis] = slice(0, found[0])
    order = order[tuple(where)]
    return [ops.take_along_axis(x, order, axis=axis), ops.cast(order, "int64")]


def _reverse_sequence(call: Call, x: Value, lengths: Value) -> Value:
    along, batch = call.get("time_axis", 0), call.get("batch_axis", 1)
    steps = x.shape[along]
    moved = x if batch == 0 else ops.swapaxes(x, 0, 1)
    line = np.arange(steps)[None, :]
    sizes = ops.expand_dims(ops.cast(lengths, "int32"), 1)
    places = ops.where(
        ops.less(line, sizes), ops.subtract(ops.subtract(sizes, 1), line), line
    )
    places = ops.reshape(places, (*places.shape, *[1] * (len(x.shape) - 2)))
    places = ops.broadcast_to(places, moved.shape)
    made = ops.take_along_axis(moved, ops.cast(places, "int32"), axis=1)
    return made if batch == 0 else ops.swapaxes(made, 0, 1)


OPERATORS: dict[str, Operator] = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "OneHot": _one_hot,
    "ReverseSequence": _reverse_sequence,
    "Scatter": _scatter_elements,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
    "TopK": _top_k,
}
