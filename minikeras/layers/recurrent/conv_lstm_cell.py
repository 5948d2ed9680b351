"""One step of an LSTM whose products are convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.symbolic import KerasTensor, infer_call
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.options import data_format as checked_format
from minikeras.layers.base.options import one_of, positive, sizes, weight
from minikeras.layers.recurrent.cell import Cell, Masks
from minikeras.layers.recurrent.lstm_cell import lstm_bias, lstm_step
from minikeras.types import Identifier, PartialShape, Sizes


class ConvLSTMCell(Cell):
    """One step of a ConvLSTM over `rank` spatial axes.

    The arguments are those of `ConvLSTM2D`, with the rank in front.
    """

    _gates = 4

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: Identifier = "tanh",
        recurrent_activation: Identifier = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform",
        recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Identifier = None,
        recurrent_regularizer: Identifier = None,
        bias_regularizer: Identifier = None,
        kernel_constraint: Identifier = None,
        recurrent_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        arguments = {
            "rank": rank, "filters": filters, "kernel_size": kernel_size,
            "strides": strides, "padding": padding, "data_format": data_format,
            "dilation_rate": dilation_rate, "activation": activation,
            "recurrent_activation": recurrent_activation, "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer, "unit_forget_bias": unit_forget_bias,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint, "dropout": dropout,
            "recurrent_dropout": recurrent_dropout, "seed": seed,
        }  # fmt: skip
        super().__init__(**kwargs)
        owner = f"ConvLSTM{rank}D"
        self.rank = rank
        self.filters = positive(filters, "filters", owner)
        self.kernel_size = sizes(kernel_size, rank, "kernel_size", owner)
        self.strides = sizes(strides, rank, "strides", owner)
        self.dilation_rate = sizes(dilation_rate, rank, "dilation_rate", owner)
        self.padding = one_of(padding, ("valid", "same"), "padding", owner)
        self.data_format = checked_format(data_format, owner)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{owner}: strides={self.strides} and dilation_rate={self.dilation_rate}; "
                "only one of them may be above 1."
            )
        functions = {
            "activation": activation,
            "recurrent_activation": recurrent_activation,
        }
        self._set_up(arguments, functions)
        self.unit_forget_bias = unit_forget_bias
        # The number of states; their shape depends on the input's.
        self.state_size = [self.filters, self.filters]

    def build(self, input_shape: PartialShape) -> None:
        """Make `kernel`, `recurrent_kernel` and `bias`."""
        axis = 1 if self.data_format == "channels_first" else -1
        channels = input_shape[axis]
        wide = 4 * self.filters
        if channels is None:
            raise ValueError(
                f"{self._label()}: the channel axis of its input is unknown, so its kernel "
                f"cannot be made; got the shape {tuple(input_shape)} of a step."
            )
        self.kernel = weight(self, "kernel", (*self.kernel_size, channels, wide))
        shape = (*self.kernel_size, self.filters, wide)
        self.recurrent_kernel = weight(self, "recurrent", shape, "recurrent_kernel")
        self.bias = lstm_bias(self, wide)

    # --- shapes

    def step_shape(self, input_shape: PartialShape) -> tuple[Any, ...]:
        """The shape of the output and of both states, for one step's input shape."""
        axis = 1 if self.data_format == "channels_first" else -1
        kernel = (*self.kernel_size, input_shape[axis], self.filters)
        found: tuple[Any, ...] = infer_call(
            self._convolved, KerasTensor(input_shape), KerasTensor(kernel)
        ).shape
        return found

    # --- a step

    def project(self, inputs: Tensor, masks: Masks) -> Tensor:
        """The convolution of the inputs, of all steps at once, with the bias."""
        lead = inputs.shape[: len(inputs.shape) - self.rank - 1]
        dropped = masks.inputs
        if dropped is not None and len(lead) == 2:
            dropped = ops.expand_dims(dropped, 2)
        x = self._gated(inputs, self.kernel, dropped, len(lead), self._convolved)
        if self.bias is None:
            return x
        shape = [1] * len(x.shape)
        shape[self._channel_axis] = 4 * self.filters
        return x + ops.reshape(self.bias, shape)

    def advance(
        self, projected: Tensor, states: Any, masks: Masks
    ) -> tuple[Tensor, list[Tensor]]:
        """The output, and the list of output and carry."""
        h, c = states
        total = projected + self._gated(
            h, self.recurrent_kernel, masks.states, 1, self._recurrent
        )
        return lstm_step(self, total, c, self._channel_axis)

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else -1 - self.rank

    def _gated(
        self, x: Tensor, kernel: Any, masks: Any, lead: int, conv: Any
    ) -> Tensor:
        """`conv` of `x`, whose first `lead` axes are samples; each gate masked apart."""

        def run(x: Tensor, kernel: Tensor) -> Tensor:
            y = conv(ops.reshape(x, (-1, *x.shape[lead:])), kernel)
            return ops.reshape(y, (*x.shape[:lead], *y.shape[1:]))

        if masks is None:
            return run(x, kernel)
        parts = ops.split(kernel, 4, -1)
        found = [run(x * masks[i], part) for i, part in enumerate(parts)]
        return ops.concatenate(found, self._channel_axis)

    def _convolved(self, x: Tensor, kernel: Tensor) -> Tensor:
        return ops.conv(
            x, kernel, self.strides, self.padding, self.data_format, self.dilation_rate
        )

    def _recurrent(self, h: Tensor, kernel: Tensor) -> Tensor:
        return ops.conv(h, kernel, 1, "same", self.data_format)

    def call(
        self, inputs: Tensor, states: Sequence[Tensor], training: bool = False
    ) -> tuple[Any, Any]:
        """One step."""
        return self._step(inputs, states, training)

    _own_call = call

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt cell."""
        return {
            **self._cell_config(
                filters=self.filters,
                kernel_size=self.kernel_size,
                strides=self.strides,
                padding=self.padding,
                data_format=self.data_format,
                dilation_rate=self.dilation_rate,
            ),
            "unit_forget_bias": self.unit_forget_bias,
        }
