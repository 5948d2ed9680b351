"""Recurrent networks over whole sequences, for the layers; not public functions.

Inputs are projected already: `x` is (batch, time, gates * units), biases added. With
`reverse` the walk starts at the last step, and outputs come in the order computed.
Where `mask`, bool (batch, time), is False the state stays and is the output too.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, promote_float
from minikeras.ops.support import boolean, sub_slice
from minikeras.types import ArrayLike


def _masked(mask: ArrayLike) -> tuple[Tensor, ...]:
    return () if mask is None else (boolean(mask),)


def _last(hs: Tensor, h0: Tensor) -> Tensor:
    """The state after the last step; the first where there are no steps."""
    batch, time, units = hs.shape
    if time == 0:
        return h0
    return prims.reshape(sub_slice(hs, 1, time - 1, time), shape=(batch, units))


@op
def lstm(
    x: ArrayLike,
    h0: Tensor,
    c0: Tensor,
    recurrent_kernel: ArrayLike,
    mask: Any = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """A long short-term memory with gates in the order input, forget, cell, output.

    Args:
        x: Projected inputs `(batch, time, 4 * units)`.
        h0: First state `(batch, units)`.
        c0: First cell state `(batch, units)`.
        recurrent_kernel: `(units, 4 * units)`.
        mask: Bool `(batch, time)`, or None: all steps are real.
        reverse: Whether to walk from the last step to the first.

    Returns:
        Outputs `(batch, time, units)`, the last state and the last cell state, both
        `(batch, units)`.

    Raises:
        ShapeError: If shapes do not fit.

    Reference: Hochreiter and Schmidhuber, "Long short-term memory" (1997).
    """
    x, h0, c0, w = promote_float(x, h0, c0, recurrent_kernel)
    given = _masked(mask)
    hs, last, _, _ = prims.lstm(x, h0, c0, w, *given, reverse=reverse)
    return hs, _last(hs, h0), last


@op
def gru(
    x: ArrayLike,
    h0: Tensor,
    recurrent_kernel: ArrayLike,
    recurrent_bias: ArrayLike | None = None,
    mask: Any = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """Gated recurrent units, the reset gate applied after the recurrent product.

    Args:
        x: Projected inputs `(batch, time, 3 * units)`: update, reset, candidate.
        h0: First state `(batch, units)`.
        recurrent_kernel: `(units, 3 * units)`.
        recurrent_bias: `(3 * units,)`, or None: zeros.
        mask: Bool `(batch, time)`, or None: all steps are real.
        reverse: Whether to walk from the last step to the first.

    Returns:
        Outputs `(batch, time, units)` and the last state `(batch, units)`.

    Raises:
        ShapeError: If shapes do not fit.

    Reference: Cho et al., "Learning phrase representations using RNN encoder-decoder
    for statistical machine translation" (2014).
    """
    if recurrent_bias is None:
        x, h0, w = promote_float(x, h0, recurrent_kernel)
        b = prims.full(shape=w.shape[1:], dtype=w.dtype, value=0)
    else:
        x, h0, w, b = promote_float(x, h0, recurrent_kernel, recurrent_bias)
    given = _masked(mask)
    hs, _ = prims.gru(x, h0, w, b, *given, reverse=reverse)
    return hs, _last(hs, h0)


@op
def simple_rnn(
    x: ArrayLike,
    h0: Tensor,
    recurrent_kernel: ArrayLike,
    mask: Any = None,
    reverse: bool = False,
    activation: str = "tanh",
) -> tuple[Tensor, Tensor]:
    """`h = activation(x + h @ recurrent_kernel)`, step by step.

    Args:
        x: Projected inputs `(batch, time, units)`.
        h0: First state `(batch, units)`.
        recurrent_kernel: `(units, units)`.
        mask: Bool `(batch, time)`, or None: all steps are real.
        reverse: Whether to walk from the last step to the first.
        activation: `"tanh"`, `"relu"` or `"linear"`.

    Returns:
        Outputs `(batch, time, units)` and the last state `(batch, units)`.

    Raises:
        ShapeError: If shapes do not fit, or `activation` is another one.

    Reference: Elman, "Finding structure in time" (1990).
    """
    x, h0, w = promote_float(x, h0, recurrent_kernel)
    given = _masked(mask)
    hs = prims.simple_rnn(x, h0, w, *given, reverse=reverse, activation=activation)
    return hs, _last(hs, h0)
