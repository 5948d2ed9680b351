"""Windows of layers, and what a unit's window on the input is."""

from __future__ import annotations

import math
from typing import Any

from minikeras.engine.graph import Node

Json = Any

_WINDOWED = ("conv", "conv_input_grad", "max_pool", "sum_pool")


def geometry(operation: Any, kind: str, nodes: list[Node]) -> Json | None:
    """The window of a layer: what its node in the graph says.

    Args:
        operation: The layer.
        kind: Its kind.
        nodes: The nodes that its call made.
    """
    if kind not in ("conv", "depthwise", "separable", "transposed", "pool"):
        return None
    node = next((n for n in nodes if n.prim.name in _WINDOWED), None)
    if node is None:  # a window of one place needs no convolution
        return None
    static = node.static
    pools = kind == "pool"
    kernel = static["window"] if pools else node.inputs[1].aval.shape[:-2]
    padding = [list(p) for p in static["padding"]]
    if getattr(operation, "padding", None) == "causal":  # a node of its own pads
        padding = [[operation.dilation_rate[0] * (kernel[0] - 1), 0]]
    if kind == "transposed":
        padding = _cut_off(node, nodes)
    return {
        "kernel": list(kernel),
        "strides": list(static["strides"]),
        "padding": padding,
        "dilation": list(static.get("dilation", (1,) * len(kernel))),
        "groups": operation.groups if kind == "conv" else 1,
        "depthMultiplier": getattr(operation, "depth_multiplier", 1),
        "pool": None
        if not pools
        else "max"
        if node.prim.name == "max_pool"
        else "average",
    }


def _cut_off(node: Node, nodes: list[Node]) -> list[list[int]]:
    """What is cut off the whole result of a transposed convolution."""
    (whole,) = node.outputs
    for n in nodes:
        if n.prim.name == "slice" and n.inputs[0] is whole:
            ends = zip(
                whole.aval.shape, n.static["starts"], n.static["stops"], strict=True
            )
            return [[a, d - b] for d, a, b in ends][1:-1]
    return [[0, 0] for _ in whole.aval.shape[1:-1]]


def flops(nodes: list[Node]) -> int:
    """Additions, multiplications and functions in these nodes; moving is free."""
    return sum(_flops(node) for node in nodes)


def _flops(node: Node) -> int:
    name, size = node.prim.name, sum(v.aval.size for v in node.outputs)
    inputs = [v.aval for v in node.inputs]
    if name == "matmul":
        inner = inputs[0].shape[-2 if node.static.get("transpose_a") else -1]
        return 2 * size * int(inner)
    if name == "conv":
        return 2 * size * math.prod(inputs[1].shape[:-1])
    if name == "conv_input_grad":
        return 2 * inputs[0].size * math.prod(inputs[1].shape[:-1])
    if name in ("max_pool", "sum_pool"):
        return size * math.prod(node.static["window"])
    if name in ("lstm", "gru", "simple_rnn"):
        batch, time, gates = inputs[0].shape
        units = node.outputs[0].aval.shape[-1]
        return int(batch * time * gates * (2 * units + 4))
    if name == "scan":
        return int(node.static["length"]) * flops(node.static["body"].nodes)
    if name in ("softmax", "log_softmax", "variance"):
        return 4 * inputs[0].size
    if node.prim.kind == "reduce":
        return inputs[0].size
    if node.prim.kind == "elementwise" or name == "relu":
        return 0 if name in ("cast", "stop_gradient") else size
    return 0


def receptive(
    kind: str,
    view: Json,
    window: Json | None,
    given: list[Json | None],
    places: list[int],
) -> Json | None:
    """A unit's window on the input, of a layer on layers that have such windows.

    Araujo, Norris and Sim, Computing receptive fields of convolutional neural networks
    (2019), equations 2 to 4.

    Args:
        kind: The layer's kind.
        view: How its values are drawn.
        window: Its geometry.
        given: The windows of what it is given; None for what has none.
        places: Sizes of the spatial axes of what it is given.

    Returns:
        None where what units see is no such window.
    """
    before = _around(given)
    if before is None or view["kind"] not in ("maps", "sequence", "plane"):
        return None
    if window is None:
        same = ("activation", "normalization", "dropout", "merge")
        return before if kind in same else None
    if kind == "transposed" or len(window["kernel"]) != len(places):
        return None
    size, stride, start = [], [], []
    for i, (k, s, (pad, _), d) in enumerate(
        zip(window["kernel"], window["strides"], window["padding"], window["dilation"])
    ):
        jump = before["stride"][i]
        size.append(before["size"][i] + (k - 1) * d * jump)
        stride.append(jump * s)
        start.append(before["start"][i] - pad * jump)
    return {"size": size, "stride": stride, "start": start}


def _around(given: list[Json | None]) -> Json | None:
    """The window around several that move alike."""
    windows = [w for w in given if w is not None]
    if not windows or len(windows) < len(given):
        return None
    first = windows[0]
    if any(w["stride"] != first["stride"] for w in windows):
        return None
    axes = range(len(first["size"]))
    start = [min(w["start"][i] for w in windows) for i in axes]
    end = [max(w["start"][i] + w["size"][i] for w in windows) for i in axes]
    size = [b - a for a, b in zip(start, end, strict=True)]
    return {"size": size, "stride": first["stride"], "start": start}
