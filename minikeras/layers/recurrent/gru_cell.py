"""GRU: a state that one gate resets and another mixes with new values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.options import positive, weight
from minikeras.layers.recurrent.cell import Cell, Masks, gates, product, zero_states
from minikeras.types import Identifier, PartialShape


class GRUCell(Cell):
    """One step of `GRU`.

    Args:
        units: Size of the output and of the state.
        activation: Function, or its name, of new values; None is linear.
        recurrent_activation: Function, or its name, of the gates.
        use_bias: Whether biases are added.
        kernel_initializer: First values of `kernel` `(features, 3 * units)`.
        recurrent_initializer: First values of `recurrent_kernel` `(units, 3 * units)`.
        bias_initializer: First values of `bias`: `(2, 3 * units)` with `reset_after`, for
            the inputs and for the state, else `(3 * units,)`.
        kernel_regularizer: Penalty on `kernel`.
        recurrent_regularizer: Penalty on `recurrent_kernel`.
        bias_regularizer: Penalty on `bias`.
        kernel_constraint: Projection of `kernel` after an update.
        recurrent_constraint: Projection of `recurrent_kernel` after an update.
        bias_constraint: Projection of `bias` after an update.
        dropout: Fraction of the inputs that is dropped while training, from 0 to 1.
        recurrent_dropout: Fraction of the state that is dropped while training.
        reset_after: Whether the reset gate acts after the product with the recurrent
            kernel, or before it.
        seed: Integer, for the same masks in every run.
        **kwargs: See `Layer`.

    Call arguments:
        inputs: Tensor `(batch, features)`.
        states: List with one tensor `(batch, units)`.
        training: Whether to drop anything.

    Returns:
        `(output, states)` of a call.

    Raises:
        ValueError: If `units` is not a positive integer.

    Reference:
        Cho et al., 2014, https://arxiv.org/abs/1406.1078.

    Example:

    >>> cell = keras.layers.GRUCell(4)
    >>> output, states = cell(np.ones((2, 3)), cell.get_initial_state(2))
    >>> output.shape, len(states)
    ((2, 4), 1)
    """

    activation: Any
    recurrent_activation: Any

    _gates = 3

    def __init__(
        self,
        units: int,
        activation: Identifier = "tanh",
        recurrent_activation: Identifier = "sigmoid",
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
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        arguments = {
            "units": units, "activation": activation,
            "recurrent_activation": recurrent_activation, "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint, "dropout": dropout,
            "recurrent_dropout": recurrent_dropout, "reset_after": reset_after,
            "seed": seed,
        }  # fmt: skip
        units = positive(units, "units", type(self).__name__)
        super().__init__(**kwargs)
        functions = {
            "activation": activation,
            "recurrent_activation": recurrent_activation,
        }
        self._set_up(arguments, functions)
        self.reset_after = bool(reset_after)
        self.units = self.state_size = self.output_size = units

    def build(self, input_shape: PartialShape) -> None:
        """Make `kernel`, `recurrent_kernel` and `bias`."""
        wide = 3 * self.units
        self.kernel = weight(self, "kernel", (input_shape[-1], wide))
        shape = (self.units, wide)
        self.recurrent_kernel = weight(self, "recurrent", shape, "recurrent_kernel")
        bias = (2, wide) if self.reset_after else (wide,)
        self.bias = weight(self, "bias", bias) if self.use_bias else None

    @property
    def _biases(self) -> tuple[Any, Any]:
        """What is added to the inputs' and to the state's part, each may be None."""
        if self.bias is None or not self.reset_after:
            return self.bias, None
        return self.bias[0], self.bias[1]

    def project(self, inputs: Tensor, masks: Masks) -> Tensor:
        """`inputs @ kernel` and the inputs' bias."""
        x = product(inputs, self.kernel, masks.inputs)
        bias = self._biases[0]
        return x if bias is None else ops.add(x, bias)

    def advance(
        self, projected: Tensor, states: Sequence[Tensor], masks: Masks
    ) -> tuple[Tensor, list[Tensor]]:
        """The output, which is the next state too."""
        h = states[0]
        known = 3 if self.reset_after else 2
        wide = known * self.units
        kernel, dropped = self.recurrent_kernel, masks.states
        inner = product(
            h, kernel[:, :wide], None if dropped is None else dropped[:known]
        )
        bias = self._biases[1]
        inner = inner if bias is None else ops.add(inner, bias)
        x, parts = gates(projected, 3), gates(inner, known)
        z = self.recurrent_activation(x[0] + parts[0])
        r = self.recurrent_activation(x[1] + parts[1])
        if self.reset_after:
            new = self.activation(x[2] + r * parts[2])
        else:
            reset = r * h if dropped is None else r * h * dropped[2]
            new = self.activation(x[2] + product(reset, kernel[:, wide:]))
        output = z * h + (1 - z) * new
        return output, [output]

    def call(
        self, inputs: Tensor, states: Sequence[Tensor], training: bool = False
    ) -> tuple[Any, Any]:
        """One step."""
        return self._step(inputs, states, training)

    _own_call = call

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """A list with zeros `(batch_size, units)`."""
        return zero_states([self.units], batch_size, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt cell."""
        return {**self._cell_config(units=self.units), "reset_after": self.reset_after}
