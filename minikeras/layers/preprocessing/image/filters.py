"""Pictures blurred or sharpened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.preprocessing.image.base import PlainImageOptions, Size
from minikeras.layers.preprocessing.image.options import (
    Pair,
    chosen,
    interval,
    uniform,
)
from minikeras.layers.preprocessing.image.tones import Drawn

if TYPE_CHECKING:
    from minikeras.random.seed_generator import SeedGenerator


class RandomSharpness(Drawn):
    """Blurs or sharpens pictures at random while training.

    A picture is mixed with itself under the filter `[1 1 1; 1 5 1; 1 1 1] / 13`.

    Args:
        factor: Two numbers from 0 to 1 between which is drawn: 0 is blurred, 0.5 changes
            nothing, 1 is sharpened. One number `f` stands for `(0, f)`.
        value_range: The least and greatest value of the pictures; results are clipped to
            it.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        seed: Integer, for the same changes in every run.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If the factor is out of range.

    Example:

    >>> layer = keras.layers.RandomSharpness((0.5, 0.5))
    >>> layer(np.array([[[1.0], [9.0]]]), training=True).tolist()
    [[[1.0], [9.0]]]
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
        self._factored(factor, 0, 1, value_range, seed)

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        return {"factor": uniform((batch,), self.factor, source)}

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        factor = self._each(transformation["factor"], images) * 2
        window = np.ones((3, 3, 1, 1))
        window[1, 1] = 5
        channels = images.shape[self._channels]
        kernel = ops.repeat(
            ops.convert_to_tensor(window / window.sum(), images.dtype), channels, axis=2
        )
        blurred = ops.depthwise_conv(
            images, kernel, padding="same", data_format=self.data_format
        )
        return self._clipped(blurred + factor * (images - blurred))


class RandomGaussianBlur(Drawn):
    """Blurs pictures by a Gaussian at random while training.

    Args:
        factor: Two numbers from 0 to 1 between which the chance of each picture is drawn;
            one number `f` stands for `(0, f)`.
        kernel_size: Height and width of the window, odd integers; or one for both.
        sigma: Two numbers from 0 to 1 between which the standard deviations of a batch are
            drawn, in pixels; one number `s` stands for `(0, s)`.
        value_range: The least and greatest value of the pictures; results are clipped to
            it.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        seed: Integer, for the same changes in every run.
        **kwargs: `bounding_box_format`; see also `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, `(batch, channels, rows, columns)`, or one
        picture without the batch; or a dict with the key `"images"`.

    Output shape:
        As the input; floats.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> layer = keras.layers.RandomGaussianBlur((1, 1), sigma=(0.5, 0.5), value_range=(0, 1))
    >>> x = np.zeros((3, 3, 1))
    >>> x[1, 1] = 1
    >>> layer(x, training=True)[:, :, 0].tolist()
    [[0.0113, 0.0838, 0.0113], [0.0838, 0.6193, 0.0838], [0.0113, 0.0838, 0.0113]]
    """

    _range_as_given = True

    def __init__(
        self,
        factor: float | Pair = 1.0,
        kernel_size: int | tuple[int, int] = 3,
        sigma: float | Pair = 1.0,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[PlainImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._factored(factor, 0, 1, value_range, seed)
        sizes = (
            kernel_size
            if isinstance(kernel_size, (tuple, list))
            else (kernel_size,) * 2
        )
        good = len(sizes) == 2 and all(isinstance(n, int) for n in sizes)
        if not good or any(n < 1 or n % 2 == 0 for n in sizes):
            raise ValueError(
                f"RandomGaussianBlur: kernel_size={kernel_size!r}; expected an odd integer, "
                "or two."
            )
        self.kernel_size = tuple(sizes)
        self.sigma = interval(sigma, 0, 1, "RandomGaussianBlur", "sigma")

    def _draw(
        self, batch: int, size: Size, source: SeedGenerator | int | None
    ) -> dict[str, Any]:
        return {
            "should_apply_blur": chosen(batch, self.factor, source),
            "blur_factor": uniform((2,), self.sigma, source),
        }

    def _images(self, images: Tensor, transformation: Mapping[str, Any]) -> Tensor:
        given = ops.convert_to_tensor(transformation["blur_factor"])
        across_down = ops.maximum(ops.cast(given, images.dtype), 1e-3)
        blurred = ops.image.gaussian_blur(
            images,
            kernel_size=self.kernel_size,
            sigma=ops.flip(across_down),
            data_format=self.data_format,
        )
        taken = self._each(transformation["should_apply_blur"], images)
        return ops.where(taken, self._clipped(blurred), images)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "sigma": self.sigma,
        }
