"""Affine maps with a number for each axis: pictures zoomed, moved, sheared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image.base import (
    PlainImageOptions,
    Size,
)
from minikeras.layers.preprocessing.image.options import (
    Pair,
    interval,
    uniform,
    within,
)
from minikeras.layers.preprocessing.image.warps import Warp, rows

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator


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

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
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
        return rows(wide, 0.0, column, 0.0, tall, row, 0.0, 0.0)


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

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
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
        return rows(1.0, 0.0, -right, 0.0, 1.0, -down, 0.0, 0.0)


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

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
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
        return rows(1.0, x, 0.0, y, 1.0, 0.0, 0.0, 0.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "x_factor": _one_number(self.x_factor),
            "y_factor": _one_number(self.y_factor),
            **self._sampling_config(),
        }


def _one_number(factor: Pair) -> float | Pair:
    """The number that two stand for where one is negative: Keras takes none in a pair."""
    return factor[1] if factor[0] == -factor[1] < 0 else factor
