"""Operators that make arrays, or put the same elements elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.interpret import current
from minikeras.engine.staging import Abstract
from minikeras.models.onnx_import.description import dtype_of
from minikeras.models.onnx_import.operators.elementwise import dtype, like
from minikeras.models.onnx_import.values import Call, Operator, Value

_LIMIT = 2**31  # elements of an array that a file may ask for


_LONGEST = 2**22  # numbers of a range, which are made while the model is built


_GROWTH = 2**26  # how many elements a file may make of one
_PROBED = 3465  # divides what free sizes are probed with, and multiples of that


def checked(call: Call, shape: Sequence[int], of: Value = None) -> tuple[int, ...]:
    """A shape that a file asks for, of a size that can be meant.

    Args:
        call: The node.
        shape: The shape.
        of: The array that it is made of, if any.
    """
    sizes = tuple(int(d) for d in shape)
    large = math.prod(sizes) > _LIMIT
    if large and isinstance(current(), Abstract):  # free sizes are large numbers here
        free = any(d and d % _PROBED == 0 for d in sizes)
        grown = of is not None and math.prod(sizes) <= _GROWTH * math.prod(of.shape)
        fixed = math.prod(d for d in sizes if d % _PROBED)
        large = not (grown or (free and fixed <= _LIMIT))
    if large or any(d < 0 for d in sizes):
        raise call.fail(f"an array of shape {sizes} is refused.")
    return sizes


def _constant(call: Call) -> Value:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        value = call.get(name)
        if value is not None:
            kind = np.float32 if "float" in name else np.int64
            return value if name == "value" else np.asarray(value, kind)
    raise call.fail(
        "it holds no number or array; texts and sparse arrays are not read."
    )


def _constant_of_shape(call: Call, shape: Value) -> Value:
    value = call.get("value", np.zeros(1, np.float32))
    sizes = checked(call, call.ints(shape, "the shape"))
    filler = np.asarray(value).reshape(-1)[0]
    return ops.full(sizes, filler, dtype=filler.dtype.name)


def _shape(call: Call, x: Value) -> Value:
    rank = len(x.shape)
    start, end = call.get("start", 0), call.get("end", rank)
    return np.asarray(
        x.shape[slice(_clamped(start, rank), _clamped(end, rank))], np.int64
    )


def _clamped(place: int, rank: int) -> int:
    return min(max(place + rank if place < 0 else place, 0), rank)


def _size(call: Call, x: Value) -> Value:
    return np.asarray(math.prod(x.shape), np.int64)


def _range(call: Call, start: Value, limit: Value, delta: Value) -> Value:
    ends = [
        call.known(v, "an end of the range").reshape(()) for v in (start, limit, delta)
    ]
    count = max(math.ceil((ends[1] - ends[0]) / ends[2]), 0)
    if count > _LONGEST:
        raise call.fail(f"a range of {count:,} numbers is refused.")
    return ops.cast(ends[0] + np.arange(count) * ends[2], ends[0].dtype.name)


def _reshape(call: Call, x: Value, shape: Value = None) -> Value:
    target = call.listed(1, "shape", (x, shape))
    if target is None:
        raise call.fail("it has no shape.")
    if not call.get("allowzero", 0):
        target = [x.shape[i] if d == 0 else d for i, d in enumerate(target)]
    return ops.reshape(x, tuple(target))


def _transpose(call: Call, x: Value) -> Value:
    return ops.transpose(x, call.get("perm"))


def _flatten(call: Call, x: Value) -> Value:
    axis = call.get("axis", 1)
    axis = axis + len(x.shape) if axis < 0 else axis
    return ops.reshape(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


def _squeeze(call: Call, x: Value, axes: Value = None) -> Value:
    found = call.listed(1, "axes", (x, axes))
    rank = len(x.shape)
    if found is None:
        found = [i for i, d in enumerate(x.shape) if d == 1]
    over = {call.axis(a, rank) for a in found}
    if any(x.shape[a] != 1 for a in over):
        raise call.fail(
            f"axes {sorted(over)} of shape {tuple(x.shape)} are not all of size 1."
        )
    return ops.reshape(x, tuple(d for i, d in enumerate(x.shape) if i not in over))


def _unsqueeze(call: Call, x: Value, axes: Value = None) -> Value:
    found = call.listed(1, "axes", (x, axes)) or []
    rank = len(x.shape) + len(found)
    places = {call.axis(a, rank) for a in found}
    left = iter(x.shape)
    return ops.reshape(x, tuple(1 if i in places else next(left) for i in range(rank)))


def _concat(call: Call, *inputs: Value) -> Value:
    return (
        inputs[0]
        if len(inputs) == 1
        else ops.concatenate(inputs, axis=call.get("axis"))
    )


def _split(call: Call, x: Value, sizes: Value = None) -> list[Value]:
    axis = call.get("axis", 0)
    length = x.shape[axis]
    parts = call.listed(1, "split", (x, sizes))
    if parts is None:
        count = call.get("num_outputs") or len(call.node.outputs)
        each = -(-length // count)
        parts = [each] * (count - 1) + [length - each * (count - 1)]
    if sum(parts) != length or min(parts) < 0:
        raise call.fail(f"parts {parts} do not make up an axis of {length}.")
    made, start = [], 0
    for size in parts:
        made.append(sliced(x, axis, start, start + size))
        start += size
    return made


def sliced(x: Value, axis: int, start: int, stop: int, step: int = 1) -> Value:
    """Part of an array along one axis."""
    where = [slice(None)] * len(x.shape)
    where[axis] = slice(start, stop, step)
    return x[tuple(where)]


def _slice(
    call: Call, x: Value, starts: Value = None, ends: Value = None, axes: Value = None,
    steps: Value = None,
) -> Value:  # fmt: skip
    inputs = (x, starts, ends, axes, steps)
    first = call.listed(1, "starts", inputs) or []
    last = call.listed(2, "ends", inputs) or []
    over = call.listed(3, "axes", inputs) or list(range(len(first)))
    by = call.listed(4, "steps", inputs) or [1] * len(first)
    where: list[Any] = [slice(None)] * len(x.shape)
    for start, end, axis, step in zip(first, last, over, by, strict=True):
        where[axis] = _python_slice(start, end, step, x.shape[axis])
    return x[tuple(where)]


def _python_slice(start: int, end: int, step: int, size: int) -> slice:
    low = start + size if start < 0 else start
    high = end + size if end < 0 else end
    if step > 0:
        return slice(min(max(low, 0), size), min(max(high, 0), size), step)
    low, high = min(max(low, 0), size - 1), min(max(high, -1), size - 1)
    return slice(low, None if high < 0 else high, step)


def _expand(call: Call, x: Value, shape: Value) -> Value:
    wanted = np.broadcast_shapes(tuple(x.shape), tuple(call.ints(shape, "the shape")))
    return ops.broadcast_to(x, checked(call, wanted, x))


def _tile(call: Call, x: Value, repeats: Value) -> Value:
    counts = call.ints(repeats, "repeats")
    checked(call, [d * c for d, c in zip(x.shape, counts, strict=True)], x)
    return ops.tile(x, counts)


def _pad(
    call: Call, x: Value, pads: Value = None, value: Value = None, axes: Value = None
) -> Value:
    rank = len(x.shape)
    widths = call.listed(1, "pads", (x, pads)) or call.get("paddings") or []
    over = call.listed(3, "axes", (x, pads, value, axes)) or list(range(rank))
    pairs = [(0, 0)] * rank
    for i, axis in enumerate(over):
        pairs[axis] = (widths[i], widths[i + len(over)])
    # A negative width cuts off.
    for axis, (lo, hi) in enumerate(pairs):
        if lo < 0 or hi < 0:
            x = sliced(x, axis, max(-lo, 0), x.shape[axis] + min(hi, 0))
    grown = [(max(lo, 0), max(hi, 0)) for lo, hi in pairs]
    checked(call, [d + lo + hi for d, (lo, hi) in zip(x.shape, grown, strict=True)], x)
    mode = call.get("mode", "constant")
    if mode != "constant":
        return _mirrored(x, grown, mode)
    filler = call.get("value", 0.0) if value is None else value
    return padded(x, grown, ops.reshape(ops.cast(filler, dtype(x)), ()))


def padded(x: Value, pairs: Sequence[tuple[int, int]], value: Value) -> Value:
    """A border of one value."""
    for axis, (lo, hi) in enumerate(pairs):
        if not lo and not hi:
            continue
        parts = []
        for width in (lo, hi):
            shape = (*x.shape[:axis], width, *x.shape[axis + 1 :])
            parts.append(ops.broadcast_to(value, shape))
        x = ops.concatenate([parts[0], x, parts[1]], axis=axis)
    return x


def _mirrored(x: Value, pairs: Sequence[tuple[int, int]], mode: str) -> Value:
    """Borders that repeat what lies inside: rows of the array at places worked out here."""
    for axis, (lo, hi) in enumerate(pairs):
        size = x.shape[axis]
        places = _places(size, lo, hi, mode)
        if lo or hi:
            x = ops.take(x, places, axis=axis)
    return x


def _places(size: int, lo: int, hi: int, mode: str) -> np.ndarray[Any, Any]:
    """Which element stands at each place of an axis with its border."""
    line = np.arange(-lo, size + hi)
    if mode == "edge":
        return np.clip(line, 0, size - 1)
    if mode == "wrap":
        return line % size
    turn = max(2 * (size - 1), 1)  # reflect: there and back, without the ends twice
    return size - 1 - np.abs(line % turn - (size - 1))


def _depth_to_space(call: Call, x: Value) -> Value:
    n, c, h, w = x.shape
    b = call.get("blocksize")
    if call.get("mode", "DCR") == "DCR":
        parts, perm = (n, b, b, c // (b * b), h, w), (0, 3, 4, 1, 5, 2)
    else:
        parts, perm = (n, c // (b * b), b, b, h, w), (0, 1, 4, 2, 5, 3)
    moved = ops.transpose(ops.reshape(x, parts), perm)
    return ops.reshape(moved, (n, c // (b * b), h * b, w * b))


def _space_to_depth(call: Call, x: Value) -> Value:
    n, c, h, w = x.shape
    b = call.get("blocksize")
    parts = ops.reshape(x, (n, c, h // b, b, w // b, b))
    perm = (
        (0, 3, 5, 1, 2, 4) if call.get("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    )
    return ops.reshape(ops.transpose(parts, perm), (n, c * b * b, h // b, w // b))


def _eye_like(call: Call, x: Value) -> Value:
    kind = call.get("dtype")
    name = dtype(x) if kind is None else dtype_of(kind, "EyeLike")
    rows, columns = x.shape
    return ops.eye(rows, columns, k=call.get("k", 0), dtype=name)


def _trilu(call: Call, x: Value, k: Value = None) -> Value:
    """The upper or lower triangle: which places stay is known here."""
    shift = 0 if k is None else call.ints(k, "k")[0]
    rows, columns = x.shape[-2:]
    upper = call.get("upper", 1)
    ones = np.ones((rows, columns), bool)
    kept = np.triu(ones, shift) if upper else np.tril(ones, shift)
    return ops.where(kept, x, like(x, 0))


OPERATORS: dict[str, Operator] = {
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "EyeLike": _eye_like,
    "Flatten": _flatten,
    "Pad": _pad,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": _size,
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Trilu": _trilu,
    "Unsqueeze": _unsqueeze,
}
