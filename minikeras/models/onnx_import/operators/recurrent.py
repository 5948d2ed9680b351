"""LSTM, GRU and RNN over whole sequences.

With the usual activations our own rows do all steps at once; peepholes, clips, other
activations and lengths go step by step through a scan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.models.onnx_import.operators.elementwise import dtype, like
from minikeras.models.onnx_import.values import Call, Operator, Value

Activation = Callable[[Value], Value]
_NAMES: dict[str, Callable[..., Value]] = {
    "sigmoid": lambda x, a, b: ops.sigmoid(x),
    "tanh": lambda x, a, b: ops.tanh(x),
    "relu": lambda x, a, b: ops.relu(x),
    "affine": lambda x, a, b: ops.add(
        ops.multiply(x, like(x, 1.0 if a is None else a)), like(x, 0.0 if b is None else b)
    ),
    "leakyrelu": lambda x, a, b: ops.where(
        ops.less(x, like(x, 0)), ops.multiply(x, like(x, 0.01 if a is None else a)), x
    ),
    "thresholdedrelu": lambda x, a, b: ops.where(
        ops.greater(x, like(x, 1.0 if a is None else a)), x, like(x, 0)
    ),
    "scaledtanh": lambda x, a, b: ops.multiply(
        like(x, a or 1.0), ops.tanh(ops.multiply(like(x, b or 1.0), x))
    ),
    "hardsigmoid": lambda x, a, b: ops.clip(
        ops.add(ops.multiply(x, like(x, 0.2 if a is None else a)),
                like(x, 0.5 if b is None else b)), 0, 1
    ),
    "elu": lambda x, a, b: ops.elu(x, alpha=1.0 if a is None else a),
    "softsign": lambda x, a, b: ops.softsign(x),
    "softplus": lambda x, a, b: ops.softplus(x),
}  # fmt: skip


class _Pass(NamedTuple):
    """One direction: what a step needs."""

    x: Value  # (time, batch, inputs)
    w: Value
    r: Value
    wb: Value
    rb: Value
    peep: Value
    states: list[Value]
    activations: list[Activation]
    mask: Value  # (time, batch, 1) or None


def _activations(
    call: Call, usual: Sequence[str], directions: int
) -> list[list[Activation]]:
    names = call.get("activations") or [*usual] * directions
    alphas = iter(call.get("activation_alpha") or [])
    betas = iter(call.get("activation_beta") or [])
    takes_alpha = (
        "affine",
        "leakyrelu",
        "thresholdedrelu",
        "scaledtanh",
        "hardsigmoid",
        "elu",
    )
    takes_beta = ("affine", "scaledtanh", "hardsigmoid")
    made: list[Activation] = []
    for name in (n.lower() for n in names):
        if name not in _NAMES:
            raise call.fail(
                f"activation {name!r}; expected one of {', '.join(_NAMES)}."
            )
        a = next(alphas, None) if name in takes_alpha else None
        b = next(betas, None) if name in takes_beta else None
        made.append(partial(_NAMES[name], a=a, b=b))
    count = len(usual)
    return [made[i * count : (i + 1) * count] for i in range(directions)]


def _recurrent(
    step: Callable[..., list[Value]], gates: int, usual: Sequence[str], n_states: int
) -> Operator:
    def operator(
        call: Call, x: Value, w: Value, r: Value, b: Value = None, lengths: Value = None,
        h0: Value = None, c0: Value = None, p: Value = None,
    ) -> list[Value]:  # fmt: skip
        batch_first = call.get("layout", 0)
        x = ops.swapaxes(x, 0, 1) if batch_first else x
        steps, batch = x.shape[:2]
        units = r.shape[-1]
        way = call.get("direction", "forward")
        count = 2 if way == "bidirectional" else 1
        if count != w.shape[0]:
            raise call.fail(f"direction is {way!r} and W has {w.shape[0]} of them.")
        activations = _activations(call, usual, count)
        mask = None
        if lengths is not None:
            line = np.arange(steps).reshape(-1, 1, 1)
            mask = ops.less(line, ops.reshape(ops.cast(lengths, "int32"), (1, -1, 1)))
        given = [h0, c0][:n_states]
        given = [
            s if s is None or not batch_first else ops.swapaxes(s, 0, 1) for s in given
        ]
        sequences, finals = [], []
        for d in range(count):
            zero = ops.zeros((batch, units), dtype(x))
            one = _Pass(
                x, w[d], r[d],
                ops.zeros((gates * units,), dtype(x)) if b is None else b[d][: gates * units],
                ops.zeros((gates * units,), dtype(x)) if b is None else b[d][gates * units :],
                None if p is None else p[d],
                [zero if s is None else s[d] for s in given],
                activations[d], mask,
            )  # fmt: skip
            backwards = way == "reverse" or d == 1
            states, last = _run(call, step, one, backwards)
            sequences.append(states)
            finals.append(last)
        y = ops.stack(sequences, axis=1)  # (time, directions, batch, units)
        ends = [ops.stack([f[i] for f in finals], axis=0) for i in range(n_states)]
        if batch_first:
            y = ops.transpose(y, (2, 0, 1, 3))
            ends = [ops.swapaxes(e, 0, 1) for e in ends]
        return [y, *ends]

    return operator


def _run(
    call: Call, step: Callable[..., list[Value]], one: _Pass, backwards: bool
) -> tuple[Value, list[Value]]:
    """The states after each step, in the order of time, and the last ones."""
    projected = ops.add(ops.matmul(one.x, ops.transpose(one.w)), one.wb)

    def body(states: list[Value], now: Tensor) -> tuple[list[Value], Value]:
        x, real = now if one.mask is not None else (now, None)
        after = step(call, one, x, states)
        out = after[0]
        if real is not None:
            out = ops.where(real, out, like(out, 0))
            after = [ops.where(real, a, s) for a, s in zip(after, states, strict=True)]
        return after, out

    xs = projected if one.mask is None else (projected, one.mask)
    last, ys = ops.scan(body, list(one.states), xs, reverse=backwards)
    return ys, list(last)


def _clipped(call: Call, x: Value) -> Value:
    bound = call.get("clip")
    return x if not bound else ops.clip(x, -bound, bound)


def _parts(x: Value, count: int) -> list[Value]:
    units = x.shape[-1] // count
    return [x[..., i * units : (i + 1) * units] for i in range(count)]


def _lstm_step(call: Call, one: _Pass, x: Value, states: list[Value]) -> list[Value]:
    """Gates i, o, f, c (Hochreiter and Schmidhuber 1997; peepholes of Gers et al. 2002)."""
    h, c = states
    f, g, out = one.activations
    total = ops.add(x, ops.add(ops.matmul(h, ops.transpose(one.r)), one.rb))
    gi, go, gf, gc = _parts(total, 4)
    pi = po = pf = None
    if one.peep is not None:
        pi, po, pf = _parts(one.peep, 3)
        gi, gf = ops.add(gi, ops.multiply(pi, c)), ops.add(gf, ops.multiply(pf, c))
    i = f(_clipped(call, gi))
    kept = ops.subtract(1, i) if call.get("input_forget", 0) else f(_clipped(call, gf))
    cell = ops.add(ops.multiply(kept, c), ops.multiply(i, g(_clipped(call, gc))))
    if po is not None:
        go = ops.add(go, ops.multiply(po, cell))
    return [ops.multiply(f(_clipped(call, go)), out(cell)), cell]


def _gru_step(call: Call, one: _Pass, x: Value, states: list[Value]) -> list[Value]:
    """Gates z, r, h (Cho et al. 2014), the reset gate before or behind the product."""
    (h,) = states
    f, g = one.activations
    units = h.shape[-1]
    xz, xr, xh = _parts(x, 3)
    two, last = one.r[: 2 * units], one.r[2 * units :]
    hz, hr = _parts(ops.add(ops.matmul(h, ops.transpose(two)), one.rb[: 2 * units]), 2)
    z = f(_clipped(call, ops.add(xz, hz)))
    r = f(_clipped(call, ops.add(xr, hr)))
    bias = one.rb[2 * units :]
    if call.get("linear_before_reset", 0):
        inner = ops.multiply(r, ops.add(ops.matmul(h, ops.transpose(last)), bias))
    else:
        inner = ops.add(ops.matmul(ops.multiply(r, h), ops.transpose(last)), bias)
    new = g(_clipped(call, ops.add(xh, inner)))
    return [ops.add(ops.multiply(ops.subtract(1, z), new), ops.multiply(z, h))]


def _rnn_step(call: Call, one: _Pass, x: Value, states: list[Value]) -> list[Value]:
    (h,) = states
    total = ops.add(x, ops.add(ops.matmul(h, ops.transpose(one.r)), one.rb))
    return [one.activations[0](_clipped(call, total))]


OPERATORS: dict[str, Operator] = {
    "GRU": _recurrent(_gru_step, 3, ("sigmoid", "tanh"), 1),
    "LSTM": _recurrent(_lstm_step, 4, ("sigmoid", "tanh", "tanh"), 2),
    "RNN": _recurrent(_rnn_step, 1, ("tanh",), 1),
}
