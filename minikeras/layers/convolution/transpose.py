"""Transposed convolutions: the shapes of a convolution, the other way round."""

from __future__ import annotations

from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import CommonOptions
from minikeras.layers.base.options import positive, sizes, weight
from minikeras.layers.convolution.conv import Windowed
from minikeras.types import Identifier, PartialShape, Sizes


class BaseConvTranspose(Windowed):
    """What Conv1DTranspose, Conv2DTranspose and Conv3DTranspose share."""

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        output_padding: Sizes | None = None,
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: Identifier = None,
        use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform",
        bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None,
        bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        options = {
            "kernel_initializer": kernel_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "bias_constraint": bias_constraint,
        }
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation,
            use_bias, options, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        owner = self._label()
        self.filters = positive(filters, "filters", owner)
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = sizes(
                output_padding, self._rank, "output_padding", owner, least=0
            )
            if any(p >= s for p, s in zip(self.output_padding, self.strides)):
                raise ValueError(
                    f"{owner}: output_padding={output_padding} must be below "
                    f"strides={self.strides}."
                )

    def build(self, input_shape: PartialShape) -> None:
        """Make `kernel` `(*kernel_size, filters, channels)` and `bias`."""
        channels = self._channels(input_shape)
        self.kernel = weight(
            self, "kernel", (*self.kernel_size, self.filters, channels)
        )
        self.bias = weight(self, "bias", (self.filters,)) if self.use_bias else None

    def _convolved(self, x: Tensor) -> Tensor:
        return ops.conv_transpose(
            x,
            self.kernel,
            strides=self.strides,
            padding=self.padding,
            output_padding=self.output_padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "output_padding": self.output_padding,
        }


class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution along time: longer sequences from shorter ones.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the window.
        strides: How far apart the input's elements are set in the output.
        padding: `"valid"`: all that windows reach; `"same"`: `size * stride`.
        output_padding: Rows added at the end of each axis, below the stride; None picks
            the size from stride and padding.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        dilation_rate: Distance of the window's elements.
        activation: Function, or its name; None is linear.
        use_bias: Whether a bias is added.
        kernel_initializer: First values of `kernel`.
        bias_initializer: First values of `bias`.
        kernel_regularizer: Penalty on `kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the output.
        kernel_constraint: Projection of `kernel` after an update.
        bias_constraint: Projection of `bias` after an update.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)`.

    Output shape:
        `(batch, new_steps, filters)`, or with `filters` second.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Dumoulin and Visin, 2016, https://arxiv.org/abs/1603.07285.

    Example:

    >>> layer = keras.layers.Conv1DTranspose(4, 3, strides=2, padding="same")
    >>> layer(np.zeros((2, 5, 3))).shape
    (2, 10, 4)
    """

    _rank = 1


class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution of pictures: larger ones from smaller ones.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the window.
        strides: How far apart the input's elements are set in the output.
        padding: `"valid"`: all that windows reach; `"same"`: `size * stride`.
        output_padding: Rows added at the end of each axis, below the stride; None picks
            the size from stride and padding.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        dilation_rate: Distance of the window's elements.
        activation: Function, or its name; None is linear.
        use_bias: Whether a bias is added.
        kernel_initializer: First values of `kernel`.
        bias_initializer: First values of `bias`.
        kernel_regularizer: Penalty on `kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the output.
        kernel_constraint: Projection of `kernel` after an update.
        bias_constraint: Projection of `bias` after an update.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, rows, columns, channels)`, or `(batch, channels, rows, columns)`.

    Output shape:
        `(batch, new_rows, new_columns, filters)`, or with `filters` second.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Dumoulin and Visin, 2016, https://arxiv.org/abs/1603.07285.

    Example:

    >>> layer = keras.layers.Conv2DTranspose(4, 3, strides=2, padding="same")
    >>> layer(np.zeros((2, 5, 5, 3))).shape
    (2, 10, 10, 4)
    """

    _rank = 2


class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution of volumes: larger ones from smaller ones.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the window.
        strides: How far apart the input's elements are set in the output.
        padding: `"valid"`: all that windows reach; `"same"`: `size * stride`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        output_padding: Rows added at the end of each axis, below the stride; None picks
            the size from stride and padding.
        dilation_rate: Distance of the window's elements.
        activation: Function, or its name; None is linear.
        use_bias: Whether a bias is added.
        kernel_initializer: First values of `kernel`.
        bias_initializer: First values of `bias`.
        kernel_regularizer: Penalty on `kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the output.
        kernel_constraint: Projection of `kernel` after an update.
        bias_constraint: Projection of `bias` after an update.
        **kwargs: See `Layer`.

    Input shape:
        `(batch, depth, rows, columns, channels)`, or with `channels` second.

    Output shape:
        `(batch, new_depth, new_rows, new_columns, filters)`, or with `filters` second.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Dumoulin and Visin, 2016, https://arxiv.org/abs/1603.07285.

    Example:

    >>> layer = keras.layers.Conv3DTranspose(4, 3, strides=2, padding="same")
    >>> layer(np.zeros((1, 3, 3, 3, 2))).shape
    (1, 6, 6, 6, 4)
    """

    _rank = 3

    # Keras has the data format before the padding here.
    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Sizes | None = None,
        dilation_rate: Sizes = (1, 1, 1),
        activation: Identifier = None,
        use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform",
        bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None,
        bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            output_padding=output_padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
