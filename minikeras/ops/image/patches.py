"""Patches: sliding windows of images and volumes, each as one vector of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import Shape, ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.image.common import unknown
from minikeras.ops.nn.convolution import (
    Ints,
    channels_first,
    each,
    padding_of,
    to_first,
    to_last,
)
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import const, sub_slice
from minikeras.types import ArrayLike, Sizes

__all__ = ["extract_patches", "extract_patches_3d"]


@op
def extract_patches(
    images: ArrayLike,
    size: Sizes,
    strides: Any = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Sliding windows of images, or with three sizes of volumes.

    Args:
        images: Tensor `(batch, height, width, channels)`, or one image without the batch
            axis; with `channels_first` channels stand before the height.
        size: Size of a window: one integer, or one for each axis; three are for volumes.
        strides: Distance of windows; by default their size, so that they touch.
        dilation_rate: Distance of the taps within a window.
        padding: `"valid"`: windows lie within the image; `"same"`: zeros around it.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor `(batch, rows, columns, window * channels)` of the dtype of the images,
        channels where the images have them. Channels of one tap stand together.

    Raises:
        ShapeError: If ranks do not fit, or a window is larger than the image.
        TypeError: If `size` is no integer and no tuple.
        ValueError: If an argument is not understood.

    Example:

    >>> x = keras.ops.reshape(keras.ops.arange(16), (1, 4, 4, 1))
    >>> keras.ops.image.extract_patches(x, 2)[0, 0].tolist()
    [[0, 1, 4, 5], [2, 3, 6, 7]]
    """
    if not isinstance(size, (int, tuple, list)):
        raise TypeError(
            f"extract_patches: size={size!r} of type {type(size).__name__}; expected an integer "
            "or a tuple of 2 or 3."
        )
    rank = 2 if isinstance(size, int) else len(size)
    if rank not in (2, 3):
        raise ValueError(
            f"extract_patches: size={size!r}; expected an integer or a tuple of 2 or 3."
        )
    options = (size, strides, dilation_rate, padding, data_format)
    return _extracted(images, rank, *options, "extract_patches")


@op
def extract_patches_3d(
    volumes: ArrayLike,
    size: Sizes,
    strides: Any = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Sliding windows of volumes.

    Args:
        volumes: Tensor `(batch, depth, height, width, channels)`, or one volume without
            the batch axis; with `channels_first` channels stand before the depth.
        size: Size of a window: one integer or three.
        strides: Distance of windows; by default their size, so that they touch.
        dilation_rate: Distance of the taps within a window.
        padding: `"valid"`: windows lie within the volume; `"same"`: zeros around it.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor `(batch, planes, rows, columns, window * channels)` of the dtype of the
        volumes, channels where the volumes have them.

    Raises:
        ShapeError: If ranks do not fit, or a window is larger than the volume.
        TypeError: If `size` is not an integer or three of them.

    Example:

    >>> x = keras.ops.ones((2, 4, 4, 6, 3))
    >>> keras.ops.image.extract_patches_3d(x, 2).shape
    (2, 2, 2, 3, 24)
    """
    if not isinstance(size, int) and not (
        isinstance(size, (tuple, list)) and len(size) == 3
    ):
        raise TypeError(
            f"extract_patches_3d: size={size!r}; expected an integer or a tuple of 3."
        )
    options = (size, strides, dilation_rate, padding, data_format)
    return _extracted(volumes, 3, *options, "extract_patches_3d")


def _extracted(
    images: ArrayLike,
    rank: int,
    size: object,
    strides: Sizes,
    dilation_rate: Sizes,
    padding: str,
    data_format: str | None,
    name: str,
) -> Tensor:
    first = channels_first(data_format, name)
    x = to_tensor(images)
    if x.ndim not in (rank + 1, rank + 2):
        raise ShapeError(
            f"{name}: shape {x.shape} with windows over {rank} axes; expected rank {rank + 2} "
            f"(a batch), or {rank + 1} without the batch axis."
        )
    single = x.ndim == rank + 1
    x = prims.reshape(x, shape=(1, *x.shape)) if single else x
    x = to_last(x) if first else x
    window = each(size, rank, name, "size")
    steps = window if strides is None else each(strides, rank, name, "strides")
    gaps = each(dilation_rate, rank, name, "dilation_rate")
    pads = padding_of(padding, x.shape[1:-1], window, steps, gaps, name)
    if any(lo or hi for lo, hi in pads):
        x = prims.pad(x, const(x, 0), widths=((0, 0), *pads, (0, 0)))
    y = _windows(x, window, steps, gaps, name)
    y = to_first(y) if first else y
    return prims.reshape(y, shape=y.shape[1:]) if single else y


def _windows(x: Tensor, window: Ints, steps: Ints, gaps: Ints, name: str) -> Tensor:
    """Windows of `(batch, *spatial, channels)`, which is padded already."""
    spatial = x.shape[1:-1]
    reach = [d * (k - 1) + 1 for k, d in zip(window, gaps, strict=True)]
    if any(n < r and not unknown(n) for n, r in zip(spatial, reach, strict=True)):
        raise ShapeError(
            f"{name}: a window reaches over {tuple(reach)}, the padded image is {spatial}; "
            "expected the window not to be larger."
        )
    counts = tuple(
        (n - r) // s + 1 for n, r, s in zip(spatial, reach, steps, strict=True)
    )
    touching = steps == window and all(d == 1 for d in gaps)
    split = (
        _blocks(x, counts, window)
        if touching
        else _taken(x, counts, window, steps, gaps)
    )
    # (batch, count, window, count, window, ..., channels): counts first, then windows.
    rank = len(window)
    perm = (0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1)
    moved = prims.transpose(split, perm=perm)
    depth = x.shape[-1]
    for k in window:
        depth = depth * k
    return prims.reshape(moved, shape=(x.shape[0], *counts, depth))


def _interleaved(x: Tensor, counts: Shape, window: Sequence[int]) -> Shape:
    inner = [d for both in zip(counts, window, strict=True) for d in both]
    return (x.shape[0], *inner, x.shape[-1])


def _blocks(x: Tensor, counts: Shape, window: Ints) -> Tensor:
    """Windows that touch: a reshape, after what is left over is cut off."""
    for axis, (c, k) in enumerate(zip(counts, window, strict=True), 1):
        x = sub_slice(x, axis, 0, c * k)
    return prims.reshape(x, shape=_interleaved(x, counts, window))


def _taken(x: Tensor, counts: Shape, window: Ints, steps: Ints, gaps: Ints) -> Tensor:
    """Windows that overlap: each axis is gathered into two."""
    rows = zip(counts, window, steps, gaps, strict=True)
    for i, (c, k, s, d) in enumerate(rows):
        starts = prims.iota(shape=(c, k), dtype="int32", axis=0)
        taps = prims.iota(shape=(c, k), dtype="int32", axis=1)
        at = prims.add(
            prims.mul(starts, const(starts, s)), prims.mul(taps, const(taps, d))
        )
        x = prims.take(x, at, axis=1 + 2 * i)
    return x
