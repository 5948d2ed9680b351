"""LSTM: a state that gates write, keep and read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.options import positive, weight
from minikeras.layers.recurrent.cell import (
    Cell,
    Masks,
    forgetful,
    gates,
    product,
    zero_states,
)
from minikeras.types import Identifier, PartialShape

if TYPE_CHECKING:
    from minikeras.variable import Variable


def lstm_step(
    cell: Any, total: Tensor, c: object, axis: int = -1
) -> tuple[Tensor, list[Tensor]]:
    """The output and the states, given the sums of the gates `i, f, c, o` and the carry.

    Reference:
        Hochreiter, Schmidhuber, 1997, with the forget gate of Gers et al., 2000.
    """
    i, f, new, o = gates(total, 4, axis)
    gate, activation = cell.recurrent_activation, cell.activation
    c = gate(f) * c + gate(i) * activation(new)
    output = gate(o) * activation(c)
    return output, [output, c]


class LSTMCell(Cell):
    """One step of `LSTM`.

    Args:
        units: Size of the output and of both states.
        activation: Function, or its name, of new values and of the output; None is linear.
        recurrent_activation: Function, or its name, of the gates.
        use_bias: Whether a bias is added.
        kernel_initializer: First values of `kernel` `(features, 4 * units)`.
        recurrent_initializer: First values of `recurrent_kernel` `(units, 4 * units)`.
        bias_initializer: First values of `bias` `(4 * units,)`.
        unit_forget_bias: Whether the bias of the forget gate starts as ones.
        kernel_regularizer: Penalty on `kernel`.
        recurrent_regularizer: Penalty on `recurrent_kernel`.
        bias_regularizer: Penalty on `bias`.
        kernel_constraint: Projection of `kernel` after an update.
        recurrent_constraint: Projection of `recurrent_kernel` after an update.
        bias_constraint: Projection of `bias` after an update.
        dropout: Fraction of the inputs that is dropped while training, from 0 to 1.
        recurrent_dropout: Fraction of the state that is dropped while training.
        seed: Integer, for the same masks in every run.
        **kwargs: See `Layer`.

    Call arguments:
        inputs: Tensor `(batch, features)`.
        states: List of two tensors `(batch, units)`: output and carry.
        training: Whether to drop anything.

    Returns:
        `(output, states)` of a call.

    Raises:
        ValueError: If `units` is not a positive integer.

    Reference:
        Hochreiter, Schmidhuber: Long short-term memory; 1997.

    Example:

    >>> cell = keras.layers.LSTMCell(4)
    >>> output, states = cell(np.ones((2, 3)), cell.get_initial_state(2))
    >>> output.shape, len(states)
    ((2, 4), 2)
    """

    activation: Any
    recurrent_activation: Any

    _gates = 4

    def __init__(
        self,
        units: int,
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
            "units": units, "activation": activation,
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
        units = positive(units, "units", type(self).__name__)
        super().__init__(**kwargs)
        functions = {
            "activation": activation,
            "recurrent_activation": recurrent_activation,
        }
        self._set_up(arguments, functions)
        self.unit_forget_bias = unit_forget_bias
        self.units = self.output_size = units
        self.state_size = [units, units]

    def build(self, input_shape: PartialShape) -> None:
        """Make `kernel`, `recurrent_kernel` and `bias`."""
        wide = 4 * self.units
        self.kernel = weight(self, "kernel", (input_shape[-1], wide))
        shape = (self.units, wide)
        self.recurrent_kernel = weight(self, "recurrent", shape, "recurrent_kernel")
        self.bias = lstm_bias(self, wide)

    def project(self, inputs: Tensor, masks: Masks) -> Tensor:
        """`inputs @ kernel + bias`."""
        x = product(inputs, self.kernel, masks.inputs)
        return x if self.bias is None else ops.add(x, self.bias)

    def advance(
        self, projected: Any, states: Any, masks: Masks
    ) -> tuple[Tensor, list[Tensor]]:
        """The output, and the list of output and carry."""
        h, c = states
        total = projected + product(h, self.recurrent_kernel, masks.states)
        return lstm_step(self, total, c)

    def call(
        self, inputs: Tensor, states: Sequence[Tensor], training: bool = False
    ) -> tuple[Any, Any]:
        """One step."""
        return self._step(inputs, states, training)

    _own_call = call

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """A list of two tensors of zeros `(batch_size, units)`."""
        return zero_states(self.state_size, batch_size, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt cell."""
        return {
            **self._cell_config(units=self.units),
            "unit_forget_bias": self.unit_forget_bias,
        }


def lstm_bias(cell: Any, size: int) -> Variable | None:
    """The bias of an LSTM's four gates, or None."""
    if not cell.use_bias:
        return None
    first = cell.bias_initializer
    return cell.add_weight(
        name="bias",
        shape=(size,),
        initializer=forgetful(first) if cell.unit_forget_bias else first,
        regularizer=cell.bias_regularizer,
        constraint=cell.bias_constraint,
    )
