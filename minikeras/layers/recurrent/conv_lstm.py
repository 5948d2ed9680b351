"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D: LSTMs whose products are convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.input_spec import InputSpec
from minikeras.layers.base.keywords import CommonOptions
from minikeras.layers.recurrent.cell_layer import CellLayer, of_cell
from minikeras.layers.recurrent.conv_lstm_cell import ConvLSTMCell
from minikeras.types import Identifier, PartialShape, Sizes

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape


class ConvLSTM(CellLayer):
    """What ConvLSTM1D, ConvLSTM2D and ConvLSTM3D share; subclasses say the rank."""

    _cell_class = ConvLSTMCell
    _rank = 2
    recurrent_activation = of_cell("recurrent_activation")
    unit_forget_bias = of_cell("unit_forget_bias")
    filters = of_cell("filters")
    kernel_size = of_cell("kernel_size")
    strides = of_cell("strides")
    padding = of_cell("padding")
    data_format = of_cell("data_format")
    dilation_rate = of_cell("dilation_rate")

    def __init__(
        self,
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
        activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None,
        recurrent_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        given = {
            "filters": filters, "kernel_size": kernel_size, "strides": strides,
            "padding": padding, "data_format": data_format,
            "dilation_rate": dilation_rate, "activation": activation,
            "recurrent_activation": recurrent_activation, "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer, "unit_forget_bias": unit_forget_bias,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "activity_regularizer": activity_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint, "dropout": dropout,
            "recurrent_dropout": recurrent_dropout, "seed": seed,
            "return_sequences": return_sequences, "return_state": return_state,
            "go_backwards": go_backwards, "stateful": stateful,
        }  # fmt: skip
        self._make(given, kwargs, rank=self._rank)
        self.input_spec = InputSpec(ndim=self._rank + 3)

    def build(
        self,
        sequences_shape: PartialShape,
        initial_state_shape: PartialShape | None = None,
    ) -> None:
        """Build the cell, and make the variables of a stateful layer."""
        self.__dict__["_step_input"] = tuple(sequences_shape[2:])
        super().build(sequences_shape, initial_state_shape)

    def get_initial_state(self, batch_size: Any) -> list[Tensor]:
        """Two tensors of zeros in the shape of the output of one step.

        Args:
            batch_size: Number of samples.

        Raises:
            ValueError: If the layer is not built, so that the shape is not known.
        """
        if not hasattr(self, "_step_input"):
            raise ValueError(
                f"{self._label()}: get_initial_state() before the layer is built; call it "
                "on data, or build(), first."
            )
        shape = self.cell.step_shape((batch_size, *self._step_input))
        return [ops.zeros((batch_size, *shape[1:]), self._run_dtype) for _ in range(2)]

    def _start(self, sequences: Tensor, initial_state: Sequence[Tensor]) -> Any:
        self.__dict__["_step_input"] = tuple(sequences.shape[2:])
        return super()._start(sequences, initial_state)

    def compute_output_shape(
        self,
        sequences_shape: PartialShape,
        initial_state_shape: PartialShape | None = None,
    ) -> Shape:
        """The shapes of what a call returns."""
        batch, steps = sequences_shape[:2]
        one = self.cell.step_shape((batch, *sequences_shape[2:]))
        shape = (batch, steps, *one[1:]) if self.return_sequences else one
        return (shape, one, one) if self.return_state else shape


class ConvLSTM1D(ConvLSTM):
    """An LSTM over lines: its products are convolutions.

    Args:
        filters: Number of output channels, and of channels of the states.
        kernel_size: Length of the window.
        strides: Distance of windows, of the inputs' convolution.
        padding: `"valid"` or `"same"`, of the inputs' convolution; that of the state is
            always padded.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        dilation_rate: Distance of the window's elements, of the inputs' convolution.
        activation: Function, or its name, of new values and of the output.
        recurrent_activation: Function, or its name, of the gates.
        use_bias: Whether a bias is added.
        kernel_initializer: First values of `kernel`.
        recurrent_initializer: First values of `recurrent_kernel`.
        bias_initializer: First values of `bias` `(4 * filters,)`.
        unit_forget_bias: Whether the bias of the forget gate starts as ones.
        kernel_regularizer: Penalty on `kernel`.
        recurrent_regularizer: Penalty on `recurrent_kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the output.
        kernel_constraint: Projection of `kernel` after an update.
        recurrent_constraint: Projection of `recurrent_kernel` after an update.
        bias_constraint: Projection of `bias` after an update.
        dropout: Fraction of the inputs that is dropped while training, from 0 to 1; the
            same at all steps of a call.
        recurrent_dropout: Fraction of the state that is dropped while training.
        seed: Integer, for the same masks in every run.
        return_sequences: Whether to return the outputs of all steps, not only the last.
        return_state: Whether to return the last states too.
        go_backwards: Whether to go from the last step to the first.
        stateful: Whether a call starts from the states that the one before ended with.
        **kwargs: See `RNN`.

    Call arguments:
        sequences: Tensor, see below.
        initial_state: List of two tensors in the shape of one step's output.
        mask: Bools `(batch, steps)`; a false step is skipped.
        training: Whether to drop anything.

    Input shape:
        `(batch, steps, length, channels)`, or with `channels` after `steps`.

    Output shape:
        `(batch, new_length, filters)`, or with `filters` second; with
        `return_sequences` `steps` comes after `batch`; with `return_state` a tuple of the
        output and two states.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Shi et al., 2015, https://arxiv.org/abs/1506.04214.

    Example:

    >>> keras.layers.ConvLSTM1D(2, 3)(np.ones((1, 4, 8, 3))).shape
    (1, 6, 2)
    """

    _rank = 1


class ConvLSTM2D(ConvLSTM):
    """An LSTM over pictures: its products are convolutions.

    Args:
        filters: Number of output channels, and of channels of the states.
        kernel_size: Rows and columns of the window.
        strides: Distance of windows, of the inputs' convolution.
        padding: `"valid"` or `"same"`, of the inputs' convolution; that of the state is
            always padded.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        dilation_rate: Distance of the window's elements, of the inputs' convolution.
        activation: Function, or its name, of new values and of the output.
        recurrent_activation: Function, or its name, of the gates.
        use_bias: Whether a bias is added.
        kernel_initializer: First values of `kernel`.
        recurrent_initializer: First values of `recurrent_kernel`.
        bias_initializer: First values of `bias` `(4 * filters,)`.
        unit_forget_bias: Whether the bias of the forget gate starts as ones.
        kernel_regularizer: Penalty on `kernel`.
        recurrent_regularizer: Penalty on `recurrent_kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the output.
        kernel_constraint: Projection of `kernel` after an update.
        recurrent_constraint: Projection of `recurrent_kernel` after an update.
        bias_constraint: Projection of `bias` after an update.
        dropout: Fraction of the inputs that is dropped while training, from 0 to 1; the
            same at all steps of a call.
        recurrent_dropout: Fraction of the state that is dropped while training.
        seed: Integer, for the same masks in every run.
        return_sequences: Whether to return the outputs of all steps, not only the last.
        return_state: Whether to return the last states too.
        go_backwards: Whether to go from the last step to the first.
        stateful: Whether a call starts from the states that the one before ended with.
        **kwargs: See `RNN`.

    Call arguments:
        sequences: Tensor, see below.
        initial_state: List of two tensors in the shape of one step's output.
        mask: Bools `(batch, steps)`; a false step is skipped.
        training: Whether to drop anything.

    Input shape:
        `(batch, steps, rows, columns, channels)`, or with `channels` after `steps`.

    Output shape:
        `(batch, new_rows, new_columns, filters)`, or with `filters` second; with
        `return_sequences` `steps` comes after `batch`; with `return_state` a tuple of the
        output and two states.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Shi et al., 2015, https://arxiv.org/abs/1506.04214.

    Example:

    >>> keras.layers.ConvLSTM2D(2, 3)(np.ones((1, 4, 8, 8, 3))).shape
    (1, 6, 6, 2)
    """

    _rank = 2


class ConvLSTM3D(ConvLSTM):
    """An LSTM over volumes: its products are convolutions.

    Args:
        filters: Number of output channels, and of channels of the states.
        kernel_size: Depth, rows and columns of the window.
        strides: Distance of windows, of the inputs' convolution.
        padding: `"valid"` or `"same"`, of the inputs' convolution; that of the state is
            always padded.
        data_format: `"channels_last"` or `"channels_first"`; default the global one.
        dilation_rate: Distance of the window's elements, of the inputs' convolution.
        activation: Function, or its name, of new values and of the output.
        recurrent_activation: Function, or its name, of the gates.
        use_bias: Whether a bias is added.
        kernel_initializer: First values of `kernel`.
        recurrent_initializer: First values of `recurrent_kernel`.
        bias_initializer: First values of `bias` `(4 * filters,)`.
        unit_forget_bias: Whether the bias of the forget gate starts as ones.
        kernel_regularizer: Penalty on `kernel`.
        recurrent_regularizer: Penalty on `recurrent_kernel`.
        bias_regularizer: Penalty on `bias`.
        activity_regularizer: Penalty on the output.
        kernel_constraint: Projection of `kernel` after an update.
        recurrent_constraint: Projection of `recurrent_kernel` after an update.
        bias_constraint: Projection of `bias` after an update.
        dropout: Fraction of the inputs that is dropped while training, from 0 to 1; the
            same at all steps of a call.
        recurrent_dropout: Fraction of the state that is dropped while training.
        seed: Integer, for the same masks in every run.
        return_sequences: Whether to return the outputs of all steps, not only the last.
        return_state: Whether to return the last states too.
        go_backwards: Whether to go from the last step to the first.
        stateful: Whether a call starts from the states that the one before ended with.
        **kwargs: See `RNN`.

    Call arguments:
        sequences: Tensor, see below.
        initial_state: List of two tensors in the shape of one step's output.
        mask: Bools `(batch, steps)`; a false step is skipped.
        training: Whether to drop anything.

    Input shape:
        `(batch, steps, depth, rows, columns, channels)`, or with `channels` after `steps`.

    Output shape:
        `(batch, new_depth, new_rows, new_columns, filters)`, or with `filters` second; with
        `return_sequences` `steps` comes after `batch`; with `return_state` a tuple of the
        output and two states.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Shi et al., 2015, https://arxiv.org/abs/1506.04214.

    Example:

    >>> keras.layers.ConvLSTM3D(2, 3)(np.ones((1, 2, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 2)
    """

    _rank = 3
