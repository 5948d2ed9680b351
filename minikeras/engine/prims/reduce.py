"""Reductions, scans and sorting.

`axes` is a sorted tuple; a reduction over no axes is the identity. Ties of `max`
and `min` share the gradient evenly, and products are differentiated without
division, so zeros among the factors are no trouble.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.primitive import (
    Context,
    Facets,
    Infer,
    Primitive,
    Static,
    Vjp,
    primitive,
)
from minikeras.engine.prims.create import const
from minikeras.engine.prims.elementwise import add, cast, div, eq, mul
from minikeras.engine.prims.helpers import (
    Grads,
    check_axis,
    check_dtype,
    check_static_axes,
    drop_axes,
)
from minikeras.engine.prims.index import put_along_axis_add
from minikeras.engine.prims.movement import (
    broadcast_to,
    concat,
    flip,
    reshape,
    slice_,
    transpose,
)

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor

Axes = tuple[int, ...]


def _reduction(name: str, wanted: str, vjp: Vjp | None) -> Primitive:
    def infer(x: Aval, *, axes: Axes, keepdims: bool) -> Aval:
        check_dtype(name, "x", x, wanted)
        check_static_axes(name, axes, x.ndim)
        if name in ("max", "min") and any(x.shape[a] == 0 for a in axes):
            raise ShapeError(
                f"{name}: `x` of shape {x.shape} has no elements along axes {axes}; "
                f"expected at least one, since {name} has no identity."
            )
        return Aval(drop_axes(x.shape, axes, keepdims), x.dtype)

    def keeps_samples(rank: int, static: Static) -> bool:
        return all(axis % rank for axis in static["axes"])

    facets = Facets(unchanged=lambda s: not s["axes"], per_sample=keeps_samples)
    return primitive(name, kind="reduce", infer=infer, vjp=vjp, facets=facets)


def _kept(ctx: Context, reduced: Tensor) -> Tensor:
    """`reduced` with its reduced axes kept as 1, so that it broadcasts to the input."""
    kept: Tensor = reduced
    shape = drop_axes(ctx.inputs[0].shape, ctx.static["axes"], True)
    if reduced.shape != shape:
        kept = reshape(reduced, shape=shape)
    return kept


def _sum_vjp(ctx: Context, g: Tensor) -> Grads:
    return (broadcast_to(_kept(ctx, g), shape=ctx.inputs[0].shape),)


def _extremum_vjp(ctx: Context, g: Tensor) -> Grads:
    x = ctx.inputs[0]
    # Each of several equal extremes gets its share, as in JAX.
    hits = cast(eq(x, _kept(ctx, ctx.outputs[0])), dtype=g.dtype)
    count = sum_(hits, axes=ctx.static["axes"], keepdims=True)
    return (mul(hits, div(_kept(ctx, g), count)),)


def _prod_vjp(ctx: Context, g: Tensor) -> Grads:
    """The product of all others: those before times those after."""
    x, axes = ctx.inputs[0], ctx.static["axes"]
    rank = len(x.shape)
    # The reduced axes go last and become one, along which the scans run.
    perm = tuple(i for i in range(rank) if i not in axes) + axes
    front = transpose(x, perm=perm)
    kept = front.shape[: rank - len(axes)]
    count = 1
    for d in front.shape[rank - len(axes) :]:
        count *= d
    flat = reshape(front, shape=(*kept, count))
    axis = len(kept)
    others = mul(_exclusive(flat, axis, False), _exclusive(flat, axis, True))
    inverse = tuple(sorted(range(rank), key=lambda i: perm[i]))
    others = transpose(reshape(others, shape=front.shape), perm=inverse)
    return (mul(_kept(ctx, g), others),)


sum_ = _reduction("sum", "numeric", _sum_vjp)
prod = _reduction("prod", "numeric", _prod_vjp)
max_ = _reduction("max", "any", _extremum_vjp)
min_ = _reduction("min", "any", _extremum_vjp)
any_ = _reduction("any", "bool", None)
all_ = _reduction("all", "bool", None)


def _arg(name: str) -> Primitive:
    def infer(x: Aval, *, axis: int) -> Aval:
        check_axis(name, axis, x.ndim)
        if x.shape[axis] == 0:
            raise ShapeError(
                f"{name}: `x` of shape {x.shape} is empty along axis {axis}; expected "
                f"at least one element."
            )
        dtype = index_dtype(x.shape[axis])
        return Aval(drop_axes(x.shape, (axis,), False), dtype)

    return primitive(name, kind="reduce", infer=infer, vjp=None)


def index_dtype(size: int) -> str:
    """The dtype of indices along an axis: int32 as long as that holds them."""
    # The largest index is size - 1.
    return "int32" if size <= 1 << 31 else "int64"


argmax = _arg("argmax")
argmin = _arg("argmin")


def _scan(name: str, wanted: str) -> Infer:
    def infer(x: Aval, *, axis: int, reverse: bool = False) -> Aval:
        check_dtype(name, "x", x, wanted)
        check_axis(name, axis, x.ndim)
        return x

    return infer


def _cumsum_vjp(ctx: Context, g: Tensor) -> Grads:
    # dx_i is the sum of all dy_j with j >= i: the same scan from the other end.
    reverse = not ctx.static.get("reverse", False)
    return (cumsum(g, axis=ctx.static["axis"], reverse=reverse),)


def _shifted(x: Tensor, axis: int, by: int, fill: int, *, back: bool) -> Any:
    """`x` moved `by` places along `axis` (`back`: to lower indices), `fill` moving in."""
    n = x.shape[axis]
    starts, stops = [0] * len(x.shape), list(x.shape)
    if back:
        starts[axis] = by
    else:
        stops[axis] = n - by
    steps = (1,) * len(x.shape)
    rest = slice_(x, starts=tuple(starts), stops=tuple(stops), steps=steps)
    shape = (*x.shape[:axis], by, *x.shape[axis + 1 :])
    filler = broadcast_to(const(x, fill), shape=shape)
    return concat(*((rest, filler) if back else (filler, rest)), axis=axis)


def _exclusive(x: Tensor, axis: int, reverse: bool) -> Any:
    """At each place the product of the places before it (`reverse`: after it)."""
    if x.shape[axis] == 0:
        return x
    return cumprod(_shifted(x, axis, 1, 1, back=reverse), axis=axis, reverse=reverse)


def _cumprod_vjp(ctx: Context, g: Tensor) -> Grads:
    """Exact where factors are zero: no division.

    With P the exclusive product, dx_i = P_i S_i, and S_i = g_i + x_{i+1} S_{i+1}. That
    recurrence is solved by doubling, as in Hillis and Steele's parallel scan.
    """
    axis, reverse = ctx.static["axis"], ctx.static.get("reverse", False)
    x = ctx.inputs[0]
    if reverse:
        x, g = flip(x, axes=(axis,)), flip(g, axes=(axis,))
    n = x.shape[axis]
    total, step = g, 1
    factor = _shifted(x, axis, 1, 0, back=True) if n > 1 else x
    while step < n:
        total = add(total, mul(factor, _shifted(total, axis, step, 0, back=True)))
        if 2 * step < n:
            factor = mul(factor, _shifted(factor, axis, step, 0, back=True))
        step *= 2
    result = mul(_exclusive(x, axis, False), total)
    return (flip(result, axes=(axis,)) if reverse else result,)


cumsum = primitive(
    "cumsum", kind="reduce", infer=_scan("cumsum", "numeric"), vjp=_cumsum_vjp
)
cumprod = primitive(
    "cumprod", kind="reduce", infer=_scan("cumprod", "numeric"), vjp=_cumprod_vjp
)


def _infer_sort(x: Aval, *, axis: int) -> Aval:
    check_axis("sort", axis, x.ndim)
    return x


def _infer_argsort(x: Aval, *, axis: int) -> Aval:
    check_axis("argsort", axis, x.ndim)
    return Aval(x.shape, index_dtype(x.shape[axis]))


def _sort_vjp(ctx: Context, g: Tensor) -> Grads:
    x, axis = ctx.inputs[0], ctx.static["axis"]
    # Sorting is a permutation: each cotangent goes back to where its element came from.
    order = argsort(x, axis=axis)
    return (put_along_axis_add(g, order, shape=x.shape, axis=axis),)


sort = primitive("sort", kind="reduce", infer=_infer_sort, vjp=_sort_vjp)
argsort = primitive("argsort", kind="reduce", infer=_infer_argsort, vjp=None)
