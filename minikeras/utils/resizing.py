"""Pictures of another size, in NumPy, while data are loaded.

Loading threads must not take the backend's time, so this does not go through `ops`. A
resize is the same along both axes: each new row is a weighted sum of a few old ones.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Size = tuple[int, int]


def _bilinear(x: Array) -> Array:
    return np.maximum(1 - x, 0)


def _bicubic(x: Array) -> Array:
    # Keys (1981), a = -1/2
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _mitchell(x: Array) -> Array:
    # Mitchell and Netravali (1988), B = C = 1/3
    near = (7 * x - 12) * x * x + 16 / 3
    far = ((-7 / 3 * x + 12) * x - 20) * x + 32 / 3
    return np.where(x < 1, near, np.where(x < 2, far, 0)) / 6


def _lanczos(radius: int) -> Callable[[Array], Array]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


def _gaussian(x: Array) -> Array:
    return np.where(x < 1.5, np.exp(-2 * x * x), 0)  # a deviation of half a pixel


# How far a kernel reaches, in pixels, and its weight at a distance.
KERNELS: dict[str, tuple[float, Callable[[Array], Array]]] = {
    "bilinear": (1, _bilinear),
    "bicubic": (2, _bicubic),
    "lanczos3": (3, _lanczos(3)),
    "lanczos5": (5, _lanczos(5)),
    "gaussian": (1.5, _gaussian),
    "mitchellcubic": (2, _mitchell),
}
# Kernels that change a picture of the same size too: they are not 0 at other pixels.
_SMOOTH = ("gaussian", "mitchellcubic")
INTERPOLATIONS = ("nearest", "area", *KERNELS)


@functools.lru_cache(maxsize=512)
def _taps(old: int, new: int, interpolation: str) -> tuple[Array, Array]:
    """Which old rows each new one is made of, and with which weights: `(new, taps)`."""
    scale = old / new
    if interpolation == "area":
        start, stop = np.arange(new) * scale, (np.arange(new) + 1) * scale
        first = np.floor(start + 1e-9)
        count = int((np.ceil(stop - 1e-9) - first).max())
        rows = first[:, None] + np.arange(count)
        overlap = np.minimum(rows + 1, stop[:, None]) - np.maximum(rows, start[:, None])
        weights = np.maximum(overlap, 0)
    else:
        reach, kernel = KERNELS[interpolation]
        centre = (np.arange(new) + 0.5) * scale - 0.5
        rows = np.floor(centre - reach)[:, None] + np.arange(int(2 * reach) + 2)
        weights = kernel(np.abs(rows - centre[:, None]))
    weights = np.where((rows >= 0) & (rows < old), weights, 0)
    used = weights.any(0)
    rows, weights = rows[:, used], weights[:, used]
    weights = weights / weights.sum(1, keepdims=True)
    return np.clip(rows, 0, old - 1).astype(np.intp), weights.astype(np.float32)


def _along(image: Array, axis: int, new: int, interpolation: str) -> Array:
    rows, weights = _taps(image.shape[axis], new, interpolation)
    shape = [1] * image.ndim
    shape[axis] = new
    total: Array | None = None
    for tap in range(rows.shape[1]):
        part = image.take(rows[:, tap], axis) * weights[:, tap].reshape(shape)
        total = part if total is None else np.add(total, part, out=total)
    assert total is not None
    return total


def resized(image: Array, size: Size, interpolation: str = "bilinear") -> Array:
    """Pictures `(..., height, width, channels)` at another height and width.

    Centres of pixels are sampled, and nothing is smoothed where a picture shrinks.

    Returns:
        float32; for `"nearest"` the dtype of the picture.
    """
    axes = (image.ndim - 3, image.ndim - 2)
    if interpolation == "nearest":
        for axis, new in zip(axes, size):
            old = image.shape[axis]
            rows = np.floor((np.arange(new) + 0.5) * (old / new)).astype(np.intp)
            image = image.take(np.minimum(rows, old - 1), axis)
        return image
    image = image.astype(np.float32, copy=False)
    for axis, new in zip(axes, size):
        if image.shape[axis] != new or interpolation in _SMOOTH:
            image = _along(image, axis, new, interpolation)
    return image


def cropped(image: Array, size: Size) -> Array:
    """The greatest part of a picture, from its middle, with the ratio of `size`."""
    height, width = image.shape[-3:-1]
    high = min(height, int(width * size[0] / size[1]))
    wide = min(width, int(height * size[1] / size[0]))
    top, left = int((height - high) / 2), int((width - wide) / 2)
    return image[..., top : top + high, left : left + wide, :]


def fitted(image: Array, size: Size, interpolation: str = "bilinear") -> Array:
    """A picture resized to fit into `size` with its own ratio, and zeros around it."""
    height, width = image.shape[-3:-1]
    ratio = max(height / size[0], width / size[1])
    high, wide = max(int(height / ratio), 1), max(int(width / ratio), 1)
    image = resized(image, (high, wide), interpolation)
    top = int(max(size[0] - height / ratio, 0) / 2)
    left = int(max(size[1] - width / ratio, 0) / 2)
    around = [(0, 0)] * (image.ndim - 3)
    around += [(top, size[0] - high - top), (left, size[1] - wide - left), (0, 0)]
    return np.pad(image, around)
