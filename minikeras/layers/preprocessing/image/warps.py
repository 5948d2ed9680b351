"""Affine maps of pictures: flipped, turned, zoomed, moved, sheared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import naming, ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image import boxes as box
from minikeras.layers.preprocessing.image.base import (
    ImageLayer,
    ImageOptions,
    PlainImageOptions,
    Size,
)
from minikeras.layers.preprocessing.image.options import (
    FILL_MODES,
    INTERPOLATIONS,
    Pair,
    interval,
    one_of,
    uniform,
    within,
)

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(ImageLayer):
    """Flips pictures at random while training, each along each axis with a chance of 1/2.

    Args:
        mode: `"horizontal"` (left to right), `"vertical"` (top to bottom) or
            `"horizontal_and_vertical"`.
        seed: Integer, for the same flips in every run.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the mode is not known.

    Example:

    >>> layer = keras.layers.RandomFlip("horizontal", seed=2)
    >>> layer(np.array([[[1.0], [2.0]]]), training=True).tolist()
    [[[2.0], [1.0]]]
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        if mode not in _MODES:
            raise ValueError(
                f"RandomFlip: mode={naming.shown(mode)}; expected one of {', '.join(_MODES)}."
            )
        super().__init__(data_format=data_format, **kwargs)
        self._seeded(seed)
        self.mode = mode

    def _draw(self, batch: int, size: Size, source: SeedGenerator | int | None) -> Any:
        shape = (batch, *size, 1)
        if self.data_format == "channels_first":
            shape = (batch, 1, *size)
        # Across and down are drawn apart where both may be.
        drawn = uniform((batch, 1, 1, 2), (0.0, 1.0), source)
        across, down = ops.split(ops.less(drawn, 0.5), 2, axis=-1)
        if self.mode != _MODES[2]:
            return {"flips": across, "input_shape": shape}
        return {"flips": across, "vertical_flips": down, "input_shape": shape}

    def _flipped(self, x: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        across = self._each(transformation["flips"], x)
        down = self._each(transformation.get("vertical_flips", across), x)
        rows, columns = self._plane
        if self.mode != "vertical":
            x = ops.where(across, ops.flip(x, columns), x)
        if self.mode != "horizontal":
            x = ops.where(down, ops.flip(x, rows), x)
        return x

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._flipped(images, transformation)

    def _masks(self, masks: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._flipped(masks, transformation)

    def _boxes(
        self, found: dict[str, Any], transformation: Mapping[str, Any], size: Size
    ) -> tuple[dict[str, Any], Size] | None:
        flips = transformation["flips"]
        across, down = (
            ops.reshape(ops.convert_to_tensor(given), (-1, 1, 1))
            for given in (flips, transformation.get("vertical_flips", flips))
        )
        x1, y1, x2, y2 = box.columns(found["boxes"])
        height, width = (ops.cast(n, x1.dtype) for n in size)
        if self.mode != "vertical":
            x1, x2 = (
                ops.where(across, width - x2, x1),
                ops.where(across, width - x1, x2),
            )
        if self.mode != "horizontal":
            y1, y2 = ops.where(down, height - y2, y1), ops.where(down, height - y1, y2)
        moved = ops.concatenate([x1, y1, x2, y2], axis=-1)
        return box.cut({**found, "boxes": moved}, *size), size

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "seed": self.seed, "mode": self.mode}


def _rows(*numbers: Any) -> Tensor:
    """Eight numbers of each picture, `(batch, 8)`, some of which may be constants."""
    like = next(n for n in numbers if isinstance(n, Tensor))
    return ops.stack(
        [n if isinstance(n, Tensor) else ops.full_like(like, n) for n in numbers],
        axis=-1,
    )


class Warp(ImageLayer):
    """Pictures under an affine map; a subclass says which, by `_matrix`."""

    fill_mode: str
    interpolation: str
    fill_value: float

    def _sampled(
        self, fill_mode: str, interpolation: str, fill_value: float, seed: int | None
    ) -> None:
        owner = type(self).__name__
        self.fill_mode = one_of(fill_mode, FILL_MODES, owner, "fill_mode")
        self.interpolation = one_of(
            interpolation, INTERPOLATIONS, owner, "interpolation"
        )
        self.fill_value = fill_value
        self._seeded(seed)

    def _shape(self, batch: object, size: Size) -> tuple[Any, ...]:
        first = self.data_format == "channels_first"
        return (batch, 1, *size) if first else (batch, *size, 1)

    def _matrix(self, transformation: Mapping[str, Any], size: Size) -> Tensor:
        """`(batch, 8)`: from places in the result to places in the picture."""
        raise NotImplementedError

    def _warped(
        self, x: Tensor, transformation: Mapping[str, Any], interpolation: str
    ) -> Tensor:
        matrix = self._matrix(transformation, self._size(x))
        return ops.image.affine_transform(
            x,
            matrix,
            interpolation=interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._warped(images, transformation, self.interpolation)

    def _masks(self, masks: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._warped(masks, transformation, "nearest")

    def _boxes(
        self, found: dict[str, Any], transformation: Mapping[str, Any], size: Size
    ) -> tuple[dict[str, Any], Size] | None:
        boxes = found["boxes"]
        matrix = ops.cast(self._matrix(transformation, size), boxes.dtype)
        numbers = [ops.reshape(matrix[:, i], (-1, 1, 1)) for i in range(6)]
        a0, a1, a2, b0, b1, b2 = numbers
        determinant = a0 * b1 - a1 * b0

        def plane(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            x, y = x - a2, y - b2
            return (b1 * x - a1 * y) / determinant, (a0 * y - b0 * x) / determinant

        return box.cut({**found, "boxes": box.moved_by(boxes, plane)}, *size), size

    def _sampling_config(self) -> dict[str, Any]:
        return {
            "fill_mode": self.fill_mode,
            "interpolation": self.interpolation,
            "seed": self.seed,
            "fill_value": self.fill_value,
        }


class RandomRotation(Warp):
    """Turns pictures around their middle at random while training.

    Args:
        factor: Two numbers from -1 to 1, parts of a full turn counterclockwise between which
            is drawn; one number `f` stands for `(-f, f)`.
        fill_mode: What stands beyond the border of `a b c d`: `"reflect"`:
            `b a | a b c d | d c`; `"constant"`: the fill value; `"wrap"`:
            `c d | a b c d | a b`; `"nearest"`: `a a | a b c d | d d`.
        interpolation: `"nearest"` or `"bilinear"`.
        seed: Integer, for the same turns in every run.
        fill_value: Value beyond the border in mode `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the factor is out of range.
        NotImplementedError: If a mode is not known.

    Example:

    >>> quarter = keras.layers.RandomRotation((0.25, 0.25))
    >>> x = np.array([[[1.0], [2.0]], [[3.0], [4.0]]])
    >>> quarter(x, training=True)[:, :, 0].tolist()
    [[2.0, 4.0], [1.0, 3.0]]
    """

    def __init__(
        self,
        factor: float | Pair,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.factor = interval(factor, -1, 1, "RandomRotation")
        self._sampled(fill_mode, interpolation, fill_value, seed)

    def _draw(self, batch: int, size: Size, source: SeedGenerator | int | None) -> Any:
        low, high = (f * 360.0 for f in self.factor)
        angle = uniform((batch,), (low, high), source)
        turn = angle * (math.pi / 180)
        cos, sin = ops.cos(turn), ops.sin(turn)
        bottom, right = (ops.cast(n, "float32") - 1 for n in size)
        column = (right - (cos * right - sin * bottom)) / 2
        row = (bottom - (sin * right + cos * bottom)) / 2
        return {
            "angle": angle,
            "rotation_matrix": _rows(cos, -sin, column, sin, cos, row, 0.0, 0.0),
            "image_height": size[0],
            "image_width": size[1],
            "batch_size": batch,
        }

    def _matrix(self, transformation: Mapping[str, Any], size: Size) -> Tensor:
        given = ops.convert_to_tensor(transformation["rotation_matrix"])
        return ops.reshape(given, (-1, 8))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "factor": self.factor,
            **self._sampling_config(),
        }


class _ByAxis(Warp):
    """A factor for each axis of the picture."""

    _least = -1.0

    def _by_axis(self, value: Any, argument: str) -> Pair:
        owner = type(self).__name__
        found = interval(value, -1, 1, owner, argument)
        return within(found, self._least, 1, owner, argument)


class _ByHeight(_ByAxis):
    """A factor for the height, and one for the width."""

    def _factored(
        self,
        height: object,
        width: float | Sequence[float] | None,
    ) -> None:
        self.height_factor, self.width_factor = height, width
        self.height_lower, self.height_upper = self._by_axis(height, "height_factor")
        if width is not None:
            self.width_lower, self.width_upper = self._by_axis(width, "width_factor")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "height_factor": self.height_factor,
            "width_factor": self.width_factor,
            **self._sampling_config(),
        }


class RandomZoom(_ByHeight):
    """Zooms into pictures, or out of them, at random while training.

    Args:
        height_factor: Two numbers, above -1 and up to 1, between which is drawn: 0.2 shows
            a picture's height in 1 / 1.2 of it (out), -0.2 less of it (in). One number `f`
            stands for `(-f, f)`.
        width_factor: The same for the width; None: as the height, so the ratio stays.
        fill_mode: What stands beyond the border: `"reflect"`, `"constant"`, `"wrap"` or
            `"nearest"`; see `RandomRotation`.
        interpolation: `"nearest"` or `"bilinear"`.
        seed: Integer, for the same zooms in every run.
        fill_value: Value beyond the border in mode `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If a factor is out of range.
        NotImplementedError: If a mode is not known.

    Example:

    >>> keras.layers.RandomZoom(0.2, seed=1)(np.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        height_factor: float | Pair,
        width_factor: float | Pair | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._factored(height_factor, width_factor)
        self._sampled(fill_mode, interpolation, fill_value, seed)

    def _by_axis(self, value: Any, argument: str) -> Pair:
        found = super()._by_axis(value, argument)
        if found[0] == -1 and value != 1:  # 1 alone stands for as far as it goes
            raise ValueError(
                f"RandomZoom: {argument}={value!r}; expected numbers above -1, which is a "
                "zoom without end."
            )
        return found

    def _draw(self, batch: int, size: Size, source: SeedGenerator | int | None) -> Any:
        upright = (1 + self.height_lower, 1 + self.height_upper)
        tall = uniform((batch, 1), upright, source)
        wide = tall
        if self.width_factor is not None:
            lying = (1 + self.width_lower, 1 + self.width_upper)
            wide = uniform((batch, 1), lying, source)
        return {
            "height_zoom": tall,
            "width_zoom": wide,
            "input_shape": self._shape(batch, size),
        }

    def _matrix(self, transformation: Mapping[str, Any], size: Size) -> Tensor:
        tall, wide = (
            ops.reshape(ops.convert_to_tensor(transformation[key]), (-1,))
            for key in ("height_zoom", "width_zoom")
        )
        bottom, right = (ops.cast(n, tall.dtype) - 1 for n in size)
        column, row = right / 2 * (1 - wide), bottom / 2 * (1 - tall)
        return _rows(wide, 0.0, column, 0.0, tall, row, 0.0, 0.0)


class RandomTranslation(_ByHeight):
    """Moves pictures at random while training.

    Args:
        height_factor: Two numbers from -1 to 1, parts of the height downwards, between
            which is drawn; one number `f` stands for `(-f, f)`.
        width_factor: The same for the width, to the right.
        fill_mode: What stands beyond the border: `"reflect"`, `"constant"`, `"wrap"` or
            `"nearest"`; see `RandomRotation`.
        interpolation: `"nearest"` or `"bilinear"`.
        seed: Integer, for the same moves in every run.
        fill_value: Value beyond the border in mode `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If a factor is out of range.
        NotImplementedError: If a mode is not known.

    Example:

    >>> layer = keras.layers.RandomTranslation(0.0, (0.5, 0.5), fill_mode="wrap")
    >>> layer(np.array([[[1.0], [2.0]]]), training=True).tolist()
    [[[2.0], [1.0]]]
    """

    def __init__(
        self,
        height_factor: float | Pair,
        width_factor: float | Pair,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._factored(height_factor, width_factor)
        self._sampled(fill_mode, interpolation, fill_value, seed)

    def _draw(self, batch: int, size: Size, source: SeedGenerator | int | None) -> Any:
        down, right = (
            uniform((batch, 1), found, source) * ops.cast(n, "float32")
            for found, n in (
                ((self.height_lower, self.height_upper), size[0]),
                ((self.width_lower, self.width_upper), size[1]),
            )
        )
        return {
            "translations": ops.concatenate([right, down], axis=1),
            "input_shape": self._shape(batch, size),
        }

    def _matrix(self, transformation: Mapping[str, Any], size: Size) -> Tensor:
        moves = ops.convert_to_tensor(transformation["translations"])
        right, down = moves[:, 0], moves[:, 1]
        return _rows(1.0, 0.0, -right, 0.0, 1.0, -down, 0.0, 0.0)


class RandomShear(_ByAxis):
    """Shears pictures at random while training.

    Args:
        x_factor: Two numbers from 0 to 1, columns for each row between which is drawn, to
            either side; one number `f` stands for `(-f, f)`.
        y_factor: The same, rows for each column.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_mode: What stands beyond the border: `"reflect"`, `"constant"`, `"wrap"` or
            `"nearest"`; see `RandomRotation`.
        fill_value: Value beyond the border in mode `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        seed: Integer, for the same shears in every run.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If a factor is out of range.
        NotImplementedError: If a mode is not known.

    Example:

    >>> layer = keras.layers.RandomShear(0.3, 0.1, seed=1)
    >>> layer(np.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        x_factor: float | Pair = 0.0,
        y_factor: float | Pair = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.x_factor = self._by_axis(x_factor, "x_factor")
        self.y_factor = self._by_axis(y_factor, "y_factor")
        self._sampled(fill_mode, interpolation, fill_value, seed)

    def _by_axis(self, value: Any, argument: str) -> Pair:
        found = super()._by_axis(value, argument)
        spread = found[0] == -found[1]  # as a config has it of one number
        single = isinstance(value, (int, float))
        if (single and value < 0) or (not single and not spread and found[0] < 0):
            raise ValueError(
                f"RandomShear: {argument}={value!r}; expected numbers from 0 to 1; the side "
                "is drawn too."
            )
        return found

    def _draw(self, batch: int, size: Size, source: SeedGenerator | int | None) -> Any:
        x, y = (
            uniform((batch, 1), found, source)
            for found in (self.x_factor, self.y_factor)
        )
        side = uniform((batch, 1), (0.0, 1.0), source) < 0.5
        drawn = ops.concatenate([x, y], axis=1)
        return {
            "shear_factor": ops.where(side, -drawn, drawn),
            "input_shape": self._shape(batch, size),
        }

    def _matrix(self, transformation: Mapping[str, Any], size: Size) -> Tensor:
        shear = ops.convert_to_tensor(transformation["shear_factor"])
        x, y = shear[:, 0], shear[:, 1]
        return _rows(1.0, x, 0.0, y, 1.0, 0.0, 0.0, 0.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "x_factor": self.x_factor,
            "y_factor": self.y_factor,
            **self._sampling_config(),
        }


__all__ = [
    "ImageOptions",
    "RandomFlip",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
]
