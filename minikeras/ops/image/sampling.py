"""Values between the places of a grid, and beyond its border."""

from __future__ import annotations

import itertools
import math

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import Shape, ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.image.common import back_to, computing, one_of, unknown
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import cast_to, const, sub_slice
from minikeras.types import ArrayLike

__all__ = ["map_coordinates"]

FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def away_from_zero(x: Tensor) -> Tensor:
    """`x` rounded, halves away from zero."""
    up = prims.floor(prims.add(prims.abs(x), const(x, 0.5)))
    return prims.mul(prims.sign(x), up)


def _mirrored(index: Tensor, period: int) -> Tensor:
    """0 1 2 1 0 1 2 ... where the period, of 2 there, is the last index."""
    p = max(period, 1)
    moved = prims.mod(prims.add(index, const(index, p)), const(index, 2 * p))
    folded = prims.abs(prims.sub(moved, const(index, p)))
    return folded if period else prims.mul(index, const(index, 0))


def _within(index: Tensor, n: int, mode: str) -> Tensor:
    """The index in range that stands for each index."""
    if mode == "wrap":
        return prims.mod(index, const(index, n))
    if mode == "mirror":
        return _mirrored(index, n - 1)
    if mode == "reflect":
        twice = prims.add(prims.mul(index, const(index, 2)), const(index, 1))
        folded = prims.sub(_mirrored(twice, 2 * n), const(index, 1))
        half = prims.floordiv(folded, const(index, 2))
        return prims.maximum(prims.minimum(half, const(half, n - 1)), const(half, 0))
    return prims.maximum(prims.minimum(index, const(index, n - 1)), const(index, 0))


def _rest(x: Tensor, period: int) -> Tensor:
    """Whole floats less so many periods; at most the period, by rounding."""
    share = prims.mul(x, const(x, 1 / max(period, 1)))
    return prims.sub(x, prims.mul(prims.floor(share), const(x, max(period, 1))))


def _folded(x: Tensor, n: int, mode: str) -> Tensor:
    """`_within` for whole floats: without divisions of integers, which no CPU has in
    vectors."""
    if mode == "wrap":
        rest = _rest(x, n)
        x = prims.select(prims.ge(rest, const(x, n)), const(x, 0), rest)
    elif mode == "mirror":
        rest = _rest(x, 2 * (n - 1))
        x = prims.minimum(rest, prims.sub(const(x, 2 * (n - 1)), rest))
    elif mode == "reflect":
        rest = _rest(x, 2 * n)
        x = prims.minimum(rest, prims.sub(const(x, 2 * n - 1), rest))
    return prims.maximum(prims.minimum(x, const(x, n - 1)), const(x, 0))


Corner = tuple[Tensor, Tensor | None, Tensor | None]


def _corners(place: Tensor, n: int, order: int, mode: str) -> list[Corner]:
    """Along one axis: indices, whether they are real, and weights."""
    if order == 0:
        low = place if dtypes.is_integer(place.dtype) else away_from_zero(place)
        parts: list[tuple[Tensor, Tensor | None]] = [(low, None)]
    else:
        low = prims.floor(place)
        upper = prims.sub(place, low)
        one = const(place, 1)
        parts = [(low, prims.sub(one, upper)), (prims.add(low, one), upper)]
    corners: list[Corner] = []
    for where, weight in parts:
        real = None
        if mode == "constant":
            real = prims.bitwise_and(
                prims.ge(where, const(where, 0)), prims.lt(where, const(where, n))
            )
        # An int32 holds it, however far away a place is.
        far = const(where, 2.0**29)
        near = prims.maximum(prims.minimum(where, far), prims.neg(far))
        known = prims.select(prims.eq(near, near), near, const(near, 0))
        known = prims.stop_gradient(known)
        if not dtypes.is_float(known.dtype):
            index = _within(prims.cast(known, dtype="int32"), n, mode)
        else:
            index = prims.cast(_folded(known, n, mode), dtype="int32")
        corners.append((index, real, weight))
    return corners


def interpolate(
    table: Tensor,
    sizes: Shape,
    places: list[Tensor],
    order: int,
    mode: str,
    fill_value: ArrayLike,
    base: Tensor | None = None,
) -> Tensor:
    """Rows of `table` at places of a grid.

    Args:
        table: `(rows, ...)`: the grid of these sizes, flat; or several of them.
        sizes: Sizes of the grid.
        places: Float tensors that broadcast, one for each axis of the grid.
        order: 0 for the nearest row, 1 for linear interpolation.
        mode: What stands beyond the border.
        fill_value: For mode `"constant"`.
        base: Row at which the grid of each place starts.
    """
    exact = order == 0
    values = table if exact else cast_to(table, computing(table.dtype))
    fill = to_tensor(fill_value, values.dtype)
    total: Tensor | None = None
    axes = [_corners(p, n, order, mode) for p, n in zip(places, sizes, strict=True)]
    for corner in itertools.product(*axes):
        flat, real, weight = base, None, None
        for i, (index, inside, share) in enumerate(corner):
            stride = math.prod(sizes[i + 1 :])
            step = prims.mul(index, const(index, stride)) if stride != 1 else index
            flat = step if flat is None else prims.add(flat, step)
            if inside is not None:
                real = inside if real is None else prims.bitwise_and(real, inside)
            if share is not None:
                weight = share if weight is None else prims.mul(weight, share)
        assert flat is not None  # a grid has axes
        part = prims.take(values, flat, axis=0)
        if real is not None:
            part = prims.select(_spread(real, part), part, fill)
        if weight is not None:
            part = prims.mul(part, _spread(cast_to(weight, part.dtype), part))
        total = part if total is None else prims.add(total, part)
    assert total is not None
    if exact:
        return total
    integer = dtypes.is_integer(table.dtype)
    result = away_from_zero(total) if integer else total
    return back_to(result, table.dtype, round_first=False)


def _spread(x: Tensor, like: Tensor) -> Tensor:
    """`x` with axes of size 1 at the end, for those that `like` has more."""
    return prims.reshape(x, shape=(*x.shape, *(1,) * (like.ndim - x.ndim)))


@op
def map_coordinates(
    inputs: ArrayLike,
    coordinates: ArrayLike,
    order: int,
    fill_mode: str = "constant",
    fill_value: float = 0,
) -> Tensor:
    """Values of a grid at any places, by interpolation.

    Args:
        inputs: Tensor of rank 1 or more, the grid.
        coordinates: Tensor `(rank, ...)`: places along each axis, where 0 is the first
            element.
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode: What stands beyond the border of `a b c d`: `"constant"`: the fill
            value; `"nearest"`: `a a | a b c d | d d`; `"wrap"`: `c d | a b c d | a b`;
            `"mirror"`: `c b | a b c d | c b`; `"reflect"`: `b a | a b c d | d c`.
        fill_value: Value beyond the border in mode `"constant"`.

    Returns:
        Tensor of the shape of `coordinates` without its first axis and of the dtype of
        `inputs`; integers are rounded.

    Raises:
        ShapeError: If the first axis of `coordinates` is not the rank of `inputs`.
        ValueError: If the order or mode is not known.

    Example:

    >>> x = keras.ops.array([0.0, 10.0, 20.0])
    >>> keras.ops.image.map_coordinates(x, [[0.5, 1.75]], order=1).tolist()
    [5.0, 17.5]
    """
    name = "map_coordinates"
    one_of(order, (0, 1), name, "order")
    one_of(fill_mode, FILL_MODES, name, "fill_mode")
    x, at = to_tensor(inputs), to_tensor(coordinates)
    if at.ndim < 2 or not x.ndim:
        raise ShapeError(
            f"{name}: inputs have shape {x.shape}, coordinates {at.shape}; expected rank 1 or "
            "more of inputs, 2 or more of coordinates."
        )
    if at.shape[0] != x.ndim and not unknown(at.shape[0]):
        raise ShapeError(
            f"{name}: coordinates of shape {at.shape} have {at.shape[0]} rows; expected "
            f"{x.ndim}, one for each axis of inputs of shape {x.shape}."
        )
    if 0 in x.shape:
        raise ShapeError(f"{name}: inputs of shape {x.shape} have no elements.")
    at = cast_to(at, computing(at.dtype))
    rest = at.shape[1:]
    places = [
        prims.reshape(sub_slice(at, 0, i, i + 1), shape=rest) for i in range(x.ndim)
    ]
    table = prims.reshape(x, shape=(math.prod(x.shape),))
    return interpolate(table, x.shape, places, order, fill_mode, fill_value)
