"""Products, convolutions and poolings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minikeras.engine.graph import Node, Value
from minikeras.export.errors import ExportError
from minikeras.export.folding import emit
from minikeras.export.probing import Varying
from minikeras.export.writer import Contraction, Lying, Row, Writer


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


def _padding(pads: Any) -> list[int]:
    return [lo for lo, _ in pads] + [hi for _, hi in pads]


def _padded(w: Writer, node: Node) -> dict[str, Any]:
    """The attribute that says a window's padding."""
    found = w.probed.padding(node)
    if found is None:
        return {"auto_pad": "SAME_UPPER"}
    return {"pads": _padding(found)}


def _attributes(w: Writer, node: Node) -> dict[str, Any]:
    return {
        **_padded(w, node),
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
    wanted = w.probed.static(node, "input_shape")
    given = w.probed.shape(node.inputs[0])
    extra = []
    for axis in range(rank - 2):
        size = kernel.aval.shape[axis]
        lo, hi = node.static["padding"][axis]
        reach = node.static["dilation"][axis] * (size - 1) + 1
        step = node.static["strides"][axis]
        gaps = {
            _at(wanted[axis + 1], t)
            - (step * (_at(given[axis + 1], t) - 1) + reach - lo - hi)
            for t in range(3)
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


def _at(dim: int | Varying, turn: int) -> int:
    return int(dim.values[turn]) if isinstance(dim, Varying) else dim


def _pool(kind: str, w: Writer, node: Node, **more: object) -> Lying:
    rank = len(node.outputs[0].aval.shape)
    name = w.op(
        kind,
        w.lying(node.inputs[0], _first(rank)),
        kernel_shape=list(node.static["window"]),
        strides=list(node.static["strides"]),
        **_padded(w, node),
        **more,
    )
    return Lying(name, _last(rank))


def _max_pool(w: Writer, node: Node) -> Lying:
    return _pool("MaxPool", w, node)


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
