"""Filled arrays and movement: reshape, transpose, slices, borders, joins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine.graph import Node, Value
from minikeras.export.probing import Varying, at, each
from minikeras.export.rows.elementwise import together
from minikeras.export.writer import Lying, Row, Writer, carried_dtype, has_varying

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


_END = 2**63 - 1
Dim = int | Varying


def _full(w: Writer, node: Node) -> str:
    value = w.probed.static(node, "value")
    dtype = node.static["dtype"]
    if isinstance(value, Varying):
        filler = w.sizes.number(value, dtype)
    else:
        filler = w.constant(np.asarray(value).astype(carried_dtype(dtype)))
    shape = w.probed.static(node, "shape")
    return w.op("Expand", filler, w.sizes.vector(shape)) if shape else filler


def _iota(w: Writer, node: Node) -> str:
    shape = w.probed.static(node, "shape")
    axis = node.static["axis"]
    count = w.op("Squeeze", w.sizes.vector([shape[axis]]), w.ints([0]))
    zero, one = (w.constant(np.asarray(n, np.int64)) for n in (0, 1))
    line = w.cast(w.op("Range", zero, count, one), node.static["dtype"])
    if len(shape) == 1:
        return line
    stood = [1] * len(shape)
    stood[axis] = -1
    return w.op("Expand", w.op("Reshape", line, w.ints(stood)), w.sizes.vector(shape))


def _reshape(w: Writer, node: Node) -> str:
    x = node.inputs[0]
    return w.op("Reshape", _in_order(w, x), _target(w, node))


def _in_order(w: Writer, value: Value) -> str:
    """The name of a value, or what it lies as where only axes of size 1 are elsewhere."""
    named = None if value in w.arrays or value in w.late else w.named(value)
    if isinstance(named, Lying):
        shape = w.probed.shape(value)
        places = [p for p, d in zip(named.perm, shape, strict=True) if d != 1]
        if places == sorted(places):
            return named.name
    return w.name(value)


def _target(w: Writer, node: Node) -> str:
    shape = w.probed.static(node, "shape")
    free = [i for i, d in enumerate(shape) if isinstance(d, Varying)]
    fixed = [d for d in shape if not isinstance(d, Varying)]
    if len(free) == 1 and 0 not in fixed:
        return w.ints([-1 if isinstance(d, Varying) else d for d in shape])
    return w.sizes.vector(shape, node.inputs)


def _transpose(w: Writer, node: Node) -> str | Lying:
    """Nothing moves yet: what comes next may take it as it lies."""
    x, perm = node.inputs[0], tuple(node.static["perm"])
    named = w.named(x) if x not in w.late else w.name(x)
    if isinstance(named, Lying):
        perm = tuple(named.perm[p] for p in perm)
        named = named.name
    return named if perm == tuple(range(len(perm))) else Lying(named, perm)


def _broadcast_to(w: Writer, node: Node) -> str:
    shape = w.probed.static(node, "shape")
    return w.op("Expand", w.name(node.inputs[0]), w.sizes.vector(shape, node.inputs))


def _places(w: Writer, value: Value) -> tuple[str, tuple[int, ...] | None]:
    """A value as it lies, and where its axes are."""
    if value not in w.arrays and value not in w.late:
        named = w.named(value)
        if isinstance(named, Lying):
            return named.name, named.perm
    return w.name(value), None


def _result(name: str, perm: tuple[int, ...] | None) -> str | Lying:
    return name if perm is None else Lying(name, perm)


def _slice(w: Writer, node: Node) -> str | Lying:
    x = node.inputs[0]
    shape = w.probed.shape(x)
    starts, stops = w.probed.static(node, "starts"), w.probed.static(node, "stops")
    steps = node.static["steps"]
    axes = [
        i
        for i, (a, b, s) in enumerate(zip(starts, stops, steps, strict=True))
        if not (a == 0 and b == shape[i] and s == 1)
    ]
    name, perm = _places(w, x)
    if not axes:
        return _result(name, perm)
    ends = [_stop(stops[i], shape[i], steps[i]) for i in axes]
    made = w.op(
        "Slice",
        name,
        w.sizes.vector([starts[i] for i in axes], node.inputs),
        w.sizes.vector(ends, node.inputs),
        w.ints([i if perm is None else perm[i] for i in axes]),
        w.ints([steps[i] for i in axes]),
    )
    return _result(made, perm)


def _stop(stop: ArrayLike, size: object, step: int) -> Any:
    if step < 0:
        return -_END if stop == -1 else stop
    return _END if stop == size else stop


def _flip(w: Writer, node: Node) -> str | Lying:
    name, perm = _places(w, node.inputs[0])
    axes = [a if perm is None else perm[a] for a in node.static["axes"]]
    count = len(axes)
    made = w.op(
        "Slice", name, w.ints([-1] * count), w.ints([-_END] * count), w.ints(axes),
        w.ints([-1] * count),
    )  # fmt: skip
    return _result(made, perm)


def _pad(w: Writer, node: Node) -> str | Lying:
    x, value = node.inputs
    widths = w.probed.static(node, "widths")
    axes = [i for i, pair in enumerate(widths) if pair != (0, 0)]
    name, perm = _places(w, x)
    if has_varying(widths):
        # By all axes: ONNX Runtime mistakes a few where it moves a Transpose past them.
        rank = len(x.aval.shape)
        here = list(range(rank)) if perm is None else list(np.argsort(perm))
        sizes = [widths[i][side] for side in (0, 1) for i in here]
        named = w.op("Pad", name, w.sizes.vector(sizes, node.inputs), w.name(value))
        return _result(named, perm)
    sizes = [widths[i][0] for i in axes] + [widths[i][1] for i in axes]
    made = w.op(
        "Pad", name, w.ints(sizes), w.name(value),
        w.ints([i if perm is None else perm[i] for i in axes]),
    )  # fmt: skip
    return _result(made, perm)


def _concat(w: Writer, node: Node) -> str | Lying:
    axis = node.static["axis"]
    values = list(node.inputs)
    names, perm = together(w, values, len(values[0].aval.shape))
    made = w.op("Concat", *names, axis=axis if perm is None else perm[axis])
    return _result(made, perm)


def _pad_strided(w: Writer, node: Node) -> str:
    """Zeros with `g` at start, start + step, ...: gaps by an axis of its own, then borders."""
    g = node.inputs[0]
    name, zero = w.name(g), w.like(g, 0)
    statics = [w.probed.static(node, key) for key in ("shape", "starts", "steps")]
    for axis, (count, *wanted) in enumerate(
        zip(w.probed.shape(g), *statics, strict=True)
    ):
        name = _spread(w, name, (axis, len(statics[0])), count, wanted, zero)
    return name


def _spread(
    w: Writer, name: str, place: tuple[int, int], count: Dim, wanted: Sequence[Dim], zero: str
) -> str:  # fmt: skip
    """One axis of `_pad_strided`: `count` elements at start, start + step, ... of `size`."""
    (axis, rank), (size, start, step) = place, wanted
    if at(step, 0) < 0:
        back, end = w.ints([-1]), w.ints([-_END])
        name = w.op("Slice", name, back, end, w.ints([axis]), back)
        start = each(lambda first, by, n: first + by * (n - 1), start, step, count)
        step = each(lambda by: -by, step)
    if step != 1:
        # [g 0 0 g 0 0 g 0 0]: what the last gap has too much the border takes off.
        name = w.op("Unsqueeze", name, w.ints([axis + 1]))
        gap = w.sizes.vector([0, each(lambda by: by - 1, step)])
        name = w.op("Pad", name, gap, zero, w.ints([axis + 1]))
        sizes = [i + (i > axis) for i in range(rank)]
        parts = [
            w.ints([-1]) if i == axis else w.op("Shape", name, start=i, end=i + 1)
            for i in sizes
        ]
        target = parts[0] if rank == 1 else w.op("Concat", *parts, axis=0)
        name = w.op("Reshape", name, target)
    after = each(lambda n, first, m, by: n - first - m * by, size, start, count, step)
    if start != 0 or after != 0:
        borders = w.sizes.vector([start, after])
        name = w.op("Pad", name, borders, zero, w.ints([axis]))
    return name


ROWS: dict[str, Row] = {
    "full": _full,
    "iota": _iota,
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast_to": _broadcast_to,
    "slice": _slice,
    "flip": _flip,
    "pad": _pad,
    "concat": _concat,
    "pad_strided": _pad_strided,
}
