"""A cell run along time: the one loop that all recurrent layers share.

Layout inside is time-major. The loop goes through `ops.scan`, so that a compiled
program holds the step once; `unroll` writes the steps out. Whatever is drawn at
random is drawn before the loop and held over all steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from minikeras import ops
from minikeras.engine import tree
from minikeras.engine.aval import Unknown
from minikeras.engine.symbolic import KerasTensor, infer_call
from minikeras.engine.tensor import Tensor

if TYPE_CHECKING:
    from minikeras.types import Nested


CellFunction = Callable[[Any, Any], tuple[Any, Any]]


class Walk(NamedTuple):
    """How a sequence is walked.

    Attributes:
        backwards: Whether from the last step to the first.
        unroll: Whether the steps are written out rather than looped over.
        sequences: Whether the outputs of all steps are wanted, or only the last.
        zero_masked: Whether a masked step gives zeros instead of the output before it.
    """

    backwards: bool = False
    unroll: bool = False
    sequences: bool = False
    zero_masked: bool = False


def time_major(x: Tensor) -> Tensor:
    """Swap the axes of batch and time; its own inverse."""
    return ops.transpose(x, (1, 0, *range(2, len(x.shape))))


def run_cell(
    step: CellFunction,
    inputs: Tensor,
    states: Sequence[Tensor],
    mask: Tensor | None,
    walk: Walk,
) -> Any:
    """Call `step(input, states) -> (output, states)` for each step in turn.

    A masked step keeps the states, and repeats the output before it. Before the first
    output that is the first state where their shapes agree, as in most cells, else zero.

    Args:
        step: Function of one step's input `(batch, ...)` and the states.
        inputs: Tensor `(batch, steps, ...)`, or a structure of them.
        states: Structure of tensors `(batch, ...)`.
        mask: Bools `(batch, steps)`, or None.
        walk: Direction and what is wanted.

    Returns:
        `(outputs, states)`: outputs `(batch, steps, ...)` in the order in which they were
        computed, or the last `(batch, ...)`; and the last states.
    """
    xs = tree.map_structure(time_major, inputs)
    steps = tree.flatten(xs)[0].shape[0]
    ms = None if mask is None else time_major(ops.cast(mask, "bool"))
    carried = mask is not None or not walk.sequences or steps == 0
    output: Any = _first_output(step, xs, states) if carried else None
    if steps == 0:
        if not walk.sequences:
            return output, states
        return tree.map_structure(_no_steps, output), states
    start = states if output is None else (states, output)
    leaves, spec = tree.flatten_spec(start)
    slices, x_spec = tree.flatten_spec(xs if mask is None else (xs, ms))

    def body(carry: Sequence[Tensor], rows: tuple[Tensor, ...]) -> Any:
        # Loops carry flat lists of tensors; the step sees its own structures.
        before = tree.unflatten(spec, carry)
        state, out = (before, None) if output is None else before
        x = tree.unflatten(x_spec, rows)
        x, m = (x, None) if mask is None else x
        given, after = _one_step(step, x, m, state, out, walk)
        carry = tree.flatten(after if output is None else (after, given))
        return carry, given if walk.sequences else None

    unroll = walk.unroll and not isinstance(steps, Unknown)
    last, outputs = ops.scan(
        body, leaves, slices, reverse=walk.backwards, unroll=unroll or 1
    )
    last = tree.unflatten(spec, last)
    states, output = (last, None) if output is None else last
    if not walk.sequences:
        return output, states
    if walk.backwards:  # scan puts an output where its input is
        outputs = tree.map_structure(lambda y: ops.flip(y, 0), outputs)
    return tree.map_structure(time_major, outputs), states


def _one_step(
    step: CellFunction,
    x: Tensor,
    m: Tensor | None,
    states: Sequence[Tensor],
    before: object,
    walk: Walk,
) -> tuple[Any, Any]:
    """A step's output and the next states, in the structure of the states before."""
    output, after = step(x, states)
    after = tree.unflatten(tree.flatten_spec(states)[1], tree.flatten(after))
    if m is None:
        return output, after
    held = tree.map_structure(ops.zeros_like, before) if walk.zero_masked else before
    return _chosen(m, output, held), _chosen(m, after, states)


def _no_steps(output: Tensor) -> Tensor:
    """The outputs `(batch, 0, ...)` of a sequence without steps."""
    return ops.zeros((output.shape[0], 0, *output.shape[1:]), output.dtype)


def _chosen(m: Tensor, yes: object, no: object) -> Nested[Tensor]:
    """`yes` for the samples where the mask is true, else `no`, leaf by leaf."""

    def choose(a: Tensor, b: Tensor) -> Tensor:
        return ops.where(ops.reshape(m, (*m.shape, *(1,) * (len(a.shape) - 1))), a, b)

    return tree.map_structure(choose, yes, no)


def _first_output(
    step: CellFunction, xs: object, states: Sequence[Tensor]
) -> Nested[Tensor]:
    """What a masked first step repeats, in the structure of the outputs."""
    slices = tree.map_structure(lambda x: KerasTensor(x.shape[1:], x.dtype), xs)
    symbols = tree.map_structure(lambda s: KerasTensor(s.shape, s.dtype), states)
    found, _ = infer_call(step, slices, symbols)
    first = tree.flatten(states)[0]
    batch = first.shape[0]

    def start(leaf: Tensor) -> Any:
        if leaf.shape[1:] == tuple(first.shape[1:]) and leaf.dtype == first.dtype:
            return first
        return ops.zeros((batch, *leaf.shape[1:]), leaf.dtype)

    return tree.map_structure(start, found)
