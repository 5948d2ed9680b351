"""What a layer holds: variables, weights, losses and metrics, its own and its parts'."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np

from minikeras import constraints, initializers, regularizers
from minikeras.dtype_policies import DTypePolicy
from minikeras.engine import dtypes, tree
from minikeras.engine.given import plain
from minikeras.engine.interpret import current
from minikeras.layers.base.call_context import call_context
from minikeras.layers.base.tracker import Tracker
from minikeras.types import DTypeLike, Identifier
from minikeras.variable import Variable, check_real

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape
    from minikeras.types import ArrayLike


def unique(things: Iterable[Any]) -> list[Any]:
    """The things in order, each once, compared by identity."""
    return list({id(t): t for t in things}.values())


# Classes whose layers have added a loss: while there is none, none need be cleared.
_adders: WeakSet[type] = WeakSet()  # never looked through


class LayerVariables:
    """The part of `Layer` that deals with its state."""

    name: str
    built: bool
    activity_regularizer: Any
    _tracker: Tracker
    _losses: list[Any]
    _trainable: bool
    _weight_scope: Callable[[], Any]
    _label: Callable[[], str]
    dtype_policy: DTypePolicy

    def add_weight(
        self,
        *args: Any,
        shape: Any = None,
        initializer: Identifier = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Identifier = None,
        constraint: Identifier = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a variable that belongs to this layer.

        Args:
            *args: `shape` and `initializer` by position, or the older `(name, shape)`.
            shape: Sizes, none unknown; default `()`.
            initializer: Default glorot_uniform for floats, zeros otherwise.
            dtype: Default: the variable dtype of the layer's policy.
            trainable: Whether optimizers change it.
            autocast: Whether it is read in the compute dtype.
            regularizer: Penalty on its values, added to the layer's losses.
            constraint: Projection applied after each update.
            aggregation: How replicas are combined: kept, there is one device.
            overwrite_with_gradient: Whether an update replaces it by its gradient.
            name: Default `variable`, `variable_1`, ...

        Returns:
            The variable.

        Raises:
            ValueError: If the shape has None, or is given twice.
            RuntimeError: If `super().__init__()` was not called.
        """
        self._check_initialized()
        if args and isinstance(args[0], str):
            name, args = args[0], args[1:]
        if args and shape is not None:
            raise ValueError(
                f"{self._label()}: add_weight() got the shape {args[0]!r} by position and "
                f"{shape!r} by keyword; give it once, as shape=."
            )
        if args:
            shape = args[0]
        if len(args) > 1:
            initializer = args[1]
        wanted = dtypes.standardize(
            self.dtype_policy.variable_dtype if dtype is None else dtype
        )
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(wanted) else "zeros"
        if not isinstance(initializer, (np.ndarray, Variable)):
            initializer = initializers.get(initializer)
        shape = (
            ()
            if shape is None
            else (shape,)
            if isinstance(shape, int)
            else tuple(shape)
        )
        with self._weight_scope():
            variable = Variable(
                initializer,
                shape=shape,
                dtype=wanted,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        self._tracker.track(variable)
        if not self._trainable:
            variable.trainable = False  # it thaws with the layer
        return variable

    def add_variable(
        self,
        shape: Shape,
        initializer: Identifier,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Identifier = None,
        constraint: Identifier = None,
        name: str | None = None,
    ) -> Variable:
        """As `add_weight`, under its name in older Keras."""
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            dtype=dtype,
            trainable=trainable,
            autocast=autocast,
            regularizer=regularizer,
            constraint=constraint,
            name=name,
        )

    def _track_variable(self, variable: Variable) -> None:
        """Make a variable part of the layer's state, as setting it as an attribute does."""
        self._tracker.track(variable)

    def _untrack_variable(self, variable: Variable) -> None:
        """Take a variable out of the layer's state; an attribute that holds it stays."""
        self._tracker.untrack(variable)

    def add_metric(self, *args: object, **kwargs: object) -> None:
        """Is refused, as in Keras 3."""
        raise NotImplementedError(
            f"{type(self).__name__}.add_metric is gone. Give the metric to "
            "`compile(metrics=[...])`, or make a keras.metrics object in __init__ and call "
            "its update_state() in call()."
        )

    def _check_initialized(self) -> None:
        if "name" not in self.__dict__:
            raise RuntimeError(
                f"{type(self).__name__}.__init__ did not call super().__init__(); make that "
                "its first line."
            )

    @property
    def _layers(self) -> list[Any]:
        return self._tracker.layers

    @property
    def _trainable_variables(self) -> list[Variable]:
        return self._tracker.trainable

    @property
    def _non_trainable_variables(self) -> list[Variable]:
        return self._tracker.non_trainable

    @property
    def _metrics(self) -> list[Any]:
        return self._tracker.metrics

    def _flatten_layers(
        self, include_self: bool = True, recursive: bool = True
    ) -> list[Any]:
        """This layer and those inside it, depth first, each once."""
        found: dict[int, Any] = {}
        stack: list[Any] = [self]
        while stack:
            layer = stack.pop()
            if id(layer) in found:
                continue
            found[id(layer)] = layer
            if layer is self or recursive:
                stack.extend(reversed(layer._tracker.layers))
        layers = list(found.values())
        return layers if include_self else layers[1:]

    @property
    def variables(self) -> list[Variable]:
        """All state: weights, and the states of seed generators. Metrics are apart."""
        found: list[Variable] = []
        for layer in self._flatten_layers():
            tracker = layer._tracker
            found += tracker.trainable
            found += tracker.non_trainable
            found += [seed.state for seed in tracker.seeds]
        return unique(found)

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes; none if the layer is frozen."""
        if not self.trainable:
            return []
        return [v for v in self.variables if v.trainable]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that optimizers leave alone."""
        if not self.trainable:
            return self.variables
        return [v for v in self.variables if not v.trainable]

    @property
    def weights(self) -> list[Variable]:
        """The variables without the states of seed generators, in Keras's order."""
        return unique(
            v
            for layer in self._flatten_layers()
            for v in (*layer._tracker.trainable, *layer._tracker.non_trainable)
        )

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes; none if the layer is frozen."""
        if not self.trainable:
            return []
        return [v for v in self.weights if v.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that optimizers leave alone."""
        if not self.trainable:
            return self.weights
        return [v for v in self.weights if not v.trainable]

    @property
    def trainable(self) -> bool:
        """Whether training changes this layer; setting it sets all parts."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        self.__dict__["_trainable"] = value
        for variable in self._tracker.trainable:
            variable.trainable = value
        for layer in self._tracker.layers:
            layer.trainable = value

    @property
    def metrics(self) -> list[Any]:
        """The metrics of this layer and its parts."""
        return unique(
            m for layer in self._flatten_layers() for m in layer._tracker.metrics
        )

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of the metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    def add_loss(self, loss: ArrayLike) -> None:
        """Add tensors to the loss of the model this layer is in.

        Call it inside `call`; the losses of a call replace those of the one before.

        Args:
            loss: A tensor, or a list of them. One that is no scalar counts by its sum.
        """
        context = call_context.get()
        if context is not None and context.symbolic:
            return
        for value in tree.flatten(loss):
            if value is None:
                continue
            self._losses.append(value)
            _adders.add(type(self))

    @property
    def losses(self) -> list[Any]:
        """What `add_loss` was given in the last call, and what regularizers give."""
        layers = self._flatten_layers()
        found = [value for layer in layers for value in layer._losses]
        if not current().staging:
            # What a compiled step left behind are names in its graph, without values.
            found = [v for v in found if not getattr(v, "staged", False)]
        for v in self.trainable_weights:
            if v.regularizer is not None:
                found.append(v.regularizer(v))
        return found

    def _clear_losses(self) -> None:
        if _adders:
            for layer in self._flatten_layers():
                layer._losses.clear()

    def get_weights(self) -> list[np.ndarray]:
        """The values of `weights` as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights, in the order of `get_weights()`.

        Raises:
            ValueError: If their number or a shape is wrong; nothing is changed then.
        """
        own = self.weights
        weights = list(weights)
        if len(weights) != len(own):
            hint = (
                ""
                if self.built
                else " It is not built yet: call it, or build(), first."
            )
            raise ValueError(
                f"set_weights on layer {self.name!r}: got {len(weights)} arrays, expected "
                f"{len(own)}.{hint}"
            )
        weights = [v if hasattr(v, "aval") else plain(v) for v in weights]
        for variable, value in zip(own, weights):
            shape = tuple(np.shape(value))
            if shape != variable.shape:
                raise ValueError(
                    f"set_weights on layer {self.name!r}: weight {variable.path!r} has shape "
                    f"{variable.shape}; got an array of shape {shape}."
                )
        for variable, value in zip(own, weights):
            variable.assign(value)

    def count_params(self) -> int:
        """The number of values in `weights`.

        Raises:
            ValueError: If the layer is not built.
        """
        if not self.built:
            raise ValueError(
                f"count_params on layer {self.name!r}: it is not built, so its weights do not "
                "exist yet. Call it on data, or layer.build(input_shape)."
            )
        return sum(v.size for v in self.weights)

    def _own_variables(self) -> list[Variable]:
        """What `save_own_variables` saves."""
        return self._tracker.trainable + self._tracker.non_trainable

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put this layer's own variables into `store` under "0", "1", ..."""
        for i, variable in enumerate(self._own_variables()):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Take this layer's own variables from `store`.

        Raises:
            ValueError: If their number or a shape is wrong; nothing is changed then.
        """
        own = self._own_variables()
        if len(store.keys()) != len(own):
            hint = (
                "" if self.built else " The layer is not built; build or call it first."
            )
            raise ValueError(
                f"layer {self.name!r}: the file has {len(store.keys())} variables for it, "
                f"expected {len(own)}.{hint}"
            )
        values = [np.asarray(store[str(i)]) for i in range(len(own))]
        for variable, value in zip(own, values):
            if value.shape != variable.shape:
                raise ValueError(
                    f"layer {self.name!r}: variable {variable.path!r} has shape "
                    f"{variable.shape}; the file has {value.shape}."
                )
            check_real(value, variable)
        for variable, value in zip(own, values):
            variable.assign(value)
