"""The layers of separable convolutions."""

from __future__ import annotations

from typing import Any

from minikeras.layers.convolution.depthwise import BaseSeparableConv


class SeparableConv1D(BaseSeparableConv):
    """A convolution of each channel by itself, then one that mixes channels.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the window.
        strides: Distance of windows.
        padding: `"valid"`, `"same"` or `"causal"`, as in `Conv1D`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        dilation_rate: Distance of the window's elements.
        depth_multiplier: Filters for each channel in the first convolution.
        activation: Function, or its name; None is linear.
        use_bias: Whether a bias is added.
        depthwise_initializer: First values of the depthwise kernel.
        pointwise_initializer: First values of the pointwise kernel.
        bias_initializer: First values of `bias`.
        depthwise_regularizer: Penalty on the depthwise kernel.
        pointwise_regularizer: Penalty on the pointwise kernel.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the output.
        depthwise_constraint: Projection of the depthwise kernel after an update.
        pointwise_constraint: Projection of the pointwise kernel after an update.
        bias_constraint: Projection of `bias` after an update.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)`.

    Output shape:
        `(batch, new_steps, filters)`, or with `filters` second.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Chollet, 2017, https://arxiv.org/abs/1610.02357.

    Example:

    >>> import numpy as np
    >>> import minikeras as keras
    >>> keras.layers.SeparableConv1D(4, 3)(np.zeros((2, 5, 3))).shape
    (2, 3, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            1,
            depth_multiplier,
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


class SeparableConv2D(BaseSeparableConv):
    """A convolution of each channel by itself, then one that mixes channels.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the window.
        strides: Distance of windows.
        padding: `"valid"` or `"same"`, as in `Conv2D`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        dilation_rate: Distance of the window's elements.
        depth_multiplier: Filters for each channel in the first convolution.
        activation: Function, or its name; None is linear.
        use_bias: Whether a bias is added.
        depthwise_initializer: First values of the depthwise kernel.
        pointwise_initializer: First values of the pointwise kernel.
        bias_initializer: First values of `bias`.
        depthwise_regularizer: Penalty on the depthwise kernel.
        pointwise_regularizer: Penalty on the pointwise kernel.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the output.
        depthwise_constraint: Projection of the depthwise kernel after an update.
        pointwise_constraint: Projection of the pointwise kernel after an update.
        bias_constraint: Projection of `bias` after an update.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        `(batch, new_rows, new_columns, filters)`, or with `filters` second.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Chollet, 2017, https://arxiv.org/abs/1610.02357.

    Example:

    >>> import numpy as np
    >>> import minikeras as keras
    >>> keras.layers.SeparableConv2D(4, 3)(np.zeros((2, 5, 5, 3))).shape
    (2, 3, 3, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            2,
            depth_multiplier,
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
