"""Galleries of pictures, with labels, masks or boxes."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.drawing.scene import (
    Box,
    Drawing,
    Label,
    Pixels,
    Scene,
    Shape,
    hexed,
    text_width,
)
from minikeras.drawing.svg import Array
from minikeras.types import ArrayLike
from minikeras.visualization.drawn import Colour, draw_segmentation_masks
from minikeras.visualization.pictures import Boxes, batch_of, bytes_of
from minikeras.visualization.showing import shown_or_given

_GAP, _LINE = 8.0, 14.0
_INCH = 96.0  # pixels


def plot_image_gallery(
    images: ArrayLike,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Mapping[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: str | os.PathLike[str] | None = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Sequence[Any] | None = None,
    data_format: str | None = None,
) -> Drawing | None:
    """Pictures side by side, with what they are and what they were taken for.

    Args:
        images: `(batch, height, width, channels)` of 1, 3 or 4 channels.
        y_true: Classes `(batch,)`, or None.
        y_pred: Predicted classes `(batch,)`, or None; wrong ones stand in red.
        label_map: Class -> name, needed with classes.
        rows: Rows of pictures. Default: what `cols` leaves.
        cols: Pictures in a row. Default: what `rows` leaves, else about as many as rows.
        value_range: The least and the greatest value of a pixel.
        scale: Size of one picture, in inches.
        path: A file to write instead of showing it: `.svg`, `.html`, or with Pillow
            `.png` and others.
        show: True shows it now: in a notebook, else in a window of matplotlib's.
            Default: it is given back, and a notebook shows it.
        transparent: Whether the ground of the file is transparent.
        dpi: Pixels of the file for an inch.
        legend_handles: What a legend says: pairs of name and colour, or matplotlib's
            patches.
        data_format: `"channels_last"`, `"channels_first"`, or None for the setting.

    Returns:
        A drawing, with `svg` and `save(path)`; None if it was shown.

    Raises:
        ValueError: If shapes do not fit, classes have no `label_map`, or both `path` and
            `show` are given.

    Example:
        >>> pictures = np.random.rand(6, 8, 8, 3)
        >>> keras.visualization.plot_image_gallery(pictures, cols=3, value_range=(0, 1))
        <Scene: ... characters of SVG; save(path)>
    """
    owner = "plot_image_gallery"
    if path is not None and show:
        raise ValueError(f"{owner}: path={path!r} and show=True; give one of them.")
    array, _ = batch_of(images, data_format, owner)
    pixels = bytes_of(array, value_range, owner)
    captions = _captions(len(pixels), y_true, y_pred, label_map, owner)
    scene = _gallery(pixels, captions, [[] for _ in pixels], rows, cols, scale, owner)
    return _finished(scene, path, show, transparent, dpi, legend_handles)


def plot_segmentation_mask_gallery(
    images: ArrayLike,
    num_classes: int,
    value_range: tuple[float, float] = (0, 255),
    y_true: ArrayLike | None = None,
    y_pred: ArrayLike | None = None,
    color_mapping: Mapping[int, Colour] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> Drawing | None:
    """Pictures beside the same with their masks: the true ones, the predicted ones.

    Args:
        images: `(batch, height, width, channels)`.
        num_classes: The greatest class; 0 is the background.
        value_range: The least and the greatest value of a pixel.
        y_true: Class numbers `(batch, height, width)` (or with a last axis of 1).
        y_pred: Predicted ones.
        color_mapping: Class number -> red, green, blue.
        blend: Whether the pictures show through the masks.
        alpha: How much of the masks' colours is seen.
        ignore_index: A class that is not drawn.
        data_format: `"channels_last"`, `"channels_first"`, or None for the setting.
        **kwargs: For `plot_image_gallery`.

    Returns:
        What `plot_image_gallery` gives.

    Raises:
        ValueError: If shapes do not fit.

    Example:
        >>> keras.visualization.plot_segmentation_mask_gallery(
        ...     np.zeros((2, 4, 4, 3)), 3, y_true=np.ones((2, 4, 4), "int32"))
        <Scene: ... characters of SVG; save(path)>
    """
    owner = "plot_segmentation_mask_gallery"
    array, _ = batch_of(images, data_format, owner)
    pixels = bytes_of(array, value_range, owner)
    columns = [pixels]
    for masks in (y_true, y_pred):
        if masks is not None:
            masks = np.asarray(masks)
            if masks.ndim == 4 and masks.shape[1] == 1 != masks.shape[3]:
                masks = masks.transpose(0, 2, 3, 1)
            columns.append(
                draw_segmentation_masks(
                    pixels, masks, num_classes, color_mapping, alpha, blend,
                    ignore_index, "channels_last",
                )
            )  # fmt: skip
    together = np.stack(columns, axis=1).reshape(-1, *pixels.shape[1:])
    kwargs.setdefault("cols", len(columns))
    return plot_image_gallery(together, data_format="channels_last", **kwargs)


def plot_bounding_box_gallery(
    images: ArrayLike,
    bounding_box_format: str,
    y_true: Mapping[str, Any] | None = None,
    y_pred: Mapping[str, Any] | None = None,
    value_range: tuple[float, float] = (0, 255),
    true_color: Colour = (0, 188, 212),
    pred_color: Colour = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Sequence[Any] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: object,
) -> Drawing | None:
    """Pictures with the boxes that are true, and those that were predicted.

    Args:
        images: `(batch, height, width, channels)`.
        bounding_box_format: See `draw_bounding_boxes`.
        y_true: Boxes and classes as `draw_bounding_boxes` takes them, or None.
        y_pred: Predicted ones, or None.
        value_range: The least and the greatest value of a pixel.
        true_color: Red, green, blue of true boxes.
        pred_color: Red, green, blue of predicted ones.
        line_thickness: Of the boxes.
        font_scale: Size of the letters.
        text_thickness: Above 1, letters are bold. Default: `line_thickness`, less one.
        class_mapping: Class number -> name, for the boxes' texts.
        ground_truth_mapping: The same for true boxes alone.
        prediction_mapping: The same for predicted boxes alone.
        legend: Whether to say which colour is which.
        legend_handles: What a legend of your own says.
        rows: Rows of pictures.
        cols: Pictures in a row.
        data_format: `"channels_last"`, `"channels_first"`, or None for the setting.
        **kwargs: For `plot_image_gallery`: `scale`, `path`, `show`, ...

    Returns:
        What `plot_image_gallery` gives.

    Raises:
        ValueError: If shapes do not fit, or both `legend` and `legend_handles` are given.

    Example:
        >>> boxes = {"boxes": [[[1, 1, 6, 6]]], "labels": [[0]]}
        >>> keras.visualization.plot_bounding_box_gallery(
        ...     np.zeros((1, 8, 8, 3)), "xyxy", y_true=boxes, class_mapping={0: "cat"})
        <Scene: ... characters of SVG; save(path)>
    """
    owner = "plot_bounding_box_gallery"
    if legend and legend_handles:
        raise ValueError(f"{owner}: give legend=True or legend_handles, not both.")
    options: dict[str, Any] = {
        "scale": 2.0,
        "path": None,
        "show": None,
        "transparent": True,
        "dpi": 60,
    }
    if set(kwargs) - set(options):
        unknown = sorted(set(kwargs) - set(options))
        raise TypeError(f"{owner}: unknown arguments {unknown}.")
    options.update(kwargs)
    array, _ = batch_of(images, data_format, owner)
    pixels = bytes_of(array, value_range, owner)
    height, width = pixels.shape[1:3]
    bold = (line_thickness - 1 if text_thickness is None else text_thickness) > 1
    over: list[list[Shape]] = [[] for _ in pixels]
    size = float(options["scale"] or 2.0) * _INCH / max(height, width)
    sides = (
        (y_true, ground_truth_mapping or class_mapping, true_color),
        (y_pred, prediction_mapping or class_mapping, pred_color),
    )
    for given, mapping, colour in sides:
        if given is None:
            continue
        boxes = Boxes(given, bounding_box_format, height, width, mapping, owner)
        for i in range(len(pixels)):
            for box, words in boxes.of(i):
                over[i] += _boxed(
                    box, words, hexed(colour), size, line_thickness, font_scale, bold
                )
    if legend:
        legend_handles = [("Ground truth", true_color)] if y_true is not None else []
        legend_handles += [("Prediction", pred_color)] if y_pred is not None else []
    scale = options.pop("scale")
    scene = _gallery(pixels, [[] for _ in pixels], over, rows, cols, scale, owner)
    return _finished(scene, legend_handles=legend_handles, **options)


def _boxed(
    box: tuple[float, float, float, float],
    words: str,
    colour: str,
    scale: float,
    line: float,
    font_scale: float,
    bold: bool,
) -> list[Shape]:
    """A box and its text, at places of a picture drawn `scale` times as large."""
    x1, y1, x2, y2 = (v * scale for v in box)
    shapes: list[Shape] = [Box(x1, y1, x2 - x1, y2 - y1, None, colour, line)]
    if words:
        size = 11.0 * font_scale
        wide, high = text_width(words, size) + 6, size + 4
        top = y1 - high if y1 >= high else y1
        shapes.append(Box(x1, top, wide, high, colour))
        ink = "#ffffff" if _is_dark(colour) else "#1b1f24"
        shapes.append(Label(x1 + 3, top + size, words, size, ink, bold))
    return shapes


def _is_dark(colour: str) -> bool:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 140


def _captions(
    count: int,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    label_map: Mapping[int, str] | None,
    owner: str,
) -> list[list[tuple[str, bool]]]:
    """Under each picture: lines of text, and whether they are wrong."""
    if y_true is None and y_pred is None:
        return [[] for _ in range(count)]
    if label_map is None:
        raise ValueError(
            f"{owner}: y_true or y_pred is given, but no label_map; expected a dict from "
            "class to name."
        )
    sides = {}
    for name, given in (("Label", y_true), ("Pred", y_pred)):
        if given is not None:
            sides[name] = np.asarray(given).reshape(-1)
            if len(sides[name]) != count:
                raise ValueError(
                    f"{owner}: {count} images, but {len(sides[name])} classes "
                    f"({'y_true' if name == 'Label' else 'y_pred'}); expected one each."
                )
    both = len(sides) == 2
    captions = []
    for i in range(count):
        wrong = both and sides["Label"][i] != sides["Pred"][i]
        captions.append(
            [
                (f"{name}: {_named(label_map, classes[i])}", wrong and name == "Pred")
                for name, classes in sides.items()
            ]
        )
    return captions


def _named(label_map: Mapping[Any, str], number: object) -> str:
    key = number.item() if isinstance(number, np.generic) else number
    return str(label_map[key]) if key in label_map else str(key)


def _gallery(
    pixels: Array,
    captions: list[list[tuple[str, bool]]],
    over: list[list[Shape]],
    rows: int | None,
    cols: int | None,
    scale: float,
    owner: str,
) -> Scene:
    """Pictures in rows, with what lies over them and what stands under them."""
    count = len(pixels)
    if not count:
        raise ValueError(f"{owner}: images has no pictures.")
    if rows is None and cols is None:
        rows = max(1, round(math.sqrt(count)))
    columns = cols or math.ceil(count / max(rows or 1, 1))
    room = min(count, columns * rows) if rows else count
    height, width = pixels.shape[1:3]
    factor = scale * _INCH / max(height, width)
    wide, high = width * factor, height * factor
    lines = max((len(c) for c in captions), default=0)
    pitch = high + lines * _LINE + _GAP + (4 if lines else 0)
    shapes: list[Shape] = []
    for i in range(room):
        row, column = divmod(i, columns)
        x, y = column * (wide + _GAP), row * pitch
        shapes.append(Pixels(x, y, wide, high, pixels[i]))
        shapes += [shape.moved(x, y) for shape in over[i]]
        for k, (words, wrong) in enumerate(captions[i]):
            base = y + high + _LINE * (k + 1) - 2
            ink = "#c0392b" if wrong else "#6e7681"
            shapes.append(Label(x + wide / 2, base, words, 11, ink, wrong, "middle"))
    used = math.ceil(room / columns)
    return Scene(
        columns * (wide + _GAP) - _GAP, used * pitch - _GAP, f"{room} pictures", shapes
    )


def _finished(
    scene: Scene,
    path: str | os.PathLike[str] | None,
    show: bool | None,
    transparent: bool,
    dpi: int,
    legend_handles: Sequence[Any] | None,
) -> Drawing | None:
    if legend_handles:
        _add_legend(scene, legend_handles)
    scene.background = None if transparent else "#ffffff"
    scene.scale = dpi / _INCH
    return shown_or_given(scene, path, show)


def _add_legend(scene: Scene, handles: Sequence[Any]) -> None:
    """Names and colours under the pictures."""
    x, y = 0.0, scene.height + 8
    for handle in handles:
        if isinstance(handle, (tuple, list)):
            name, colour = str(handle[0]), hexed(handle[1])
        else:  # of matplotlib's, whose colours go from 0 to 1
            name = str(handle.get_label())
            colour = hexed([round(c * 255) for c in handle.get_facecolor()[:3]])
        scene.shapes.append(Box(x, y, 14, 14, colour))
        scene.shapes.append(Label(x + 19, y + 11, name, 12, "#6e7681"))
        x += 36 + text_width(name, 12)
    scene.width = max(scene.width, x)
    scene.height = y + 16
