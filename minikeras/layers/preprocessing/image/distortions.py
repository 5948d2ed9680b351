"""Pictures bent: seen from elsewhere, or pulled about like rubber."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image import boxes as box
from minikeras.layers.preprocessing.image.base import (
    ImageLayer,
    PlainImageOptions,
    Size,
)
from minikeras.layers.preprocessing.image.options import (
    FILL_MODES,
    INTERPOLATIONS,
    Pair,
    chosen,
    interval,
    one_of,
    uniform,
    within,
)
from minikeras.layers.preprocessing.image.options import (
    value_range as checked_range,
)
from minikeras.ops.image.transforms import displaced, random_field


class RandomPerspective(ImageLayer):
    """Shows pictures as if seen from elsewhere, at random while training.

    Each corner's column and row is multiplied by a number drawn from 1 - `scale` / 2 to
    1 + `scale` / 2.

    Args:
        factor: Two numbers from 0 to 1 between which the chance of each picture is drawn;
            one number `f` stands for `(0, f)`.
        scale: How far corners move, from 0 to 1.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_value: Value of what is beyond the picture.
        seed: Integer, for the same changes in every run.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If an argument is out of range.
        NotImplementedError: If the interpolation is not known.

    Example:

    >>> layer = keras.layers.RandomPerspective((1, 1), scale=0.2, seed=1)
    >>> layer(np.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: float | Pair = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        owner = "RandomPerspective"
        self.factor = interval(factor, 0, 1, owner)
        if isinstance(scale, (tuple, list)):
            raise ValueError(
                f"{owner}: scale={scale!r}; expected a number from 0 to 1."
            )
        interval(scale, 0, 1, owner, "scale")
        self.scale = scale
        self.interpolation = one_of(
            interpolation, INTERPOLATIONS, owner, "interpolation"
        )
        self.fill_value = fill_value
        self._seeded(seed)

    def _draw(self, batch: int, size: Size, source: Any) -> dict[str, Any]:
        taken = chosen(batch, self.factor, source)
        bottom, right = (ops.cast(n, "float32") - 1 for n in size)
        nought = ops.zeros_like(right)
        corners = ops.stack(
            [nought, nought, right, nought, nought, bottom, right, bottom]
        )
        start = ops.broadcast_to(ops.reshape(corners, (1, 4, 2)), (batch, 4, 2))
        pull = uniform((batch, 4, 2), (-0.5, 0.5), source) * self.scale
        first = self.data_format == "channels_first"
        return {
            "apply_perspective": taken,
            "start_points": start,
            "end_points": start * (1.0 + pull),
            "input_shape": (batch, 1, *size) if first else (batch, *size, 1),
        }

    def _seen(
        self, x: Tensor, transformation: Mapping[str, Any], interpolation: str
    ) -> Tensor:
        start, end = (
            ops.reshape(ops.convert_to_tensor(transformation[key]), (-1, 4, 2))
            for key in ("start_points", "end_points")
        )
        moved = ops.image.perspective_transform(
            x,
            start,
            end,
            interpolation=interpolation,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )
        return ops.where(self._each(transformation["apply_perspective"], x), moved, x)

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._seen(images, transformation, self.interpolation)

    def _masks(self, masks: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._seen(masks, transformation, "nearest")

    def _boxes(
        self, found: dict[str, Any], transformation: Mapping[str, Any], size: Size
    ) -> tuple[dict[str, Any], Size] | None:
        start, end = (
            ops.reshape(ops.convert_to_tensor(transformation[key]), (-1, 4, 2))
            for key in ("start_points", "end_points")
        )
        numbers = ops.cast(_homography(start, end), found["boxes"].dtype)
        a0, a1, a2, b0, b1, b2, c0, c1 = (
            ops.reshape(numbers[:, i], (-1, 1, 1)) for i in range(8)
        )

        def plane(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            depth = c0 * x + c1 * y + 1
            return (a0 * x + a1 * y + a2) / depth, (b0 * x + b1 * y + b2) / depth

        taken = ops.reshape(
            ops.convert_to_tensor(transformation["apply_perspective"]), (-1, 1, 1)
        )
        moved = box.moved_by(found["boxes"], plane)
        boxes = ops.where(taken, moved, found["boxes"])
        return box.cut({**found, "boxes": boxes}, *size), size

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "factor": self.factor,
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
            "seed": self.seed,
        }


def _homography(source: Tensor, target: Tensor) -> Tensor:
    """The eight numbers `(batch, 8)` of the map that takes four points to four others.

    Hartley, Zisserman: Multiple View Geometry in Computer Vision; 2004, section 4.1.
    """
    x, y = source[..., :1], source[..., 1:]
    one, zero = ops.ones_like(x), ops.zeros_like(x)
    systems = [
        ops.concatenate([*lead, -x * goal, -y * goal], axis=2)
        for lead, goal in (
            ((x, y, one, zero, zero, zero), target[..., :1]),
            ((zero, zero, zero, x, y, one), target[..., 1:]),
        )
    ]
    goals = ops.concatenate([target[..., :1], target[..., 1:]], axis=1)
    solved = ops.solve(ops.concatenate(systems, axis=1), goals)
    return ops.squeeze(solved, -1)


class RandomElasticTransform(ImageLayer):
    """Moves pixels by a smooth random field, at random while training.

    With the drawn scale `s`, noise of strength `0.1 s` times the longer side is smoothed
    over `0.05 s` times the shorter one.

    Args:
        factor: Two numbers from 0 to 1 between which the chance of each picture is drawn;
            one number `f` stands for `(0, f)`.
        scale: Two numbers from 0 to 1 between which the strength of the batch is drawn; one
            number `s` stands for `(0, s)`.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_mode: What stands beyond the border: `"reflect"`, `"constant"`, `"wrap"` or
            `"nearest"`; see `RandomRotation`.
        fill_value: Value beyond the border in mode `"constant"`.
        value_range: The least and greatest value of the pictures.
        seed: Integer, for the same changes in every run.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`, without boxes.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If an argument is out of range.
        NotImplementedError: If a mode is not known, or bounding boxes come.

    Reference:
        Simard, Steinkraus, Platt: Best Practices for Convolutional Neural Networks Applied
        to Visual Document Analysis; 2003.

    Example:

    >>> layer = keras.layers.RandomElasticTransform((1, 1), seed=1)
    >>> layer(np.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: float | Pair = 1.0,
        scale: float | Pair = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        owner = "RandomElasticTransform"
        self.factor = interval(factor, 0, 1, owner)
        found = interval(scale, 0, 1, owner, "scale")
        self.scale = within(found, 0, 1, owner, "scale")
        self.interpolation = one_of(
            interpolation, INTERPOLATIONS, owner, "interpolation"
        )
        self.fill_mode = one_of(fill_mode, FILL_MODES, owner, "fill_mode")
        self.fill_value = fill_value
        checked_range(value_range, owner)
        self.value_range = value_range
        self._seeded(seed)

    def _draw(self, batch: int, size: Size, source: Any) -> dict[str, Any]:
        return {
            "apply_transform": chosen(batch, self.factor, source),
            "distortion_factor": uniform((), self.scale, source),
            "seed": source.next(),
        }

    def get_elastic_transform_params(
        self, height: int, width: int, factor: Tensor
    ) -> tuple[Any, Any]:
        """Strength and smoothness, in pixels, for a scale."""
        return factor * 0.1 * max(height, width), factor * 0.05 * min(height, width)

    def _pulled(
        self, x: Tensor, transformation: Mapping[str, Any], interpolation: str
    ) -> Tensor:
        height, width = self._size(x)
        factor = ops.cast(transformation["distortion_factor"], "float32")
        alpha, sigma = self.get_elastic_transform_params(height, width, factor)
        most = self.scale[1] * 0.05 * min(height, width)
        field = random_field(
            (x.shape[0], height, width),
            alpha,
            ops.maximum(sigma, 1e-3),
            int(6 * most) | 1,  # three deviations to each side
            "float32",  # the same field for pictures and masks
            transformation["seed"],
        )
        moved = displaced(
            x, field, interpolation, self.fill_mode, self.fill_value, self.data_format
        )
        return ops.where(self._each(transformation["apply_transform"], x), moved, x)

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._pulled(images, transformation, self.interpolation)

    def _masks(self, masks: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._pulled(masks, transformation, "nearest")

    def _boxes(
        self, found: dict[str, Any], transformation: Mapping[str, Any], size: Size
    ) -> tuple[dict[str, Any], Size] | None:
        raise NotImplementedError(
            f"{self._label()}: boxes do not follow an elastic transformation; leave "
            "'bounding_boxes' out, or the layer."
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "factor": self.factor,
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "value_range": self.value_range,
            "seed": self.seed,
        }
