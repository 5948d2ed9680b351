"""The loop along time of Keras 2's backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minikeras import ops, tree
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def rnn(
    step_function: Callable[[Any, Any], tuple[Any, Any]],
    inputs: ArrayLike,
    initial_states: Sequence[Tensor],
    go_backwards: bool = False,
    mask: ArrayLike | None = None,
    constants: Sequence[ArrayLike] | None = None,
    unroll: bool = False,
    input_length: ArrayLike | None = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Any, Any, Any]:
    """Runs `step_function(inputs, states)` along time.

    Args:
        step_function: Gives `(output, new_states)` for the inputs of one step.
        inputs: `(batch, steps, ...)`, or a structure of such.
        initial_states: States before the first step.
        go_backwards: Whether the last step comes first.
        mask: `(batch, steps)`; where it is false a step leaves states and output alone.
        constants: Handed to each step, behind the states.
        unroll: Accepted and ignored: the loop is compiled either way.
        input_length: Accepted and ignored: the inputs say it.
        time_major: Whether inputs and outputs are `(steps, batch, ...)`.
        zero_output_for_mask: Whether a masked step gives zeros, not the output before.
        return_all_outputs: Whether outputs of all steps are wanted, or of the last.

    Returns:
        `(last_output, outputs, new_states)`.
    """

    def swap(x: ArrayLike) -> Tensor:
        x = ops.convert_to_tensor(x)
        x = x if time_major else ops.swapaxes(x, 0, 1)
        return ops.flip(x, 0) if go_backwards else x

    steps = tree.map_structure(swap, inputs)
    keep = None if mask is None else swap(ops.cast(mask, "bool"))
    extra = list(constants or ())
    first = tree.map_structure(lambda x: x[0], steps)
    blank = tree.map_structure(
        ops.zeros_like, step_function(first, [*initial_states, *extra])[0]
    )

    def step(carry: Any, now: Any) -> Any:
        states, before = carry
        x, kept = now
        out, new = step_function(x, [*states, *extra])
        new = list(new)
        if kept is not None:
            new = tree.map_structure(
                lambda a, b: _choose(kept, a, b), new, list(states)
            )
            other = blank if zero_output_for_mask else before
            out = tree.map_structure(lambda a, b: _choose(kept, a, b), out, other)
        return (new, out), out if return_all_outputs else None

    start = (list(initial_states), blank)
    (states, last), outputs = ops.scan(step, start, (steps, keep))
    if not return_all_outputs:
        outputs = tree.map_structure(lambda x: ops.expand_dims(x, 0), last)
    if not time_major:
        outputs = tree.map_structure(lambda x: ops.swapaxes(x, 0, 1), outputs)
    return last, outputs, states


def _choose(condition: Tensor, a: Tensor, b: ArrayLike) -> Tensor:
    behind = len(a.shape) - len(condition.shape)
    return ops.where(ops.reshape(condition, (*condition.shape, *[1] * behind)), a, b)


__all__ = ["rnn"]
