"""Pooling over all of the spatial axes."""

from __future__ import annotations

from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import data_format as checked_format
from minikeras.layers.base.options import samples_apart


class BaseGlobalPooling(Layer):
    """What the global pooling layers share; subclasses say the rank."""

    _mixes_samples = samples_apart

    _rank = 2

    def __init__(
        self,
        data_format: str | None = None,
        keepdims: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = checked_format(data_format, self._label())
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self._rank + 2)
        self._build_at_init()

    @property
    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self._rank))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "data_format": self.data_format,
            "keepdims": self.keepdims,
        }


class GlobalAveragePooling1D(BaseGlobalPooling):
    """The mean of each channel; masked steps do not count.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        keepdims: Whether the spatial axes stay, with size 1.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)`.

    Output shape:
        `(batch, channels)`, with `keepdims` of the input's rank.

    Example:

    >>> keras.layers.GlobalAveragePooling1D()(np.zeros((2, 5, 3))).shape
    (2, 3)
    """

    _rank = 1

    def __init__(
        self,
        data_format: str | None = None,
        keepdims: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """The mean over the steps that are not masked."""
        if mask is None:
            return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)
        weights = ops.cast(mask, inputs.dtype)
        last = self.data_format == "channels_last"
        weights = ops.expand_dims(weights, -1 if last else 1)
        total = ops.sum(inputs * weights, axis=self._axes, keepdims=self.keepdims)
        return total / ops.sum(weights, axis=self._axes, keepdims=self.keepdims)

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Any:
        """None: the steps are gone."""
        return None


class GlobalAveragePooling2D(BaseGlobalPooling):
    """The mean of each channel.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        keepdims: Whether the spatial axes stay, with size 1.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        `(batch, channels)`, with `keepdims` of the input's rank.

    Example:

    >>> keras.layers.GlobalAveragePooling2D()(np.zeros((2, 5, 6, 3))).shape
    (2, 3)
    """

    _rank = 2

    def call(self, inputs: Tensor) -> Tensor:
        """The mean over the spatial axes."""
        return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalAveragePooling3D(BaseGlobalPooling):
    """The mean of each channel.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        keepdims: Whether the spatial axes stay, with size 1.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, depth, rows, columns, channels)`, or with `channels` second.

    Output shape:
        `(batch, channels)`, with `keepdims` of the input's rank.

    Example:

    >>> keras.layers.GlobalAveragePooling3D()(np.zeros((2, 4, 5, 6, 3))).shape
    (2, 3)
    """

    _rank = 3

    def call(self, inputs: Tensor) -> Tensor:
        """The mean over the spatial axes."""
        return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling1D(BaseGlobalPooling):
    """The greatest value of each channel.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        keepdims: Whether the spatial axes stay, with size 1.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)`.

    Output shape:
        `(batch, channels)`, with `keepdims` of the input's rank.

    Example:

    >>> keras.layers.GlobalMaxPooling1D()(np.zeros((2, 5, 3))).shape
    (2, 3)
    """

    _rank = 1

    def call(self, inputs: Tensor) -> Tensor:
        """The greatest value over the spatial axes."""
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling2D(BaseGlobalPooling):
    """The greatest value of each channel.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        keepdims: Whether the spatial axes stay, with size 1.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        `(batch, channels)`, with `keepdims` of the input's rank.

    Example:

    >>> keras.layers.GlobalMaxPooling2D()(np.zeros((2, 5, 6, 3))).shape
    (2, 3)
    """

    _rank = 2

    def call(self, inputs: Tensor) -> Tensor:
        """The greatest value over the spatial axes."""
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling3D(BaseGlobalPooling):
    """The greatest value of each channel.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        keepdims: Whether the spatial axes stay, with size 1.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, depth, rows, columns, channels)`, or with `channels` second.

    Output shape:
        `(batch, channels)`, with `keepdims` of the input's rank.

    Example:

    >>> keras.layers.GlobalMaxPooling3D()(np.zeros((2, 4, 5, 6, 3))).shape
    (2, 3)
    """

    _rank = 3

    def call(self, inputs: Tensor) -> Tensor:
        """The greatest value over the spatial axes."""
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)
