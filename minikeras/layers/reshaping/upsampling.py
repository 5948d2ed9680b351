"""Up-sampling: longer spatial axes, by repetition or interpolation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine.aval import Unknown
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import data_format as checked_format
from minikeras.layers.base.options import one_of, sizes


def _repeated(x: Any, factors: tuple[int, ...], first: int) -> Any:
    """Each element of the spatial axes, repeated."""
    for i, factor in enumerate(factors):
        if factor > 1:
            x = ops.repeat(x, factor, axis=first + i)
    return x


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys's cubic kernel with a = -1/2, for distances x >= 0."""
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    def kernel(x: np.ndarray) -> np.ndarray:
        return np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)

    return kernel


_KERNELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bilinear": lambda x: np.maximum(0, 1 - x),
    "bicubic": _cubic,
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
}
_METHODS = ("nearest", *_KERNELS)


def _weights(size: int, factor: int, method: str) -> np.ndarray:
    """Matrix (size, size * factor): how much each new place takes of each old one.

    Places are the centres of pixels; at the border the weights that are left are
    scaled to sum 1.
    """
    places = (np.arange(size * factor) + 0.5) / factor - 0.5
    weights = _KERNELS[method](np.abs(places[None, :] - np.arange(size)[:, None]))
    scaled: np.ndarray = weights / weights.sum(0)
    return scaled


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

    >>> import numpy as np
    >>> import minikeras as keras
    >>> keras.layers.UpSampling1D(2)(np.zeros((1, 3, 4))).shape
    (1, 6, 4)
    """

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = sizes(size, 1, "size", self._label())[0]
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Any) -> Any:
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

    >>> import numpy as np
    >>> import minikeras as keras
    >>> keras.layers.UpSampling2D((2, 3))(np.zeros((1, 4, 4, 1))).shape
    (1, 8, 12, 1)
    """

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        owner = self._label()
        self.data_format = checked_format(data_format, owner)
        self.size = sizes(size, 2, "size", owner)
        self.interpolation = one_of(interpolation, _METHODS, "interpolation", owner)
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        """The enlarged pictures."""
        first = 1 if self.data_format == "channels_last" else 2
        if self.interpolation == "nearest":
            return _repeated(inputs, self.size, first)
        rows, columns = inputs.shape[first : first + 2]
        if isinstance(rows, Unknown) or isinstance(columns, Unknown):
            return _repeated(
                inputs, self.size, first
            )  # of the same shape: all that counts
        for axis, (size, factor) in enumerate(zip((rows, columns), self.size), first):
            weights = ops.cast(_weights(size, factor, self.interpolation), inputs.dtype)
            inputs = ops.moveaxis(
                ops.tensordot(inputs, weights, axes=(axis, 0)), -1, axis
            )
        return inputs

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

    >>> import numpy as np
    >>> import minikeras as keras
    >>> keras.layers.UpSampling3D()(np.zeros((1, 2, 3, 4, 1))).shape
    (1, 4, 6, 8, 1)
    """

    def __init__(
        self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = checked_format(data_format, self._label())
        self.size = sizes(size, 3, "size", self._label())
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Any) -> Any:
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
