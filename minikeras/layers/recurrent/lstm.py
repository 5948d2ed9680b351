"""LSTM: the layer around `LSTMCell`."""

from __future__ import annotations

from typing import Unpack

from minikeras.layers.base.keywords import CommonOptions
from minikeras.layers.recurrent.cell_layer import CellLayer, of_cell
from minikeras.layers.recurrent.lstm_cell import LSTMCell
from minikeras.types import Identifier


class LSTM(CellLayer):
    """A recurrent layer that remembers over long times (long short-term memory).

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
        unroll: Whether to write the steps out instead of looping.
        use_cudnn: Kept for Keras's signature.
        **kwargs: See `RNN`.

    Call arguments:
        sequences: Tensor `(batch, steps, features)`.
        initial_state: List of two tensors `(batch, units)`: output and carry.
        mask: Bools `(batch, steps)`; a false step is skipped.
        training: Whether to drop anything.

    Input shape:
        `(batch, steps, features)`.

    Output shape:
        `(batch, units)`, or `(batch, steps, units)` with `return_sequences`; with
        `return_state` a tuple of that and two of `(batch, units)`.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Hochreiter, Schmidhuber: Long short-term memory; 1997. Gers, Schmidhuber, Cummins:
        Learning to forget; 2000.

    Example:

    >>> layer = keras.layers.LSTM(4, return_state=True)
    >>> [part.shape for part in layer(np.ones((2, 5, 3)))]
    [(2, 4), (2, 4), (2, 4)]
    """

    _cell_class = LSTMCell
    recurrent_activation = of_cell("recurrent_activation")
    unit_forget_bias = of_cell("unit_forget_bias")
    units = of_cell("units")

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
        unroll: bool = False,
        use_cudnn: object = "auto",
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        given = {
            "units": units, "activation": activation,
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
            "go_backwards": go_backwards, "stateful": stateful, "unroll": unroll,
            "use_cudnn": use_cudnn,
        }  # fmt: skip
        self._make(given, kwargs)
