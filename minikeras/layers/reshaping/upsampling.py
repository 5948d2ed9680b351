"""Up-sampling: longer spatial axes, by repetition or interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras import ops
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import data_format as checked_format
from minikeras.layers.base.options import one_of, sizes

_METHODS = ("nearest", "bilinear")


def _repeated(x: Any, factors: tuple[int, ...], first: int) -> Any:
    """Each element of the spatial axes, repeated."""
    for i, factor in enumerate(factors):
        if factor > 1:
            x = ops.repeat(x, factor, axis=first + i)
    return x


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
        for axis, factor in zip((first, first + 1), self.size):
            inputs = _bilinear(inputs, factor, axis)
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


def _bilinear(x: Any, factor: int, axis: int) -> Any:
    """`factor` times as many samples along `axis`, on straight lines between centres."""
    count = int(x.shape[axis])
    place = (np.arange(count * factor) + 0.5) / factor - 0.5
    low = np.floor(place)
    shape = [1] * x.ndim
    shape[axis] = -1
    share = ops.cast((place - low).reshape(shape), x.dtype)
    below = ops.take(x, np.clip(low, 0, count - 1).astype("int32"), axis=axis)
    above = ops.take(x, np.clip(low + 1, 0, count - 1).astype("int32"), axis=axis)
    return below + (above - below) * share
