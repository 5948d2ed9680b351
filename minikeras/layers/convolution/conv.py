"""Convolutions over one, two or three spatial axes."""

from __future__ import annotations

from typing import Any, Unpack

from minikeras import activations, ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import CommonOptions, LayerOptions
from minikeras.layers.base.options import (
    data_format as checked_format,
)
from minikeras.layers.base.options import (
    one_of,
    options_config,
    positive,
    regularizer_config,
    samples_apart,
    set_options,
    sizes,
    weight,
)
from minikeras.layers.base.ranked import Ranked
from minikeras.layers.core.low_rank import LowRank, adapted
from minikeras.types import ArrayLike, Identifier, PartialShape, Sizes
from minikeras.variable import Variable


class Windowed(Ranked):
    """What all convolutions share: window, strides, padding, bias and activation."""

    bias: Variable | None

    _mixes_samples = samples_apart

    _paddings: tuple[str, ...] = ("valid", "same")
    _weights: tuple[str, ...] = ("kernel", "bias")
    _strides_and_dilation = False  # whether both may be above 1

    def __init__(
        self,
        kernel_size: Sizes,
        strides: Sizes,
        padding: str,
        data_format: str | None,
        dilation_rate: Sizes,
        activation: Identifier,
        use_bias: bool,
        options: dict[str, Any],
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        owner, rank = self._label(), self._rank
        self.rank = rank
        self.kernel_size = sizes(kernel_size, rank, "kernel_size", owner)
        self.strides = sizes(strides, rank, "strides", owner)
        self.dilation_rate = sizes(dilation_rate, rank, "dilation_rate", owner)
        self.padding = one_of(padding, self._paddings, "padding", owner)
        self.data_format = checked_format(data_format, owner)
        both = max(self.strides) > 1 and max(self.dilation_rate) > 1
        if both and not self._strides_and_dilation:
            raise ValueError(
                f"{owner}: strides={self.strides} and dilation_rate={self.dilation_rate}; "
                "only one of them may be above 1."
            )
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        set_options(self, **options)
        self.input_spec = InputSpec(min_ndim=rank + 2)

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    def _channels(self, input_shape: Any) -> int:
        """The number of input channels; also makes the layer ask for it from now on."""
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise ValueError(
                f"{self._label()}: the channel axis {self._channel_axis} of its input is "
                f"unknown, so its kernel cannot be made; got input shape {tuple(input_shape)}. "
                "Give keras.Input a size there, or set data_format."
            )
        axes = {self._channel_axis: channels}
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes=axes)
        return int(channels)

    def _finish(self, x: Tensor) -> Tensor:
        """Add the bias, apply the activation."""
        if self.bias is not None:
            bias: Any = self.bias
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (1, bias.shape[0]) + (1,) * self.rank)
            x = ops.add(x, bias)
        return x if self.activation is None else self.activation(x)

    def _convolved(self, x: Tensor) -> Any:
        raise NotImplementedError

    def _after_zeros(self, x: Tensor) -> Tensor:
        """For "causal" padding: as many zeros before the first step as a window looks back."""
        before = (self.dilation_rate[0] * (self.kernel_size[0] - 1), 0)
        first = self.data_format == "channels_first"
        return ops.pad(
            x, ((0, 0), (0, 0), before) if first else ((0, 0), before, (0, 0))
        )

    def call(self, inputs: Tensor) -> Tensor:
        """`activation(convolution(inputs) + bias)`."""
        return self._finish(self._convolved(inputs))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "activity_regularizer": regularizer_config(self),
            **options_config(self, *self._weights),
        }


class _Options(CommonOptions, total=False):
    lora_rank: int | None
    lora_alpha: float | None


class BaseConv(LowRank, Windowed):
    """What Conv1D, Conv2D and Conv3D share."""

    kernel = adapted("kernel")

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        groups: int = 1,
        activation: Identifier = None,
        use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform",
        bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None,
        bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        **kwargs: Unpack[_Options],
    ) -> None:
        options = {
            "kernel_initializer": kernel_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "bias_constraint": bias_constraint,
        }
        adaptation = kwargs.pop("lora_rank", None), kwargs.pop("lora_alpha", None)
        rest: Any = kwargs
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation,
            use_bias, options, activity_regularizer=activity_regularizer, **rest,
        )  # fmt: skip
        self._plan_adaptation(*adaptation)
        self.filters = positive(filters, "filters", self._label())
        self.groups = positive(groups, "groups", self._label())
        if self.filters % self.groups:
            raise ValueError(
                f"{self._label()}: filters={filters} is not divisible by groups={groups}."
            )

    def build(self, input_shape: PartialShape) -> None:
        """Make `kernel` `(*kernel_size, channels // groups, filters)` and `bias`."""
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                f"{self._label()}: its input has {channels} channels, which is not divisible "
                f"by groups={self.groups}."
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self._kernel = weight(self, "kernel", shape)
        self.bias = weight(self, "bias", (self.filters,)) if self.use_bias else None
        self._adapt_if_planned()

    def _convolved(self, x: Tensor) -> Tensor:
        return self.convolution_op(x, self.kernel)

    def convolution_op(self, inputs: Tensor, kernel: ArrayLike) -> Tensor:
        """The convolution alone, without bias and activation; what subclasses change.

        Args:
            inputs: What the layer is called with.
            kernel: `(*kernel_size, channels // groups, filters)`.

        Returns:
            Tensor of the layer's output shape.

        Example, with kernels of mean 0:

        >>> class Centred(keras.layers.Conv2D):
        ...     def convolution_op(self, inputs, kernel):
        ...         return super().convolution_op(inputs, kernel - keras.ops.mean(kernel))
        >>> float(Centred(1, 3)(np.ones((1, 3, 3, 2)))[0, 0, 0, 0].round(4)) == 0.0
        True
        """
        return ops.conv(
            inputs,
            kernel,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "groups": self.groups,
            **self._adaptation_config(),
        }


class Conv1D(BaseConv):
    """Convolution along time: filters slide over steps.

    Args:
        filters: Number of output channels.
        kernel_size: Length of the window.
        strides: Distance of windows.
        padding: `"valid"`: windows lie inside; `"same"`: the output is
            `ceil(steps / stride)` long; `"causal"`: no output sees a later step.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        dilation_rate: Distance of the window's elements.
        groups: Channels are split into so many groups, convolved apart.
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
        `(batch, new_steps, filters)`, or `(batch, filters, new_steps)`.

    Raises:
        ValueError: If an argument is out of range, or strides and dilation are both
            above 1.

    Example:

    >>> keras.layers.Conv1D(4, 3)(np.zeros((2, 10, 8))).shape
    (2, 8, 4)
    """

    _rank = 1
    _paddings = ("valid", "same", "causal")

    def convolution_op(self, inputs: Tensor, kernel: ArrayLike) -> Tensor:
        """The convolution alone, without bias and activation; what subclasses change.

        Args:
            inputs: What the layer is called with.
            kernel: `(kernel_size, channels // groups, filters)`.

        Returns:
            Tensor of the layer's output shape.
        """
        if self.padding != "causal":
            return super().convolution_op(inputs, kernel)
        x, dilation = self._after_zeros(inputs), self.dilation_rate
        return ops.conv(x, kernel, self.strides, "valid", self.data_format, dilation)


class Conv2D(BaseConv):
    """Convolution of pictures: filters slide over rows and columns.

    Args:
        filters: Number of output channels.
        kernel_size: Rows and columns of the window.
        strides: Distance of windows.
        padding: `"valid"`: windows lie inside; `"same"`: the output is
            `ceil(size / stride)` long in each axis.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        dilation_rate: Distance of the window's elements.
        groups: Channels are split into so many groups, convolved apart.
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
        ValueError: If an argument is out of range, or strides and dilation are both
            above 1.

    Example:

    >>> layer = keras.layers.Conv2D(8, 3, activation="relu")
    >>> layer(np.zeros((2, 28, 28, 1))).shape
    (2, 26, 26, 8)
    """

    _rank = 2


class Conv3D(BaseConv):
    """Convolution of volumes: filters slide over three axes.

    Args:
        filters: Number of output channels.
        kernel_size: Depth, rows and columns of the window.
        strides: Distance of windows.
        padding: `"valid"` or `"same"`, as in `Conv2D`.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        dilation_rate: Distance of the window's elements.
        groups: Channels are split into so many groups, convolved apart.
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
        ValueError: If an argument is out of range, or strides and dilation are both
            above 1.

    Example:

    >>> keras.layers.Conv3D(4, 3)(np.zeros((1, 6, 7, 8, 2))).shape
    (1, 4, 5, 6, 4)
    """

    _rank = 3
