"""Bidirectional: a recurrent layer forwards and another backwards in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, Unpack

from minikeras import naming, ops
from minikeras.engine import tree
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.layers.recurrent.rnn import RNN
from minikeras.saving import serialization
from minikeras.saving.registry import custom_object_scope
from minikeras.types import PartialShape

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


_MODES = ("sum", "mul", "ave", "concat", None)
_SHARED = ("stateful", "return_sequences", "return_state")


class Bidirectional(Layer):
    """Runs a recurrent layer forwards and one backwards, and merges the outputs.

    Args:
        layer: An `RNN`, `LSTM`, `GRU`, ...: it gives the configuration of both directions,
            or with `backward_layer` of the forward one. The layer itself is not used: copies
            with the names `forward_...` and `backward_...` are.
        merge_mode: `"concat"`, `"sum"`, `"mul"`, `"ave"`, or None: both outputs are returned.
        weights: First values of the weights, forward ones first.
        backward_layer: Layer for the other direction, with the opposite `go_backwards`.
        **kwargs: See `Layer`.

    Call arguments:
        sequences: Tensor `(batch, steps, ...)`.
        initial_state: List of states: the forward layer's, then the backward layer's.
        mask: Bools `(batch, steps)`.
        training: Whether to drop anything.

    Input shape:
        `(batch, steps, ...)`.

    Output shape:
        As the layer's, merged: twice as many features for `"concat"`. With `return_state`
        a tuple of the output, or both, the forward states and the backward states.

    Raises:
        ValueError: If the merge mode is unknown or the layers do not go together.

    Reference:
        Schuster, Paliwal: Bidirectional recurrent neural networks; 1997.

    Example:

    >>> layer = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True))
    >>> layer(np.ones((2, 5, 3))).shape
    (2, 5, 8)
    """

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Sequence[ArrayLike] | None = None,
        backward_layer: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        for name, given in (("layer", layer), ("backward_layer", backward_layer)):
            if not isinstance(given, RNN) and (given is not None or name == "layer"):
                raise ValueError(
                    f"Bidirectional: {name}={naming.shown(given)}; "
                    "expected a recurrent layer such as "
                    "LSTM, GRU or RNN."
                )
        if merge_mode not in _MODES:
            raise ValueError(
                f"Bidirectional: merge_mode={merge_mode!r}; expected one of "
                f"{', '.join(map(repr, _MODES))}."
            )
        super().__init__(**kwargs)
        name = layer.name.removeprefix("forward_")  # a config has the copy's name
        self.forward_layer = _copy(layer, f"forward_{name}", layer.go_backwards)
        if backward_layer is None:
            self.backward_layer = _copy(layer, f"backward_{layer.name}", True)
        else:
            self.backward_layer = backward_layer
            # Steps that are masked must not count in a sum of both directions.
            backward_layer.zero_output_for_mask = backward_layer.return_sequences
        self._check_pair()
        self.merge_mode = merge_mode
        self.initial_weights = weights
        self.stateful = layer.stateful
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec

    def _check_pair(self) -> None:
        first, second = self.forward_layer, self.backward_layer
        for name in _SHARED:
            if getattr(first, name) != getattr(second, name):
                raise ValueError(
                    f"{self._label()}: layer has {name}={getattr(first, name)}, "
                    f"backward_layer {name}={getattr(second, name)}; expected equal values."
                )
        if first.go_backwards == second.go_backwards:
            raise ValueError(
                f"{self._label()}: layer and backward_layer both have go_backwards="
                f"{first.go_backwards}; expected opposite values."
            )

    def _mixes_samples(self, training: bool | None) -> bool:
        pair = (self.forward_layer, self.backward_layer)
        return any(layer._mixes_samples(training) for layer in pair)

    def build(
        self,
        sequences_shape: PartialShape,
        initial_state_shape: PartialShape | None = None,
    ) -> None:
        """Build both layers."""
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self.initial_weights is not None:
            half = len(self.initial_weights) // 2
            self.forward_layer.set_weights(self.initial_weights[:half])
            self.backward_layer.set_weights(self.initial_weights[half:])

    @property
    def states(self) -> tuple[Any, ...] | None:
        """The states of a stateful pair, forward ones first, or None."""
        if self.forward_layer.states is None:
            return None
        return (*self.forward_layer.states, *self.backward_layer.states)

    def reset_state(self) -> None:
        """Set the states of a stateful pair to zeros.

        Raises:
            AttributeError: If the layers are not stateful.
        """
        if not self.stateful:
            raise AttributeError(
                f"{self._label()}: reset_state() on layers that are not stateful; make them "
                "with stateful=True."
            )
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def call(
        self,
        sequences: Tensor,
        initial_state: Sequence[Tensor] | None = None,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Any:
        """The merged outputs, and the states of both where they are wanted."""
        first, second = None, None
        if initial_state is not None:
            given = list(initial_state)
            pair = (self.forward_layer.cell, self.backward_layer.cell)
            total = sum(len(tree.flatten(cell.state_size)) for cell in pair)
            if len(tree.flatten(given)) != total:
                raise ValueError(
                    f"{self._label()}: initial_state has {len(tree.flatten(given))} "
                    f"tensors; expected {total}: the forward layer's, then the backward "
                    "layer's."
                )
            half = len(given) // 2
            first, second = given[:half], given[half:]
        options = {"mask": mask, "training": training}
        y = self.forward_layer(sequences, initial_state=first, **options)
        z = self.backward_layer(sequences, initial_state=second, **options)
        states: list[Any] = []
        if self.return_state:
            states = [*y[1:], *z[1:]]
            y, z = y[0], z[0]
        if self.return_sequences:  # into the order of the forward outputs
            z = ops.flip(z, 1)
        merged = self._merged(y, z)
        if not self.return_state:
            return merged
        return (*merged, *states) if self.merge_mode is None else (merged, *states)

    def _merged(self, y: Tensor, z: Tensor) -> Any:
        if self.merge_mode == "concat":
            return ops.concatenate([y, z], -1)
        if self.merge_mode == "sum":
            return y + z
        if self.merge_mode == "ave":
            return (y + z) / 2
        if self.merge_mode == "mul":
            return y * z
        return y, z

    def compute_mask(self, _: Any, mask: Tensor | None) -> Any:
        """The mask of the outputs of all steps; None where only the last is returned."""
        found = tree.flatten(mask)[0] if self.return_sequences else None
        outputs = [found] if self.merge_mode is not None else [found, found]
        if self.return_state:
            count = len(self.forward_layer.compute_mask(None, mask)) - 1
            return outputs + [None] * (2 * count)
        return found if self.merge_mode is not None else tuple(outputs)

    def compute_output_shape(
        self,
        sequences_shape: PartialShape,
        initial_state_shape: PartialShape | None = None,
    ) -> tuple[int, ...]:
        """The shapes of what a call returns."""
        found = self.forward_layer.compute_output_shape(sequences_shape)
        states: list[Any] = []
        if self.return_state:
            found, own = found[0], found[1:]
            states = [*own, *own]
        if self.merge_mode == "concat":
            found = (*found[:-1], 2 * found[-1])
        outputs = [found, found] if self.merge_mode is None else [found]
        if states or self.merge_mode is None:
            return (*outputs, *states)
        return found

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        return {
            **super().get_config(),
            "merge_mode": self.merge_mode,
            "layer": serialization.serialize_keras_object(self.forward_layer),
            "backward_layer": serialization.serialize_keras_object(self.backward_layer),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """The layer that `get_config` described."""
        config = dict(config)
        for name in ("layer", "backward_layer"):
            config[name] = serialization.deserialize_keras_object(
                config.get(name), custom_objects=custom_objects
            )
        return cls(**config)


def _copy(layer: Any, name: str, go_backwards: bool) -> Any:
    """A recurrent layer of the same configuration, for one direction."""
    config = layer.get_config()
    config["name"] = name
    config["go_backwards"] = go_backwards
    # Cells of one's own need no registration to be copied.
    own = {type(part).__name__: type(part) for part in layer._flatten_layers()}
    with custom_object_scope(own):
        made = type(layer).from_config(config)
    if hasattr(layer, "use_cudnn"):  # no part of a config
        made.use_cudnn = layer.use_cudnn
    # Steps that are masked must not count in a sum of both directions.
    made.zero_output_for_mask = layer.return_sequences
    return made
