"""SimpleRNN: the layer around `SimpleRNNCell`."""

from __future__ import annotations

from typing import Any, Unpack

from minikeras.layers.base.keywords import CommonOptions
from minikeras.layers.recurrent.cell_layer import CellLayer, of_cell
from minikeras.layers.recurrent.simple_cell import SimpleRNNCell
from minikeras.types import Identifier


class SimpleRNN(CellLayer):
    """A recurrent layer whose state is its last output.

    `output = activation(x @ kernel + output_before @ recurrent_kernel + bias)`.

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
        activity_regularizer: Penalty on the output.
        kernel_constraint: Projection of `kernel` after an update.
        recurrent_constraint: Projection of `recurrent_kernel` after an update.
        bias_constraint: Projection of `bias` after an update.
        dropout: Fraction of the inputs that is dropped while training, from 0 to 1; the
            same at all steps of a call.
        recurrent_dropout: Fraction of the state that is dropped while training.
        return_sequences: Whether to return the outputs of all steps, not only the last.
        return_state: Whether to return the last state too.
        go_backwards: Whether to go from the last step to the first.
        stateful: Whether a call starts from the state that the one before ended with.
        unroll: Whether to write the steps out instead of looping.
        seed: Integer, for the same masks in every run.
        **kwargs: See `RNN`.

    Call arguments:
        sequences: Tensor `(batch, steps, features)`.
        initial_state: List with one tensor `(batch, units)`.
        mask: Bools `(batch, steps)`; a false step is skipped.
        training: Whether to drop anything.

    Input shape:
        `(batch, steps, features)`.

    Output shape:
        `(batch, units)`, or `(batch, steps, units)` with `return_sequences`; with
        `return_state` a tuple of that and `(batch, units)`.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Elman: Finding structure in time; 1990.

    Example:

    >>> layer = keras.layers.SimpleRNN(4, return_sequences=True, return_state=True)
    >>> outputs, state = layer(np.ones((2, 5, 3)))
    >>> outputs.shape, state.shape
    ((2, 5, 4), (2, 4))
    """

    _cell_class = SimpleRNNCell
    units = of_cell("units")

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
        activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None,
        recurrent_constraint: Identifier = None,
        bias_constraint: Identifier = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        given = {
            "units": units, "activation": activation, "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "activity_regularizer": activity_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint, "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "return_sequences": return_sequences, "return_state": return_state,
            "go_backwards": go_backwards, "stateful": stateful, "unroll": unroll,
            "seed": seed,
        }  # fmt: skip
        self._make(given, kwargs)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer; as in Keras without the seed."""
        config = super().get_config()
        del config["seed"]
        return config
