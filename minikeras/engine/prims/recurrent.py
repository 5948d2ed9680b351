"""Recurrent rows: a whole sequence in one call.

`x` is (batch, time, gates * units), the input already projected and its bias added.
With `reverse` the walk starts at the last time step, and `hs` lies in the order in
which states were computed, while gradients of `x` lie as `x` does. An optional last
argument `mask`, bool (batch, time), tells the real steps: at the others the state
stays, so `hs` repeats it, and what is saved for the gradient is 0.

    lstm        i, f, c, o = x + h w;   c' = logistic(f) c + logistic(i) tanh(c);
                h' = logistic(o) tanh(c')
    gru         z, r, n = h w + b;   z' = logistic(x_z + z); r' = logistic(x_r + r);
                n' = tanh(x_h + r' n);   h' = z' h + (1 - z') n'
    simple_rnn  h' = activation(x + h w)

States `hs` are (batch, time, units). What is saved for the gradient lies time first,
(time, batch, ...): cell states and gates of `lstm`, [z', r', n, n'] of `gru`. `lstm`
gives its last cell state too. The gradient rows have their compositions, step by step
(see `unrolled`), for derivatives of second order only.

Reference: Hochreiter and Schmidhuber, "Long short-term memory" (1997); Gers et al.,
"Learning to forget" (2000); Cho et al., "Learning phrase representations using RNN
encoder-decoder" (2014), with the recurrent bias inside the reset gate's product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.primitive import Context, primitive
from minikeras.engine.prims import unrolled
from minikeras.engine.prims.contract import matmul
from minikeras.engine.prims.create import zeros
from minikeras.engine.prims.helpers import (
    Grads,
    agree,
    check_dtype,
    check_same_dtype,
    check_shape,
)
from minikeras.engine.prims.movement import concat, flip, reshape, slice_
from minikeras.engine.prims.reduce import sum_

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor

ACTIVATIONS = ("tanh", "relu", "linear")


def _sizes(op: str, x: Aval, w: Aval, gates: int) -> tuple[int, int, int]:
    """(batch, time, units), `x` and `w` checked."""
    check_dtype(op, "x", x, "float")
    if w.ndim != 2 or not agree(w.shape[1], gates * w.shape[0]):
        raise ShapeError(
            f"{op}: the recurrent kernel has shape {w.shape}; expected "
            f"(units, {gates} * units)."
        )
    units = w.shape[0]
    if x.ndim != 3 or not agree(x.shape[2], gates * units):
        raise ShapeError(
            f"{op}: argument `x` has shape {x.shape}; expected (batch, time, "
            f"{gates * units}), {gates} gates of {units} units, the kernel's."
        )
    return x.shape[0], x.shape[1], units


def _check_mask(op: str, mask: tuple[Aval, ...], batch: int, time: int) -> None:
    if len(mask) > 1:
        raise ShapeError(f"{op}: {len(mask) - 1} arguments too many after `mask`.")
    for m in mask:
        check_dtype(op, "mask", m, "bool")
        check_shape(op, "mask", m, (batch, time))


def _infer_lstm(
    x: Aval, h0: Aval, c0: Aval, w: Aval, *mask: Aval, reverse: bool
) -> tuple[Aval, Aval, Aval, Aval]:
    batch, time, units = _sizes("lstm", x, w, 4)
    check_same_dtype("lstm", ("x", "h0", "c0", "w"), (x, h0, c0, w))
    check_shape("lstm", "h0", h0, (batch, units))
    check_shape("lstm", "c0", c0, (batch, units))
    _check_mask("lstm", mask, batch, time)
    return (
        Aval((batch, time, units), x.dtype),
        c0,
        Aval((time, batch, units), x.dtype),
        Aval((time, batch, 4 * units), x.dtype),
    )


def _infer_lstm_grad(
    g: Aval, gc: Aval, cs: Aval, gates: Aval, c0: Aval, w: Aval, *mask: Aval,
    reverse: bool,
) -> tuple[Aval, Aval, Aval]:  # fmt: skip
    op = "lstm_grad"
    names, arrays = ("g", "gc", "cs", "gates", "c0", "w"), (g, gc, cs, gates, c0, w)
    check_same_dtype(op, names, arrays)
    batch, time, units = g.shape
    check_shape(op, "gc", gc, (batch, units))
    check_shape(op, "c0", c0, (batch, units))
    check_shape(op, "cs", cs, (time, batch, units))
    check_shape(op, "gates", gates, (time, batch, 4 * units))
    check_shape(op, "w", w, (units, 4 * units))
    _check_mask(op, mask, batch, time)
    return Aval((batch, time, 4 * units), g.dtype), c0, c0


def _infer_gru(
    x: Aval, h0: Aval, w: Aval, b: Aval, *mask: Aval, reverse: bool
) -> tuple[Aval, Aval]:
    batch, time, units = _sizes("gru", x, w, 3)
    check_same_dtype("gru", ("x", "h0", "w", "b"), (x, h0, w, b))
    check_shape("gru", "h0", h0, (batch, units))
    check_shape("gru", "b", b, (3 * units,))
    _check_mask("gru", mask, batch, time)
    return (
        Aval((batch, time, units), x.dtype),
        Aval((time, batch, 4 * units), x.dtype),
    )


def _infer_gru_grad(
    g: Aval, hs: Aval, saved: Aval, h0: Aval, w: Aval, *mask: Aval, reverse: bool
) -> tuple[Aval, Aval, Aval]:
    op = "gru_grad"
    check_same_dtype(op, ("g", "hs", "saved", "h0", "w"), (g, hs, saved, h0, w))
    batch, time, units = g.shape
    check_shape(op, "hs", hs, (batch, time, units))
    check_shape(op, "saved", saved, (time, batch, 4 * units))
    check_shape(op, "h0", h0, (batch, units))
    check_shape(op, "w", w, (units, 3 * units))
    _check_mask(op, mask, batch, time)
    dx = Aval((batch, time, 3 * units), g.dtype)
    return dx, dx, h0


def _infer_simple_rnn(
    x: Aval, h0: Aval, w: Aval, *mask: Aval, reverse: bool, activation: str
) -> Aval:
    batch, time, units = _sizes("simple_rnn", x, w, 1)
    check_same_dtype("simple_rnn", ("x", "h0", "w"), (x, h0, w))
    if activation not in ACTIVATIONS:
        raise ShapeError(
            f"simple_rnn: activation {activation!r}; expected one of {ACTIVATIONS}."
        )
    check_shape("simple_rnn", "h0", h0, (batch, units))
    _check_mask("simple_rnn", mask, batch, time)
    return Aval((batch, time, units), x.dtype)


def _infer_simple_rnn_grad(
    g: Aval, hs: Aval, w: Aval, *mask: Aval, reverse: bool, activation: str
) -> tuple[Aval, Aval]:
    op = "simple_rnn_grad"
    check_same_dtype(op, ("g", "hs", "w"), (g, hs, w))
    batch, time, units = g.shape
    check_shape(op, "hs", hs, (batch, time, units))
    check_shape(op, "w", w, (units, units))
    _check_mask(op, mask, batch, time)
    return g, Aval((batch, units), g.dtype)


# --- gradients ----------------------------------------------------------------------


def _before(h0: Tensor, hs: Tensor, reverse: bool) -> Any:
    """The state each step started from, flat, in the order of `x`."""
    batch, time, units = hs.shape
    # A slice up to step -1 would not exist.
    if time == 0:
        return zeros((0, units), hs.dtype)
    first = reshape(h0, shape=(batch, 1, units))
    stops = (batch, time - 1, units)
    rest = slice_(hs, starts=(0, 0, 0), stops=stops, steps=(1, 1, 1))
    states = concat(first, rest, axis=1)
    states = flip(states, axes=(1,)) if reverse else states
    return reshape(states, shape=(batch * time, units))


def _flat(x: Tensor) -> Any:
    return reshape(x, shape=(x.shape[0] * x.shape[1], x.shape[2]))


def _kernel_grad(h0: Tensor, hs: Tensor, dx: Tensor, reverse: bool) -> Any:
    return matmul(
        _before(h0, hs, reverse), _flat(dx), transpose_a=True, transpose_b=False
    )


def _lstm_vjp(ctx: Context, g: Tensor, gc: Tensor, gcs: Tensor, gg: Tensor) -> Grads:
    _, h0, c0, w, *mask = ctx.inputs
    hs, _, cs, gates = ctx.outputs
    given = (g, gc, cs, gates, c0, w, *mask)
    if any(ctx.given[2:]):  # what is saved has users in derivatives of second order
        dx, dh0, dc0 = unrolled.lstm_grad(*given, **ctx.static, saved=(gcs, gg))
    else:
        dx, dh0, dc0 = lstm_grad(*given, **ctx.static)
    dw = _kernel_grad(h0, hs, dx, ctx.static["reverse"])
    return (dx, dh0, dc0, dw, *[None] * len(mask))


def _gru_vjp(ctx: Context, g: Tensor, gs: Tensor) -> Grads:
    _, h0, w, _, *mask = ctx.inputs
    hs, saved = ctx.outputs
    given = (g, hs, saved, h0, w, *mask)
    if ctx.given[1]:
        dx, inner, dh0 = unrolled.gru_grad(*given, **ctx.static, gs=gs)
    else:
        dx, inner, dh0 = gru_grad(*given, **ctx.static)
    # `inner` and not `dx`: the reset gate stands between the kernel's product and the
    # input's.
    dw = _kernel_grad(h0, hs, inner, ctx.static["reverse"])
    db = sum_(inner, axes=(0, 1), keepdims=False)
    return (dx, dh0, dw, db, *[None] * len(mask))


def _simple_rnn_vjp(ctx: Context, g: Tensor) -> Grads:
    _, h0, w, *mask = ctx.inputs
    hs = ctx.outputs[0]
    dx, dh0 = simple_rnn_grad(g, hs, w, *mask, **ctx.static)
    dw = _kernel_grad(h0, hs, dx, ctx.static["reverse"])
    return (dx, dh0, dw, *[None] * len(mask))


lstm = primitive("lstm", kind="opaque", infer=_infer_lstm, vjp=_lstm_vjp, multi=True)
lstm_grad = primitive(
    "lstm_grad",
    kind="opaque",
    infer=_infer_lstm_grad,
    vjp=None,
    composition=unrolled.lstm_grad,
    multi=True,
)
gru = primitive("gru", kind="opaque", infer=_infer_gru, vjp=_gru_vjp, multi=True)
gru_grad = primitive(
    "gru_grad",
    kind="opaque",
    infer=_infer_gru_grad,
    vjp=None,
    composition=unrolled.gru_grad,
    multi=True,
)
simple_rnn = primitive(
    "simple_rnn", kind="opaque", infer=_infer_simple_rnn, vjp=_simple_rnn_vjp
)
simple_rnn_grad = primitive(
    "simple_rnn_grad",
    kind="opaque",
    infer=_infer_simple_rnn_grad,
    vjp=None,
    composition=unrolled.simple_rnn_grad,
    multi=True,
)
