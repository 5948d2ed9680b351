"""Rows that are compositions with a gradient of their own.

They need no kernel: eager calls run the composition, graphs inline it. What they
add is a better gradient rule than the composition's, or one that reads the output
(already in memory) and not the input.
"""

from __future__ import annotations

import math

from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.primitive import Context, Infer, primitive
from minikeras.engine.prims.create import full
from minikeras.engine.prims.elementwise import (
    abs_,
    add,
    bitwise_or,
    div,
    eq,
    exp,
    gt,
    isinf,
    isnan,
    log1p,
    logistic,
    maximum,
    minimum,
    mul,
    neg,
    pow_,
    select,
    sign,
    stop_gradient,
    sub,
)
from minikeras.engine.prims.helpers import binary, check_dtype
from minikeras.engine.tensor import Tensor


def _constant(value: float, like: Tensor) -> Tensor:
    return full(shape=(), dtype=like.dtype, value=value)


def _same(x: Aval, **static: object) -> Aval:
    return x


def _float(name: str) -> Infer:
    """The shape rule of a row of one float tensor that keeps its shape."""

    def infer(x: Aval, **static: object) -> Aval:
        check_dtype(name, "x", x, "float")
        return x

    return infer


def _relu(x: Tensor) -> Tensor:
    return maximum(x, _constant(0, x))


def _relu_vjp(ctx: Context, g: Tensor) -> Tensor:
    # By the output: the layer's result stays in memory anyway, its input need not.
    (y,) = ctx.outputs
    zero = _constant(0, y)
    return select(gt(y, zero), g, zero)


relu = primitive("relu", kind="opaque", infer=_same, vjp=_relu_vjp, composition=_relu)


def _log_logistic(x: Tensor, *, sign: int) -> Tensor:
    """log(1 / (1 + exp(-s x))) = min(s x, 0) - log(1 + exp(-|x|)), without overflow."""
    signed = x if sign > 0 else neg(x)
    return sub(minimum(signed, _constant(0, x)), log1p(exp(neg(abs_(x)))))


def _log_logistic_vjp(ctx: Context, g: Tensor) -> Tensor:
    (x,) = ctx.inputs
    positive = ctx.static["sign"] > 0
    # d log logistic(s x) / dx = s logistic(-s x).
    slope = logistic(neg(x)) if positive else neg(logistic(x))
    return mul(g, slope)


log_logistic = primitive(
    "log_logistic",
    kind="opaque",
    infer=_float("log_logistic"),
    vjp=_log_logistic_vjp,
    composition=_log_logistic,
)


def _cbrt(x: Tensor) -> Tensor:
    root = mul(sign(x), pow_(abs_(x), _constant(1 / 3, x)))
    # One Newton step takes away the error of the rounded exponent 1/3.
    flat = bitwise_or(eq(x, _constant(0, x)), isinf(x))
    safe = select(flat, _constant(1, x), root)
    step = div(sub(root, div(div(x, safe), safe)), _constant(3, x))
    return select(flat, x, sub(root, step))


def _cbrt_vjp(ctx: Context, g: Tensor) -> Tensor:
    (y,) = ctx.outputs
    # 1 / (3 y^2), by the result: x^(2/3) is not taken again.
    return div(g, mul(_constant(3, y), mul(y, y)))


cbrt = primitive(
    "cbrt", kind="opaque", infer=_float("cbrt"), vjp=_cbrt_vjp, composition=_cbrt
)


def _logaddexp(a: Tensor, b: Tensor) -> Tensor:
    gap = sub(a, b)
    # max(a, b) + log(1 + exp(-|a - b|)): no exponential above 1.
    tail = log1p(exp(minimum(gap, neg(gap))))
    # The gap of two equal infinities is nan; their sum is the answer.
    total = add(maximum(a, b), tail)
    return select(isnan(gap), add(a, b), total)


def _logaddexp_vjp(ctx: Context, g: Tensor) -> tuple[Tensor, Tensor]:
    """Each argument's share of the sum. Of infinity it is all, of two -infinities nan."""
    (out,) = ctx.outputs

    def finite_above(v: Tensor) -> Tensor:
        return select(eq(v, _constant(math.inf, v)), _constant(0, v), v)

    whole = finite_above(out)
    # exp(a) / (exp(a) + exp(b)) = exp(a - out).
    a, b = (mul(g, exp(sub(finite_above(v), whole))) for v in ctx.inputs)
    return a, b


logaddexp = primitive(
    "logaddexp",
    kind="opaque",
    infer=binary("logaddexp", "float"),
    vjp=_logaddexp_vjp,
    composition=_logaddexp,
)


def _infer_with_gradient_of(value: Aval, source: Aval) -> Aval:
    if value != source:
        raise ShapeError(
            f"with_gradient_of: value is {value}, source {source}; expected two alike."
        )
    return value


def _first(value: Tensor, source: Tensor) -> Tensor:
    return stop_gradient(value)


# For values known exactly, whose slope is that of something rounded or slower.
with_gradient_of = primitive(
    "with_gradient_of",
    kind="opaque",
    infer=_infer_with_gradient_of,
    vjp=lambda ctx, g: (None, g),
    composition=_first,
)
__all__ = ["cbrt", "log_logistic", "logaddexp", "relu", "with_gradient_of"]
