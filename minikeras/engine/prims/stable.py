"""Rows that are compositions with a gradient of their own.

They need no kernel: eager calls run the composition, graphs inline it. What they
add is a better gradient rule than the composition's, or one that reads the output
(already in memory) and not the input.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.dtypes import is_float
from minikeras.engine.primitive import Context, primitive
from minikeras.engine.prims.create import full
from minikeras.engine.prims.elementwise import (
    abs_,
    exp,
    gt,
    log1p,
    logistic,
    maximum,
    minimum,
    mul,
    neg,
    select,
    sub,
)
from minikeras.engine.tensor import Tensor


def _constant(value: float, like: Tensor) -> Tensor:
    made: Tensor = full(shape=(), dtype=like.dtype, value=value)
    return made


def _same(x: Aval, **static: Any) -> Aval:
    return x


def _same_float(x: Aval, **static: Any) -> Aval:
    if not is_float(x.dtype):
        raise ShapeError(f"log_logistic: got dtype {x.dtype}; expected a float dtype.")
    return x


def _relu(x: Tensor) -> Tensor:
    result: Tensor = maximum(x, _constant(0, x))
    return result


def _relu_vjp(ctx: Context, g: Tensor) -> Tensor:
    # By the output: the layer's result stays in memory anyway, its input need not.
    (y,) = ctx.outputs
    zero = _constant(0, y)
    result: Tensor = select(gt(y, zero), g, zero)
    return result


relu = primitive("relu", kind="opaque", infer=_same, vjp=_relu_vjp, composition=_relu)


def _log_logistic(x: Tensor, *, sign: int) -> Tensor:
    """log(1 / (1 + exp(-s x))) = min(s x, 0) - log(1 + exp(-|x|)), without overflow."""
    signed = x if sign > 0 else neg(x)
    result: Tensor = sub(minimum(signed, _constant(0, x)), log1p(exp(neg(abs_(x)))))
    return result


def _log_logistic_vjp(ctx: Context, g: Tensor) -> Tensor:
    (x,) = ctx.inputs
    positive = ctx.static["sign"] > 0
    slope = logistic(neg(x)) if positive else neg(logistic(x))
    result: Tensor = mul(g, slope)
    return result


log_logistic = primitive(
    "log_logistic",
    kind="opaque",
    infer=_same_float,
    vjp=_log_logistic_vjp,
    composition=_log_logistic,
)
__all__ = ["log_logistic", "relu"]
