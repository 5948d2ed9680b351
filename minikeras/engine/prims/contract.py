"""Matrix products and convolutions.

Layout is channels-last: `x` (batch, *spatial, channels), `w` (*kernel, channels //
groups, filters). Padding is explicit, `((before, after), ...)` for each spatial
axis. A convolution is linear in both arguments, and each of the three rows has the
two others as gradients.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikeras.engine.aval import Aval, Shape, ShapeError, broadcast_shapes
from minikeras.engine.primitive import Context, Facets, Static, primitive
from minikeras.engine.prims.helpers import (
    Grads,
    Ints,
    Pads,
    agree,
    check_dtype,
    check_rank,
    check_same_dtype,
)
from minikeras.engine.prims.movement import reshape

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def _infer_matmul(
    a: Aval,
    b: Aval,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    perm_a: Ints | None = None,
    perm_b: Ints | None = None,
    perm_out: Ints | None = None,
) -> Aval:
    """The `perm_*` are transposes of operands (before their flags) and of the result.

    Only `passes/layouts.py` writes them, after gradients have been taken.
    """
    a, b = _moved(a, perm_a), _moved(b, perm_b)
    check_same_dtype("matmul", ("a", "b"), (a, b))
    check_dtype("matmul", "a", a, "numeric")
    check_rank("matmul", "a", a, 2, None)
    check_rank("matmul", "b", b, 2, None)
    rows, inner = (a.shape[-1], a.shape[-2]) if transpose_a else a.shape[-2:]
    depth, cols = (b.shape[-1], b.shape[-2]) if transpose_b else b.shape[-2:]
    if not agree(inner, depth):
        flags = "".join(
            f" ({name} transposed)"
            for name, on in (("a", transpose_a), ("b", transpose_b))
            if on
        )
        raise ShapeError(
            f"matmul: shapes {a.shape} and {b.shape}{flags} do not match: the inner "
            f"sizes {inner} and {depth} must be equal."
        )
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2], op="matmul")
    return _moved(Aval((*batch, rows, cols), a.dtype), perm_out)


def _moved(x: Aval, perm: Ints | None) -> Aval:
    return x if perm is None else Aval(tuple(x.shape[p] for p in perm), x.dtype)


def _matmul_vjp(ctx: Context, g: Tensor) -> Grads:
    a, b = ctx.inputs
    ta = ctx.static.get("transpose_a", False)
    tb = ctx.static.get("transpose_b", False)
    # With C = A B: dA = dC B', dB = A' dC. Flags of the operands go into the flags of the
    # products, so that nothing is ever transposed in memory.
    # Read transposed, the operand's gradient is the transpose of dC B', which is B dC'.
    if ta:
        ga = matmul(b, g, transpose_a=tb, transpose_b=True)
    else:
        ga = matmul(g, b, transpose_a=False, transpose_b=not tb)
    if len(b.shape) == 2 and len(a.shape) > 2 and not ta:
        # One flat product, where one per batch entry would have to be summed after.
        a, g = _rows(a), _rows(g)
    if tb:
        gb = matmul(g, a, transpose_a=True, transpose_b=ta)
    else:
        gb = matmul(a, g, transpose_a=not ta, transpose_b=False)
    return ga, gb


def _rows(x: Tensor) -> Any:
    """All axes but the last made one."""
    count = 1
    for d in x.shape[:-1]:
        count *= d
    return reshape(x, shape=(count, x.shape[-1]))


def _matmul_flops(shapes: Sequence[Shape], size: int, static: Static) -> int:
    axis = -2 if static.get("transpose_a") else -1
    perm = static.get("perm_a") or range(len(shapes[0]))
    return 2 * size * shapes[0][perm[axis]]


matmul = primitive(
    "matmul",
    kind="contract",
    infer=_infer_matmul,
    vjp=_matmul_vjp,
    facets=Facets(flops=_matmul_flops),
)


def window_sizes(
    op: str,
    spatial: Shape,
    kernel: Ints,
    strides: Ints,
    padding: Pads,
    dilation: Ints | None = None,
) -> Shape:
    """The spatial shape of the output of a sliding window."""
    dilation = dilation or (1,) * len(kernel)
    rank = len(spatial)
    for name, given in (
        ("kernel", kernel),
        ("strides", strides),
        ("padding", padding),
        ("dilation", dilation),
    ):
        if len(given) != rank:
            raise ShapeError(
                f"{op}: {name} {given} has {len(given)} entries; expected {rank}, one "
                f"for each spatial axis of an input of spatial shape {spatial}."
            )
    if min((*kernel, *strides, *dilation), default=1) < 1:
        raise ShapeError(
            f"{op}: kernel {kernel}, strides {strides} and dilation {dilation} must "
            f"be 1 or more."
        )
    if any(lo < 0 or hi < 0 for lo, hi in padding):
        raise ShapeError(f"{op}: padding {padding} has a negative size; expected >= 0.")
    sizes = []
    for n, k, s, (lo, hi), d in zip(
        spatial, kernel, strides, padding, dilation, strict=True
    ):
        # Places where a window can start, less one: it spans d * (k - 1) + 1.
        room = n + lo + hi - d * (k - 1) - 1
        if room < 0:
            raise ShapeError(
                f"{op}: a window of {k} (dilation {d}) is larger than an input of size "
                f"{n} padded by ({lo}, {hi}) (spatial shape {spatial}). Use a smaller "
                f'window, a larger input or padding="same".'
            )
        # `n` itself, and not a sum that is equal: an unknown size stays that unknown.
        unchanged = s == 1 and room + 1 == n
        sizes.append(n if unchanged else room // s + 1)
    return tuple(sizes)


def _check_conv(op: str, x: Shape, w: Shape, groups: int) -> None:
    if len(x) != len(w) or len(x) < 3:
        raise ShapeError(
            f"{op}: input shape {x} and kernel shape {w} do not fit; expected (batch, "
            f"*spatial, channels) and (*kernel, channels // groups, filters) of one rank."
        )
    if groups < 1 or not agree(x[-1], w[-2] * groups) or w[-1] % groups:
        raise ShapeError(
            f"{op}: input shape {x} with {x[-1]} channels does not fit kernel shape {w} "
            f"with groups={groups}; expected {w[-2]} * {groups} channels, and filters "
            f"({w[-1]}) divisible by groups."
        )


def _conv_shape(
    op: str,
    x: Shape,
    w: Shape,
    strides: Ints,
    padding: Pads,
    dilation: Ints,
    groups: int,
) -> Shape:
    _check_conv(op, x, w, groups)
    spatial = window_sizes(op, x[1:-1], w[:-2], strides, padding, dilation)
    return (x[0], *spatial, w[-1])


def _check_dy(op: str, dy: Aval, wanted: Shape) -> None:
    if dy.ndim != len(wanted) or not all(map(agree, dy.shape, wanted)):
        raise ShapeError(
            f"{op}: argument `dy` has shape {dy.shape}; expected {wanted}, the shape "
            f"of the forward result."
        )


def _infer_conv(
    x: Aval, w: Aval, *, strides: Ints, padding: Pads, dilation: Ints, groups: int
) -> Aval:
    check_same_dtype("conv", ("x", "w"), (x, w))
    check_dtype("conv", "x", x, "numeric")
    shape = _conv_shape("conv", x.shape, w.shape, strides, padding, dilation, groups)
    return Aval(shape, x.dtype)


def _infer_conv_input_grad(
    dy: Aval,
    w: Aval,
    *,
    input_shape: Shape,
    strides: Ints,
    padding: Pads,
    dilation: Ints,
    groups: int,
) -> Aval:
    op = "conv_input_grad"
    check_same_dtype(op, ("dy", "w"), (dy, w))
    wanted = _conv_shape(op, input_shape, w.shape, strides, padding, dilation, groups)
    _check_dy(op, dy, wanted)
    return Aval(input_shape, dy.dtype)


def _infer_conv_filter_grad(
    x: Aval,
    dy: Aval,
    *,
    kernel_shape: Shape,
    strides: Ints,
    padding: Pads,
    dilation: Ints,
    groups: int,
) -> Aval:
    op = "conv_filter_grad"
    check_same_dtype(op, ("x", "dy"), (x, dy))
    wanted = _conv_shape(op, x.shape, kernel_shape, strides, padding, dilation, groups)
    _check_dy(op, dy, wanted)
    return Aval(kernel_shape, x.dtype)


def _geometry(ctx: Context) -> dict[str, Any]:
    names = ("strides", "padding", "dilation", "groups")
    return {name: ctx.static[name] for name in names}


def _conv_vjp(ctx: Context, g: Tensor) -> Grads:
    x, w = ctx.inputs
    how = _geometry(ctx)
    return (
        conv_input_grad(g, w, input_shape=x.shape, **how),
        conv_filter_grad(x, g, kernel_shape=w.shape, **how),
    )


def _conv_input_grad_vjp(ctx: Context, g: Tensor) -> Grads:
    dy, w = ctx.inputs
    how = _geometry(ctx)
    # dy -> x is the transpose of x -> dy, so the cotangent `g` takes the place of `x`.
    return conv(g, w, **how), conv_filter_grad(g, dy, kernel_shape=w.shape, **how)


def _conv_filter_grad_vjp(ctx: Context, g: Tensor) -> Grads:
    x, dy = ctx.inputs
    how = _geometry(ctx)
    # The result is linear in `x` and in `dy`; the cotangent `g` takes the kernel's
    # place.
    return conv_input_grad(dy, g, input_shape=x.shape, **how), conv(x, g, **how)


def _conv_flops(shapes: Sequence[Shape], size: int, static: Static) -> int:
    # A multiplication and an addition for each weight of a filter and each result.
    return 2 * size * math.prod(shapes[1][:-1])


def _conv_input_grad_flops(shapes: Sequence[Shape], size: int, static: Static) -> int:
    return 2 * math.prod(shapes[0]) * math.prod(shapes[1][:-1])


def _conv_filter_grad_flops(shapes: Sequence[Shape], size: int, static: Static) -> int:
    kernel: Shape = static["kernel_shape"]
    return 2 * math.prod(shapes[1]) * math.prod(kernel[:-1])


conv = primitive(
    "conv",
    kind="contract",
    infer=_infer_conv,
    vjp=_conv_vjp,
    facets=Facets(flops=_conv_flops),
)
conv_input_grad = primitive(
    "conv_input_grad",
    kind="contract",
    infer=_infer_conv_input_grad,
    vjp=_conv_input_grad_vjp,
    facets=Facets(flops=_conv_input_grad_flops),
)
conv_filter_grad = primitive(
    "conv_filter_grad",
    kind="contract",
    infer=_infer_conv_filter_grad,
    vjp=_conv_filter_grad_vjp,
    facets=Facets(flops=_conv_filter_grad_flops),
)
