"""Recurrent layers over whole sequences.

Our rows get their inputs projected already, `x = inputs @ kernel + bias`; ONNX's LSTM, GRU
and RNN take inputs and kernel. Where `x` was made so, they are given; where it was not, or
a mask tells which steps are real, a Scan does the steps one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minikeras.engine import prims
from minikeras.engine.graph import Node, Value
from minikeras.export.rows.control import declared, inside
from minikeras.export.writer import Lying, Row, Writer

Array = np.ndarray[Any, Any]
_TIME_FIRST = (1, 0, 2)


class _Projection(NamedTuple):
    """`x = inputs @ kernel + bias`."""

    inputs: Value
    kernel: Array
    bias: Array


def _projection(w: Writer, x: Value) -> _Projection | None:
    made = w.made.get(x)
    bias = None
    if made is not None and made.prim is prims.add:
        bias = w.arrays.get(made.inputs[1])
        made = w.made.get(made.inputs[0]) if bias is not None else None
    if made is None or made.prim is not prims.matmul:
        return None
    kernel = w.arrays.get(made.inputs[1])
    turned = made.static.get("transpose_a") or made.static.get("transpose_b")
    if (
        kernel is None
        or kernel.ndim != 2
        or turned
        or len(made.inputs[0].aval.shape) != 3
    ):
        return None
    if bias is None:
        bias = np.zeros(kernel.shape[1], kernel.dtype)
    return _Projection(made.inputs[0], kernel, bias.reshape(-1))


def _gates(array: Array, order: Sequence[int], units: int) -> Array:
    """(..., gates * units) with the gates in another order, transposed: (gates * units, ...)."""
    parts = [array[..., g * units : (g + 1) * units] for g in order]
    return np.ascontiguousarray(np.concatenate(parts, axis=-1).T)


def _whole(
    w: Writer, node: Node, kind: str, order: Sequence[int], recurrent_bias: Array | None,
    states: Sequence[Value], kernel: Value, n_outputs: int, **attributes: object,
) -> Sequence[str] | None:  # fmt: skip
    """ONNX's own layer, if the input's projection is known: [Y, Y_h, ...]."""
    found = _projection(w, node.inputs[0])
    recurrent = w.arrays.get(kernel)
    if found is None or recurrent is None or len(node.inputs) > _without_mask(node):
        return None
    units = recurrent.shape[0]
    extra = np.zeros_like(found.bias) if recurrent_bias is None else recurrent_bias
    bias = np.concatenate(
        [_gates(found.bias, order, units), _gates(extra.reshape(-1), order, units)]
    )
    return w.ops(
        kind,
        w.lying(found.inputs, _TIME_FIRST),
        w.constant(_gates(found.kernel, order, units)[None]),
        w.constant(_gates(recurrent, order, units)[None]),
        w.constant(bias[None]),
        "",
        *[w.op("Unsqueeze", w.name(s), w.ints([0])) for s in states],
        outputs=n_outputs,
        direction="reverse" if node.static["reverse"] else "forward",
        hidden_size=units,
        **attributes,
    )


def _without_mask(node: Node) -> int:
    return {"lstm": 4, "gru": 4, "simple_rnn": 3}[node.prim.name]


def _sequence(w: Writer, node: Node, y: str) -> Lying:
    """Y (time, 1, batch, units) as our states, in the order in which they were computed."""
    flat = w.op("Squeeze", y, w.ints([1]))
    if node.static["reverse"]:
        flat = w.op(
            "Slice",
            flat,
            w.ints([-1]),
            w.ints([-(2**63 - 1)]),
            w.ints([0]),
            w.ints([-1]),
        )
    return Lying(flat, _TIME_FIRST)


def _lstm(w: Writer, node: Node) -> Sequence[str | Lying]:
    _, h0, c0, kernel = node.inputs[:4]
    made = _whole(w, node, "LSTM", (0, 3, 1, 2), None, (h0, c0), kernel, 3)
    if made is not None:
        return _sequence(w, node, made[0]), w.op("Squeeze", made[2], w.ints([0]))
    states, last = _stepwise(w, node, (h0, c0), _lstm_step)
    return states, last[1]


def _gru(w: Writer, node: Node) -> Sequence[str | Lying]:
    _, h0, kernel, bias = node.inputs[:4]
    known = w.arrays.get(bias)
    if known is not None:
        made = _whole(
            w, node, "GRU", (0, 1, 2), known, (h0,), kernel, 2, linear_before_reset=1
        )
        if made is not None:
            return [_sequence(w, node, made[0])]
    return [_stepwise(w, node, (h0,), _gru_step)[0]]


def _simple_rnn(w: Writer, node: Node) -> str | Lying:
    _, h0, kernel = node.inputs[:3]
    how = {"tanh": "Tanh", "relu": "Relu", "linear": "Affine"}[
        node.static["activation"]
    ]
    extra = (
        {"activation_alpha": [1.0], "activation_beta": [0.0]} if how == "Affine" else {}
    )
    made = _whole(
        w, node, "RNN", (0,), None, (h0,), kernel, 2, activations=[how], **extra
    )
    if made is not None:
        return _sequence(w, node, made[0])
    return _stepwise(w, node, (h0,), _simple_step)[0]


# --- step by step ---------------------------------------------------------------------------


def _stepwise(
    w: Writer, node: Node, states: Sequence[Value], step: Any
) -> tuple[Lying, Sequence[str]]:
    """A Scan over time: the states after each step, and the last ones."""
    mask = node.inputs[_without_mask(node) :]
    x = node.inputs[0]
    sequences = [w.lying(x, _TIME_FIRST), *[w.lying(m, (1, 0)) for m in mask]]
    start = w.names_of(states)
    rest = w.names_of(node.inputs[1 + len(states) : _without_mask(node)])
    with inside(w) as scope:
        names = [w.fresh("state") for _ in states]
        inputs = [declared(w, v, n) for v, n in zip(states, names, strict=True)]
        now = [w.fresh("now") for _ in sequences]
        kinds = [inputs[0].type.tensor_type.elem_type, w.helper.TensorProto.BOOL]
        inputs += [
            w.helper.make_tensor_value_info(n, kind, [None] * (2 - i))
            for i, (n, kind) in enumerate(zip(now, kinds, strict=False))
        ]
        after = step(w, node, now[0], names, rest)
        if mask:
            real = w.op("Unsqueeze", now[1], w.ints([1]))
            after = [
                w.op("Where", real, a, b) for a, b in zip(after, names, strict=True)
            ]
        outputs = []
        for value, name in zip((*states, states[0]), (*after, after[0]), strict=True):
            out = w.fresh("out")
            scope.nodes.append(w.helper.make_node("Identity", [name], [out]))
            outputs.append(declared(w, value, out))
        graph = w.helper.make_graph(scope.nodes, "step", inputs, outputs)
    made = w.ops(
        "Scan", *start, *sequences, outputs=len(states) + 1, body=graph,
        num_scan_inputs=len(sequences),
        scan_input_directions=[int(node.static["reverse"])] * len(sequences),
    )  # fmt: skip
    return Lying(made[-1], _TIME_FIRST), made[:-1]


def _split(w: Writer, name: str, count: int) -> tuple[str, ...]:
    return w.ops("Split", name, outputs=count, axis=1, num_outputs=count)


def _lstm_step(
    w: Writer, node: Node, x: str, states: Sequence[str], rest: Sequence[str]
) -> list[str]:
    h, c = states
    gates = w.op("Add", x, w.op("MatMul", h, rest[0]))
    i, f, n, o = _split(w, gates, 4)
    kept = w.op("Mul", w.op("Sigmoid", f), c)
    new = w.op("Mul", w.op("Sigmoid", i), w.op("Tanh", n))
    cell = w.op("Add", kept, new)
    return [w.op("Mul", w.op("Sigmoid", o), w.op("Tanh", cell)), cell]


def _gru_step(
    w: Writer, node: Node, x: str, states: Sequence[str], rest: Sequence[str]
) -> list[str]:
    (h,) = states
    inner = w.op("Add", w.op("MatMul", h, rest[0]), rest[1])
    xz, xr, xn = _split(w, x, 3)
    hz, hr, hn = _split(w, inner, 3)
    z = w.op("Sigmoid", w.op("Add", xz, hz))
    r = w.op("Sigmoid", w.op("Add", xr, hr))
    n = w.op("Tanh", w.op("Add", xn, w.op("Mul", r, hn)))
    # z h + (1 - z) n
    return [w.op("Add", w.op("Mul", z, w.op("Sub", h, n)), n)]


def _simple_step(
    w: Writer, node: Node, x: str, states: Sequence[str], rest: Sequence[str]
) -> list[str]:
    total = w.op("Add", x, w.op("MatMul", states[0], rest[0]))
    how = {"tanh": "Tanh", "relu": "Relu", "linear": "Identity"}
    return [w.op(how[node.static["activation"]], total)]


ROWS: dict[str, Row] = {"lstm": _lstm, "gru": _gru, "simple_rnn": _simple_rnn}
