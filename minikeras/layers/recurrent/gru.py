"""GRU: the layer around `GRUCell`."""

from __future__ import annotations

from typing import Unpack

from minikeras.layers.base.keywords import CommonOptions
from minikeras.layers.recurrent.cell_layer import CellLayer, of_cell
from minikeras.layers.recurrent.gru_cell import GRUCell
from minikeras.types import Identifier


class GRU(CellLayer):
    """A recurrent layer with gates and a single state (gated recurrent unit).

    `output = z * output_before + (1 - z) * new`, where `new` sees the output before only
    as far as the reset gate `r` lets it; `z` and `r` are gates in the range 0 to 1.

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
        activity_regularizer: Penalty on the output.
        kernel_constraint: Projection of `kernel` after an update.
        recurrent_constraint: Projection of `recurrent_kernel` after an update.
        bias_constraint: Projection of `bias` after an update.
        dropout: Fraction of the inputs that is dropped while training, from 0 to 1; the
            same at all steps of a call.
        recurrent_dropout: Fraction of the state that is dropped while training.
        seed: Integer, for the same masks in every run.
        return_sequences: Whether to return the outputs of all steps, not only the last.
        return_state: Whether to return the last state too.
        go_backwards: Whether to go from the last step to the first.
        stateful: Whether a call starts from the state that the one before ended with.
        unroll: Whether to write the steps out instead of looping.
        reset_after: Whether the reset gate acts after the product with the recurrent
            kernel, or before it.
        use_cudnn: Kept for Keras's signature.
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
        Cho et al., 2014, https://arxiv.org/abs/1406.1078.

    Example:

    >>> keras.layers.GRU(4, return_sequences=True)(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    _cell_class = GRUCell
    recurrent_activation = of_cell("recurrent_activation")
    reset_after = of_cell("reset_after")
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
        reset_after: bool = True,
        use_cudnn: object = "auto",
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        given = {
            "units": units, "activation": activation,
            "recurrent_activation": recurrent_activation, "use_bias": use_bias,
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
            "recurrent_dropout": recurrent_dropout, "seed": seed,
            "return_sequences": return_sequences, "return_state": return_state,
            "go_backwards": go_backwards, "stateful": stateful, "unroll": unroll,
            "reset_after": reset_after, "use_cudnn": use_cudnn,
        }  # fmt: skip
        self._make(given, kwargs)
