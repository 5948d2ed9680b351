"""`tf.image`: pictures cut, framed and coloured otherwise, also by chance.

Bytes go to floats from 0 to 1 and back, as TensorFlow has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikeras import ops, random
from minikeras.alias.tensorflow.image import (
    convert_image_dtype,
    flip_left_right,
    flip_up_down,
    resize,
)
from minikeras.alias.tensorflow.random import one_number
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikeras.random.seed_generator import SeedGenerator


class ResizeMethod:
    """Names of ways to resize."""

    BICUBIC = "bicubic"
    BILINEAR = "bilinear"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"
    NEAREST_NEIGHBOR = "nearest"


def _size(image: ArrayLike) -> tuple[int, int]:
    height, width = ops.shape(image)[-3:-1]
    return int(height or 0), int(width or 0)


def rot90(image: ArrayLike, k: int = 1, name: str | None = None) -> Tensor:
    """Pictures turned to the left `k` times."""
    return ops.rot90(image, k, axes=(-3, -2))


def transpose(image: ArrayLike, name: str | None = None) -> Tensor:
    """Rows and columns exchanged."""
    return ops.swapaxes(image, -3, -2)


def crop_to_bounding_box(
    image: ArrayLike,
    offset_height: int,
    offset_width: int,
    target_height: int,
    target_width: int,
) -> Tensor:
    """The part of so many rows and columns behind an offset."""
    image = ops.convert_to_tensor(image)
    top, left = int(offset_height), int(offset_width)
    return image[
        ..., top : top + int(target_height), left : left + int(target_width), :
    ]


def pad_to_bounding_box(
    image: ArrayLike,
    offset_height: int,
    offset_width: int,
    target_height: int,
    target_width: int,
) -> Tensor:
    """The picture in a larger black one, at an offset."""
    image = ops.convert_to_tensor(image)
    height, width = image.shape[-3:-1]
    rows = (int(offset_height), int(target_height) - int(offset_height) - height)
    columns = (int(offset_width), int(target_width) - int(offset_width) - width)
    before = [(0, 0)] * (len(image.shape) - 3)
    return ops.pad(image, [*before, rows, columns, (0, 0)])


def central_crop(image: ArrayLike, central_fraction: float) -> Tensor:
    """The middle, a fraction of the height and of the width."""
    height, width = _size(image)
    top, left = (int((n - n * central_fraction) / 2) for n in (height, width))
    return crop_to_bounding_box(image, top, left, height - 2 * top, width - 2 * left)


def resize_with_crop_or_pad(
    image: ArrayLike, target_height: int, target_width: int
) -> Tensor:
    """The middle, or the picture in the middle of a black frame."""
    height, width = _size(image)
    target = (int(target_height), int(target_width))
    more = (target[0] - height, target[1] - width)
    cut = crop_to_bounding_box(
        image,
        max(-more[0] // 2, 0),
        max(-more[1] // 2, 0),
        min(height, target[0]),
        min(width, target[1]),
    )
    return pad_to_bounding_box(cut, max(more[0] // 2, 0), max(more[1] // 2, 0), *target)


def resize_with_pad(
    image: ArrayLike,
    target_height: int,
    target_width: int,
    method: str = "bilinear",
    antialias: bool = False,
) -> Tensor:
    """The whole picture, as large as fits, in the middle of a black frame."""
    height, width = _size(image)
    scale = max(width / target_width, height / target_height)
    exact = (height / scale, width / scale)
    size = (max(int(exact[0]), 1), max(int(exact[1]), 1))
    made = resize(image, size, method, antialias=antialias)
    places = (int((target_height - exact[0]) / 2), int((target_width - exact[1]) / 2))
    return pad_to_bounding_box(made, *places, target_height, target_width)


def _in_floats(change: Callable[..., Any]) -> Callable[..., Any]:
    def changed(image: ArrayLike, *args: object, **kwargs: object) -> Tensor:
        image = ops.convert_to_tensor(image)
        made = change(convert_image_dtype(image, _floats(image)), *args, **kwargs)
        return convert_image_dtype(made, image.dtype, saturate=True)

    changed.__name__ = changed.__qualname__ = change.__name__
    changed.__doc__ = change.__doc__
    return changed


def _floats(image: Tensor) -> str:
    return str(image.dtype) if "float" in image.dtype else "float32"


@_in_floats
def adjust_brightness(image: Any, delta: ArrayLike) -> Tensor:
    """`delta` more everywhere; all of the range is 1."""
    return image + ops.cast(delta, image.dtype)


@_in_floats
def adjust_contrast(image: ArrayLike, contrast_factor: object) -> Tensor:
    """So many times as far from the mean of each channel."""
    mean = ops.mean(image, axis=(-3, -2), keepdims=True)
    return (image - mean) * contrast_factor + mean


@_in_floats
def adjust_saturation(
    image: object, saturation_factor: object, name: str | None = None
) -> Tensor:
    """So many times as colourful."""
    hue, saturation, value = _hsv(image)
    return _rgb(hue, ops.clip(saturation * saturation_factor, 0, 1), value)


@_in_floats
def adjust_hue(image: object, delta: ArrayLike, name: str | None = None) -> Tensor:
    """Colours further along the circle; once around is 1."""
    hue, saturation, value = _hsv(image)
    return _rgb(ops.mod(hue + delta, 1.0), saturation, value)


@_in_floats
def adjust_gamma(image: ArrayLike, gamma: float = 1, gain: float = 1) -> Tensor:
    """`gain * image ** gamma`."""
    return gain * ops.power(image, gamma)


def rgb_to_hsv(images: ArrayLike, name: str | None = None) -> Tensor:
    """Colours as hue, saturation and value."""
    return ops.image.rgb_to_hsv(images, data_format="channels_last")


def hsv_to_rgb(images: ArrayLike, name: str | None = None) -> Tensor:
    """Hue, saturation and value as colours."""
    return ops.image.hsv_to_rgb(images, data_format="channels_last")


def _hsv(image: Any) -> list[Any]:
    return list(ops.unstack(rgb_to_hsv(image), axis=-1))


def _rgb(*parts: Any) -> Tensor:
    return hsv_to_rgb(ops.stack(parts, axis=-1))


def _drawn(low: float, high: float, seed: object) -> Tensor:
    return random.uniform((), low, high, seed=one_number(seed))


def random_brightness(
    image: ArrayLike, max_delta: float, seed: int | SeedGenerator | None = None
) -> Tensor:
    """Brighter or darker by up to `max_delta`."""
    return adjust_brightness(image, _drawn(-max_delta, max_delta, seed))


def random_contrast(
    image: ArrayLike,
    lower: float,
    upper: float,
    seed: int | SeedGenerator | None = None,
) -> Tensor:
    """The contrast by a factor between two numbers."""
    return adjust_contrast(image, _drawn(lower, upper, seed))


def random_saturation(
    image: ArrayLike,
    lower: float,
    upper: float,
    seed: int | SeedGenerator | None = None,
) -> Tensor:
    """The saturation by a factor between two numbers."""
    return adjust_saturation(image, _drawn(lower, upper, seed))


def random_hue(
    image: ArrayLike, max_delta: float, seed: int | SeedGenerator | None = None
) -> Tensor:
    """The hue further by up to `max_delta`, either way."""
    return adjust_hue(image, _drawn(-max_delta, max_delta, seed))


def random_flip_up_down(
    image: ArrayLike, seed: int | SeedGenerator | None = None
) -> Tensor:
    """Each picture upside down, or not, by chance."""
    return _flipped(flip_up_down, image, seed)


def stateless_random_flip_left_right(
    image: ArrayLike, seed: int | SeedGenerator | None
) -> Tensor:
    """Each picture mirrored, or not, by chance."""
    return _flipped(flip_left_right, image, seed)


def _flipped(
    flip: Callable[[Any], Any], image: ArrayLike, seed: int | SeedGenerator | None
) -> Tensor:
    image = ops.convert_to_tensor(image)
    drawn = random.uniform((*image.shape[:-3], 1, 1, 1), seed=one_number(seed))
    return ops.where(drawn < 0.5, flip(image), image)


def random_crop(
    value: ArrayLike,
    size: Any,
    seed: int | SeedGenerator | None = None,
    name: str | None = None,
) -> Tensor:
    """A part of an array, of the shape given, at a place by chance."""
    value = ops.convert_to_tensor(value)
    size = [int(n) for n in size]
    free = [have - want + 1 for have, want in zip(value.shape, size, strict=True)]
    if min(free) < 1:
        raise ValueError(
            f"tf.image.random_crop: size={size} of an array of shape {value.shape}."
        )
    drawn = random.uniform((len(size),), seed=one_number(seed))
    starts = ops.cast(ops.floor(drawn * ops.convert_to_tensor(free)), "int32")
    return ops.slice(value, starts, size)


def per_image_standardization(image: ArrayLike) -> Tensor:
    """Each picture with mean 0 and deviation 1."""
    image = ops.cast(image, "float32")
    axes = (-3, -2, -1)
    count = image.shape[-3] * image.shape[-2] * image.shape[-1]
    spread = ops.maximum(ops.std(image, axes, keepdims=True), count**-0.5)
    return (image - ops.mean(image, axes, keepdims=True)) / spread


def extract_patches(
    images: ArrayLike,
    sizes: Sequence[int],
    strides: Sequence[int],
    rates: Sequence[int] = (1, 1, 1, 1),
    padding: str = "VALID",
    name: str | None = None,
) -> Tensor:
    """Parts of pictures `(batch, rows, columns, part)`, each as one row of numbers."""
    return ops.image.extract_patches(
        images,
        tuple(sizes)[1:3],
        tuple(strides)[1:3],
        tuple(rates)[1:3] if max(rates) > 1 else 1,
        padding.lower(),
        data_format="channels_last",
    )


def total_variation(images: ArrayLike, name: str | None = None) -> Tensor:
    """The sum of the differences of neighbouring pixels, of each picture."""
    images = ops.convert_to_tensor(images)
    down = images[..., 1:, :, :] - images[..., :-1, :, :]
    right = images[..., :, 1:, :] - images[..., :, :-1, :]
    axes = (-3, -2, -1)
    return ops.sum(ops.abs(down), axes) + ops.sum(ops.abs(right), axes)


def image_gradients(image: ArrayLike) -> tuple[Any, Any]:
    """Differences to the next row and the next column `(batch, height, width, channels)`."""
    image = ops.convert_to_tensor(image)
    rows = image[:, 1:] - image[:, :-1]
    columns = image[:, :, 1:] - image[:, :, :-1]
    return (
        ops.pad(rows, [(0, 0), (0, 1), (0, 0), (0, 0)]),
        ops.pad(columns, [(0, 0), (0, 0), (0, 1), (0, 0)]),
    )


def psnr(a: ArrayLike, b: ArrayLike, max_val: float, name: str | None = None) -> Tensor:
    """The ratio of peak to noise of each picture, in decibels."""
    off = ops.mean(ops.square(ops.subtract(a, b)), (-3, -2, -1))
    return 10 * ops.log10(max_val**2 / off)


stateless_random_brightness = random_brightness
stateless_random_contrast = random_contrast
stateless_random_crop = random_crop
stateless_random_flip_up_down = random_flip_up_down
stateless_random_hue = random_hue
stateless_random_saturation = random_saturation

__all__ = [
    "ResizeMethod", "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue",
    "adjust_saturation", "central_crop", "crop_to_bounding_box", "extract_patches",
    "hsv_to_rgb", "image_gradients", "pad_to_bounding_box", "per_image_standardization",
    "psnr", "random_brightness", "random_contrast", "random_crop", "random_flip_up_down",
    "random_hue", "random_saturation", "resize_with_crop_or_pad", "resize_with_pad",
    "rgb_to_hsv", "rot90", "stateless_random_brightness", "stateless_random_contrast",
    "stateless_random_crop", "stateless_random_flip_left_right",
    "stateless_random_flip_up_down", "stateless_random_hue",
    "stateless_random_saturation", "total_variation", "transpose",
]  # fmt: skip
