"""`tf.image`: a few functions of pictures `(batch, height, width, channels)`, or of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minikeras import ops, random
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike, DTypeLike

if TYPE_CHECKING:
    from collections.abc import Sequence

_METHODS = ("bicubic", "bilinear", "lanczos3", "lanczos5", "nearest")


def resize(
    images: ArrayLike,
    size: Sequence[int],
    method: str = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
    name: str | None = None,
) -> Tensor:
    """Pictures in another size."""
    if preserve_aspect_ratio or method not in _METHODS:
        raise ValueError(
            f"tf.image.resize: got method={method!r}, preserve_aspect_ratio="
            f"{preserve_aspect_ratio}; expected one of {', '.join(_METHODS)}, and False."
        )
    images = ops.convert_to_tensor(images)
    if method != "nearest" and "float" not in images.dtype:
        images = ops.cast(images, "float32")
    size = tuple(int(n) for n in size)
    return ops.image.resize(
        images, size, method, antialias, data_format="channels_last"
    )


def flip_left_right(image: ArrayLike) -> Tensor:
    """Pictures mirrored."""
    return ops.flip(image, -2)


def flip_up_down(image: ArrayLike) -> Tensor:
    """Pictures upside down."""
    return ops.flip(image, -3)


def random_flip_left_right(image: ArrayLike, seed: int | None = None) -> Tensor:
    """Each picture mirrored, or not, by chance."""
    image = ops.convert_to_tensor(image)
    drawn = random.uniform((*image.shape[:-3], 1, 1, 1), seed=seed)
    return ops.where(drawn < 0.5, flip_left_right(image), image)


def rgb_to_grayscale(images: ArrayLike, name: str | None = None) -> Tensor:
    """Pictures with one channel."""
    return ops.image.rgb_to_grayscale(images, data_format="channels_last")


def grayscale_to_rgb(images: ArrayLike, name: str | None = None) -> Tensor:
    """Pictures whose one channel is there three times."""
    return ops.repeat(images, 3, -1)


def convert_image_dtype(
    image: ArrayLike, dtype: DTypeLike, saturate: bool = False
) -> Tensor:
    """Integers to floats from 0 to 1, floats to integers, floats to floats."""
    image = ops.convert_to_tensor(image)
    have, want = "float" in image.dtype, "float" in str(dtype)
    if have == want or image.dtype == dtype:
        return ops.cast(image, dtype)
    if want:
        return ops.cast(image, dtype) / float(np.iinfo(image.dtype).max)
    top = float(np.iinfo(str(dtype)).max) + 0.5
    return ops.cast(ops.clip(image * top, 0, top - 0.5), dtype)


def sobel_edges(image: ArrayLike) -> Tensor:
    """Slopes `(batch, height, width, channels, 2)` down and to the right."""
    return ops.image.sobel_edges(image, data_format="channels_last")


__all__ = [
    "convert_image_dtype", "flip_left_right", "flip_up_down", "grayscale_to_rgb",
    "random_flip_left_right", "resize", "rgb_to_grayscale", "sobel_edges",
]  # fmt: skip
