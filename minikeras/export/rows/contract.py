"""Products, convolutions and poolings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras.engine.dtypes import is_float
from minikeras.engine.graph import Node, Value
from minikeras.export.errors import ExportError
from minikeras.export.folding import emit
from minikeras.export.probing import TURNS, at, reaches_of
from minikeras.export.writer import Contraction, Lying, Row, Writer, carried_dtype


def _first(rank: int) -> tuple[int, ...]:
    """(batch, *spatial, channels) -> (batch, channels, *spatial)."""
    return (0, rank - 1, *range(1, rank - 1))


def _last(rank: int) -> tuple[int, ...]:
    """How a channels-first array lies, seen from ours."""
    return (0, *range(2, rank), 1)


def _matmul(w: Writer, node: Node) -> str:
    names = []
    for value, key in zip(node.inputs, ("transpose_a", "transpose_b"), strict=True):
        rank = len(value.aval.shape)
        swapped = (*range(rank - 2), rank - 1, rank - 2)
        turned = node.static.get(key, False)
        names.append(w.lying(value, swapped) if turned else w.name(value))
    return w.op("MatMul", *names)


def _padding(pads: Sequence[Any]) -> list[int]:
    return [lo for lo, _ in pads] + [hi for _, hi in pads]


def _padded(
    w: Writer, node: Node, x: str, filler: float = 0
) -> tuple[str, dict[str, Any]]:
    """The input of a window, and the attribute that says its padding."""
    found = w.probed.padding(node)
    if found is not None:
        return x, {"pads": _padding(found)}
    reaches, strides = reaches_of(node), node.static["strides"]
    if all(r >= s for r, s in zip(reaches, strides)):
        return x, {"auto_pad": "SAME_UPPER"}
    # ONNX Runtime takes off what no window reaches, or refuses to.
    size = w.op("Slice", w.op("Shape", x), w.ints([2]), w.ints([2**31]), w.ints([0]))
    step, one = w.ints(strides), w.ints([1])
    count = w.op("Div", w.op("Add", size, w.ints([s - 1 for s in strides])), step)
    last = w.op("Mul", w.op("Sub", count, one), step)
    end = w.op("Sub", w.op("Add", last, w.ints(reaches)), size)
    total = w.op("Max", end, w.ints([0]))
    before = w.op("Div", total, w.ints([2]))
    none, after = w.ints([0, 0]), w.op("Sub", total, before)
    widths = w.op("Concat", none, before, none, after, axis=0)
    return w.op("Pad", x, widths, w.like(node.inputs[0], filler)), {}


def _attributes(w: Writer, node: Node) -> dict[str, Any]:
    return {
        "strides": list(node.static["strides"]),
        "dilations": list(node.static["dilation"]),
        "group": node.static["groups"],
    }


def _kernel(
    w: Writer, value: Value, perm: tuple[int, ...]
) -> str | np.ndarray[Any, Any]:
    array = w.arrays.get(value)
    return w.lying(value, perm) if array is None else w.moved(array, perm)


def _written(
    w: Writer, node: Node, kind: str, kernel: Any, attributes: dict[str, Any], out: int
) -> Lying:
    rank = len(node.outputs[0].aval.shape)
    x = w.lying(node.inputs[0], _first(rank))
    if kind == "Conv":
        x, padding = _padded(w, node, x)
        attributes = {**padding, **attributes}
    if isinstance(kernel, str):
        return Lying(w.op(kind, x, kernel, **attributes), _last(rank))
    label = w.label_of(kernel)
    made = Contraction(kind, x, kernel, None, out, attributes, label)
    return emit(w, made, _last(rank))


def _conv(w: Writer, node: Node) -> Lying:
    kernel = node.inputs[1]
    rank = len(kernel.aval.shape)
    perm = (rank - 1, rank - 2, *range(rank - 2))
    return _written(w, node, "Conv", _kernel(w, kernel, perm), _attributes(w, node), 0)


def _conv_transpose(w: Writer, node: Node) -> Lying:
    kernel = node.inputs[1]
    rank = len(kernel.aval.shape)
    perm = (rank - 1, rank - 2, *range(rank - 2))
    attributes = _attributes(w, node)
    attributes["pads"] = _padding(node.static["padding"])
    wanted = w.probed.static(node, "input_shape")
    given = w.probed.shape(node.inputs[0])
    extra = []
    for axis in range(rank - 2):
        size = kernel.aval.shape[axis]
        lo, hi = node.static["padding"][axis]
        reach = node.static["dilation"][axis] * (size - 1) + 1
        step = node.static["strides"][axis]
        gaps = {
            at(wanted[axis + 1], t)
            - (step * (at(given[axis + 1], t) - 1) + reach - lo - hi)
            for t in range(TURNS)
        }
        if len(gaps) != 1:
            raise ExportError(
                f"export to ONNX: the result of layer {node.source!r} has a size that no "
                "ConvTranspose gives for every free size. Fix the sizes by input_signature."
            )
        extra.append(gaps.pop())
    # What the output has beyond the last window is cut off or filled by the end's padding.
    pads = attributes["pads"]
    for axis, gap in enumerate(extra):
        if (
            not 0
            <= gap
            < max(node.static["strides"][axis], node.static["dilation"][axis])
        ):
            pads[rank - 2 + axis] -= gap
            extra[axis] = 0
    return _written(
        w, node, "ConvTranspose", _kernel(w, kernel, perm),
        {**attributes, "output_padding": extra}, 1,
    )  # fmt: skip


def _pool(kind: str, w: Writer, node: Node, filler: float = 0, **more: object) -> Lying:
    rank = len(node.outputs[0].aval.shape)
    x = node.inputs[0]
    name, padding = _padded(w, node, w.lying(x, _first(rank)), filler)
    name = w.op(
        kind,
        name,
        kernel_shape=list(node.static["window"]),
        strides=list(node.static["strides"]),
        **padding,
        **more,
    )
    return Lying(name, _last(rank))


def _max_pool(w: Writer, node: Node) -> Lying:
    dtype = carried_dtype(node.inputs[0].aval.dtype)
    lowest = -math.inf if is_float(dtype.name) else int(np.iinfo(dtype).min)
    return _pool("MaxPool", w, node, lowest)


def _sum_pool(w: Writer, node: Node) -> Lying:
    """ONNX has means only; a division by the window's size then takes the mean itself."""
    mean = _pool("AveragePool", w, node, count_include_pad=1)
    area = float(math.prod(node.static["window"]))
    total = w.op("Mul", mean.name, w.like(node.inputs[0], area))
    w.scaled[total] = (mean.name, area)
    return Lying(total, mean.perm)


ROWS: dict[str, Row] = {
    "matmul": _matmul,
    "conv": _conv,
    "conv_input_grad": _conv_transpose,
    "max_pool": _max_pool,
    "sum_pool": _sum_pool,
}
