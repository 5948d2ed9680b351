"""Boxes and masks drawn into pictures: arrays in, arrays out."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.drawing.svg import Array
from minikeras.types import ArrayLike
from minikeras.visualization.pictures import Boxes, batch_of, bytes_of

Colour = tuple[int, int, int] | Sequence[int]


def draw_bounding_boxes(
    images: ArrayLike,
    bounding_boxes: Mapping[str, Any],
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Colour = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> Array:
    """Pictures with boxes drawn around things.

    Args:
        images: `(batch, height, width, channels)`, values 0 to 255.
        bounding_boxes: Dict with `boxes` `(batch, boxes, 4)`, `labels` `(batch, boxes)`,
            where -1 is no box, and perhaps `confidences` `(batch, boxes)`.
        bounding_box_format: What the four numbers are: `"xyxy"`, `"yxyx"`, `"xywh"`,
            `"center_xywh"`, `"center_yxhw"`, or one of these after `"rel_"`.
        class_mapping: Class number -> name; boxes of these classes get their name, and
            their confidence, written beside them (needs Pillow).
        color: Red, green, blue of boxes and texts.
        line_thickness: Of the boxes, in pixels.
        text_thickness: Of the letters' lines.
        font_scale: Size of the letters; 1 is 12 pixels.
        data_format: `"channels_last"`, `"channels_first"`, or None for the setting.

    Returns:
        uint8 array in the shape of `images` (of one channel: with three).

    Raises:
        TypeError: If `bounding_boxes` is no dict.
        ValueError: If shapes or the format do not fit.
        ImportError: If names are to be written and Pillow is not installed.

    Example:
        >>> boxes = {"boxes": [[[2, 2, 6, 6]]], "labels": [[0]]}
        >>> drawn = keras.visualization.draw_bounding_boxes(
        ...     np.zeros((1, 8, 8, 3)), boxes, "xyxy", color=(255, 0, 0), line_thickness=1)
        >>> int((drawn[0, ..., 0] == 255).sum())
        16
    """
    owner = "draw_bounding_boxes"
    array, data_format = batch_of(images, data_format, owner)
    height, width = array.shape[1:3]
    boxes = Boxes(
        bounding_boxes, bounding_box_format, height, width, class_mapping, owner
    )
    pixels = bytes_of(array, (0, 255), owner)
    ink = _ink(color, pixels.shape[-1])
    for i, picture in enumerate(pixels):
        for box, words in boxes.of(i):
            _outline(picture, box, ink, max(1, int(line_thickness)))
            if words:
                _write(picture, box, words, ink, font_scale, text_thickness)
    return _back(pixels, data_format)


def draw_segmentation_masks(
    images: np.ndarray[Any, Any],
    segmentation_masks: np.ndarray[Any, Any],
    num_classes: int | None = None,
    color_mapping: Mapping[int, Colour] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> Array:
    """Pictures with the classes of their pixels in colours.

    Args:
        images: `(batch, height, width, channels)`, values 0 to 255.
        segmentation_masks: Class numbers, integers, `(batch, height, width)` or
            `(batch, height, width, 1)`; classes begin at 1, 0 is the background.
        num_classes: The greatest class. Default: that of the masks.
        color_mapping: Class number -> red, green, blue; what is not listed is not drawn.
            Default: colours that are easy to tell apart, for 1 to `num_classes`.
        alpha: How much of the colour is seen, 0 to 1.
        blend: Whether the picture shows through; if not, `alpha` is not looked at.
        ignore_index: A class that is not drawn.
        data_format: `"channels_last"`, `"channels_first"`, or None for the setting.

    Returns:
        uint8 array in the shape of `images` (of one channel: with three).

    Raises:
        TypeError: If the masks are no integers.
        ValueError: If shapes do not fit, or `alpha` is outside of 0 to 1.

    Example:
        >>> keras.visualization.draw_segmentation_masks(
        ...     np.zeros((1, 1, 2, 3)), np.array([[[0, 1]]]), color_mapping={1: (250, 0, 0)})
        array([[[[  0,   0,   0],
                 [200,   0,   0]]]], dtype=uint8)
    """
    owner = "draw_segmentation_masks"
    array, data_format = batch_of(images, data_format, owner)
    masks = np.asarray(segmentation_masks)
    if masks.dtype.kind not in "iub":
        raise TypeError(
            f"{owner}: segmentation_masks has dtype {masks.dtype}; expected integers."
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"{owner}: alpha={alpha!r}; expected 0 to 1.")
    if masks.ndim == 4:
        masks = masks[..., 0] if data_format == "channels_last" else masks[:, 0]
    if masks.shape != array.shape[:3]:
        raise ValueError(
            f"{owner}: segmentation_masks has shape {np.shape(segmentation_masks)}, images "
            f"{np.shape(images)}; expected one class for each pixel."
        )
    pixels = bytes_of(array, (0, 255), owner)
    if color_mapping is None:
        greatest = int(masks.max(initial=0)) if num_classes is None else num_classes
        colours: Mapping[int, Colour] = palette(greatest)
    else:
        colours = {int(k): v for k, v in color_mapping.items()}
    share = alpha if blend else 1.0
    for number, colour in colours.items():
        where = masks == number
        if number != ignore_index and where.any():
            rgb = np.asarray(colour, np.float64)[:3]
            mixed = pixels[..., :3][where] * (1 - share) + rgb * share
            pixels[where, :3] = np.rint(mixed).astype(np.uint8)
    return _back(pixels, data_format)


def palette(count: int) -> dict[int, tuple[int, int, int]]:
    """Colours for classes 1 to `count`, neighbours far apart in hue.

    >>> palette(1)
    {1: (212, 36, 36)}
    """
    found = {}
    for i in range(count):
        # Steps of the golden section never come close to where they were soon.
        hue = i * 0.6180339887498949 % 1.0
        light = (0.83, 0.66, 0.95)[i // 8 % 3]
        rgb = colorsys.hsv_to_rgb(hue, 0.83, light)
        red, green, blue = (round(c * 255) for c in rgb)
        found[i + 1] = (red, green, blue)
    return found


def _ink(colour: Colour, channels: int) -> Array:
    ink = np.full(channels, 255, np.uint8)
    ink[:3] = np.clip(np.asarray(colour)[:3], 0, 255)
    return ink


def _back(pixels: Array, data_format: str) -> Array:
    return pixels.transpose(0, 3, 1, 2) if data_format == "channels_first" else pixels


def _outline(
    picture: Array, box: tuple[float, float, float, float], ink: Array, line: int
) -> None:
    """The border of a box, its middle on the box's sides, as far as it is inside."""
    x1, y1, x2, y2 = (round(v) for v in box)
    before, after = (line - 1) // 2, line // 2
    height, width = picture.shape[:2]

    def band(low: int, high: int, size: int) -> slice:
        return slice(max(low, 0), max(min(high + 1, size), 0))

    rows = band(y1 - before, y2 + after, height)
    columns = band(x1 - before, x2 + after, width)
    for y in (y1, y2):
        picture[band(y - before, y + after, height), columns] = ink
    for x in (x1, x2):
        picture[rows, band(x - before, x + after, width)] = ink


def _write(
    picture: Array,
    box: tuple[float, float, float, float],
    words: str,
    ink: Array,
    font_scale: float,
    thickness: int,
) -> None:
    """A box's text, above it where there is room, else inside."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise ImportError(
            "draw_bounding_boxes: names of classes are written by Pillow; `pip install "
            "'minikeras[image]'`, or leave class_mapping out."
        ) from error
    mask = Image.new("L", picture.shape[1::-1])
    pen = ImageDraw.Draw(mask)
    font = ImageFont.load_default(max(12 * font_scale, 1))
    size = pen.textbbox((0, 0), words, font=font)[3]
    top = box[1] - size - 2 if box[1] - size - 2 >= 0 else box[1] + 3
    pen.text((box[0], top), words, 255, font, stroke_width=max(thickness - 1, 0) // 2)
    picture[np.asarray(mask) > 96] = ink
