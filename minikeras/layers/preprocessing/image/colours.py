"""The colours of pictures: hue, saturation, grey, and all of it together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image.base import (
    ImageLayer,
    PlainImageOptions,
    Size,
)
from minikeras.layers.preprocessing.image.options import (
    Pair,
    interval,
    to_range,
    uniform,
)
from minikeras.layers.preprocessing.image.options import (
    value_range as checked_range,
)
from minikeras.layers.preprocessing.image.tones import (
    Drawn,
    RandomBrightness,
    RandomContrast,
    Toned,
)

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator

_UNIT = (0.0, 1.0)


class _Coloured(Drawn):
    """Pictures changed as hue, saturation and value."""

    def _to_hsv(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        unit = to_range(images, self.value_range, _UNIT)
        hsv = ops.image.rgb_to_hsv(unit, data_format=self.data_format)
        hue, saturation, value = ops.split(hsv, 3, axis=self._channels)
        return hue, saturation, value

    def _from_hsv(self, *parts: Tensor) -> Tensor:
        hsv = ops.concatenate(parts, axis=self._channels)
        unit = ops.image.hsv_to_rgb(hsv, data_format=self.data_format)
        return to_range(unit, _UNIT, self.value_range)


class RandomHue(_Coloured):
    """Turns the hues of pictures at random while training.

    Args:
        factor: Two numbers from 0 to 1 between which is drawn, in half turns of the circle
            of colours, to either side; one number `f` stands for `(0, f)`.
        value_range: The least and greatest value of the pictures.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        seed: Integer, for the same changes in every run.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, 3)`, `(batch, 3, rows, columns)`, or one picture without
        the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the factor is out of range, or there are not three channels.

    Example:

    >>> layer = keras.layers.RandomHue(0.5, value_range=(0, 1))
    >>> red = np.array([[[1.0, 0.0, 0.0]]])
    >>> layer.transform_images(red, {"factor": [1 / 3]}).numpy().round(3).tolist()
    [[[0.0, 1.0, 0.0]]]
    """

    _range_as_given = True

    def __init__(
        self,
        factor: float | Pair,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._factored(factor, 0, 1, value_range, seed)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        drawn = uniform((batch,), self.factor, source) * 0.5
        side = uniform((batch,), _UNIT, source) < 0.5
        return {"factor": ops.where(side, -drawn, drawn)}

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        hue, saturation, value = self._to_hsv(images)
        turned = hue + self._each(transformation["factor"], hue)
        return self._clipped(self._from_hsv(turned, saturation, value))


class RandomSaturation(_Coloured):
    """Makes the colours of pictures paler or stronger at random while training.

    Args:
        factor: Two numbers from 0 to 1 between which is drawn: 0 is grey, 0.5 changes
            nothing, 1 is as strong as can be. `f` multiplies the saturation by
            `f / (1 - f)`. One number `f` stands for `(-f, f)`, where what is below 0 is
            grey.
        value_range: The least and greatest value of the pictures.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        seed: Integer, for the same changes in every run.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, 3)`, `(batch, 3, rows, columns)`, or one picture without
        the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the factor is out of range, or there are not three channels.

    Example:

    >>> layer = keras.layers.RandomSaturation((0, 0), value_range=(0, 1))
    >>> layer(np.array([[[1.0, 0.25, 0.0]]]), training=True).tolist()
    [[[1.0, 1.0, 1.0]]]
    """

    def __init__(
        self,
        factor: float | Pair,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._factored(factor, -1, 1, value_range, seed)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        drawn = uniform((batch,), self.factor, source)
        return {"factor": drawn / ops.maximum(1.0 - drawn, 1e-7)}

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        hue, saturation, value = self._to_hsv(images)
        factor = self._each(transformation["factor"], hue)
        changed = ops.clip(saturation * factor, 0.0, 1.0)
        return self._clipped(self._from_hsv(hue, changed, value))


class RandomColorDegeneration(Drawn):
    """Mixes pictures with their grey form at random while training.

    Args:
        factor: Two numbers between which the share of the grey form is drawn: 0 changes
            nothing, 1 is grey, below 0 colours become stronger. One number `f` stands for
            `(-f, f)`.
        value_range: The least and greatest value of the pictures; results are clipped to
            it.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        seed: Integer, for the same changes in every run.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, 3)`, `(batch, 3, rows, columns)`, or one picture without
        the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the factor is out of range.

    Example:

    >>> layer = keras.layers.RandomColorDegeneration((1, 1))
    >>> layer(np.array([[[100.0, 0.0, 0.0]]]), training=True).tolist()
    [[[29.89, 29.89, 29.89]]]
    """

    def __init__(
        self,
        factor: float | Pair,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._factored(factor, -1, 1, value_range, seed)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        return {"factor": uniform((batch, 1, 1, 1), self.factor, source)}

    def _images(self, images: Tensor, transformation: Tensor) -> Tensor:
        grey = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        factor = self._each(transformation["factor"], images)
        return self._clipped(images + factor * (grey - images))


class RandomGrayscale(ImageLayer):
    """Makes pictures grey at random while training; they keep their channels.

    Args:
        factor: The chance of each picture, from 0 to 1.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        seed: Integer, for the same choices in every run.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, with 3
        channels or 1, or one picture without the batch; or a dict with the key
        `"images"`.

    Output shape:
        As the input. Integers stay integers, and are cut off.

    Raises:
        ValueError: If the factor is out of range.

    Example:

    >>> layer = keras.layers.RandomGrayscale(1.0)
    >>> layer(np.array([[[100, 0, 0]]], "uint8"), training=True).tolist()
    [[[29, 29, 29]]]
    """

    _keeps_integers = True

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        interval(factor, 0, 1, "RandomGrayscale")
        if isinstance(factor, (tuple, list)):
            raise ValueError(
                f"RandomGrayscale: factor={factor!r}; expected one number from 0 to 1."
            )
        self.factor = factor
        self._seeded(seed)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> Tensor:
        return uniform((batch, 1, 1, 1), _UNIT, source) < self.factor

    def _finished(self, images: Tensor, dtype: str) -> Tensor:
        whole = "float" in images.dtype and "float" not in dtype
        return super()._finished(ops.floor(images) if whole else images, dtype)

    def _images(self, images: Tensor, transformation: Tensor) -> Tensor:
        grey = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        return ops.where(self._each(transformation, images), grey, images)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "factor": self.factor, "seed": self.seed}


_STEPS = {
    "brightness": RandomBrightness,
    "contrast": RandomContrast,
    "saturation": RandomSaturation,
    "hue": RandomHue,
}


class RandomColorJitter(Toned):
    """Changes brightness, contrast, saturation and hue, one after the other, at random.

    Args:
        value_range: The least and greatest value of the pictures.
        brightness_factor: As `factor` of `RandomBrightness`; None leaves that out.
        contrast_factor: As `factor` of `RandomContrast`; None leaves that out.
        saturation_factor: As `factor` of `RandomSaturation`; None leaves that out.
        hue_factor: As `factor` of `RandomHue`; None leaves that out.
        seed: Integer, for the same changes in every run.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If a factor is out of range.

    Example:

    >>> layer = keras.layers.RandomColorJitter((0, 1), brightness_factor=0.2, hue_factor=0.1)
    >>> layer(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    _needs_transformation = False

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        brightness_factor: float | Pair | None = None,
        contrast_factor: float | Pair | None = None,
        saturation_factor: float | Pair | None = None,
        hue_factor: float | Pair | None = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        checked_range(value_range, "RandomColorJitter")
        self.value_range = value_range
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        self._seeded(seed)
        self._steps: list[ImageLayer] = []
        for name, kind in _STEPS.items():
            factor = getattr(self, f"{name}_factor")
            if factor is not None:
                step: Any = kind(
                    factor,
                    value_range=value_range,
                    seed=seed,
                    data_format=self.data_format,
                    dtype=self.dtype_policy,
                    name=f"random_{name}",
                )
                self._steps.append(step)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        own = getattr(self, "generator", None)
        return {
            step.name: step._draw(
                batch, size, step.generator if source is own else source
            )
            for step in self._steps
        }

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        drawn = transformation
        if drawn is None:
            drawn = self.get_random_transformation(images)
        for step in self._steps:
            images = step._images(images, drawn[step.name])
        return images

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "brightness_factor": self.brightness_factor,
            "contrast_factor": self.contrast_factor,
            "saturation_factor": self.saturation_factor,
            "hue_factor": self.hue_factor,
            "seed": self.seed,
        }
