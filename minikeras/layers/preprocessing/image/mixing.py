"""Parts of pictures erased, or mixed with other pictures of the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import naming, ops, random
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image import rectangles
from minikeras.layers.preprocessing.image.base import (
    ImageLayer,
    PlainImageOptions,
    Size,
)
from minikeras.layers.preprocessing.image.options import (
    Pair,
    chosen,
    count,
    interval,
    uniform,
    within,
)
from minikeras.layers.preprocessing.image.options import (
    value_range as checked_range,
)
from minikeras.layers.preprocessing.image.tones import Toned

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator


class RandomErasing(Toned):
    """Erases a rectangle of pictures at random while training.

    Args:
        factor: Two numbers from 0 to 1 between which the chance of each picture is drawn;
            one number `f` stands for `(0, f)`.
        scale: Two numbers from 0 to 1 between which is drawn, for the height and for the
            width, the square of the share that is erased; one number `s` stands for
            `(0, s)`.
        fill_value: What stands in the rectangle; None: noise.
        value_range: The least and greatest value of the pictures.
        seed: Integer, for the same rectangles in every run.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Zhong et al., 2017, https://arxiv.org/abs/1708.04896.

    Example:

    >>> layer = keras.layers.RandomErasing((1, 1), scale=(0.25, 0.25), fill_value=7, seed=1)
    >>> int((layer(np.zeros((1, 4, 4, 1)), training=True).numpy() == 7).sum())
    4
    """

    def __init__(
        self,
        factor: float | Pair = 1.0,
        scale: float | Pair = (0.02, 0.33),
        fill_value: float | None = None,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        owner = "RandomErasing"
        self.factor = interval(factor, 0, 1, owner)
        found = interval(scale, 0, 1, owner, "scale")
        self.scale = within(found, 0, 1, owner, "scale")
        self.fill_value = fill_value
        checked_range(value_range, owner)
        self.value_range = value_range
        self._seeded(seed)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        taken = chosen(batch, self.factor, source)
        ratios = [uniform((batch,), self.scale, source) for _ in size]
        first = self.data_format == "channels_first"
        found = rectangles.masks(size, (ratios[0], ratios[1]), first, source)
        fill: Any = self.fill_value
        if fill is None:
            noise = random.normal(found.shape, dtype="float32", seed=source)
            fill = self._clipped(noise * self.value_range[1])
        return {"apply_erasing": taken, "batch_masks": found, "fill_value": fill}

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        taken = self._each(transformation["apply_erasing"], images)
        inside = ops.convert_to_tensor(transformation["batch_masks"])
        fill = ops.cast(transformation["fill_value"], images.dtype)
        return ops.where(ops.logical_and(taken, inside), fill, images)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "factor": self.factor,
            "scale": self.scale,
            "fill_value": self.fill_value,
            "seed": self.seed,
        }


class _Mixed(ImageLayer):
    """Pictures mixed with others of the batch: `mix_weight` is the share that stays."""

    def _order(self, batch: int, source: SeedGenerator | int | None) -> Tensor:
        return ops.argsort(uniform((batch,), (0.0, 1.0), source))

    def _other(self, x: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return ops.take(
            x, ops.convert_to_tensor(transformation["permutation_order"]), axis=0
        )

    def _weight(self, transformation: Mapping[str, Any], like: Tensor) -> Tensor:
        found = ops.convert_to_tensor(transformation["mix_weight"])
        return ops.reshape(ops.cast(found, like.dtype), (-1, *(1,) * (like.ndim - 1)))

    def _blend(self, x: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        weight = self._weight(transformation, x)
        return weight * x + (1.0 - weight) * self._other(x, transformation)

    def _labels(self, labels: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        y = ops.convert_to_tensor(labels)
        if "float" not in y.dtype:
            if y.ndim == 1:
                raise ValueError(
                    f"{self._label()}: labels have shape {y.shape} and dtype {y.dtype}: "
                    "numbers of classes, which cannot be mixed; expected one-hot labels "
                    "(batch, classes), see keras.ops.one_hot."
                )
            y = ops.cast(y, "float32")
        return self._blend(y, transformation)


class MixUp(_Mixed):
    """Mixes pictures, and their labels, with others of the batch while training.

    Args:
        alpha: Shares are drawn from `Beta(alpha, alpha)`; small numbers mix little.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        seed: Integer, for the same mixtures in every run.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch, which stays; or a dict with the key `"images"`, whose
        labels are one-hot or numbers to predict. Boxes of both pictures are kept.

    Output shape:
        As the input; floats. There are twice as many boxes.

    Raises:
        ValueError: If `alpha` is not positive, or labels are numbers of classes.

    Reference:
        Zhang et al., 2017, https://arxiv.org/abs/1710.09412.

    Example:

    >>> layer = keras.layers.MixUp()
    >>> how = {"mix_weight": [0.25, 1.0], "permutation_order": [1, 0]}
    >>> layer.transform_labels(np.eye(2), how).tolist()
    [[0.25, 0.75], [0.0, 1.0]]
    """

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        if not isinstance(alpha, (int, float)) or alpha <= 0:
            raise ValueError(
                f"MixUp: alpha={naming.shown(alpha)}; expected a positive number."
            )
        self.alpha = alpha
        self._seeded(seed)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        share = random.beta((batch,), self.alpha, self.alpha, seed=source)
        return {
            "mix_weight": ops.cast(share, "float32"),
            "permutation_order": self._order(batch, source),
        }

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._blend(images, transformation)

    def _masks(self, masks: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._blend(
            ops.cast(masks, self._work_dtype(masks.dtype)), transformation
        )

    def _boxes(
        self,
        found: dict[str, Any],
        transformation: Mapping[str, Any],
        size: Size,
    ) -> tuple[dict[str, Any], Size] | None:
        both = {
            key: ops.concatenate(
                [found[key], self._other(found[key], transformation)], 1
            )
            for key in ("boxes", "labels")
        }
        return {**found, **both}, size

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "alpha": self.alpha, "seed": self.seed}


class CutMix(_Mixed):
    """Puts a rectangle of another picture of the batch into pictures while training.

    Labels are mixed by the area of the rectangle.

    Args:
        factor: Two numbers from 0 to 1 between which `a` is drawn for each picture; the
            share that stays is drawn from `Beta(a, a)`. One number `f` stands for
            `(0, f)`.
        seed: Integer, for the same mixtures in every run.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch, which stays; or a dict with the key `"images"`, whose
        labels are one-hot, without boxes.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the factor is out of range, or labels are numbers of classes.
        NotImplementedError: If bounding boxes come.

    Reference:
        Yun et al., 2019, https://arxiv.org/abs/1905.04899.

    Example:

    >>> data = {"images": np.ones((4, 8, 8, 3)), "labels": np.eye(4)}
    >>> mixed = keras.layers.CutMix(seed=1)(data, training=True)
    >>> mixed["labels"].numpy().sum(1).round(4).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        factor: float | Pair = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval(factor, 0, 1, "CutMix")
        self._seeded(seed)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        order = self._order(batch, source)
        alpha = ops.maximum(uniform((batch,), self.factor, source), 1e-3)
        stays = ops.cast(random.beta((batch,), alpha, alpha, seed=source), "float32")
        first = self.data_format == "channels_first"
        found = rectangles.masks(size, (1.0 - stays, 1.0 - stays), first, source)
        # What was cut in whole pixels, not what was meant to be.
        stays = 1.0 - ops.mean(
            ops.cast(found, "float32"), axis=(1, 2, 3), keepdims=True
        )
        return {
            "permutation_order": order,
            "batch_masks": found,
            "mix_weight": stays,
        }

    def _pasted(self, x: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        inside = ops.convert_to_tensor(transformation["batch_masks"])
        one = [slice(None)] * 4
        one[self._channels] = slice(0, 1)
        return ops.where(inside[tuple(one)], self._other(x, transformation), x)

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._pasted(images, transformation)

    def _masks(self, masks: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._pasted(masks, transformation)

    def _boxes(
        self,
        found: dict[str, Any],
        transformation: Mapping[str, Any],
        size: Size,
    ) -> tuple[dict[str, Any], Size] | None:
        raise NotImplementedError(
            f"{self._label()}: which boxes are left after a part was exchanged is not known; "
            "leave 'bounding_boxes' out, or use MixUp."
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "factor": self.factor, "seed": self.seed}


class MaxNumBoundingBoxes(ImageLayer):
    """Makes the number of boxes of each picture the same: cut off, or filled up.

    Args:
        max_number: How many there are in the result.
        fill_value: Number in boxes and labels that are added.
        **kwargs: `bounding_box_format`, `data_format`; see also `Layer`.

    Input shape:
        A dict with the keys `"images"` and `"bounding_boxes"`.

    Output shape:
        As the input, with boxes `(batch, max_number, 4)`.

    Raises:
        ValueError: If `max_number` is no positive integer.

    Example:

    >>> layer = keras.layers.MaxNumBoundingBoxes(2, bounding_box_format="xyxy")
    >>> boxes = {"boxes": np.ones((1, 1, 4)), "labels": np.array([[3]])}
    >>> layer.transform_bounding_boxes(boxes)["labels"].tolist()
    [[3, -1]]
    """

    _acts_at_inference = True
    _needs_transformation = False

    def __init__(self, max_number: int, fill_value: float = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_number = count(max_number, "MaxNumBoundingBoxes", "max_number")
        self.fill_value = fill_value

    def _result_dtype(self, dtype: str) -> str:
        return dtype

    def transform_images(
        self,
        images: Tensor,
        transformation: Mapping[str, Any] | None = None,
        training: bool = True,
    ) -> Tensor:
        """The pictures, as they are."""
        return self._pictures(images)

    def _boxes_of(
        self,
        given: object,
        transformation: Mapping[str, Any] | None,
        training: bool | None,
        size: Size | None,
    ) -> dict[str, Any]:
        found = self._checked_boxes(given)
        axis = found["boxes"].ndim - 2
        boxes = self._fixed(found["boxes"], axis)
        return {**found, "boxes": boxes, "labels": self._fixed(found["labels"], axis)}

    def _fixed(self, x: Tensor, axis: int) -> Tensor:
        n = x.shape[axis]
        kept = x[(slice(None),) * axis + (slice(0, self.max_number),)]
        widths = [(0, 0)] * x.ndim
        widths[axis] = (0, max(self.max_number - n, 0))
        return ops.pad(kept, widths, constant_values=self.fill_value)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "max_number": self.max_number,
            "fill_value": self.fill_value,
        }
