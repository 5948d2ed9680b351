"""Images padded and cropped."""

from __future__ import annotations

from typing import Any

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.image.common import images_of, of_size, plane, unknown
from minikeras.ops.op import op
from minikeras.ops.support import const, sub_slice
from minikeras.types import ArrayLike

__all__ = ["pad_images", "crop_images"]

Sizes = tuple[int | None, int | None, int | None]


def _checked(sizes: Sizes, names: tuple[str, str, str], name: str) -> Sizes:
    """The sizes before and after and the target, two of which are given."""
    listing = ", ".join(f"{n}={v!r}" for n, v in zip(names, sizes, strict=True))
    if sum(v is not None for v in sizes) != 2:
        raise ValueError(
            f"{name}: {listing}; expected exactly two of these, the third follows."
        )
    if any(v is not None and not hasattr(v, "__index__") for v in sizes):
        raise ValueError(f"{name}: {listing}; expected integers.")
    return sizes


def _third(sizes: Sizes, n: int, grow: int, argument: str, name: str) -> Sizes:
    """All three sizes for an axis of n pixels; `grow` is 1 where it becomes longer."""
    before, after, target = sizes
    if target is None:
        target = n + grow * ((before or 0) + (after or 0))
    elif before is None:
        before = grow * (target - n) - (after or 0)
    else:
        after = grow * (target - n) - before
    for value, what in ((before, "before"), (after, "after"), (target, "target")):
        if value is not None and value < 0:
            raise ValueError(
                f"{name}: the {argument} of {n} pixels to {target} makes the size {what} "
                f"it {value}; expected all sizes >= 0. Check the paddings, croppings and "
                "targets that were given."
            )
    return before, after, target


def _both(values: tuple[Any, ...], ing: str, name: str) -> tuple[Sizes, Sizes]:
    top, left, bottom, right, height, width = values
    rows = (f"top_{ing}", f"bottom_{ing}", "target_height")
    columns = (f"left_{ing}", f"right_{ing}", "target_width")
    return (
        _checked((top, bottom, height), rows, name),
        _checked((left, right, width), columns, name),
    )


@op
def pad_images(
    images: ArrayLike,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images with a border of zeros.

    Of top, bottom and target height exactly two are given; so for the width.

    Args:
        images: Tensor `(batch, height, width, channels)`, or one image without the batch
            axis; with `channels_first` channels stand before the height.
        top_padding: Rows above.
        left_padding: Columns on the left.
        bottom_padding: Rows below.
        right_padding: Columns on the right.
        target_height: Height of the result.
        target_width: Width of the result.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor of the dtype of the images.

    Raises:
        ValueError: If not two of three sizes are given, or one comes out negative.

    Example:

    >>> x = keras.ops.ones((2, 4, 5, 3))
    >>> keras.ops.image.pad_images(x, 1, 2, target_height=8, target_width=9).shape
    (2, 8, 9, 3)
    """
    name = "pad_images"
    values = (top_padding, left_padding, bottom_padding, right_padding)
    given = _both((*values, target_height, target_width), "padding", name)
    x, first = images_of(images, data_format, name)
    widths = [(0, 0)] * x.ndim
    for axis, sizes in zip(plane(x, first), given, strict=True):
        if unknown(x.shape[axis]) and sizes[2] is not None:
            x = of_size(x, axis, sizes[2])
            continue
        before, after, _ = _third(sizes, x.shape[axis], 1, "padding", name)
        widths[axis] = (int(before or 0), int(after or 0))
    return prims.pad(x, const(x, 0), widths=tuple(widths))


@op
def crop_images(
    images: ArrayLike,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Boxes cut out of images.

    Of top, bottom and target height exactly two are given; so for the width.

    Args:
        images: Tensor `(batch, height, width, channels)`, or one image without the batch
            axis; with `channels_first` channels stand before the height.
        top_cropping: Rows cut off above.
        left_cropping: Columns cut off on the left.
        bottom_cropping: Rows cut off below.
        right_cropping: Columns cut off on the right.
        target_height: Height of the result.
        target_width: Width of the result.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor of the dtype of the images.

    Raises:
        ValueError: If not two of three sizes are given, one comes out negative, or a size
            of symbolic images is not known and its target is not given.

    Example:

    >>> x = keras.ops.ones((2, 4, 5, 3))
    >>> keras.ops.image.crop_images(x, 1, 2, target_height=2, target_width=2).shape
    (2, 2, 2, 3)
    """
    name = "crop_images"
    values = (top_cropping, left_cropping, bottom_cropping, right_cropping)
    given = _both((*values, target_height, target_width), "cropping", name)
    x, first = images_of(images, data_format, name)
    for axis, sizes in zip(plane(x, first), given, strict=True):
        if unknown(x.shape[axis]) and sizes[2] is not None:
            x = of_size(x, axis, sizes[2])
            continue
        if unknown(x.shape[axis]):
            size = "height" if axis == plane(x, first)[0] else "width"
            raise ValueError(
                f"{name}: the {size} of the images is unknown; expected target_{size}= and "
                "one of the two croppings, or images of a known size."
            )
        before, _, target = _third(sizes, x.shape[axis], -1, "cropping", name)
        start = int(before or 0)
        x = sub_slice(x, axis, start, start + int(target or 0))
    return x
