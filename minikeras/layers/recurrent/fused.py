"""Whole sequences in one operation, for the usual configurations.

Backends have kernels for LSTM, GRU and SimpleRNN with their default activations. What
differs from that goes through the loop of `loop.py`, which gives the same values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikeras import activations, ops
from minikeras.layers.recurrent.cell import Cell, Masks
from minikeras.layers.recurrent.gru_cell import GRUCell
from minikeras.layers.recurrent.loop import Walk
from minikeras.layers.recurrent.lstm_cell import LSTMCell
from minikeras.layers.recurrent.simple_cell import SimpleRNNCell
from minikeras.ops.nn import recurrent

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


_SIMPLE = {activations.tanh: "tanh", activations.relu: "relu"}


def has_kernel(cell: Cell, masks: Masks, walk: Walk) -> bool:
    """Whether `run_fused` can do this call.

    Args:
        cell: The cell.
        masks: Its masks of dropout.
        walk: How the sequence is walked.
    """
    if walk.unroll or masks.states is not None:
        return False
    if isinstance(cell, SimpleRNNCell):
        return cell.activation in _SIMPLE
    if isinstance(cell, GRUCell) and not cell.reset_after:
        return False
    return (
        isinstance(cell, (GRUCell, LSTMCell))
        and cell.activation is activations.tanh
        and cell.recurrent_activation is activations.sigmoid
    )


def run_fused(
    cell: Any,
    projected: Tensor,
    states: Sequence[Tensor],
    mask: Tensor | None,
    walk: Walk,
) -> Any:
    """As `run_cell`, given the projected inputs of all steps."""
    kernel, back = cell.recurrent_kernel, walk.backwards
    last: Any
    if isinstance(cell, LSTMCell):
        h, c = states
        outputs, *last = recurrent.lstm(projected, h, c, kernel, mask, back)
    elif isinstance(cell, GRUCell):
        bias = None if cell.bias is None else cell.bias[1]
        outputs, *last = recurrent.gru(projected, states[0], kernel, bias, mask, back)
    else:
        name = _SIMPLE[cell.activation]
        outputs, *last = recurrent.simple_rnn(
            projected, states[0], kernel, mask, back, name
        )
    if mask is None or not walk.zero_masked or mask.shape[1] == 0:
        return outputs if walk.sequences else last[0], last
    real = ops.flip(mask, 1) if back else mask  # in the order of the outputs
    if not walk.sequences:
        outputs, real = last[0], real[:, -1]
    real = ops.expand_dims(ops.cast(real, "bool"), -1)
    return ops.where(real, outputs, ops.zeros_like(outputs)), last
