"""Index rows: reading and adding at positions that are data.

Indices are integers of any width, in range; `ops` wraps negative ones and clips.
Each gather has its scatter as gradient, and the other way round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikeras.engine.aval import Aval, Shape, ShapeError, Unknown
from minikeras.engine.primitive import Context, primitive
from minikeras.engine.prims.create import const, zeros
from minikeras.engine.prims.elementwise import bitwise_and, ge, lt, select
from minikeras.engine.prims.helpers import (
    Grads,
    agree,
    check_axis,
    check_dtype,
    check_rank,
    check_same_dtype,
)
from minikeras.engine.prims.movement import reshape

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def _expect(op: str, argument: str, aval: Aval, wanted: Shape, why: str) -> None:
    if aval.ndim != len(wanted) or not all(map(agree, aval.shape, wanted)):
        raise ShapeError(
            f"{op}: argument `{argument}` has shape {aval.shape}; expected {wanted}, {why}."
        )


def _check_not_empty(op: str, x: Aval, indices: Aval, axis: int) -> None:
    if x.shape[axis] == 0 and indices.size:
        raise ShapeError(
            f"{op}: `x` of shape {x.shape} has nothing along axis {axis} to take for "
            f"indices of shape {indices.shape}; expected at least one element there."
        )


def _infer_take(x: Aval, indices: Aval, *, axis: int) -> Aval:
    check_dtype("take", "indices", indices, "integer")
    check_axis("take", axis, x.ndim)
    _check_not_empty("take", x, indices, axis)
    return Aval((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]), x.dtype)


def _infer_scatter_add_axis(g: Aval, indices: Aval, *, shape: Shape, axis: int) -> Aval:
    op = "scatter_add_axis"
    check_dtype(op, "indices", indices, "integer")
    check_axis(op, axis, len(shape))
    wanted = (*shape[:axis], *indices.shape, *shape[axis + 1 :])
    _expect(
        op, "g", g, wanted, f"what `take` from shape {shape} gives along axis {axis}"
    )
    return Aval(shape, g.dtype)


def _take_vjp(ctx: Context, g: Tensor) -> Grads:
    x, indices = ctx.inputs
    axis = ctx.static["axis"]
    return scatter_add_axis(g, indices, shape=x.shape, axis=axis), None


def _inside(indices: Tensor, size: int) -> Tensor:
    low = ge(indices, const(indices, 0))
    return bitwise_and(low, lt(indices, const(indices, size)))


def _scatter_add_axis_vjp(ctx: Context, g: Tensor) -> Grads:
    """What an index out of range dropped has no part in the result."""
    indices, axis = ctx.inputs[1], ctx.static["axis"]
    rest = (1,) * (g.ndim - axis - 1)
    inside = _inside(indices, g.shape[axis])
    taken = take(g, indices, axis=axis)
    kept = reshape(inside, shape=(*indices.shape, *rest))
    return select(kept, taken, const(taken, 0)), None


take = primitive("take", kind="index", infer=_infer_take, vjp=_take_vjp)
scatter_add_axis = primitive(
    "scatter_add_axis",
    kind="index",
    infer=_infer_scatter_add_axis,
    vjp=_scatter_add_axis_vjp,
)


def _check_along(op: str, indices: Aval, shape: Shape, axis: int) -> None:
    check_dtype(op, "indices", indices, "integer")
    check_axis(op, axis, len(shape))
    if indices.ndim == len(shape):
        wanted = (*shape[:axis], indices.shape[axis], *shape[axis + 1 :])
    else:
        wanted = shape
    why = f"the indexed shape in all axes but {axis}"
    _expect(op, "indices", indices, wanted, why)


def _infer_take_along_axis(x: Aval, indices: Aval, *, axis: int) -> Aval:
    _check_along("take_along_axis", indices, x.shape, axis)
    _check_not_empty("take_along_axis", x, indices, axis)
    return Aval(indices.shape, x.dtype)


def _infer_put_along_axis_add(
    g: Aval, indices: Aval, *, shape: Shape, axis: int
) -> Aval:
    op = "put_along_axis_add"
    _check_along(op, indices, shape, axis)
    _expect(op, "g", g, indices.shape, "the shape of `indices`")
    return Aval(shape, g.dtype)


def _take_along_axis_vjp(ctx: Context, g: Tensor) -> Grads:
    x, indices = ctx.inputs
    axis = ctx.static["axis"]
    return put_along_axis_add(g, indices, shape=x.shape, axis=axis), None


def _put_along_axis_add_vjp(ctx: Context, g: Tensor) -> Grads:
    indices, axis = ctx.inputs[1], ctx.static["axis"]
    taken = take_along_axis(g, indices, axis=axis)
    return select(_inside(indices, g.shape[axis]), taken, const(taken, 0)), None


take_along_axis = primitive(
    "take_along_axis",
    kind="index",
    infer=_infer_take_along_axis,
    vjp=_take_along_axis_vjp,
)
put_along_axis_add = primitive(
    "put_along_axis_add",
    kind="index",
    infer=_infer_put_along_axis_add,
    vjp=_put_along_axis_add_vjp,
)


def _check_nd(op: str, indices: Aval, shape: Shape) -> int:
    """The number of leading axes that the rows of `indices` name."""
    check_dtype(op, "indices", indices, "integer")
    check_rank(op, "indices", indices, 1, None)
    depth = indices.shape[-1]
    if depth > len(shape):
        raise ShapeError(
            f"{op}: argument `indices` has shape {indices.shape}, so each row names "
            f"{depth} axes; expected at most {len(shape)}, the rank of {shape}."
        )
    return depth


def _infer_gather_nd(x: Aval, indices: Aval) -> Aval:
    depth = _check_nd("gather_nd", indices, x.shape)
    return Aval((*indices.shape[:-1], *x.shape[depth:]), x.dtype)


def _infer_scatter_nd_add(indices: Aval, updates: Aval, *, shape: Shape) -> Aval:
    depth = _check_nd("scatter_nd_add", indices, shape)
    wanted = (*indices.shape[:-1], *shape[depth:])
    why = "the rows of `indices` and the axes they leave"
    _expect("scatter_nd_add", "updates", updates, wanted, why)
    return Aval(shape, updates.dtype)


def _gather_nd_vjp(ctx: Context, g: Tensor) -> Grads:
    x, indices = ctx.inputs
    return scatter_nd_add(indices, g, shape=x.shape), None


gather_nd = primitive(
    "gather_nd", kind="index", infer=_infer_gather_nd, vjp=_gather_nd_vjp
)
scatter_nd_add = primitive(
    "scatter_nd_add",
    kind="index",
    infer=_infer_scatter_nd_add,
    vjp=lambda ctx, g: (None, gather_nd(g, ctx.inputs[0])),
)


def _check_window(op: str, x: Aval, starts: Aval, sizes: Shape) -> None:
    check_dtype(op, "starts", starts, "integer")
    _expect(op, "starts", starts, (x.ndim,), f"one start for each axis of {x.shape}")
    fits = len(sizes) == x.ndim and all(
        0 <= s <= d or isinstance(d, Unknown)
        for s, d in zip(sizes, x.shape, strict=False)
    )
    if not fits:
        raise ShapeError(
            f"{op}: a window of shape {sizes} does not fit in `x` of shape {x.shape}; "
            f"expected one size for each axis, none larger than the axis."
        )


def _infer_dynamic_slice(x: Aval, starts: Aval, *, sizes: Shape) -> Aval:
    _check_window("dynamic_slice", x, starts, sizes)
    return Aval(sizes, x.dtype)


def _infer_dynamic_update_slice(x: Aval, u: Aval, starts: Aval) -> Aval:
    check_same_dtype("dynamic_update_slice", ("x", "u"), (x, u))
    _check_window("dynamic_update_slice", x, starts, u.shape)
    return x


def _dynamic_slice_vjp(ctx: Context, g: Tensor) -> Grads:
    x, starts = ctx.inputs
    return dynamic_update_slice(zeros(x.shape, g.dtype), g, starts), None


def _dynamic_update_slice_vjp(ctx: Context, g: Tensor) -> Grads:
    _, u, starts = ctx.inputs
    # What the update has covered has no part in the result.
    gx = dynamic_update_slice(g, zeros(u.shape, g.dtype), starts)
    return gx, dynamic_slice(g, starts, sizes=u.shape), None


dynamic_slice = primitive(
    "dynamic_slice", kind="index", infer=_infer_dynamic_slice, vjp=_dynamic_slice_vjp
)
dynamic_update_slice = primitive(
    "dynamic_update_slice",
    kind="index",
    infer=_infer_dynamic_update_slice,
    vjp=_dynamic_update_slice_vjp,
)
