"""Movement rows: the same elements elsewhere.

`slice` takes `starts`, `stops` and `steps`, one of each for every axis, and means
`range(start, stop, step)`: with a negative step a stop of -1 goes down to and
including index 0. `pad_strided` is its transpose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikeras.engine.aval import Aval, Shape, ShapeError, Unknown
from minikeras.engine.primitive import Context, Facets, Primitive, always, primitive
from minikeras.engine.prims.create import const, zeros
from minikeras.engine.prims.elementwise import mul
from minikeras.engine.prims.helpers import (
    Grads,
    Ints,
    agree,
    check_axis,
    check_same_dtype,
    check_static_axes,
    meet,
    sizes_agree,
)

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def _infer_reshape(x: Aval, *, shape: Shape) -> Aval:
    if any(d < 0 for d in shape) or not sizes_agree(x.shape, shape):
        raise ShapeError(
            f"reshape: `x` of shape {x.shape} holds {x.size} elements; the target shape "
            f"{shape} does not. Both must hold the same number of elements."
        )
    return Aval(shape, x.dtype)


def _infer_transpose(x: Aval, *, perm: Ints) -> Aval:
    if tuple(sorted(perm)) != tuple(range(x.ndim)):
        raise ShapeError(
            f"transpose: perm {perm} does not fit `x` of shape {x.shape}; expected "
            f"each axis of {tuple(range(x.ndim))} once."
        )
    return Aval(tuple(x.shape[p] for p in perm), x.dtype)


def _transpose_vjp(ctx: Context, g: Tensor) -> Grads:
    perm = ctx.static["perm"]
    inverse = [0] * len(perm)
    for i, p in enumerate(perm):
        inverse[p] = i
    return (transpose(g, perm=tuple(inverse)),)


def _infer_broadcast_to(x: Aval, *, shape: Shape) -> Aval:
    lead = len(shape) - x.ndim
    fits = lead >= 0 and all(
        d == 1 or agree(d, t)
        for d, t in zip(x.shape, shape[max(lead, 0) :], strict=False)
    )
    if not fits:
        raise ShapeError(
            f"broadcast_to: `x` of shape {x.shape} does not broadcast to {shape}; its "
            f"sizes, counted from the last axis, must be 1 or those of the target."
        )
    return Aval(shape, x.dtype)


reshape: Primitive = primitive(
    "reshape",
    kind="movement",
    infer=_infer_reshape,
    vjp=lambda ctx, g: (reshape(g, shape=ctx.inputs[0].shape),),
    facets=Facets(alias=True, view=True, unchanged=always),
)
transpose = primitive(
    "transpose",
    kind="movement",
    infer=_infer_transpose,
    vjp=_transpose_vjp,
    facets=Facets(
        view=True,
        unchanged=lambda s: tuple(s["perm"]) == tuple(sorted(s["perm"])),
    ),
)
broadcast_to: Primitive = primitive(
    "broadcast_to",
    kind="movement",
    infer=_infer_broadcast_to,
    # The backward loop sums a cotangent to the shape of its input.
    vjp=lambda ctx, g: (g,),
    facets=Facets(view=True, unchanged=always),
)


def _infer_pad(x: Aval, value: Aval, *, widths: tuple[tuple[int, int], ...]) -> Aval:
    check_same_dtype("pad", ("x", "value"), (x, value))
    if value.shape != ():
        raise ShapeError(
            f"pad: argument `value` has shape {value.shape}; expected a scalar, ()."
        )
    if len(widths) != x.ndim or any(lo < 0 or hi < 0 for lo, hi in widths):
        raise ShapeError(
            f"pad: widths {widths} do not fit `x` of shape {x.shape}; expected one "
            f"pair (before, after) of sizes >= 0 for each of its {x.ndim} axes."
        )
    shape = tuple(
        d + lo + hi if lo or hi else d
        for d, (lo, hi) in zip(x.shape, widths, strict=True)
    )
    return Aval(shape, x.dtype)


def _pad_vjp(ctx: Context, g: Tensor) -> Grads:
    from_x, widths = ctx.inputs[0].shape, ctx.static["widths"]
    # The value stands in every place of the border, which is where padding zeros with
    # ones gives ones; the loop sums it to a scalar.
    starts = tuple(lo for lo, _ in widths)
    stops = tuple(lo + d for d, (lo, _) in zip(from_x, widths, strict=True))
    gx = slice_(g, starts=starts, stops=stops, steps=(1,) * len(starts))
    border = pad(zeros(from_x, g.dtype), const(g, 1), widths=widths)
    return gx, mul(g, border)


pad = primitive(
    "pad",
    kind="movement",
    infer=_infer_pad,
    vjp=_pad_vjp,
    facets=Facets(unchanged=lambda s: all(w == (0, 0) for w in s["widths"])),
)


def _sliced(op: str, shape: Shape, starts: Ints, stops: Ints, steps: Ints) -> Shape:
    """The shape of a slice, its three tuples checked."""
    if not len(starts) == len(stops) == len(steps) == len(shape):
        raise ShapeError(
            f"{op}: starts {starts}, stops {stops} and steps {steps} do not fit the "
            f"shape {shape}; expected one of each for each of the {len(shape)} axes."
        )
    sizes: list[int] = []
    for axis, (d, a, b, s) in enumerate(zip(shape, starts, stops, steps, strict=True)):
        # The whole axis: its size itself, which may be unknown.
        if s == 1 and a == 0 and b == d:
            sizes.append(d)
            continue
        bad = (
            s == 0 or (s > 0 and not 0 <= a <= d) or (s < 0 and not -1 <= a < max(d, 1))
        )
        beyond = b > d if s > 0 else b < -1
        if bad or (beyond and not isinstance(d, Unknown)):
            raise ShapeError(
                f"{op}: start {a}, stop {b}, step {s} leave axis {axis} of size {d}; "
                f"expected the terms of range(start, stop, step) within the axis."
            )
        sizes.append(len(range(a, b, s)))
    return tuple(sizes)


def _infer_slice(x: Aval, *, starts: Ints, stops: Ints, steps: Ints) -> Aval:
    return Aval(_sliced("slice", x.shape, starts, stops, steps), x.dtype)


def _infer_pad_strided(
    g: Aval, *, shape: Shape, starts: Ints, stops: Ints, steps: Ints
) -> Aval:
    wanted = _sliced("pad_strided", shape, starts, stops, steps)
    if len(wanted) != g.ndim or not all(map(agree, wanted, g.shape)):
        raise ShapeError(
            f"pad_strided: `g` has shape {g.shape}; expected {wanted}, the shape of "
            f"the slice it is written to."
        )
    return Aval(shape, g.dtype)


def _slice_vjp(ctx: Context, g: Tensor) -> Grads:
    # The transpose of reading at some places is to write there, among zeros.
    return (pad_strided(g, shape=ctx.inputs[0].shape, **ctx.static),)


def _pad_strided_vjp(ctx: Context, g: Tensor) -> Grads:
    where = {key: ctx.static[key] for key in ("starts", "stops", "steps")}
    return (slice_(g, **where),)


slice_ = primitive(
    "slice",
    kind="movement",
    infer=_infer_slice,
    vjp=_slice_vjp,
    facets=Facets(view=True),
)
pad_strided = primitive(
    "pad_strided", kind="movement", infer=_infer_pad_strided, vjp=_pad_strided_vjp
)


def _infer_concat(*xs: Aval, axis: int) -> Aval:
    if not xs:
        raise ShapeError("concat: got no arrays; expected at least one.")
    check_same_dtype("concat", [f"xs[{i}]" for i in range(len(xs))], xs)
    first = xs[0]
    check_axis("concat", axis, first.ndim)
    shape = list(first.shape)
    for number, x in enumerate(xs[1:], 1):
        fits = x.ndim == first.ndim and all(
            i == axis or agree(d, e)
            for i, (d, e) in enumerate(zip(x.shape, shape, strict=True))
        )
        if not fits:
            raise ShapeError(
                f"concat: xs[{number}] has shape {x.shape}, xs[0] has shape "
                f"{first.shape}; they may differ in axis {axis} only."
            )
        for i, d in enumerate(x.shape):
            shape[i] = shape[i] + d if i == axis else meet(shape[i], d)
    return Aval(tuple(shape), first.dtype)


def _concat_vjp(ctx: Context, g: Tensor) -> Grads:
    axis = ctx.static["axis"]
    starts, stops = [0] * len(g.shape), list(g.shape)
    steps = (1,) * len(g.shape)
    grads = []
    for x in ctx.inputs:
        stops[axis] = starts[axis] + x.shape[axis]
        grads.append(slice_(g, starts=tuple(starts), stops=tuple(stops), steps=steps))
        starts[axis] = stops[axis]
    return tuple(grads)


def _infer_flip(x: Aval, *, axes: Ints) -> Aval:
    check_static_axes("flip", axes, x.ndim)
    return x


concat = primitive("concat", kind="movement", infer=_infer_concat, vjp=_concat_vjp)
flip: Primitive = primitive(
    "flip",
    kind="movement",
    infer=_infer_flip,
    vjp=lambda ctx, g: (flip(g, axes=ctx.static["axes"]),),
    facets=Facets(view=True),
)
