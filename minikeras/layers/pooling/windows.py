"""Pooling over windows: maximum, average and sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import PenaltyOptions, PlainOptions, SizeOptions
from minikeras.layers.base.options import data_format as checked_format
from minikeras.layers.base.options import one_of, samples_apart, sizes
from minikeras.layers.base.ranked import Ranked
from minikeras.types import Sizes


class _Options(PlainOptions, SizeOptions, PenaltyOptions, total=False):
    dtype: Any


class BasePooling(Ranked):
    """What the pooling layers share; subclasses say the rank and the op."""

    _mixes_samples = samples_apart

    _pool: Callable[..., Any]

    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Unpack[_Options],
    ) -> None:
        super().__init__(name=name, **kwargs)
        owner, rank = self._label(), self._rank
        self.pool_size = sizes(pool_size, rank, "pool_size", owner)
        strides = self.pool_size if strides is None else strides
        self.strides = sizes(strides, rank, "strides", owner)
        self.padding = one_of(padding, ("valid", "same"), "padding", owner)
        self.data_format = checked_format(data_format, owner)
        self.input_spec = InputSpec(ndim=rank + 2)
        self._build_at_init()

    def call(self, inputs: Tensor) -> Tensor:
        """One number for each window and channel."""
        pool = type(self)._pool
        return pool(
            inputs, self.pool_size, self.strides, self.padding, self.data_format
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
        }


class MaxPooling1D(BasePooling):
    """The greatest value of each window.

    Args:
        pool_size: Size of the window, one for all axes or one for each.
        strides: Distance of windows; default their size.
        padding: `"valid"`: windows lie inside; `"same"`: the output is
            `ceil(size / stride)` long in each axis.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        name: Name of the layer.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)`.

    Output shape:
        `(batch, new_steps, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> x = np.arange(4.0).reshape((1, 4, 1))
    >>> keras.layers.MaxPooling1D(2)(x).shape
    (1, 2, 1)
    """

    _rank = 1
    _pool = staticmethod(ops.max_pool)


class MaxPooling2D(BasePooling):
    """The greatest value of each window.

    Args:
        pool_size: Size of the window, one for all axes or one for each.
        strides: Distance of windows; default their size.
        padding: `"valid"`: windows lie inside; `"same"`: the output is
            `ceil(size / stride)` long in each axis.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        name: Name of the layer.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        `(batch, new_rows, new_columns, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> x = np.arange(16.0).reshape((1, 4, 4, 1))
    >>> keras.layers.MaxPooling2D(2)(x).shape
    (1, 2, 2, 1)
    """

    _rank = 2
    _pool = staticmethod(ops.max_pool)


class MaxPooling3D(BasePooling):
    """The greatest value of each window.

    Args:
        pool_size: Size of the window, one for all axes or one for each.
        strides: Distance of windows; default their size.
        padding: `"valid"`: windows lie inside; `"same"`: the output is
            `ceil(size / stride)` long in each axis.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        name: Name of the layer.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, depth, rows, columns, channels)`, or with `channels` second.

    Output shape:
        `(batch, new_depth, new_rows, new_columns, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> x = np.arange(64.0).reshape((1, 4, 4, 4, 1))
    >>> keras.layers.MaxPooling3D(2)(x).shape
    (1, 2, 2, 2, 1)
    """

    _rank = 3
    _pool = staticmethod(ops.max_pool)


class BaseAveragePooling(BasePooling):
    """What the layers of averages share: they must be told a size."""

    _pool = staticmethod(ops.average_pool)

    def __init__(
        self,
        pool_size: Sizes,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Unpack[_Options],
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling1D(BaseAveragePooling):
    """The mean of each window; places outside of the input do not count.

    Args:
        pool_size: Size of the window, one for all axes or one for each.
        strides: Distance of windows; default their size.
        padding: `"valid"`: windows lie inside; `"same"`: the output is
            `ceil(size / stride)` long in each axis.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        name: Name of the layer.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)`.

    Output shape:
        `(batch, new_steps, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> x = np.arange(4.0).reshape((1, 4, 1))
    >>> keras.layers.AveragePooling1D(2)(x).shape
    (1, 2, 1)
    """

    _rank = 1


class AveragePooling2D(BaseAveragePooling):
    """The mean of each window; places outside of the input do not count.

    Args:
        pool_size: Size of the window, one for all axes or one for each.
        strides: Distance of windows; default their size.
        padding: `"valid"`: windows lie inside; `"same"`: the output is
            `ceil(size / stride)` long in each axis.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        name: Name of the layer.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        `(batch, new_rows, new_columns, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> x = np.arange(16.0).reshape((1, 4, 4, 1))
    >>> keras.layers.AveragePooling2D(2)(x).shape
    (1, 2, 2, 1)
    """

    _rank = 2


class AveragePooling3D(BaseAveragePooling):
    """The mean of each window; places outside of the input do not count.

    Args:
        pool_size: Size of the window, one for all axes or one for each.
        strides: Distance of windows; default their size.
        padding: `"valid"`: windows lie inside; `"same"`: the output is
            `ceil(size / stride)` long in each axis.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        name: Name of the layer.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, depth, rows, columns, channels)`, or with `channels` second.

    Output shape:
        `(batch, new_depth, new_rows, new_columns, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> x = np.arange(64.0).reshape((1, 4, 4, 4, 1))
    >>> keras.layers.AveragePooling3D(2)(x).shape
    (1, 2, 2, 2, 1)
    """

    _rank = 3


class SumPooling2D(BasePooling):
    """The sum of each window. Keras has no such layer; it
    is the third way of pooling that textbooks name.

    Args:
        pool_size: Size of the window, one for all axes or one for each.
        strides: Distance of windows; default their size.
        padding: `"valid"`: windows lie inside; `"same"`: the output is
            `ceil(size / stride)` long in each axis.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        name: Name of the layer.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        `(batch, new_rows, new_columns, channels)`, or with `channels` second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> x = np.arange(16.0).reshape((1, 4, 4, 1))
    >>> keras.layers.SumPooling2D(2)(x).shape
    (1, 2, 2, 1)
    """

    _rank = 2
    _pool = staticmethod(ops.sum_pool)
