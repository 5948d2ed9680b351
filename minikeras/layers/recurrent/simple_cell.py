"""SimpleRNN: the state is the last output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.options import positive, weight
from minikeras.layers.recurrent.cell import Cell, Masks, product, zero_states
from minikeras.types import Identifier, PartialShape


class SimpleRNNCell(Cell):
    """One step of `SimpleRNN`: `output = activation(x @ W + state @ U + b)`.

    Args:
        units: Size of the output and of the state.
        activation: Function, or its name; None is linear.
        use_bias: Whether a bias is added.
        kernel_initializer: First values of `kernel` `(features, units)`.
        recurrent_initializer: First values of `recurrent_kernel` `(units, units)`.
        bias_initializer: First values of `bias`.
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
        sequence: Tensor `(batch, features)`.
        states: List with one tensor `(batch, units)`.
        training: Whether to drop anything.

    Returns:
        `(output, states)` of a call.

    Raises:
        ValueError: If `units` is not a positive integer.

    Reference:
        Elman: Finding structure in time; 1990.

    Example:

    >>> layer = keras.layers.RNN(keras.layers.SimpleRNNCell(4))
    >>> layer(np.ones((2, 5, 3))).shape
    (2, 4)
    """

    activation: Any

    def __init__(
        self,
        units: int,
        activation: Identifier = "tanh",
        use_bias: bool = True,
        kernel_initializer: Identifier = "glorot_uniform",
        recurrent_initializer: Identifier = "orthogonal",
        bias_initializer: Identifier = "zeros",
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
            "units": units, "activation": activation, "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
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
        self._set_up(arguments, {"activation": activation})
        self.units = self.state_size = self.output_size = units

    def build(self, input_shape: PartialShape) -> None:
        """Make `kernel`, `recurrent_kernel` and `bias`."""
        self.kernel = weight(self, "kernel", (input_shape[-1], self.units))
        shape = (self.units, self.units)
        self.recurrent_kernel = weight(self, "recurrent", shape, "recurrent_kernel")
        self.bias = weight(self, "bias", (self.units,)) if self.use_bias else None

    def project(self, inputs: Tensor, masks: Masks) -> Tensor:
        """`inputs @ kernel + bias`."""
        x = product(inputs, self.kernel, masks.inputs)
        return x if self.bias is None else ops.add(x, self.bias)

    def advance(
        self, projected: Any, states: Any, masks: Masks
    ) -> tuple[Tensor, list[Tensor]]:
        """The output, which is the next state too."""
        x = projected + product(states[0], self.recurrent_kernel, masks.states)
        output = self.activation(x)
        return output, [output]

    def call(
        self, sequence: Tensor, states: Sequence[Tensor], training: bool = False
    ) -> tuple[Any, Any]:
        """One step."""
        return self._step(sequence, states, training)

    _own_call = call

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """A list with zeros `(batch_size, units)`."""
        return zero_states([self.units], batch_size, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt cell."""
        return self._cell_config(units=self.units)
