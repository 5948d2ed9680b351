"""Up-sampling: longer spatial axes, by repetition or interpolation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import data_format as checked_format
from minikeras.layers.base.options import one_of, samples_apart, sizes

if TYPE_CHECKING:
    from minikeras.types import Sizes


def _repeated(x: Tensor, factors: tuple[int, ...], first: int) -> Tensor:
    """Each element of the spatial axes, repeated."""
    for i, factor in enumerate(factors):
        if factor > 1:
            x = ops.repeat(x, factor, axis=first + i)
    return x


_METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


class UpSampling1D(Layer):
    """Each step repeated.

    Args:
        size: How often.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, channels)`.

    Output shape:
        `(batch, steps * size, channels)`.

    Raises:
        ValueError: If `size` is not a positive integer.

    Example:

    >>> keras.layers.UpSampling1D(2)(np.zeros((1, 3, 4))).shape
    (1, 6, 4)
    """

    _mixes_samples = samples_apart

    def __init__(self, size: int = 2, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.size = sizes(size, 1, "size", self._label())[0]
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Tensor) -> Tensor:
        """The steps, repeated."""
        return _repeated(inputs, (self.size,), 1)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {**super().get_config(), "size": self.size}


class UpSampling2D(Layer):
    """Pictures with more rows and columns.

    Args:
        size: Factors for rows and columns.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        interpolation: `"nearest"` repeats pixels; `"bilinear"`, `"bicubic"`, `"lanczos3"`
            and `"lanczos5"` interpolate.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        `(batch, rows * size[0], columns * size[1], channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is not understood.

    Example:

    >>> keras.layers.UpSampling2D((2, 3))(np.zeros((1, 4, 4, 1))).shape
    (1, 8, 12, 1)
    """

    _mixes_samples = samples_apart

    def __init__(
        self,
        size: Sizes = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        owner = self._label()
        self.data_format = checked_format(data_format, owner)
        self.size = sizes(size, 2, "size", owner)
        self.interpolation = one_of(interpolation, _METHODS, "interpolation", owner)
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Tensor) -> Tensor:
        """The enlarged pictures."""
        first = 1 if self.data_format == "channels_last" else 2
        if self.interpolation == "nearest":
            return _repeated(inputs, self.size, first)
        sizes_now = inputs.shape[first : first + 2]
        larger = [size * factor for size, factor in zip(sizes_now, self.size)]
        return ops.image.resize(
            inputs, larger, self.interpolation, data_format=self.data_format
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "size": self.size,
            "data_format": self.data_format,
            "interpolation": self.interpolation,
        }


class UpSampling3D(Layer):
    """Volumes with each element repeated.

    Args:
        size: Factors for the three spatial axes.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, depth, rows, columns, channels)`, or with `channels` second.

    Output shape:
        As the input, with longer spatial axes.

    Raises:
        ValueError: If `size` is not understood.

    Example:

    >>> keras.layers.UpSampling3D()(np.zeros((1, 2, 3, 4, 1))).shape
    (1, 4, 6, 8, 1)
    """

    _mixes_samples = samples_apart

    def __init__(
        self,
        size: Sizes = (2, 2, 2),
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = checked_format(data_format, self._label())
        self.size = sizes(size, 3, "size", self._label())
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Tensor) -> Tensor:
        """The enlarged volumes."""
        return _repeated(
            inputs, self.size, 1 if self.data_format == "channels_last" else 2
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "size": self.size,
            "data_format": self.data_format,
        }
