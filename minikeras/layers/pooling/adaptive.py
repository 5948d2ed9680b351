"""Pooling into an output of a given size, whatever the size of the input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import data_format as checked_format
from minikeras.layers.base.options import samples_apart, sizes
from minikeras.types import Sizes


class BaseAdaptivePooling(Layer):
    """What the adaptive pooling layers share; subclasses say the rank and the op."""

    _mixes_samples = samples_apart

    _rank = 2
    _pool: Callable[..., Any]

    def __init__(
        self,
        output_size: Sizes,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        owner = self._label()
        self.output_size = sizes(output_size, self._rank, "output_size", owner)
        self.data_format = checked_format(data_format, owner)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def call(self, inputs: Tensor) -> Tensor:
        """One number for each place of the output and channel."""
        pool = type(self)._pool
        return pool(inputs, self.output_size, self.data_format)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "output_size": self.output_size,
            "data_format": self.data_format,
        }


class AdaptiveAveragePooling1D(BaseAdaptivePooling):
    """The mean of each of as many windows as the output has places.

    Windows cover the input as evenly as its size allows and may overlap by one element.

    Args:
        output_size: Size of the output's spatial axes, one for all or one for each.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)`.

    Output shape:
        `(batch, output_size, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> keras.layers.AdaptiveAveragePooling1D(2)(np.zeros((1, 5, 3))).shape
    (1, 2, 3)
    """

    _rank = 1
    _pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling2D(BaseAdaptivePooling):
    """The mean of each of as many windows as the output has places.

    Windows cover the input as evenly as its size allows and may overlap by one element.

    Args:
        output_size: Size of the output's spatial axes, one for all or one for each.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        `(batch, *output_size, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> keras.layers.AdaptiveAveragePooling2D((2, 3))(np.zeros((1, 5, 7, 3))).shape
    (1, 2, 3, 3)
    """

    _rank = 2
    _pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling3D(BaseAdaptivePooling):
    """The mean of each of as many windows as the output has places.

    Windows cover the input as evenly as its size allows and may overlap by one element.

    Args:
        output_size: Size of the output's spatial axes, one for all or one for each.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, depth, rows, columns, channels)`, or with `channels` second.

    Output shape:
        `(batch, *output_size, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> keras.layers.AdaptiveAveragePooling3D(2)(np.zeros((1, 4, 5, 7, 3))).shape
    (1, 2, 2, 2, 3)
    """

    _rank = 3
    _pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveMaxPooling1D(BaseAdaptivePooling):
    """The greatest value of each of as many windows as the output has places.

    Windows cover the input as evenly as its size allows and may overlap by one element.

    Args:
        output_size: Size of the output's spatial axes, one for all or one for each.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)`.

    Output shape:
        `(batch, output_size, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> keras.layers.AdaptiveMaxPooling1D(2)(np.zeros((1, 5, 3))).shape
    (1, 2, 3)
    """

    _rank = 1
    _pool = staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling2D(BaseAdaptivePooling):
    """The greatest value of each of as many windows as the output has places.

    Windows cover the input as evenly as its size allows and may overlap by one element.

    Args:
        output_size: Size of the output's spatial axes, one for all or one for each.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        `(batch, *output_size, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> keras.layers.AdaptiveMaxPooling2D((2, 3))(np.zeros((1, 5, 7, 3))).shape
    (1, 2, 3, 3)
    """

    _rank = 2
    _pool = staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling3D(BaseAdaptivePooling):
    """The greatest value of each of as many windows as the output has places.

    Windows cover the input as evenly as its size allows and may overlap by one element.

    Args:
        output_size: Size of the output's spatial axes, one for all or one for each.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, depth, rows, columns, channels)`, or with `channels` second.

    Output shape:
        `(batch, *output_size, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> keras.layers.AdaptiveMaxPooling3D(2)(np.zeros((1, 4, 5, 7, 3))).shape
    (1, 2, 2, 2, 3)
    """

    _rank = 3
    _pool = staticmethod(ops.adaptive_max_pool)
