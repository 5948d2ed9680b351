"""The layers of separable convolutions."""

from __future__ import annotations

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

    >>> keras.layers.SeparableConv1D(4, 3)(np.zeros((2, 5, 3))).shape
    (2, 3, 4)
    """

    _rank = 1
    _paddings = ("valid", "same", "causal")  # Keras 2 had the last, and files have it


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

    >>> keras.layers.SeparableConv2D(4, 3)(np.zeros((2, 5, 5, 3))).shape
    (2, 3, 3, 4)
    """

    _rank = 2
