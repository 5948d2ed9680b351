"""Reductions, scans and sorting; softmax along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine.graph import Node
from minikeras.export.writer import Lying, Row, Writer, carried_dtype


def reduced(w: Writer, node: Node, kind: str) -> str | Lying:
    """A reduction over the axes of `node`, as its input lies."""
    x = node.inputs[0]
    axes, keep = node.static["axes"], node.static["keepdims"]
    named = w.name(x) if x in w.arrays or x in w.late else w.named(x)
    perm = named.perm if isinstance(named, Lying) else tuple(range(len(x.aval.shape)))
    name = named.name if isinstance(named, Lying) else named
    made = name
    if axes:
        over = w.ints(sorted(perm[a] for a in axes))
        made = w.op(kind, name, over, keepdims=int(keep))
    if not keep:
        left = [p for i, p in enumerate(perm) if i not in axes]
        perm = tuple(sorted(left).index(p) for p in left)
    return made if perm == tuple(range(len(perm))) else Lying(made, perm)


def _reduction(kind: str) -> Row:
    return lambda w, node: reduced(w, node, kind)


def _logical(kind: str) -> Row:
    """`any` and `all` as the extremum of 0 and 1."""

    def row(w: Writer, node: Node) -> str:
        numbers = w.cast(w.name(node.inputs[0]), "int32")
        axes = w.ints(node.static["axes"])
        made = w.op(kind, numbers, axes, keepdims=int(node.static["keepdims"]))
        return w.cast(made if node.static["axes"] else numbers, "bool")

    return row


def _arg(kind: str) -> Row:
    def row(w: Writer, node: Node) -> str:
        name = w.name(node.inputs[0])
        if node.inputs[0].aval.dtype == "bool":
            name = w.cast(name, "int32")
        return w.cast(w.op(kind, name, axis=node.static["axis"], keepdims=0), "int32")

    return row


def _cumsum(w: Writer, node: Node) -> str:
    axis = w.constant(np.asarray(node.static["axis"], np.int64))
    reverse = int(node.static.get("reverse", False))
    return w.op("CumSum", w.name(node.inputs[0]), axis, reverse=reverse)


def _cumprod(w: Writer, node: Node) -> str:
    """ONNX has sums only: a loop along the axis."""
    x, axis = node.inputs[0], node.static["axis"]
    way = int(node.static.get("reverse", False))
    shape = [d for i, d in enumerate(w.probed.shape(x)) if i != axis]
    ones = w.like(x, 1)
    if shape:
        ones = w.op("Expand", ones, w.sizes.vector(shape, [x]))
    name, helper = w.name(x), w.helper
    kind = int(helper.np_dtype_to_tensor_dtype(np.dtype(carried_dtype(x.aval.dtype))))
    sizes = [d if isinstance(d, int) else None for d in shape]

    def info(label: str) -> Any:
        return helper.make_tensor_value_info(label, kind, sizes)

    labels = [w.fresh(hint) for hint in ("so_far", "factor", "product", "kept")]
    before, factor, product, kept = labels
    body = helper.make_graph(
        [
            helper.make_node("Mul", [before, factor], [product]),
            helper.make_node("Identity", [product], [kept]),
        ],
        "body",
        [info(before), info(factor)],
        [info(product), info(kept)],
    )
    return w.ops(
        "Scan", ones, name, outputs=2, body=body, num_scan_inputs=1,
        scan_input_axes=[axis], scan_output_axes=[axis],
        scan_input_directions=[way], scan_output_directions=[way],
    )[1]  # fmt: skip


def _ordered(output: int) -> Row:
    def row(w: Writer, node: Node) -> str:
        x, axis = node.inputs[0], node.static["axis"]
        count = w.sizes.vector([w.probed.shape(x)[axis]], [x])
        parts = w.ops(
            "TopK", w.name(x), count, outputs=2, axis=axis, largest=0, sorted=1
        )
        return parts[0] if output == 0 else w.cast(parts[1], "int32")

    return row


def _softmax(kind: str) -> Row:
    def row(w: Writer, node: Node) -> str | Lying:
        x, axis = node.inputs[0], node.static["axis"]
        named = w.name(x) if x in w.arrays or x in w.late else w.named(x)
        if isinstance(named, Lying):
            made = w.op(kind, named.name, axis=named.perm[axis])
            return Lying(made, named.perm)
        return w.op(kind, named, axis=axis)

    return row


ROWS: dict[str, Row] = {
    "sum": _reduction("ReduceSum"),
    "prod": _reduction("ReduceProd"),
    "max": _reduction("ReduceMax"),
    "min": _reduction("ReduceMin"),
    "any": _logical("ReduceMax"),
    "all": _logical("ReduceMin"),
    "argmax": _arg("ArgMax"),
    "argmin": _arg("ArgMin"),
    "cumsum": _cumsum,
    "cumprod": _cumprod,
    "sort": _ordered(0),
    "argsort": _ordered(1),
    "softmax": _softmax("Softmax"),
    "log_softmax": _softmax("LogSoftmax"),
}
