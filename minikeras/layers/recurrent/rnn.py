"""RNN: a cell along a sequence. The base of all recurrent layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, Unpack

from minikeras import naming, ops
from minikeras.engine import tree
from minikeras.engine.aval import Aval, ShapeError
from minikeras.engine.errors import see
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.recurrent import kept
from minikeras.layers.recurrent.cell import Cell
from minikeras.layers.recurrent.fused import has_kernel, run_fused
from minikeras.layers.recurrent.loop import Walk, run_cell
from minikeras.layers.recurrent.stacked import (
    StackedRNNCells,
    first_states,
    held_masks,
    output_size,
    takes_training,
)
from minikeras.saving import serialization
from minikeras.types import PartialShape
from minikeras.variable import Variable

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


class RNN(Layer):
    """Runs a cell along the steps of a sequence.

    A cell is a layer with `call(inputs, states) -> (output, states)`, called once for
    each step, and a `state_size`: an integer, or a list of them, one for each state. It
    may have an `output_size` and a `get_initial_state(batch_size)`.

    Args:
        cell: The cell, or a list of cells that are stacked.
        return_sequences: Whether to return the outputs of all steps, not only the last.
        return_state: Whether to return the last states too.
        go_backwards: Whether to go from the last step to the first; the outputs come in
            the order in which they were computed.
        stateful: Whether a call starts from the states that the one before ended with.
            The batch size must be known then; `reset_state()` starts anew.
        unroll: Whether to write the steps out instead of looping.
        zero_output_for_mask: Whether a masked step gives zeros, instead of the output
            before it.
        **kwargs: See `Layer`.

    Call arguments:
        sequences: Tensor `(batch, steps, ...)`.
        initial_state: List of tensors, one for each state; default zeros.
        mask: Bools `(batch, steps)`; a false step is skipped: the states stay and the
            output before is repeated.
        training: For cells that take it.

    Input shape:
        `(batch, steps, ...)`; steps may differ from call to call.

    Output shape:
        `(batch, ...)` of the cell's output, or `(batch, steps, ...)` with
        `return_sequences`; with `return_state` a tuple of that and the states.

    Raises:
        ValueError: If `cell` has no `call` or no `state_size`.

    Example:

    >>> class Sum(keras.layers.Layer):
    ...     state_size = output_size = 3
    ...     def call(self, inputs, states):
    ...         total = inputs + states[0]
    ...         return total, [total]
    >>> keras.layers.RNN(Sum())(np.ones((1, 5, 3))).numpy().tolist()
    [[5.0, 5.0, 5.0]]
    """

    states: Any

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        _check_cell(cell, type(self).__name__)
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        # Past the tracker: the states are no weights.
        self.__dict__["states"] = None

    @property
    def state_size(self) -> Any:
        """The size of the state, or the sizes of all."""
        return self.cell.state_size

    @property
    def single_state(self) -> bool:
        """Whether there is one state."""
        return isinstance(self.state_size, int)

    # --- building and states

    def build(
        self,
        sequences_shape: PartialShape,
        initial_state_shape: PartialShape | None = None,
    ) -> None:
        """Build the cell, and make the variables of a stateful layer."""
        shape = (sequences_shape[0], *sequences_shape[2:])
        if self.stateful and sequences_shape[0] is None:
            raise ValueError(
                f"{self._label()}: stateful=True needs a known batch size; got input shape "
                f"{tuple(sequences_shape)}. Make the input with "
                "keras.Input(batch_shape=(batch, steps, features))."
            )
        cell = self.cell
        if isinstance(cell, Layer) and not cell.built and cell._has_build():
            cell.build(shape)
            cell.built = True
        if self.stateful:
            self.__dict__["states"] = tree.map_structure(
                lambda t: Variable(t, trainable=False, name="rnn_state"),
                self.get_initial_state(shape[0]),
            )

    def get_initial_state(self, batch_size: object) -> Any:
        """The states that a call starts from: those of the cell, or zeros.

        Args:
            batch_size: Number of samples.

        Returns:
            List of tensors `(batch_size, ...)`.
        """
        return first_states(self.cell, batch_size, self._run_dtype)

    def reset_state(self) -> None:
        """Set the states of a stateful layer to zeros."""
        for state in [] if self.states is None else tree.flatten(self.states):
            state.assign(ops.zeros_like(state))

    reset_states = reset_state

    def _start(self, sequences: Tensor, initial_state: Sequence[Tensor]) -> Any:
        """The first states of a call, in the dtype computed in.

        Raises:
            ShapeError: If their number or a shape is wrong.
        """
        batch, dtype = sequences.shape[0], self._run_dtype
        if initial_state is None and self.stateful:
            states = tree.map_structure(lambda v: v.value, self.states)
            size = tree.flatten(states)[0].shape[0]
            rows = kept.rows_here(size, batch)
            if size != batch and rows is None:
                raise ShapeError(
                    f"{self._label()}: it is stateful with states for {size} samples; got "
                    f"a batch of {batch}. Call with {size} samples, or make a new layer."
                )
            states = tree.map_structure(lambda t: kept.taken(t, rows), states)
        else:
            states = self.get_initial_state(batch)
            if initial_state is not None:
                states = self._given(states, initial_state)
        return tree.map_structure(lambda t: ops.cast(t, dtype), states)

    def _given(self, wanted: object, given: Any) -> Any:
        given = given if tree.is_nested(given) else [given]
        leaves, spec = tree.flatten_spec(wanted)
        found = tree.flatten(given)
        shapes = [tuple(t.shape) for t in found]
        expected = [tuple(t.shape) for t in leaves]
        if shapes != expected:
            raise ShapeError(
                f"{self._label()}: initial_state has tensors of shapes {shapes}; expected "
                f"{expected}, one for each state."
            )
        states = tree.unflatten(spec, found)
        if isinstance(self.cell, StackedRNNCells) and len(given) == len(states):
            # A lone state comes out as it came in, in a list or bare.
            states = [_like(g, s) for g, s in zip(given, states)]
        return states

    # --- calling

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        """The outputs, and the last states where they are wanted."""
        mask = self._step_mask(mask, sequences)
        states = self._start(sequences, initial_state)
        if type(self).inner_loop is RNN.inner_loop:
            outputs, last = self._walked(
                sequences, states, mask, training, self.return_sequences
            )
        else:
            final, every, last = self.inner_loop(
                sequences=sequences,
                initial_state=states,
                mask=mask,
                training=training,
            )
            outputs = every if self.return_sequences else final
        if self.stateful:
            variables = tree.flatten(self.states)
            rows = kept.rows_here(variables[0].shape[0], sequences.shape[0])
            values = kept.joined(tree.flatten(last), rows)
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        return (outputs, *last) if self.return_state else outputs

    def inner_loop(
        self,
        sequences: Any,
        initial_state: Any,
        mask: Tensor | None,
        training: bool = False,
    ) -> tuple[Any, Any, Any]:
        """All steps; subclasses override it to change what goes in or comes out.

        Args:
            sequences: Tensor `(batch, steps, ...)`.
            initial_state: The states before the first step.
            mask: Booleans `(batch, steps)`, or None.
            training: The flag for the cell.

        Returns:
            The last output, those of all steps `(batch, steps, ...)`, and the last states.
        """
        given = sequences, initial_state, mask, training
        outputs, last = self._walked(*given, True)
        if self.zero_output_for_mask and mask is not None:
            return self._walked(*given, False)[0], outputs, last
        return outputs[:, -1], outputs, last

    def _step_mask(self, mask: Tensor | None, sequences: Tensor) -> Tensor | None:
        """The mask as `(batch, steps)`, or None.

        With more axes, as sentences of words have, a step counts if anything in it does.
        """
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        if mask is None:
            return None
        wanted = tuple(sequences.shape[:2])
        if tuple(mask.shape[:2]) != wanted:
            raise ShapeError(
                f"{self._label()}: mask has shape {tuple(mask.shape)}; expected {wanted}, "
                "(batch, steps)." + see("guides/custom-layers.md#masks")
            )
        more = tuple(range(2, len(mask.shape)))
        return ops.any(mask, axis=more) if more else mask

    def _walked(
        self,
        sequences: Any,
        states: Any,
        mask: Any,
        training: bool | None,
        every: bool,
    ) -> Any:
        """The outputs, those of `every` step or the last, and the last states."""
        cell = self.cell
        walk = Walk(
            self.go_backwards,
            self.unroll,
            every,
            self.zero_output_for_mask,
        )
        like = Aval((sequences.shape[0], *sequences.shape[2:]), sequences.dtype)
        with held_masks(cell, like, states, training):
            if self._projects_at_once():
                masks = cell.held
                projected = cell.project(sequences, masks)
                if has_kernel(cell, masks, walk):
                    return run_fused(cell, projected, states, mask, walk)

                def advance(x: Tensor, states: object) -> Any:
                    return cell.advance(x, states, masks)

                return run_cell(advance, projected, states, mask, walk)
            more = {"training": training} if takes_training(cell) else {}

            def step(x: Tensor, states: Sequence[Tensor]) -> Any:
                output, after = cell(x, states, **more)
                return output, after if tree.is_nested(after) else [after]

            return run_cell(step, sequences, states, mask, walk)

    def _projects_at_once(self) -> bool:
        """Whether the inputs' part of the gates is computed for all steps beforehand."""
        cell = self.cell
        return (
            isinstance(cell, Cell)
            and cell.plain
            and cell.dtype_policy.name == self.dtype_policy.name
        )

    def compute_mask(self, _: Any, mask: ArrayLike | None) -> Any:
        """The mask of the outputs of all steps; None where only the last is returned."""
        found = tree.flatten(mask)[0] if self.return_sequences else None
        if not self.return_state:
            return found
        return [found] + [None] * len(tree.flatten(self.cell.state_size))

    def compute_output_shape(
        self,
        sequences_shape: PartialShape,
        initial_state_shape: PartialShape | None = None,
    ) -> tuple[int, ...]:
        """The shapes of what a call returns."""
        batch, steps = sequences_shape[:2]
        sizes = self.cell.state_size
        output = output_size(self.cell)
        output = (output,) if isinstance(output, int) else tuple(output)
        shape = (batch, steps, *output) if self.return_sequences else (batch, *output)
        if not self.return_state:
            return shape
        sizes = sizes if tree.is_nested(sizes) else [sizes]
        return (shape, *[tree.map_structure(lambda n: (batch, n), s) for s in sizes])

    # --- describing

    def _walk_config(self) -> dict[str, Any]:
        names = (
            "return_sequences", "return_state", "go_backwards", "stateful", "unroll",
            "zero_output_for_mask",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            **self._walk_config(),
            "cell": serialization.serialize_keras_object(self.cell),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """The layer that `get_config` described."""
        config = dict(config)
        config["cell"] = serialization.deserialize_keras_object(
            config["cell"], custom_objects=custom_objects
        )
        return cls(**config)


def _check_cell(cell: object, owner: str) -> None:
    for part, what in (("call", "method"), ("state_size", "attribute")):
        if not hasattr(cell, part):
            raise ValueError(
                f"{owner}: cell={naming.shown(cell)} has no `{part}` {what}; "
                "expected a cell such as "
                "LSTMCell, or a layer with call(inputs, states) and state_size, an integer "
                "or a list of integers."
            )


def _like(given: object, state: Any) -> Any:
    """The state, without its list where it was given so."""
    found = tree.flatten(state)
    return state if tree.is_nested(given) or len(found) > 1 else found[0]
