"""Depthwise and separable convolutions: each channel is convolved by itself."""

from __future__ import annotations

from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import CommonOptions
from minikeras.layers.base.options import positive, weight
from minikeras.layers.convolution.conv import Windowed
from minikeras.types import Identifier, PartialShape, Sizes


class BaseDepthwiseConv(Windowed):
    """What DepthwiseConv1D and DepthwiseConv2D share."""

    _weights = ("depthwise", "bias")
    _strides_and_dilation = True

    def __init__(
        self,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: Identifier = None,
        use_bias: bool = True,
        depthwise_initializer: Identifier = "glorot_uniform",
        bias_initializer: Identifier = "zeros",
        depthwise_regularizer: Identifier = None,
        bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None,
        depthwise_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        options = {
            "depthwise_initializer": depthwise_initializer,
            "bias_initializer": bias_initializer,
            "depthwise_regularizer": depthwise_regularizer,
            "bias_regularizer": bias_regularizer,
            "depthwise_constraint": depthwise_constraint,
            "bias_constraint": bias_constraint,
        }
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation,
            use_bias, options, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.depth_multiplier = positive(
            depth_multiplier, "depth_multiplier", self._label()
        )

    def build(self, input_shape: PartialShape) -> None:
        """Make `kernel` `(*kernel_size, channels, depth_multiplier)` and `bias`."""
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = weight(self, "depthwise", shape, name="kernel")
        filters = channels * self.depth_multiplier
        self.bias = weight(self, "bias", (filters,)) if self.use_bias else None

    def _convolved(self, x: Tensor) -> Tensor:
        return ops.depthwise_conv(
            x,
            self.kernel,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {**super().get_config(), "depth_multiplier": self.depth_multiplier}


class BaseSeparableConv(Windowed):
    """What SeparableConv1D and SeparableConv2D share."""

    _weights = ("depthwise", "pointwise", "bias")
    _strides_and_dilation = True

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        depth_multiplier: int = 1,
        activation: Identifier = None,
        use_bias: bool = True,
        depthwise_initializer: Identifier = "glorot_uniform",
        pointwise_initializer: Identifier = "glorot_uniform",
        bias_initializer: Identifier = "zeros",
        depthwise_regularizer: Identifier = None,
        pointwise_regularizer: Identifier = None,
        bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None,
        depthwise_constraint: Identifier = None,
        pointwise_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        options = {
            "depthwise_initializer": depthwise_initializer,
            "pointwise_initializer": pointwise_initializer,
            "bias_initializer": bias_initializer,
            "depthwise_regularizer": depthwise_regularizer,
            "pointwise_regularizer": pointwise_regularizer,
            "bias_regularizer": bias_regularizer,
            "depthwise_constraint": depthwise_constraint,
            "pointwise_constraint": pointwise_constraint,
            "bias_constraint": bias_constraint,
        }
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation,
            use_bias, options, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.depth_multiplier = positive(
            depth_multiplier, "depth_multiplier", self._label()
        )
        self.filters = positive(filters, "filters", self._label())

    def build(self, input_shape: PartialShape) -> None:
        """Make `depthwise_kernel`, `pointwise_kernel` and `bias`."""
        channels = self._channels(input_shape)
        multiplier = self.depth_multiplier
        self.depthwise_kernel = weight(
            self,
            "depthwise",
            (*self.kernel_size, channels, multiplier),
            "depthwise_kernel",
        )
        ones = (1,) * self.rank
        self.pointwise_kernel = weight(
            self,
            "pointwise",
            (*ones, channels * multiplier, self.filters),
            "pointwise_kernel",
        )
        self.bias = weight(self, "bias", (self.filters,)) if self.use_bias else None

    def _convolved(self, x: Tensor) -> Tensor:
        causal = self.padding == "causal"
        return ops.separable_conv(
            self._after_zeros(x) if causal else x,
            self.depthwise_kernel,
            self.pointwise_kernel,
            strides=self.strides,
            padding="valid" if causal else self.padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "depth_multiplier": self.depth_multiplier,
            "filters": self.filters,
        }


class DepthwiseConv1D(BaseDepthwiseConv):
    """Convolution of each channel with filters of its own.

    Args:
        kernel_size: Size of the window.
        strides: Distance of windows.
        padding: `"valid"` or `"same"`, as in `Conv2D`.
        depth_multiplier: Filters for each input channel.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        dilation_rate: Distance of the window's elements.
        activation: Function, or its name; None is linear.
        use_bias: Whether a bias is added.
        depthwise_initializer: First values of the depthwise kernel.
        bias_initializer: First values of `bias`.
        depthwise_regularizer: Penalty on the depthwise kernel.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the output.
        depthwise_constraint: Projection of the depthwise kernel after an update.
        bias_constraint: Projection of `bias` after an update.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)`.

    Output shape:
        `(batch, new_steps, channels * depth_multiplier)`, or with channels second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> layer = keras.layers.DepthwiseConv1D(3, depth_multiplier=2)
    >>> layer(np.zeros((2, 5, 3))).shape
    (2, 3, 6)
    """

    _rank = 1


class DepthwiseConv2D(BaseDepthwiseConv):
    """Convolution of each channel with filters of its own.

    Args:
        kernel_size: Size of the window.
        strides: Distance of windows.
        padding: `"valid"` or `"same"`, as in `Conv2D`.
        depth_multiplier: Filters for each input channel.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        dilation_rate: Distance of the window's elements.
        activation: Function, or its name; None is linear.
        use_bias: Whether a bias is added.
        depthwise_initializer: First values of the depthwise kernel.
        bias_initializer: First values of `bias`.
        depthwise_regularizer: Penalty on the depthwise kernel.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the output.
        depthwise_constraint: Projection of the depthwise kernel after an update.
        bias_constraint: Projection of `bias` after an update.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        `(batch, new_rows, new_columns, channels * depth_multiplier)`, or with channels second.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> layer = keras.layers.DepthwiseConv2D(3, depth_multiplier=2)
    >>> layer(np.zeros((2, 5, 5, 3))).shape
    (2, 3, 3, 6)
    """

    _rank = 2
