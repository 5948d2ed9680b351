"""Values between the places of a grid, and beyond its border.

`resample(images, fill, rows, columns)` reads each image at places of its own; there may be
one axis of places, or three, instead of two. Written with gathers it takes a dozen passes
over memory for each corner of a cell, eight for a picture; a backend's kernel takes one
(flip, rotation, zoom and contrast of 32x224x224x3: `benchmarks.preprocessing`). Gradients
come from the composition.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from minikeras.engine.aval import Aval, ShapeError, Unknown
from minikeras.engine.dtypes import is_complex
from minikeras.engine.primitive import primitive
from minikeras.engine.prims.create import const, iota
from minikeras.engine.prims.elementwise import (
    abs_,
    add,
    bitwise_and,
    cast,
    eq,
    floor,
    ge,
    lt,
    maximum,
    minimum,
    mul,
    neg,
    select,
    sign,
    stop_gradient,
    sub,
)
from minikeras.engine.prims.helpers import agree
from minikeras.engine.prims.index import take
from minikeras.engine.prims.movement import reshape

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor

BORDERS = ("constant", "nearest", "wrap", "mirror", "reflect")
MOST_AXES = 3
# An int32 holds it, however far away a place is.
FARTHEST = 2.0**29


def away_from_zero(x: Tensor) -> Tensor:
    """`x` rounded, halves away from zero."""
    return mul(sign(x), floor(add(abs_(x), const(x, 0.5))))


def _rest(x: Tensor, period: int) -> Tensor:
    """Whole floats less so many periods; at most the period, by rounding."""
    share = mul(x, const(x, 1 / max(period, 1)))
    return sub(x, mul(floor(share), const(x, max(period, 1))))


def _within(x: Tensor, n: int, border: str) -> Tensor:
    """The whole float in range that stands for each: without divisions of integers,
    which no CPU has in vectors."""
    if border == "wrap":
        rest = _rest(x, n)
        x = select(ge(rest, const(x, n)), const(x, 0), rest)
    elif border == "mirror":  # 0 1 2 1 0 1 2 ...
        rest = _rest(x, 2 * (n - 1))
        x = minimum(rest, sub(const(x, 2 * (n - 1)), rest))
    elif border == "reflect":  # 0 1 2 2 1 0 0 1 ...
        rest = _rest(x, 2 * n)
        x = minimum(rest, sub(const(x, 2 * n - 1), rest))
    return maximum(minimum(x, const(x, n - 1)), const(x, 0))


Corner = tuple[Any, Any, Any]


def _corners(place: Tensor, n: int, order: int, border: str) -> list[Corner]:
    """Along one axis: indices, whether they are real, and weights."""
    if order == 0:
        parts: list[tuple[Any, Any]] = [(away_from_zero(place), None)]
    else:
        low = floor(place)
        upper = sub(place, low)
        one = const(place, 1)
        parts = [(low, sub(one, upper)), (add(low, one), upper)]
    corners: list[Corner] = []
    for where, weight in parts:
        real = None
        # Elsewhere `_within` finds a real pixel for every place.
        if border == "constant":
            real = bitwise_and(ge(where, const(where, 0)), lt(where, const(where, n)))
        # Cast to int32, a float beyond its range or nan gives what the machine likes. A
        # place that is nan is still nan in the weights of order 1.
        far = const(where, FARTHEST)
        near = maximum(minimum(where, far), neg(far))
        known = stop_gradient(select(eq(near, near), near, const(near, 0)))
        corners.append((cast(_within(known, n, border), dtype="int32"), real, weight))
    return corners


def resampled(
    images: Tensor, fill: Tensor, *places: Tensor, order: int, border: str
) -> Tensor:
    """What `resample` gives, for any number of axes; also its composition."""
    batch, *sizes, channels = images.shape
    area = math.prod(sizes)
    table = reshape(images, shape=(batch * area, channels))
    ones = (1,) * (places[0].ndim - 1)
    starts = iota(shape=(batch, *ones), dtype="int32", axis=0)
    base = mul(starts, const(starts, area))
    total: Any = None
    axes = [_corners(p, n, order, border) for p, n in zip(places, sizes, strict=True)]
    for corner in itertools.product(*axes):
        flat, real, weight = base, None, None
        for i, (index, inside, share) in enumerate(corner):
            stride = math.prod(sizes[i + 1 :])
            flat = add(flat, mul(index, const(index, stride)) if stride != 1 else index)
            if inside is not None:
                real = inside if real is None else bitwise_and(real, inside)
            if share is not None:
                weight = share if weight is None else mul(weight, share)
        part = take(table, flat, axis=0)
        if real is not None:
            part = select(_spread(real), part, fill)
        if weight is not None:
            same = weight.dtype == part.dtype
            weight = weight if same else cast(weight, dtype=part.dtype)
            part = mul(part, _spread(weight))
        total = part if total is None else add(total, part)
    made: Tensor = total
    return made


def _spread(x: Tensor) -> Any:
    """With an axis for the channels."""
    return reshape(x, shape=(*x.shape, 1))


def _infer(images: Aval, fill: Aval, *places: Aval, order: int, border: str) -> Aval:
    op = "resample"
    if not 1 <= len(places) <= MOST_AXES or images.ndim != len(places) + 2:
        raise ShapeError(
            f"{op}: images of shape {images.shape} and {len(places)} arrays of places; "
            f"expected one for each axis between batch and channels, 1 to {MOST_AXES}."
        )
    wide = {p.dtype for p in places} | ({images.dtype} if order else set())
    if len({p.dtype for p in places}) > 1 or not wide <= {"float32", "float64"}:
        raise ShapeError(
            f"{op}: images of dtype {images.dtype}, places of {sorted(wide)}; expected "
            "float32 or float64, places of one dtype."
        )
    if is_complex(images.dtype):
        raise ShapeError(
            f"{op}: `images` has dtype {images.dtype}; expected real numbers."
        )
    if fill.dtype != images.dtype or fill.shape:
        raise ShapeError(
            f"{op}: `fill` has dtype {fill.dtype}, shape {fill.shape}; expected a number of "
            f"the dtype of the images, {images.dtype}."
        )
    for place in places:
        same = place.ndim == places[0].ndim and all(
            map(agree, place.shape, places[0].shape)
        )
        if not same or not place.ndim or not agree(place.shape[0], images.shape[0]):
            raise ShapeError(
                f"{op}: places of shape {place.shape} beside {places[0].shape}, for images "
                f"of shape {images.shape}; expected one shape, and the batch first."
            )
    empty = 0 in images.shape[1:-1]
    if empty and places[0].size and not isinstance(places[0].size, Unknown):
        raise ShapeError(
            f"{op}: images of shape {images.shape} have nothing at places of shape "
            f"{places[0].shape}; expected at least one pixel."
        )
    return Aval((*places[0].shape, images.shape[-1]), images.dtype)


resample = primitive(
    "resample",
    kind="opaque",
    infer=_infer,
    vjp=None,
    composition=resampled,
)
