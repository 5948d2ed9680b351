"""What users give as pictures, masks and boxes, as plain arrays that can be drawn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from minikeras import settings
from minikeras.drawing.svg import Array
from minikeras.layers.preprocessing.image.boxes import convert_format, known_format
from minikeras.types import ArrayLike


def batch_of(
    images: ArrayLike, data_format: str | None, owner: str
) -> tuple[Array, str]:
    """Pictures as `(batch, height, width, channels)`, and the format they came in.

    Raises:
        ValueError: If they do not have four axes, or not 1, 3 or 4 channels.
    """
    array = np.asarray(images)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    data_format = data_format or settings.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            f"{owner}: data_format={data_format!r}; expected 'channels_last' or "
            "'channels_first'."
        )
    if array.ndim != 4:
        raise ValueError(
            f"{owner}: images has shape {array.shape}; expected a batch, with four axes. "
            "Give one picture as images[None]."
        )
    if data_format == "channels_first":
        array = array.transpose(0, 2, 3, 1)
    if array.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"{owner}: images has {array.shape[-1]} channels ({data_format}); expected 1, "
            "3 or 4."
        )
    return array, data_format


def bytes_of(images: Array, value_range: tuple[float, float], owner: str) -> Array:
    """Pictures of values in a range as `(batch, height, width, 3 or 4)` uint8.

    Raises:
        ValueError: If the range is empty.
    """
    low, high = (float(v) for v in value_range)
    if not high > low:
        raise ValueError(
            f"{owner}: value_range={value_range!r}; expected its least and its greatest "
            "value, e.g. (0, 255) or (0, 1)."
        )
    share = np.nan_to_num((images.astype(np.float64) - low) / (high - low))
    pixels = np.rint(np.clip(share, 0.0, 1.0) * 255).astype(np.uint8)
    return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels


def corners(
    boxes: ArrayLike, bounding_box_format: str, height: int, width: int, owner: str
) -> Array:
    """Boxes as `(batch, boxes, 4)` float64 corners `x1, y1, x2, y2` in pixels.

    Raises:
        ValueError: If there is no such format, or boxes have another shape.
    """
    known_format(bounding_box_format, owner, "bounding_box_format")
    array = np.asarray(boxes)
    if array.ndim != 3 or array.shape[-1] != 4:
        raise ValueError(
            f"{owner}: boxes has shape {array.shape}; expected (batch, boxes, 4)."
        )
    if not array.size:
        return np.zeros(array.shape)
    found = convert_format(array, bounding_box_format, "xyxy", height, width, "float32")
    return np.asarray(found, np.float64)


class Boxes:
    """The boxes of a batch of pictures.

    Args:
        given: A dict with `boxes`, `labels` and perhaps `confidences`.
        bounding_box_format: What the four numbers are.
        height: Of the pictures.
        width: Of the pictures.
        mapping: Class number -> name, or None.
        owner: The function that asks, for errors.
    """

    def __init__(
        self,
        given: object,
        bounding_box_format: str,
        height: int,
        width: int,
        mapping: Mapping[int, str] | None,
        owner: str,
    ) -> None:
        if not isinstance(given, Mapping):
            raise TypeError(
                f"{owner}: bounding_boxes is a {type(given).__name__}; expected a dict "
                "with 'boxes' and 'labels'."
            )
        if "boxes" not in given or "labels" not in given:
            raise ValueError(
                f"{owner}: bounding_boxes has {sorted(given)}; expected 'boxes' and "
                "'labels', and perhaps 'confidences'."
            )
        self.corners = corners(
            given["boxes"], bounding_box_format, height, width, owner
        )
        self.labels = np.asarray(given["labels"])
        sure = given.get("confidences")
        self.confidences = None if sure is None else np.asarray(sure, np.float64)
        if self.labels.ndim == self.corners.ndim:
            self.labels = self.labels[..., 0]
        if self.labels.shape != self.corners.shape[:2]:
            raise ValueError(
                f"{owner}: boxes has shape {self.corners.shape}, labels "
                f"{self.labels.shape}; expected (batch, boxes, 4) and (batch, boxes)."
            )
        self._names = {} if mapping is None else {int(k): v for k, v in mapping.items()}

    def of(self, index: int) -> list[tuple[tuple[float, float, float, float], str]]:
        """Corners and text of each box of a picture; padding (label -1) is left out."""
        found = []
        for i, label in enumerate(self.labels[index]):
            box = self.corners[index, i]
            if label < 0 or not np.isfinite(box).all():
                continue
            words = str(self._names.get(int(label), ""))
            if words and self.confidences is not None:
                words += f" | {self.confidences[index, i]:.2f}"
            x1, y1, x2, y2 = map(float, box)
            found.append(((x1, y1, x2, y2), words))
        return found
