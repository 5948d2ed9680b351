"""Values between the places of a grid, and beyond its border."""

from __future__ import annotations

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.prims.resampling import (
    BORDERS,
    MOST_AXES,
    away_from_zero,
    resampled,
)
from minikeras.engine.tensor import Tensor
from minikeras.ops.image.common import back_to, computing, one_of, unknown
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import cast_to, sub_slice
from minikeras.types import ArrayLike

__all__ = ["map_coordinates"]

FILL_MODES = BORDERS


def interpolate(
    images: Tensor,
    places: list[Tensor],
    order: int,
    mode: str,
    fill_value: ArrayLike,
) -> Tensor:
    """Images at places of their own, in the images' dtype.

    Args:
        images: `(batch, ..., channels)`, with any number of axes between.
        places: Floats `(batch, ...)` of one shape, one tensor for each of those axes.
        order: 0 for the nearest pixel, 1 for linear interpolation.
        mode: What stands beyond the border.
        fill_value: For mode `"constant"`.
    """
    exact = order == 0
    values = images if exact else cast_to(images, computing(images.dtype))
    fill = to_tensor(fill_value, values.dtype)
    many = len(places) > MOST_AXES or dtypes.is_complex(images.dtype)
    sample = resampled if many else prims.resample
    total: Tensor = sample(values, fill, *places, order=order, border=mode)
    if exact:
        return total
    integer = dtypes.is_integer(images.dtype)
    result = away_from_zero(total) if integer else total
    return back_to(result, images.dtype, round_first=False)


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
        prims.reshape(sub_slice(at, 0, i, i + 1), shape=(1, *rest))
        for i in range(x.ndim)
    ]
    image = prims.reshape(x, shape=(1, *x.shape, 1))
    made = interpolate(image, places, order, fill_mode, fill_value)
    return prims.reshape(made, shape=rest)
