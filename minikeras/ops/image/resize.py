"""Images of another size, and boxes of them sampled anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.staging import sizes_are_free
from minikeras.engine.tensor import Tensor
from minikeras.ops.image.common import (
    back_to,
    computing,
    images_of,
    of_size,
    one_of,
    pair,
    plane,
    unknown,
)
from minikeras.ops.image.weights import METHODS, contract, resized, weights
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import axis_of, cast_to, const, floating, sub_slice
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.types import Sizes


__all__ = ["resize", "scale_and_translate"]

_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


@op
def resize(
    images: ArrayLike,
    size: Sizes,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Images of another height and width.

    Centres of pixels are sampled, so corners of old and new images lie on each other.

    Args:
        images: Tensor `(batch, height, width, channels)`, or one image without the batch
            axis; with `channels_first` channels stand before the height.
        size: New height and width.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos3"` or
            `"lanczos5"`.
        antialias: Whether images that become smaller are smoothed; not for `"nearest"`.
        crop_to_aspect_ratio: Whether to cut the middle out first, such that the ratio of
            height and width stays.
        pad_to_aspect_ratio: Whether to pad evenly first, such that it stays.
        fill_mode: `"constant"`, the only one.
        fill_value: Value of padded pixels.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor of the dtype of the images, with the new height and width. Integers are
        rounded, and clipped to what the dtype holds.

    Raises:
        ShapeError: If the images have another rank, or no pixels.
        ValueError: If an argument is not understood.

    Example:

    >>> x = keras.ops.reshape(keras.ops.arange(4, dtype="float32"), (1, 2, 2, 1))
    >>> keras.ops.image.resize(x, (2, 4))[0, :, :, 0].tolist()
    [[0.0, 0.25, 0.75, 1.0], [2.0, 2.25, 2.75, 3.0]]
    """
    new = pair(size, "resize", "size")
    one_of(interpolation, _INTERPOLATIONS, "resize", "interpolation")
    one_of(fill_mode, ("constant",), "resize", "fill_mode")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "resize: crop_to_aspect_ratio=True and pad_to_aspect_ratio=True; expected one of "
            "them at most."
        )
    x, first = images_of(images, data_format, "resize")
    dtype = x.dtype
    axes = plane(x, first)
    old = x.shape[axes[0]], x.shape[axes[1]]
    if unknown(*old):
        for axis, n in zip(axes, new, strict=True):
            x = of_size(x, axis, n)
        return x
    if 0 in old:
        raise ShapeError(f"resize: images of shape {x.shape} have no pixels.")
    if crop_to_aspect_ratio:
        x = _cropped(x, axes, old, new)
    elif pad_to_aspect_ratio:
        x = _padded(x, axes, old, new, fill_value)
    if interpolation == "nearest":
        y = _nearest(x, axes, new)
        return y if y.dtype == dtype else back_to(y, dtype)
    y = cast_to(x, computing(x.dtype))
    for axis, n in zip(axes, new, strict=True):
        if y.shape[axis] != n or sizes_are_free():
            y = resized(y, n, axis, interpolation, antialias)
    return back_to(y, dtype)


Two = tuple[int, int]


def _fitting(old: Two, new: Two) -> Two:
    """The height that fits the old width in the new ratio, and the width."""
    return int(old[1] * new[0] / new[1]), int(old[0] * new[1] / new[0])


def _cropped(x: Tensor, axes: Two, old: Two, new: Two) -> Tensor:
    for axis, n, wanted in zip(axes, old, _fitting(old, new), strict=True):
        size = max(min(n, wanted), 1)
        start = (n - size) // 2
        x = sub_slice(x, axis, start, start + size)
    return x


def _padded(x: Tensor, axes: Two, old: Two, new: Two, fill_value: float) -> Tensor:
    widths = [(0, 0)] * x.ndim
    for axis, n, wanted in zip(axes, old, _fitting(old, new), strict=True):
        side = max(wanted - n, 0) // 2
        widths[axis] = (side, side)
    if not any(side for side, _ in widths):
        return x
    wide = cast_to(x, computing(x.dtype))
    return prims.pad(wide, to_tensor(fill_value, wide.dtype), widths=tuple(widths))


def _nearest(x: Tensor, axes: Two, new: Two) -> Tensor:
    for axis, n in zip(axes, new, strict=True):
        old = x.shape[axis]
        if sizes_are_free():
            middle = prims.iota(shape=(n,), dtype="int32", axis=0)
            middle = prims.add(prims.mul(middle, const(middle, 2)), const(middle, 1))
            at = prims.floordiv(
                prims.mul(middle, const(middle, old)), const(middle, 2 * n)
            )
            x = prims.take(x, at, axis=axis)
        elif old != n:
            at = to_tensor([(2 * i + 1) * old // (2 * n) for i in range(n)], "int32")
            x = prims.take(x, at, axis=axis)
    return x


@op
def scale_and_translate(
    images: ArrayLike,
    output_shape: Sequence[int],
    scale: ArrayLike,
    translation: ArrayLike,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """Images scaled and then moved, sampled in a box of another shape.

    Places outside of the images are 0. Gradients reach `scale` and `translation`.

    Args:
        images: Tensor of any rank.
        output_shape: Shape of the result; only its spatial axes count.
        scale: Tensor `(axes,)`, the factor of each spatial axis.
        translation: Tensor `(axes,)`, by how many new pixels each is moved.
        spatial_dims: Which axes are spatial.
        method: `"linear"` (also `"bilinear"`, `"trilinear"`), `"cubic"` (`"bicubic"`,
            `"tricubic"`), `"lanczos3"` or `"lanczos5"`.
        antialias: Whether axes that become smaller are smoothed.

    Returns:
        Float tensor.

    Raises:
        ShapeError: If shapes do not fit one another.
        ValueError: If the method is not known.

    Example:

    >>> x = keras.ops.array([1.0, 2.0, 3.0])
    >>> keras.ops.image.scale_and_translate(x, (3,), [1.0], [1.0], (0,), "linear").tolist()
    [0.0, 1.0, 2.0]
    """
    name = "scale_and_translate"
    one_of(method, tuple(METHODS), name, "method")
    x = floating(images)
    y = cast_to(x, computing(x.dtype))
    factors, moves = to_tensor(scale, y.dtype), to_tensor(translation, y.dtype)
    if len(output_shape) != x.ndim:
        raise ShapeError(
            f"{name}: output_shape={tuple(output_shape)} for images of shape {x.shape}; "
            "expected as many sizes."
        )
    wanted = (len(spatial_dims),)
    if factors.shape != wanted or moves.shape != wanted:
        raise ShapeError(
            f"{name}: scale has shape {factors.shape} and translation {moves.shape}; expected "
            f"{wanted}, one number for each of spatial_dims={tuple(spatial_dims)}."
        )
    for i, d in enumerate(spatial_dims):
        axis = axis_of(d, x.ndim, name)
        n, size = y.shape[axis], int(output_shape[axis])
        if unknown(n):
            y = of_size(y, axis, size)
            continue
        factor, move = (
            prims.reshape(sub_slice(v, 0, i, i + 1), shape=(1, 1))
            for v in (factors, moves)
        )
        y = contract(y, weights(n, size, factor, move, method, antialias), axis)
    return cast_to(y, x.dtype)
