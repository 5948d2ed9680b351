"""Pooling: sliding windows over the spatial axes of (batch, *spatial, channels).

Outside the input a maximum sees the lowest value and a sum sees 0. The first
maximum of a window, in row-major order, takes its gradient. `max_pool_gather`
reads another array at the maxima: the transpose of `max_pool_grad`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikeras.engine.aval import Aval, Shape, ShapeError
from minikeras.engine.primitive import Context, Facets, primitive
from minikeras.engine.prims.contract import window_sizes
from minikeras.engine.prims.helpers import (
    Grads,
    Ints,
    Pads,
    check_dtype,
    check_rank,
    check_same_dtype,
    check_shape,
)

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def _pooled(op: str, x: Shape, window: Ints, strides: Ints, padding: Pads) -> Shape:
    for k, (lo, hi) in zip(window, padding, strict=False):
        # A window of padding alone has no maximum.
        if lo >= k or hi >= k:
            raise ShapeError(
                f"{op}: padding {padding} is not smaller than window {window}, so a "
                f"window would lie wholly outside. Use padding smaller than the window."
            )
    spatial = window_sizes(op, x[1:-1], window, strides, padding)
    return (x[0], *spatial, x[-1])


def _infer_pool(op: str) -> Callable[..., Any]:
    def infer(x: Aval, *, window: Ints, strides: Ints, padding: Pads) -> Aval:
        check_dtype(op, "x", x, "numeric")
        check_rank(op, "x", x, 3, None)
        return Aval(_pooled(op, x.shape, window, strides, padding), x.dtype)

    return infer


def _infer_max_pool_grad(
    x: Aval, dy: Aval, *, window: Ints, strides: Ints, padding: Pads
) -> Aval:
    check_same_dtype("max_pool_grad", ("x", "dy"), (x, dy))
    wanted = _pooled("max_pool_grad", x.shape, window, strides, padding)
    check_shape("max_pool_grad", "dy", dy, wanted)
    return x


def _infer_max_pool_gather(
    x: Aval, g: Aval, *, window: Ints, strides: Ints, padding: Pads
) -> Aval:
    check_same_dtype("max_pool_gather", ("x", "g"), (x, g))
    check_shape("max_pool_gather", "g", g, x.shape)
    wanted = _pooled("max_pool_gather", x.shape, window, strides, padding)
    return Aval(wanted, x.dtype)


def _infer_sum_pool_grad(
    dy: Aval, *, input_shape: Shape, window: Ints, strides: Ints, padding: Pads
) -> Aval:
    wanted = _pooled("sum_pool_grad", input_shape, window, strides, padding)
    check_shape("sum_pool_grad", "dy", dy, wanted)
    return Aval(input_shape, dy.dtype)


def _max_pool_vjp(ctx: Context, g: Tensor) -> Grads:
    return (max_pool_grad(ctx.inputs[0], g, **ctx.static),)


def _max_pool_grad_vjp(ctx: Context, g: Tensor) -> Grads:
    # Which place wins does not change with small changes of x, so x has no gradient
    # here.
    return None, max_pool_gather(ctx.inputs[0], g, **ctx.static)


def _max_pool_gather_vjp(ctx: Context, g: Tensor) -> Grads:
    return None, max_pool_grad(ctx.inputs[0], g, **ctx.static)


def _sum_pool_vjp(ctx: Context, g: Tensor) -> Grads:
    return (sum_pool_grad(g, input_shape=ctx.inputs[0].shape, **ctx.static),)


def _sum_pool_grad_vjp(ctx: Context, g: Tensor) -> Grads:
    how = {key: ctx.static[key] for key in ("window", "strides", "padding")}
    return (sum_pool(g, **how),)


# Windows slide over the spatial axes, never over the batch.
_WINDOWS = Facets(per_sample=lambda rank, static: True)
max_pool = primitive(
    "max_pool",
    kind="contract",
    infer=_infer_pool("max_pool"),
    vjp=_max_pool_vjp,
    facets=_WINDOWS,
)
max_pool_grad = primitive(
    "max_pool_grad",
    kind="contract",
    infer=_infer_max_pool_grad,
    vjp=_max_pool_grad_vjp,
)
max_pool_gather = primitive(
    "max_pool_gather",
    kind="contract",
    infer=_infer_max_pool_gather,
    vjp=_max_pool_gather_vjp,
)
sum_pool = primitive(
    "sum_pool",
    kind="contract",
    infer=_infer_pool("sum_pool"),
    vjp=_sum_pool_vjp,
    facets=_WINDOWS,
)
sum_pool_grad = primitive(
    "sum_pool_grad",
    kind="contract",
    infer=_infer_sum_pool_grad,
    vjp=_sum_pool_grad_vjp,
)
