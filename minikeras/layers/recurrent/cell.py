"""What the cells share: options, masks of dropout, products of several gates at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minikeras import activations, ops, random
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.options import ArgumentError, options_config, set_options
from minikeras.random.draws import dropped
from minikeras.types import DTypeLike

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.initializers.base import Initializer


OPTIONS = (
    "kernel_initializer", "recurrent_initializer", "bias_initializer",
    "kernel_regularizer", "recurrent_regularizer", "bias_regularizer",
    "kernel_constraint", "recurrent_constraint", "bias_constraint",
)  # fmt: skip


def fraction(value: object, name: str, owner: str) -> float:
    """`value` moved into the range from 0 to 1, as Keras does.

    Raises:
        ValueError: If it is no number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ArgumentError(
            f"{owner}: {name}={value!r}; expected a number from 0 to 1."
        )
    return min(1.0, max(0.0, value))


class Masks:
    """The masks of dropout of one call: for the inputs, and for the recurrent state.

    Attributes:
        inputs: Tensor `(gates, batch, ...)` for each gate apart, or None.
        states: The same for the state.
    """

    def __init__(
        self, inputs: Tensor | None = None, states: Tensor | None = None
    ) -> None:
        self.inputs = inputs
        self.states = states


class Cell(Layer):
    """What SimpleRNNCell, LSTMCell, GRUCell and ConvLSTMCell share.

    A step is cut in two: `project(inputs)` does not need the state, so that a layer does
    it for all steps at once; `advance(projected, states)` does the rest.
    """

    holds_masks = True  # a layer around it draws them once for all steps
    _gates = 1
    _own_call: Callable[..., Any]  # the class's `call`: a subclass may replace it

    def _set_up(
        self, arguments: dict[str, Any], activations_of: dict[str, Any]
    ) -> None:
        """Options, activations, rates and seed, out of the constructor's arguments."""
        owner = self._label()
        set_options(self, **{key: arguments[key] for key in OPTIONS})
        for name, value in activations_of.items():
            setattr(self, name, activations.get(value))
        self._activation_names = tuple(activations_of)
        self.use_bias = arguments["use_bias"]
        self.dropout = fraction(arguments["dropout"], "dropout", owner)
        self.recurrent_dropout = fraction(
            arguments["recurrent_dropout"], "recurrent_dropout", owner
        )
        self.seed = arguments["seed"]
        self.seed_generator = random.SeedGenerator(self.seed)

    @property
    def plain(self) -> bool:
        """Whether a step is `project` and `advance`, and nothing that a user added."""
        return (
            type(self).call is type(self)._own_call
            and self.activity_regularizer is None
        )

    # --- dropout

    def _masks(
        self, inputs: Tensor, states: Sequence[Tensor], training: bool | None
    ) -> Masks:
        """New masks for inputs and states of these shapes."""
        if not training:
            return Masks()
        return Masks(
            self._draw(inputs, self.dropout),
            self._draw(states[0], self.recurrent_dropout),
        )

    @property
    def held(self) -> Masks | None:
        """The masks of the call that is under way in the layer around, or None."""
        masks: Masks | None = self.__dict__.get("_held")
        return masks

    def hold(
        self, inputs: Any, states: Sequence[Tensor], training: bool | None
    ) -> None:
        """Draw the masks of all steps of a call, until `release`.

        Args:
            inputs: The input of one step `(batch, ...)`; only its shape counts.
            states: The states.
            training: Whether anything is dropped at all.
        """
        self.__dict__["_held"] = self._masks(inputs, states, training)

    def release(self) -> None:
        """Forget the masks."""
        self.__dict__["_held"] = None

    def _draw(self, like: Tensor, rate: float) -> Tensor | None:
        if not rate:
            return None
        ones = ops.ones((self._gates, *like.shape), like.dtype)
        # The gates' masks lie one after the other, the rows of the batch in each.
        return dropped(ones, rate, self.seed_generator.next(), ones.shape, axis=1)

    def reset_dropout_mask(self) -> None:
        """Forget the masks that are held; the next ones are new."""
        self.release()

    def reset_recurrent_dropout_mask(self) -> None:
        """As `reset_dropout_mask`: both are drawn and forgotten together."""
        self.release()

    def get_dropout_mask(self, step_input: Tensor) -> Tensor | list[Tensor] | None:
        """A mask for the inputs, a list of one for each gate, or None without dropout.

        Args:
            step_input: Tensor whose shape the mask has.
        """
        held = None if self.held is None else self.held.inputs
        return self._listed(
            self._draw(step_input, self.dropout) if held is None else held
        )

    def get_recurrent_dropout_mask(
        self, step_input: Tensor
    ) -> Tensor | list[Tensor] | None:
        """As `get_dropout_mask`, for the state.

        Args:
            step_input: Tensor whose shape the mask has.
        """
        held = None if self.held is None else self.held.states
        return self._listed(
            self._draw(step_input, self.recurrent_dropout) if held is None else held
        )

    def _listed(self, masks: Any) -> Tensor | list[Tensor] | None:
        if masks is None:
            return None
        return masks[0] if self._gates == 1 else [masks[i] for i in range(self._gates)]

    # --- a step

    def project(self, inputs: Tensor, masks: Masks) -> Tensor:
        """What the inputs `(..., features)` add to the gates, with the bias."""
        raise NotImplementedError

    def advance(
        self, projected: Tensor, states: Sequence[Tensor], masks: Masks
    ) -> tuple[Tensor, list[Tensor]]:
        """The output and the next states of one step, given its projected inputs."""
        raise NotImplementedError

    def _step(
        self, inputs: Tensor, states: Any, training: bool | None
    ) -> tuple[Any, Any]:
        """One step by itself: `(output, states)`, the states in the form they came."""
        given = states if isinstance(states, (list, tuple)) else [states]
        masks = self.held or self._masks(inputs, given, training)
        output, after = self.advance(self.project(inputs, masks), given, masks)
        return output, after if given is states else after[0]

    def _cell_config(self, **sizes: object) -> dict[str, Any]:
        named = {
            name: activations.serialize(getattr(self, name))
            for name in self._activation_names
        }
        return {
            **super().get_config(),
            **sizes,
            **named,
            "use_bias": self.use_bias,
            **options_config(self, "kernel", "recurrent", "bias"),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }


def zero_states(sizes: Sequence[int], batch_size: int | None, dtype: str) -> list[Any]:
    """States of zeros `(batch, size)`, one for each size."""
    return [ops.zeros((batch_size, size), dtype) for size in sizes]


def forgetful(initializer: Initializer, gates: int = 4) -> Callable[..., Any]:
    """The first bias of an LSTM: ones for the second gate, which forgets.

    Reference:
        Jozefowicz, Zaremba, Sutskever: An empirical exploration of recurrent network
        architectures; 2015, section 4.
    """

    def made(shape: Shape, dtype: DTypeLike | None = None) -> Tensor:
        units = shape[0] // gates
        parts = [
            initializer((units,), dtype=dtype),
            ops.ones((units,), dtype),
            initializer(((gates - 2) * units,), dtype=dtype),
        ]
        return ops.concatenate(parts, 0)

    return made


def product(x: Tensor, kernel: Any, masks: Any = None) -> Tensor:
    """`x @ kernel` over the last axis, in one matrix product for all leading axes.

    Args:
        x: Tensor `(batch, ..., features)`.
        kernel: Tensor `(features, gates * units)`.
        masks: Tensor `(gates, batch, features)` by which each gate's input is
            multiplied, or None.
    """
    if masks is None:
        return ops.matmul(x, kernel)
    gates, features = masks.shape[0], kernel.shape[0]
    units = kernel.shape[1] // gates
    if len(x.shape) == 3:
        masks = ops.expand_dims(masks, 2)
    rows = ops.reshape(x * masks, (gates, -1, features))
    blocks = ops.transpose(ops.reshape(kernel, (features, gates, units)), (1, 0, 2))
    found = ops.transpose(ops.matmul(rows, blocks), (1, 0, 2))
    return ops.reshape(found, (*x.shape[:-1], gates * units))


def gates(x: Tensor, count: int, axis: int = -1) -> list[Any]:
    """`x` cut into equal parts along an axis."""
    return list(ops.split(x, count, axis))
