"""Composed rows: a composition with a name, so that a backend may do it at once.

Each carries its composition, which a backend without the kernel runs instead, and a
gradient rule that costs less than the composition's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minikeras.engine.aval import Aval, Shape, ShapeError
from minikeras.engine.primitive import Context, Facets, Infer, Static, primitive
from minikeras.engine.prims.create import full
from minikeras.engine.prims.elementwise import (
    add,
    bitwise_and,
    div,
    eq,
    exp,
    isinf,
    log,
    mul,
    neg,
    select,
    stop_gradient,
    sub,
)
from minikeras.engine.prims.helpers import (
    Grads,
    Ints,
    agree,
    check_axis,
    check_dtype,
    check_rank,
    check_same_dtype,
)
from minikeras.engine.prims.movement import reshape
from minikeras.engine.prims.reduce import max_, sum_

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def _infer(op: str) -> Infer:
    def infer(x: Aval, *, axis: int) -> Aval:
        check_dtype(op, "x", x, "float")
        check_axis(op, axis, x.ndim)
        return x

    return infer


def _centred(x: Tensor, axis: int) -> Any:
    """`x` less its maximum, so that no exponential overflows."""
    if x.shape[axis] == 0:
        return x
    # softmax is the same for any shift, so the maximum needs no gradient.
    return sub(x, stop_gradient(max_(x, axes=(axis,), keepdims=True)))


def _softmax(x: Tensor, *, axis: int) -> Any:
    e = exp(_centred(x, axis))
    return div(e, sum_(e, axes=(axis,), keepdims=True))


def _log_softmax(x: Tensor, *, axis: int) -> Any:
    shifted = _centred(x, axis)
    return sub(shifted, log(sum_(exp(shifted), axes=(axis,), keepdims=True)))


def _softmax_vjp(ctx: Context, g: Tensor) -> Grads:
    out, axis = ctx.outputs[0], ctx.static["axis"]
    # dx = p (g - sum(g p)).
    mean = sum_(mul(g, out), axes=(axis,), keepdims=True)
    return (mul(out, sub(g, mean)),)


def _log_softmax_vjp(ctx: Context, g: Tensor) -> Grads:
    out, axis = ctx.outputs[0], ctx.static["axis"]
    # dx = g - p sum(g).
    total = sum_(g, axes=(axis,), keepdims=True)
    return (sub(g, mul(exp(out), total)),)


def _keeps_samples(rank: int, static: Static) -> bool:
    return bool(static["axis"] % rank)


_ROWS = Facets(per_sample=_keeps_samples)
softmax = primitive(
    "softmax",
    kind="opaque",
    infer=_infer("softmax"),
    vjp=_softmax_vjp,
    composition=_softmax,
    facets=_ROWS,
)
log_softmax = primitive(
    "log_softmax",
    kind="opaque",
    infer=_infer("log_softmax"),
    vjp=_log_softmax_vjp,
    composition=_log_softmax,
    facets=_ROWS,
)


def _infer_variance(x: Aval, *, axes: Ints, keepdims: bool) -> Aval:
    check_dtype("variance", "x", x, "float")
    for axis in axes:
        check_axis("variance", axis, x.ndim)
    kept = tuple(1 if i in axes else d for i, d in enumerate(x.shape))
    if keepdims:
        return Aval(kept, x.dtype)
    return Aval(tuple(d for i, d in enumerate(x.shape) if i not in axes), x.dtype)


def _spread(x: Tensor, axes: Ints) -> tuple[Any, Any]:
    """`x` less its mean, and how many elements the mean is over."""
    total = sum_(x, axes=axes, keepdims=True)
    count = full(shape=(), dtype=x.dtype, value=math.prod(x.shape[a] for a in axes))
    return sub(x, div(total, count)), count


def _variance(x: Tensor, *, axes: Ints, keepdims: bool) -> Any:
    centred, count = _spread(x, axes)
    total = sum_(mul(centred, centred), axes=axes, keepdims=True)
    result = div(total, count)
    return result if keepdims else reshape(result, shape=_without(x.shape, axes))


def _without(shape: Shape, axes: Ints) -> Shape:
    return tuple(d for i, d in enumerate(shape) if i not in axes)


def _variance_vjp(ctx: Context, g: Tensor) -> Grads:
    """2 (x - mean) / n: through the mean itself nothing comes, as distances sum to zero."""
    (x,), axes = ctx.inputs, ctx.static["axes"]
    centred, count = _spread(x, axes)
    kept = tuple(1 if i in axes else d for i, d in enumerate(x.shape))
    share = div(reshape(g, shape=kept), count)
    return (mul(add(share, share), centred),)


variance = primitive(
    "variance",
    kind="opaque",
    infer=_infer_variance,
    vjp=_variance_vjp,
    composition=_variance,
)

_CE = "softmax_cross_entropy_with_logits"


def _infer_cross_entropy(logits: Aval, target: Aval) -> Aval:
    check_same_dtype(_CE, ("logits", "target_probs"), (logits, target))
    check_dtype(_CE, "logits", logits, "float")
    check_rank(_CE, "logits", logits, 1, None)
    same = logits.ndim == target.ndim and all(map(agree, logits.shape, target.shape))
    if not same:
        raise ShapeError(
            f"{_CE}: argument `target_probs` has shape {target.shape}; expected "
            f"{logits.shape}, the shape of `logits`. One-hot encode class indices first."
        )
    return Aval(logits.shape[:-1], logits.dtype)


def _cross_entropy(logits: Tensor, target: Tensor) -> Any:
    axis = len(logits.shape) - 1
    logp = log_softmax(logits, axis=axis)
    zero = full(shape=(), dtype=target.dtype, value=0)
    none = bitwise_and(isinf(logp), eq(target, zero))  # none of infinity is 0
    share = select(none, zero, mul(target, logp))
    return neg(sum_(share, axes=(axis,), keepdims=False))


def _cross_entropy_vjp(ctx: Context, g: Tensor) -> Grads:
    logits, target = ctx.inputs
    axis = len(logits.shape) - 1
    column = reshape(g, shape=(*g.shape, 1))
    # p sum(t) - t: labels need not add up to 1, then p alone would be wrong.
    mass = sum_(target, axes=(axis,), keepdims=True)
    slope = sub(mul(softmax(logits, axis=axis), mass), target)
    return mul(column, slope), neg(mul(column, log_softmax(logits, axis=axis)))


softmax_cross_entropy_with_logits = primitive(
    _CE,
    kind="opaque",
    infer=_infer_cross_entropy,
    vjp=_cross_entropy_vjp,
    composition=_cross_entropy,
)
