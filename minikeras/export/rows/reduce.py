"""Reductions, scans and sorting; softmax along an axis."""

from __future__ import annotations

import numpy as np

from minikeras.engine.graph import Node
from minikeras.export.writer import Lying, Row, Writer


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
    "sort": _ordered(0),
    "argsort": _ordered(1),
    "softmax": _softmax("Softmax"),
    "log_softmax": _softmax("LogSoftmax"),
}
