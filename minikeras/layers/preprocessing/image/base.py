"""What all layers for pictures share: what they take, what they give, and when they act.

A layer takes one picture, a batch of them, or a dict with more about the same pictures:
labels, segmentation masks, bounding boxes. `get_random_transformation` draws what is to
be done; `transform_images` and its siblings do it. A subclass draws in `_draw`, and
says what becomes of each part in `_images`, `_masks`, `_boxes` and `_labels`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from minikeras import ops, random
from minikeras.engine import dtypes
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import data_format as checked_format
from minikeras.layers.preprocessing.image import boxes as box

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator
    from minikeras.types import ArrayLike, Nested

Size = tuple[Any, Any]  # height and width


class PlainImageOptions(LayerOptions, total=False):
    """The rest of the arguments of layers that name `data_format`."""

    bounding_box_format: str | None


class ImageOptions(PlainImageOptions, total=False):
    """The rest of the arguments of all others."""

    data_format: str | None


class ImageLayer(Layer):
    """A layer that changes pictures, and what belongs to them.

    Args:
        bounding_box_format: Format of bounding boxes, if dicts with some come; see
            `keras.utils.bounding_boxes.convert_format`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.
    """

    _acts_at_inference = False
    _keeps_integers = False  # else results are floats whatever comes
    _needs_transformation = True
    _takes_plain_arguments = True  # a dict may hold anything else, which is kept

    def __init__(
        self,
        *,
        bounding_box_format: str | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.autocast = False  # boxes and labels keep their precision
        self.data_format = checked_format(data_format, type(self).__name__)
        if bounding_box_format is not None:
            box.known_format(
                bounding_box_format, type(self).__name__, "bounding_box_format"
            )
        self.bounding_box_format = bounding_box_format
        self._build_at_init()

    def _seeded(self, seed: int | None) -> None:
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    # --- what a subclass defines: what is a transformation too, so that it is Any here

    def _draw(self, batch: int, size: Size, source: SeedGenerator | int | None) -> Any:
        """The transformation of so many pictures; None is: nothing to do."""
        return None

    def _images(self, images: Tensor, transformation: Any) -> Tensor:
        """Float pictures `(batch, ...)`, transformed."""
        return images

    def _masks(self, masks: Tensor, transformation: Any) -> Tensor:
        """Masks `(batch, ...)`, transformed, of the same dtype."""
        return masks

    def _boxes(
        self,
        found: dict[str, Any],
        transformation: Any,
        size: Size,
    ) -> tuple[dict[str, Any], Size] | None:
        """`xyxy` boxes and labels, and the size of the picture now; None: unchanged."""
        return None

    def _labels(self, labels: Tensor, transformation: Any) -> Tensor:
        """Labels, transformed."""
        return labels

    # --- shapes and dtypes

    @property
    def _plane(self) -> tuple[int, int]:
        """The axes of height and width, from the end."""
        return (-2, -1) if self.data_format == "channels_first" else (-3, -2)

    @property
    def _channels(self) -> int:
        return -3 if self.data_format == "channels_first" else -1

    def _size(self, images: Tensor) -> Size:
        return images.shape[self._plane[0]], images.shape[self._plane[1]]

    def _pictures(self, data: Any) -> Tensor:
        images = data["images"] if isinstance(data, dict) else data
        if isinstance(images, (list, tuple)):
            raise ValueError(
                f"{self._label()}: the pictures are a {type(images).__name__}; expected one "
                "array, or a dict with the key 'images'."
            )
        x = ops.convert_to_tensor(images)
        if x.ndim not in (3, 4):
            raise ShapeError(
                f"{self._label()}: pictures have shape {x.shape}; expected rank 3 (one "
                "picture) or 4 (a batch of them)."
            )
        return x

    def _work_dtype(self, dtype: str) -> str:
        """The float dtype that pictures are computed in."""
        wanted = self._run_dtype
        return wanted if dtypes.is_float(wanted) else "float32"

    def _result_dtype(self, dtype: str) -> str:
        if self._keeps_integers and not dtypes.is_float(dtype):
            return dtype
        return self._run_dtype

    def _finished(self, images: Tensor, dtype: str) -> Tensor:
        if images.dtype == dtype:
            return images
        if dtypes.is_float(dtype) or not dtypes.is_float(images.dtype):
            return ops.cast(images, dtype)
        return ops.saturate_cast(ops.round(images), dtype)

    def _each(self, numbers: Tensor, like: Tensor) -> Tensor:
        """One number for each picture, `(batch, 1, 1, 1)`."""
        found = ops.convert_to_tensor(numbers)
        if found.dtype != "bool":
            found = ops.cast(found, like.dtype)
        return ops.reshape(found, (-1, 1, 1, 1))

    # --- Keras's steps

    def _acts(self, training: bool | None) -> bool:
        return bool(training) or self._acts_at_inference

    def get_random_transformation(
        self, data: Nested[ArrayLike], training: bool = True, seed: int | None = None
    ) -> Any:
        """What is to be done to pictures, drawn at random.

        Args:
            data: One picture, a batch of them, or a dict with the key `"images"`.
            training: Whether the layer acts as it does while training.
            seed: Integer or `SeedGenerator` to draw from; default the layer's own.

        Returns:
            What the `transform_*` methods take; None if nothing is to be done.
        """
        if not self._acts(training):
            return None
        images = self._pictures(data)
        batch = images.shape[0] if images.ndim == 4 else 1
        source = seed if seed is not None else getattr(self, "generator", None)
        if isinstance(source, int):  # one seed for several draws
            source = random.SeedGenerator(source)
        return self._draw(batch, self._size(images), source)

    def _idle(
        self, transformation: Mapping[str, Any] | None, training: bool | None
    ) -> bool:
        nothing = transformation is None and self._needs_transformation
        return nothing or not self._acts(training)

    def transform_images(
        self,
        images: Tensor,
        transformation: Mapping[str, Any] | None = None,
        training: bool = True,
    ) -> Tensor:
        """Pictures under a transformation.

        Args:
            images: One picture or a batch of them.
            transformation: What `get_random_transformation` gave.
            training: Whether the layer acts as it does while training.
        """
        x = self._pictures(images)
        wanted = self._result_dtype(x.dtype)
        if self._idle(transformation, training):
            return self._finished(x, wanted)
        y = x[None] if x.ndim == 3 else x
        y = self._images(ops.cast(y, self._work_dtype(y.dtype)), transformation)
        return self._finished(y[0] if x.ndim == 3 else y, wanted)

    def transform_segmentation_masks(
        self,
        segmentation_masks: Tensor | np.ndarray[Any, Any],
        transformation: Mapping[str, Any] | None = None,
        training: bool = True,
    ) -> Tensor:
        """Masks under the transformation of their pictures; they keep their dtype."""
        x = self._pictures(segmentation_masks)
        if self._idle(transformation, training):
            return x
        y = self._masks(x[None] if x.ndim == 3 else x, transformation)
        return y[0] if x.ndim == 3 else y

    def transform_labels(
        self,
        labels: Tensor,
        transformation: Mapping[str, Any] | None = None,
        training: bool = True,
    ) -> Tensor:
        """Labels under the transformation of their pictures."""
        if self._idle(transformation, training):
            return labels
        return self._labels(labels, transformation)

    def transform_bounding_boxes(
        self,
        bounding_boxes: Mapping[str, ArrayLike],
        transformation: Mapping[str, Any] | None = None,
        training: bool = True,
    ) -> dict[str, Tensor]:
        """Boxes under the transformation of their pictures, in the layer's format.

        Args:
            bounding_boxes: Dict of `"boxes"` `(batch, boxes, 4)`, or without the batch, and
                `"labels"`.
            transformation: What `get_random_transformation` gave.
            training: Whether the layer acts as it does while training.

        Returns:
            A new dict. Boxes that left the picture have label -1.
        """
        return self._boxes_of(bounding_boxes, transformation, training, None)

    def _boxes_of(
        self,
        given: object,
        transformation: Mapping[str, Any] | None,
        training: bool | None,
        size: Size | None,
    ) -> dict[str, Any]:
        found = self._checked_boxes(given)
        if self._idle(transformation, training):
            return found
        single = found["boxes"].ndim == 2
        if single:
            found = {key: value[None] for key, value in found.items()}
        form = box.known_format(
            self.bounding_box_format, type(self).__name__, "bounding_box_format"
        )
        size = size if size is not None else self._size_in(transformation)
        if size is None and box.is_relative(form):
            raise ValueError(
                f"{self._label()}: bounding_box_format={form!r}, and the transformation does "
                "not say how large the pictures are; call the layer on a dict of pictures "
                "and boxes."
            )
        height, width = size if size is not None else (None, None)
        dtype = found["boxes"].dtype
        plain = box.convert_format(found, form, "xyxy", height, width, dtype)
        moved = self._boxes(plain, transformation, (height, width))
        if moved is not None:
            found, (height, width) = moved
            found = box.convert_format(found, "xyxy", form, height, width, dtype)
        return {key: v[0] for key, v in found.items()} if single else found

    def _size_in(self, transformation: Any) -> Size | None:
        """The size of the pictures, if the transformation says it."""
        if isinstance(transformation, dict):
            if "image_height" in transformation:
                return transformation["image_height"], transformation["image_width"]
            shape = transformation.get("input_shape")
            if shape is not None:
                return shape[self._plane[0]], shape[self._plane[1]]
        return None

    def _checked_boxes(self, given: object) -> dict[str, Any]:
        if self.bounding_box_format is None:
            raise ValueError(
                f"{self._label()}: bounding boxes came, but no bounding_box_format; make the "
                "layer with bounding_box_format='xyxy' or what they are in."
            )
        if not isinstance(given, dict) or not {"boxes", "labels"} <= set(given):
            raise ValueError(
                f"{self._label()}: bounding_boxes is "
                f"{sorted(given) if isinstance(given, dict) else type(given).__name__}; "
                "expected a dict with 'boxes' and 'labels'."
            )
        boxes = box.boxes_tensor(given["boxes"], self._label())
        labels = ops.convert_to_tensor(given["labels"])
        return {**given, "boxes": boxes, "labels": labels}

    # --- one picture at a time

    def transform_single_image(
        self,
        image: Tensor,
        transformation: Mapping[str, Any] | None,
        training: bool = True,
    ) -> Tensor:
        """`transform_images` for one picture."""
        return self.transform_images(image, transformation, training)

    def transform_single_segmentation_mask(
        self,
        segmentation_mask: Any,
        transformation: Mapping[str, Any] | None,
        training: bool = True,
    ) -> Tensor:
        """`transform_segmentation_masks` for one mask."""
        return self.transform_segmentation_masks(
            segmentation_mask, transformation, training
        )

    def transform_single_label(
        self,
        label: ArrayLike,
        transformation: Mapping[str, Any] | None,
        training: bool = True,
    ) -> Tensor:
        """`transform_labels` for one picture's label."""
        batch = ops.convert_to_tensor(label)[None]
        return self.transform_labels(batch, transformation, training)[0]

    def transform_single_bounding_box(
        self,
        bounding_box: Any,
        transformation: Mapping[str, Any] | None,
        training: bool = True,
    ) -> dict[str, Any]:
        """`transform_bounding_boxes` for one picture's boxes."""
        return self.transform_bounding_boxes(bounding_box, transformation, training)

    # --- the call

    def call(self, data: Any, training: bool = True) -> Tensor | dict[str, Any]:
        """Pictures, or a dict with what belongs to them, transformed."""
        if not isinstance(data, dict):
            drawn = self.get_random_transformation(data, training=training)
            return self.transform_images(data, drawn, training)
        if "images" not in data:
            raise ValueError(
                f"{self._label()}: a dict with the keys {sorted(data)} came; expected the key "
                "'images'."
            )
        images = self._pictures(data)
        drawn = self.get_random_transformation(data, training=training)
        result = {**data, "images": self.transform_images(images, drawn, training)}
        single = images.ndim == 3
        if data.get("labels") is not None:
            change = self.transform_single_label if single else self.transform_labels
            result["labels"] = change(data["labels"], drawn, training)
        if data.get("segmentation_masks") is not None:
            result["segmentation_masks"] = self._masks_of(data, images, drawn, training)
        if data.get("bounding_boxes") is not None:
            given = data["bounding_boxes"]
            size = self._size(images)
            result["bounding_boxes"] = self._boxes_of(given, drawn, training, size)
        return result

    def _masks_of(
        self,
        data: Mapping[str, Any],
        images: Tensor,
        drawn: Mapping[str, Any] | None,
        training: Any,
    ) -> Tensor:
        masks = ops.convert_to_tensor(data["segmentation_masks"])
        flat = masks.ndim == images.ndim - 1  # without an axis of channels
        masks = ops.expand_dims(masks, self._channels) if flat else masks
        done = self.transform_segmentation_masks(masks, drawn, training)
        return ops.squeeze(done, self._channels) if flat else done

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = {**super().get_config(), "data_format": self.data_format}
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        return config
