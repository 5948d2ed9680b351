"""Colours: grey values, and hue, saturation and value."""

from __future__ import annotations

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.image.common import (
    back_to,
    channel_axis,
    computing,
    images_of,
    unknown,
)
from minikeras.ops.op import op
from minikeras.ops.support import cast_to, const, sub_slice
from minikeras.types import ArrayLike

__all__ = ["rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb"]

# Shares of red, green and blue in luma; ITU-R BT.601.
_LUMA = (0.2989, 0.5870, 0.1140)


def _channels(x: Tensor, axis: int) -> list[Tensor]:
    return [sub_slice(x, axis, i, i + 1) for i in range(3)]


@op
def rgb_to_grayscale(images: ArrayLike, data_format: str | None = None) -> Tensor:
    """Grey values of colours: `0.2989 red + 0.587 green + 0.114 blue`.

    Args:
        images: Tensor `(batch, height, width, 3)`, or one image without the batch axis;
            with `channels_first` channels stand before the height. Images of one channel
            are grey already and come back as they are.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor of one channel, of the dtype of the images; integers are cut off.

    Raises:
        ShapeError: If there are neither three channels nor one.

    Example:

    >>> keras.ops.image.rgb_to_grayscale(keras.ops.array([[[1.0, 0.0, 0.0]]])).tolist()
    [[[0.2989]]]

    Reference:
        ITU-R BT.601, luma.
    """
    name = "rgb_to_grayscale"
    x, first = images_of(images, data_format, name)
    axis = channel_axis(x, first)
    channels = x.shape[axis]
    if channels == 1 and not unknown(channels):
        return x
    if channels != 3 and not unknown(channels):
        raise ShapeError(
            f"{name}: images of shape {x.shape} have {channels} channels in axis {axis}; "
            "expected 3 (colours) or 1 (grey already)."
        )
    y = cast_to(x, computing(x.dtype))
    red, green, blue = (
        prims.mul(c, const(y, share))
        for c, share in zip(_channels(y, axis), _LUMA, strict=True)
    )
    total = prims.add(prims.add(red, green), blue)
    return back_to(total, x.dtype, round_first=False)


def _three(images: ArrayLike, data_format: str | None, name: str) -> tuple[Tensor, int]:
    x, first = images_of(images, data_format, name)
    axis = channel_axis(x, first)
    if not dtypes.is_float(x.dtype):
        raise ValueError(
            f"{name}: images are {x.dtype}; expected floats from 0 to 1. Divide by the "
            "greatest value first."
        )
    if x.shape[axis] != 3 and not unknown(x.shape[axis]):
        raise ShapeError(
            f"{name}: images of shape {x.shape} have {x.shape[axis]} channels in axis {axis}; "
            "expected 3."
        )
    return x, axis


@op
def rgb_to_hsv(images: ArrayLike, data_format: str | None = None) -> Tensor:
    """Hue, saturation and value of colours.

    Value is the greatest of the three, saturation its distance from the least in parts
    of it, and hue the place in the circle of colours, from 0 (red) to 1 (red again).

    Args:
        images: Float tensor `(batch, height, width, 3)` of numbers from 0 to 1, or one
            image without the batch axis; with `channels_first` channels stand before the
            height.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor of the shape and dtype of the images.

    Raises:
        ShapeError: If there are not three channels.
        ValueError: If the images are not floats.

    Example:

    >>> keras.ops.image.rgb_to_hsv(keras.ops.array([[[0.0, 0.5, 0.0]]])).tolist()
    [[[0.3333, 1.0, 0.5]]]

    Reference:
        Smith: Color Gamut Transform Pairs; 1978.
    """
    x, axis = _three(images, data_format, "rgb_to_hsv")
    y = cast_to(x, computing(x.dtype))
    red, green, blue = _channels(y, axis)
    zero, one = const(y, 0), const(y, 1)
    value = prims.max(y, axes=(axis,), keepdims=True)
    spread = prims.sub(value, prims.min(y, axes=(axis,), keepdims=True))
    lit = prims.gt(value, zero)
    saturation = prims.select(
        lit, prims.div(spread, prims.select(lit, value, one)), zero
    )
    coloured = prims.gt(spread, zero)
    sixth = prims.div(
        const(y, 1 / 6), prims.select(coloured, spread, one)
    )  # of the circle, for each unit of colour

    def hue_from(a: Tensor, b: Tensor, start: float) -> Tensor:
        turned = prims.mul(sixth, prims.sub(a, b))
        return prims.add(turned, const(y, start)) if start else turned

    from_red = hue_from(green, blue, 0)
    from_green = hue_from(blue, red, 1 / 3)
    from_blue = hue_from(red, green, 2 / 3)
    others = prims.select(prims.eq(green, value), from_green, from_blue)
    hue = prims.select(prims.eq(red, value), from_red, others)
    hue = prims.select(coloured, hue, zero)
    hue = prims.select(prims.lt(hue, zero), prims.add(hue, one), hue)
    return cast_to(prims.concat(hue, saturation, value, axis=axis), x.dtype)


@op
def hsv_to_rgb(images: ArrayLike, data_format: str | None = None) -> Tensor:
    """Red, green and blue of colours given by hue, saturation and value.

    Args:
        images: Float tensor `(batch, height, width, 3)` of numbers from 0 to 1, or one
            image without the batch axis; with `channels_first` channels stand before the
            height.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor of the shape and dtype of the images.

    Raises:
        ShapeError: If there are not three channels.
        ValueError: If the images are not floats.

    Example:

    >>> keras.ops.image.hsv_to_rgb(keras.ops.array([[[0.5, 1.0, 1.0]]])).tolist()
    [[[0.0, 1.0, 1.0]]]

    Reference:
        Smith: Color Gamut Transform Pairs; 1978.
    """
    x, axis = _three(images, data_format, "hsv_to_rgb")
    y = cast_to(x, computing(x.dtype))
    hue, saturation, value = _channels(y, axis)
    zero, one = const(y, 0), const(y, 1)
    place = prims.mul(prims.mod(hue, one), const(y, 6))  # hues go round

    def distance(centre: float) -> Tensor:
        return prims.abs(prims.sub(place, const(y, centre)))

    def clipped(v: Tensor) -> Tensor:
        return prims.minimum(prims.maximum(v, zero), one)

    # Each pure colour is a trapezoid over the circle of six parts: 1 within one part of
    # its own place, 0 beyond two.
    pure = (
        clipped(prims.sub(distance(3), one)),
        clipped(prims.sub(const(y, 2), distance(2))),
        clipped(prims.sub(const(y, 2), distance(4))),
    )
    pale = prims.sub(one, saturation)
    mixed = [prims.mul(prims.add(pale, prims.mul(saturation, c)), value) for c in pure]
    return cast_to(prims.concat(*mixed, axis=axis), x.dtype)
