"""`keras.src.layers.preprocessing.image_preprocessing`: layers for pictures of one's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minikeras import ops, random
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image.base import ImageLayer
from minikeras.types import ArrayLike

Step = Callable[..., Any]


class _AnyImageLayer(type):
    """All layers for pictures count as instances of the base class below."""

    def __instancecheck__(cls, instance: object) -> bool:
        if cls is BaseImagePreprocessingLayer:
            return isinstance(instance, ImageLayer)
        return super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        if cls is BaseImagePreprocessingLayer:
            return issubclass(subclass, ImageLayer)
        return super().__subclasscheck__(subclass)


class BaseImagePreprocessingLayer(ImageLayer, metaclass=_AnyImageLayer):
    """Base class of layers for pictures.

    A subclass defines `get_random_transformation(data, training, seed)` and, for the parts
    that it changes, `transform_images(images, transformation, training)` and its siblings;
    these get batches, also where one picture came.

    Args:
        factor: How much, a number or two, within `_FACTOR_BOUNDS`; None: 0.
        bounding_box_format: Format of bounding boxes, if dicts with some come.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Raises:
        ValueError: If the factor is none within the bounds.
    """

    _USE_BASE_FACTOR = True
    _FACTOR_BOUNDS: tuple[float, float] = (-1, 1)

    def __init__(
        self,
        factor: float | Sequence[float] | None = None,
        bounding_box_format: str | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            bounding_box_format=bounding_box_format, data_format=data_format, **kwargs
        )
        if self._USE_BASE_FACTOR:
            self._set_factor(0.0 if factor is None else factor)

    def _set_factor(self, factor: Any) -> None:
        low, high = self._FACTOR_BOUNDS
        pair = list(factor) if isinstance(factor, (tuple, list)) else [factor, factor]
        if not all(isinstance(f, (int, float)) for f in pair) or len(pair) != 2:
            pair = [high + 1, low]  # which the next line refuses
        elif not isinstance(factor, (tuple, list)):
            pair = [max(low, -abs(factor)), abs(factor)]
        if not low <= pair[0] <= pair[1] <= high:
            raise ValueError(
                f"{type(self).__name__}: factor={factor!r}; expected a number, or two in order, "
                f"from {low} to {high}."
            )
        self.factor = tuple(pair)

    def _get_seed_generator(self, backend: object = None) -> random.SeedGenerator:
        generator: random.SeedGenerator = self.generator
        return generator

    @property
    def backend(self) -> Any:
        """Functions for data: `self.backend.numpy`, `self.backend.random` and their like."""
        return importlib.import_module("keras.src.backend")

    def transform_single_image(
        self, image: Tensor, transformation: object, training: bool = True
    ) -> Any:
        """`transform_images` for one picture."""
        return self._single(self.transform_images, image, transformation, training)

    def transform_single_label(
        self, label: ArrayLike, transformation: object, training: bool = True
    ) -> Any:
        """`transform_labels` for one picture's label."""
        return self._single(self.transform_labels, label, transformation, training)

    def transform_single_segmentation_mask(
        self, segmentation_mask: object, transformation: object, training: bool = True
    ) -> Any:
        """`transform_segmentation_masks` for one mask."""
        masks = self.transform_segmentation_masks
        return self._single(masks, segmentation_mask, transformation, training)

    def transform_single_bounding_box(
        self, bounding_box: object, transformation: object, training: bool = True
    ) -> Any:
        """`transform_bounding_boxes` for one picture's boxes."""
        boxes = self.transform_bounding_boxes
        return self._single(boxes, bounding_box, transformation, training)

    @staticmethod
    def _single(step: Step, value: Any, transformation: object, training: bool) -> Any:
        if isinstance(value, dict):
            batch: Any = {k: ops.convert_to_tensor(v)[None] for k, v in value.items()}
            done = step(batch, transformation, training)
            return {k: ops.convert_to_tensor(v)[0] for k, v in done.items()}
        batch = ops.convert_to_tensor(value)[None]
        return ops.convert_to_tensor(step(batch, transformation, training))[0]

    def call(self, data: Any, training: bool = True) -> Any:
        """Pictures, or a dict with what belongs to them, transformed."""
        drawn = self.get_random_transformation(data, training=training)
        parts = data if isinstance(data, Mapping) else {"images": data}
        single = self._pictures(parts).ndim == 3
        steps: dict[str, tuple[Step, Step]] = {
            "images": (self.transform_single_image, self.transform_images),
            "bounding_boxes": (
                self.transform_single_bounding_box,
                self.transform_bounding_boxes,
            ),
            "labels": (self.transform_single_label, self.transform_labels),
            "segmentation_masks": (
                self.transform_single_segmentation_mask,
                self.transform_segmentation_masks,
            ),
        }
        result = dict(parts)
        for key, (for_one, for_all) in steps.items():
            value = parts.get(key)
            if value is None:
                continue
            if key == "images":
                pictures = ops.convert_to_tensor(value)
                value = ops.cast(pictures, self._work_dtype(pictures.dtype))
            elif not isinstance(value, dict):
                value = ops.convert_to_tensor(value)
            result[key] = (for_one if single else for_all)(value, drawn, training)
        return result if isinstance(data, Mapping) else result["images"]


def _sides(first: str, second: str, third: str, fourth: str) -> type:
    places = {first: 0, second: 1, third: 2, fourth: 3}
    return type("Format", (), {"__doc__": "Which number of a box is which.", **places})


XYXY = _sides("LEFT", "TOP", "RIGHT", "BOTTOM")
REL_XYXY = XYXY
YXYX = _sides("TOP", "LEFT", "BOTTOM", "RIGHT")
REL_YXYX = YXYX
XYWH = _sides("X", "Y", "WIDTH", "HEIGHT")
REL_XYWH = CENTER_XYWH = XYWH


def validate_bounding_boxes(bounding_boxes: object) -> None:
    """Nothing, where it is a dict of boxes and labels whose ranks fit.

    Raises:
        ValueError: If it is something else.
    """
    if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= set(
        bounding_boxes
    ):
        raise ValueError(
            f"bounding_boxes={bounding_boxes!r}; expected a dict with 'boxes' and 'labels'."
        )
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    if isinstance(boxes, list):
        if not isinstance(labels, list) or len(labels) != len(boxes):
            raise ValueError(
                f"bounding_boxes: {len(boxes)} lists of boxes; expected as many of labels."
            )
        return
    shapes = tuple(boxes.shape), tuple(labels.shape)
    if len(shapes[0]) not in (2, 3) or shapes[0][-1] != 4:
        raise ValueError(
            f"bounding_boxes: boxes of shape {shapes[0]}; expected (boxes, 4) or "
            "(batch, boxes, 4)."
        )
    if len(shapes[1]) not in (len(shapes[0]) - 1, len(shapes[0])):
        raise ValueError(
            f"bounding_boxes: labels of shape {shapes[1]} for boxes of shape {shapes[0]}; "
            "expected a label for each box."
        )


def densify_bounding_boxes(
    bounding_boxes: Mapping[str, Any],
    is_batched: bool = False,
    max_boxes: int | None = None,
    boxes_default_value: float = 0,
    labels_default_value: int = -1,
    backend: object = None,
) -> dict[str, Any]:
    """Lists of boxes, several or few for each picture, as arrays filled up to the most.

    Args:
        bounding_boxes: `"boxes"` and `"labels"`: for each picture a list, or arrays.
        is_batched: Whether there are several pictures.
        max_boxes: The number of boxes of each picture in the result; default the most.
        boxes_default_value: The numbers of boxes that fill up.
        labels_default_value: Their label.
        backend: Of no use here.
    """
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    pictures = boxes if is_batched else [boxes]
    classes = labels if is_batched else [labels]
    size = max_boxes or max((len(one) for one in pictures), default=0)
    full = np.full((len(pictures), size, 4), boxes_default_value, "float32")
    named = np.full((len(pictures), size), labels_default_value, "int32")
    for place, (one, kinds) in enumerate(zip(pictures, classes, strict=True)):
        count = min(len(one), size)
        full[place, :count] = np.asarray(one, "float32").reshape(-1, 4)[:count]
        named[place, :count] = np.asarray(kinds).reshape(-1)[:count]
    done = {
        "boxes": ops.convert_to_tensor(full if is_batched else full[0]),
        "labels": ops.convert_to_tensor(named if is_batched else named[0]),
    }
    return {**bounding_boxes, **done}


__all__ = [
    "BaseImagePreprocessingLayer",
    "CENTER_XYWH",
    "REL_XYWH",
    "REL_XYXY",
    "REL_YXYX",
    "XYWH",
    "XYXY",
    "YXYX",
    "densify_bounding_boxes",
    "validate_bounding_boxes",
]
