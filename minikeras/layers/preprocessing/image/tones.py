"""How bright pictures are: brightness, contrast, thresholds, steps, negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image.base import (
    ImageLayer,
    ImageOptions,
    PlainImageOptions,
    Size,
)
from minikeras.layers.preprocessing.image.options import (
    Pair,
    chosen,
    interval,
    to_range,
    uniform,
    within,
)
from minikeras.layers.preprocessing.image.options import (
    value_range as checked_range,
)
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator

BYTES = (0.0, 255.0)


class Toned(ImageLayer):
    """Pictures whose values lie in a range."""

    value_range: Sequence[float]

    def _clipped(self, x: Tensor) -> Tensor:
        low, high = self.value_range
        return ops.clip(x, low, high)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "value_range": self.value_range}


class Drawn(Toned):
    """The same, changed as strongly as a factor says that is drawn from a range."""

    _range_as_given = False  # whether configs hold it so, or as a list

    def _factored(
        self,
        factor: float | Pair,
        low: float,
        high: float,
        value_range: Sequence[float],
        seed: int | None,
    ) -> None:
        owner = type(self).__name__
        self.factor = interval(factor, low, high, owner)
        found = checked_range(value_range, owner)
        self.value_range = value_range if self._range_as_given else found
        self._seeded(seed)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "factor": self.factor, "seed": self.seed}


class RandomBrightness(Drawn):
    """Makes pictures brighter or darker at random while training.

    Args:
        factor: Two numbers from -1 to 1 between which is drawn, in parts of the range of
            values: 1 is white, -1 black. One number `f` stands for `(-f, f)`.
        value_range: The least and greatest value of the pictures; results are clipped to
            it.
        seed: Integer, for the same changes in every run.
        **kwargs: `bounding_box_format`, `data_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or one picture without the batch; or a dict
        with the key `"images"`.

    Output shape:
        As the input. Integers stay integers.

    Raises:
        ValueError: If the factor is out of range.

    Example:

    >>> layer = keras.layers.RandomBrightness((0.2, 0.2), value_range=(0, 1))
    >>> layer(np.array([[[0.5], [0.9]]]), training=True).tolist()
    [[[0.7], [1.0]]]
    """

    _keeps_integers = True

    def __init__(
        self,
        factor: float | Pair,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._factored(factor, -1, 1, value_range, seed)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        drawn = uniform((batch, 1, 1, 1), self.factor, source)
        return {"rgb_delta": drawn * (self.value_range[1] - self.value_range[0])}

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        return self._clipped(images + self._each(transformation["rgb_delta"], images))


class RandomContrast(Drawn):
    """Makes the contrast of pictures stronger or weaker at random while training.

    Each value becomes `(x - mean) * c + mean`, with the mean of its channel in its
    picture and `c` drawn from `[1 - lower, 1 + upper]`.

    Args:
        factor: `(lower, upper)`, from 0 to 1; one number `f` stands for `(0, f)`.
        value_range: The least and greatest value of the pictures; results are clipped to
            it.
        seed: Integer, for the same changes in every run.
        **kwargs: `bounding_box_format`, `data_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the factor is out of range.

    Example:

    >>> layer = keras.layers.RandomContrast(0.5)
    >>> layer.transform_images(np.array([[[10.0], [20.0]]]), {"contrast_factor": 2.0}).tolist()
    [[[5.0], [25.0]]]
    """

    _range_as_given = True

    def __init__(
        self,
        factor: float | Pair,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._factored(factor, 0, 1, value_range, seed)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        low, high = self.factor
        drawn = uniform((batch, 1, 1, 1), (1.0 - low, 1.0 + high), source)
        return {"contrast_factor": drawn}

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        x = images
        half = x.dtype in ("float16", "bfloat16")
        x = ops.cast(x, "float32") if half else x  # a sum of a picture overflows
        factor = self._each(transformation["contrast_factor"], x)
        mean = ops.mean(x, axis=self._plane, keepdims=True)
        return ops.cast(self._clipped((x - mean) * factor + mean), images.dtype)


class Solarization(Toned):
    """Turns bright values of pictures into their negative while training.

    A number is added to each value, then what is at least the threshold becomes
    `low + high - x`.

    Args:
        addition_factor: Two numbers from 0 to 1 between which is drawn what is added, in
            parts of the range of values; one number `f` stands for `(0, f)`.
        threshold_factor: The same for the threshold.
        value_range: The least and greatest value of the pictures.
        seed: Integer, for the same changes in every run.
        **kwargs: `bounding_box_format`, `data_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or one picture without the batch; or a dict
        with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If a factor is out of range.

    Example:

    >>> layer = keras.layers.Solarization(threshold_factor=(0.5, 0.5))
    >>> layer(np.array([[[100.0], [200.0]]]), training=True).tolist()
    [[[100.0], [55.0]]]
    """

    def __init__(
        self,
        addition_factor: float | Pair = 0.0,
        threshold_factor: float | Pair = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.addition_factor = self._factor(addition_factor, "addition_factor")
        self.threshold_factor = self._factor(threshold_factor, "threshold_factor")
        self.value_range = checked_range(value_range, "Solarization")
        self._seeded(seed)

    def _factor(self, value: ArrayLike, argument: str) -> Pair:
        found = interval(value, 0, 1, "Solarization", argument)
        return within(found, 0, 1, "Solarization", argument)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        return {
            key: uniform((batch, 1, 1, 1), found, source) * 255.0
            for key, found in (
                ("additions", self.addition_factor),
                ("thresholds", self.threshold_factor),
            )
        }

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        x = to_range(images, self.value_range, BYTES)
        more = self._each(transformation["additions"], x)
        threshold = self._each(transformation["thresholds"], x)
        x = ops.clip(x + more, *BYTES)
        x = ops.where(x < threshold, x, BYTES[1] - x)
        return to_range(x, BYTES, self.value_range)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "addition_factor": self.addition_factor,
            "threshold_factor": self.threshold_factor,
            "seed": self.seed,
        }


class RandomPosterization(Drawn):
    """Keeps few bits of each value of pictures while training.

    Args:
        factor: Two integers from 1 to 8, both included, between which the number of bits
            is drawn; one integer `n` stands for `(1, n)`.
        value_range: The least and greatest value of the pictures, which become 0 and 255.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        seed: Integer, for the same changes in every run.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or one picture without the batch; or a dict
        with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the factor is out of range.

    Example:

    >>> layer = keras.layers.RandomPosterization((2, 2))
    >>> layer(np.array([[[60.0], [70.0], [255.0]]]), training=True).tolist()
    [[[0.0], [64.0], [192.0]]]
    """

    def __init__(
        self,
        factor: int | tuple[int, int],
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._factored(factor, 1, 8, value_range, seed)
        within(self.factor, 1, 8, "RandomPosterization", "factor")

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        low, high = (int(f) for f in self.factor)
        drawn = uniform((batch,), (float(low), high + 1.0), source)
        bits = ops.minimum(ops.floor(drawn), high)
        return {"shift_factor": ops.cast(8 - bits, "uint8")}

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        x = to_range(images, self.value_range, BYTES)
        shift = ops.cast(self._each(transformation["shift_factor"], x), "uint8")
        values = ops.saturate_cast(ops.floor(x), "uint8")
        steps = ops.left_shift(ops.right_shift(values, shift), shift)
        return to_range(ops.cast(steps, images.dtype), BYTES, self.value_range)


class RandomInvert(Drawn):
    """Turns pictures into their negative at random while training.

    Args:
        factor: Two numbers from 0 to 1 between which the chance of each picture is drawn;
            one number `f` stands for `(0, f)`.
        value_range: The least and greatest value of the pictures.
        seed: Integer, for the same choices in every run.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or one picture without the batch; or a dict
        with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the factor is out of range.

    Example:

    >>> layer = keras.layers.RandomInvert((1, 1), value_range=(-1, 1))
    >>> layer(np.array([[[-1.0], [0.25]]]), training=True).tolist()
    [[[1.0], [-0.25]]]
    """

    _range_as_given = True

    def __init__(
        self,
        factor: float | Pair = 1.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._factored(factor, 0, 1, value_range, seed)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        return {"apply_inversion": chosen(batch, self.factor, source)}

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        taken = self._each(transformation["apply_inversion"], images)
        return ops.where(taken, sum(self.value_range) - images, images)


class AutoContrast(Toned):
    """Stretches each channel of each picture over the whole range of values.

    It acts while training and at inference. A channel of one value stays as it is.

    Args:
        value_range: The least and greatest value of the pictures.
        **kwargs: `bounding_box_format`, `data_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the range is not two numbers.

    Example:

    >>> keras.layers.AutoContrast()(np.array([[[10.0], [11.0], [20.0]]])).tolist()
    [[[0.0], [25.5], [255.0]]]
    """

    _acts_at_inference = True
    _needs_transformation = False

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.value_range = checked_range(value_range, "AutoContrast")

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        x = images
        low = ops.min(x, axis=self._plane, keepdims=True)
        high = ops.max(x, axis=self._plane, keepdims=True)
        spread = ops.where(high > low, high - low, ops.ones_like(low))
        first, last = self.value_range
        stretched = (x - low) / spread * (last - first) + first
        return ops.where(high > low, self._clipped(stretched), x)
