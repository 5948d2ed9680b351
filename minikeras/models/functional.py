"""Functional: the model behind `Model(inputs, outputs)`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from minikeras.engine import tree
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor
from minikeras.layers.base import masking
from minikeras.layers.base.describing import check_complete
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.shapes import tensors_to_shapes
from minikeras.layers.core.input_layer import Input, InputLayer
from minikeras.models import graph, graph_config
from minikeras.models.feeding import Feeding, any_sizes
from minikeras.models.host_part import HostPart, HostResults, host_part
from minikeras.models.model import Model
from minikeras.saving import dialects
from minikeras.types import PartialShape

if TYPE_CHECKING:
    from minikeras.types import ArrayLike, Nested


# While a model is made from its config, which may say more than `__init__` takes.
_from_config: ContextVar[bool] = ContextVar("minikeras_from_config", default=False)


class Functional(Feeding, Model):
    """A model that is a graph of layers and ops between inputs and outputs.

    Made by `keras.Model(inputs, outputs)`.

    Args:
        inputs: KerasTensors, in any structure of lists and dicts.
        outputs: KerasTensors computed from them.
        name: Name of the model.
        **kwargs: See `Layer`.

    Raises:
        ValueError: If inputs and outputs are not KerasTensors, or are not connected.

    Example:

    >>> a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    >>> model = keras.Model({"a": a, "b": b}, keras.layers.Add()([a, b]))
    >>> model.input_names
    ['a', 'b']
    """

    _saved_first = "layers"
    _not_saved = ("_operations", "_nodes", "_schedule", "_inputs_struct", "_outputs_struct",
                  "_inputs", "_outputs", "_host")  # fmt: skip
    # Whether sizes may be others than those of the inputs: in a Sequential, as in Keras.
    _open_sizes = False
    _operations: list[Any]
    _nodes: list[Any]
    _schedule: graph.Schedule
    _host: HostPart | None
    _inputs: list[KerasTensor]
    _outputs: list[KerasTensor]
    _inputs_struct: Any
    _outputs_struct: Any
    _outputs_spec: Any

    _converts_arguments = False
    _takes_plain_arguments = True

    def __init__(
        self,
        inputs: Nested[KerasTensor],
        outputs: object,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        trainable = kwargs.pop("trainable", None)
        if _from_config.get():
            kwargs = {k: v for k, v in kwargs.items() if k in _LAYER_ARGUMENTS}
        Layer.__init__(self, name=name, **kwargs)
        inputs, outputs = checked_ends(inputs, outputs, self._label())
        flat_in, flat_out = tree.flatten(inputs), tree.flatten(outputs)
        if not all(isinstance(t._keras_history.operation, InputLayer) for t in flat_in):
            starts = [Input(batch_shape=t.shape, dtype=t.dtype) for t in flat_in]
            starts = [
                t if isinstance(t._keras_history.operation, InputLayer) else s
                for t, s in zip(flat_in, starts)
            ]
            flat_out = graph.copy_nodes(flat_in, flat_out, starts)
            inputs = tree.unflatten(tree.flatten_spec(inputs)[1], starts)
            outputs = tree.unflatten(tree.flatten_spec(outputs)[1], flat_out)
        self._connect(inputs, outputs)
        if trainable is not None:
            self.trainable = trainable

    def _connect(self, inputs: object, outputs: Any) -> None:
        """Take this graph as the model's own."""
        fields = self.__dict__
        flat_in, flat_out = tree.flatten(inputs), tree.flatten(outputs)
        nodes, operations = graph.trace(flat_in, flat_out)
        _check_names(operations, self._label())
        fields["_inputs_struct"], fields["_outputs_struct"] = inputs, outputs
        fields["_nodes"], fields["_operations"] = nodes, operations
        fields["_inputs"], fields["_outputs"] = flat_in, flat_out
        # A list of one output is given as that output, as Keras does.
        alone = isinstance(outputs, (list, tuple)) and len(outputs) == 1
        given = outputs[0] if alone else outputs
        fields["_outputs_spec"] = tree.flatten_spec(given)[1]
        fields["_schedule"] = graph.Schedule(flat_in, flat_out, nodes)
        fields["_host"] = host_part(flat_in, flat_out, nodes)
        fields["built"] = True
        for operation in operations:
            if isinstance(operation, Layer):
                self._tracker.track(operation)

    def _label(self) -> str:
        return self.__dict__.get("_shown_as") or super()._label()

    # --- what is known of it

    @property
    def layers(self) -> list[Layer]:
        """The layers of the graph, those nearest to the inputs first."""
        return [o for o in self._operations if isinstance(o, Layer)]

    @layers.setter
    def layers(self, value: object) -> None:
        raise AttributeError(f"{self._label()}: `layers` cannot be set.")

    @property
    def operations(self) -> list[Any]:
        """Layers and ops of the graph."""
        return list(self._operations)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The input tensors as a flat list."""
        return list(self._inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The output tensors as a flat list."""
        return list(self._outputs)

    @property
    def input(self) -> Any:
        """The input tensors in their structure."""
        return self._inputs_struct

    @property
    def output(self) -> Any:
        """The output tensors in their structure."""
        return self._outputs_struct

    @property
    def input_shape(self) -> Any:
        """The shapes of the inputs in their structure; of one input, its shape."""
        return _shapes(self._inputs_struct)

    @property
    def output_shape(self) -> Any:
        """The shapes of the outputs in their structure; of one output, its shape."""
        return _shapes(self._outputs_struct)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, in order."""
        return [t._keras_history.operation.name for t in self._inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that give the outputs, in order."""
        return [t._keras_history.operation.name for t in self._outputs]

    # --- running

    def _has_build(self) -> bool:
        return False

    def build(self, input_shape: PartialShape) -> None:
        """Nothing: it is built when it is made."""

    def call(
        self,
        inputs: object,
        training: bool | None = None,
        mask: Nested[ArrayLike] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the graph.

        Args:
            inputs: Data for the inputs: as their structure, a list in order, or a dict by
                name.
            training: Flag for the layers.
            mask: Masks of the inputs.

        Returns:
            Tensors in the structure of the outputs; for a list of one, that one.
        """
        if type(inputs) is HostResults and self._host is not None:
            results = self._host.finish(inputs, self._feed)
            return tree.unflatten(self._outputs_spec, results)
        values = self._feeds(inputs)
        if mask is not None:
            for value, m in zip(values, tree.flatten(mask)):
                masking.set_mask(value, m)
        results = self._schedule.run(values)
        return tree.unflatten(self._outputs_spec, results)

    def predict_step(self, data: object) -> Nested[Tensor]:
        """The outputs for one batch; its sizes may be others than those of the inputs.

        Args:
            data: `x`, or a tuple that begins with it.
        """
        token = any_sizes.set(True)
        try:
            return super().predict_step(data)
        finally:
            any_sizes.reset(token)

    @masking.passive
    def compute_mask(
        self, inputs: Nested[KerasTensor], previous_mask: ArrayLike
    ) -> Any:
        """The masks that the outputs carry; set while running."""
        return None

    @property
    def _host_part(self) -> HostPart | None:
        """How the graph is cut, if something in it runs on the host."""
        return self._host if type(self).call is Functional.call else None

    def _before_step(self, x: object, training: bool) -> Any:
        part = self._host_part
        if part is None or not part.whole:
            return x
        return part.run(self, self._values(x), self._feed, training)

    # --- describing

    def get_config(self) -> dict[str, Any]:
        """The layers, their arguments and how they are connected.

        Of a subclass whose `__init__` does not pass on inputs and outputs (`*args, **kwargs`,
        whatever it takes beside), its name, dtype and whether it is trainable.
        """
        if not takes_graph(type(self).__init__):
            return Layer.get_config(self)
        return graph_config.to_config(self)

    @staticmethod
    def _may_be_of_graph(cls: type[Model]) -> bool:
        """Whether a config with a graph is of a model that this class made of a graph.

        Also a subclass of `Model`, which is functional once its first model is made.
        """
        known = cls is Model or issubclass(cls, Functional)
        return known or takes_graph(cls.__init__)

    @staticmethod
    def _from_graph_config(
        cls: object, config: dict[str, Any], custom_objects: Mapping[str, Any] | None
    ) -> Model:
        with dialects.one_note():
            modern = dialects.modern_graph(config)
            inputs, outputs, rest = graph_config.from_config(modern, custom_objects)
        if rest.get("trainable"):
            del rest["trainable"]  # it would be set on layers that are not trained
        if cls is Model or cls is Functional:
            return Functional(inputs, outputs, **rest)
        return of_graph(
            cls, inputs, outputs, {**graph_config.beside_graph(modern), **rest}
        )

    def get_build_config(self) -> None:
        """None: it is built when it is made."""
        return None

    def __getstate__(self) -> dict[str, Any]:
        fields = super().__getstate__()
        for name in ("_nodes", "_schedule", "_host", "_inputs", "_outputs", "_outputs_spec",
                     "_inputs_struct", "_outputs_struct"):  # fmt: skip
            del fields[name]
        return {**fields, "_graph": graph_config.flat_graph(self)}

    def __setstate__(self, fields: dict[str, Any]) -> None:
        fields = dict(fields)
        flat = fields.pop("_graph")
        self.__dict__.update(fields)
        self._connect(*graph_config.rebuilt_graph(flat))


_GRAPH = {"inputs", "outputs", "name"}
_LAYER_ARGUMENTS = frozenset(inspect.signature(Layer.__init__).parameters)


def takes_graph(init: Callable[..., None]) -> bool:
    """Whether a constructor passes inputs and outputs on to Functional's."""
    names, kinds = set(), set()
    for p in list(inspect.signature(init).parameters.values())[1:]:
        kinds.add(p.kind)
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            names.add(p.name)
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        return False
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return True
    return {"inputs", "outputs"} <= names <= _GRAPH


def of_graph(cls: Any, inputs: object, outputs: object, config: dict[str, Any]) -> Any:
    """A model of a class that takes a graph, with what else its config says."""
    arguments = {"inputs": inputs, "outputs": outputs, **config}
    check_complete(cls, arguments)
    token = _from_config.set(True)
    try:
        return cls(**arguments)
    finally:
        _from_config.reset(token)


def _shapes(structure: object) -> Any:
    flat = tree.flatten(structure)
    return tuple(flat[0].shape) if len(flat) == 1 else tensors_to_shapes(structure)


def checked_ends(
    inputs: Nested[KerasTensor], outputs: object, owner: str, begun: bool = True
) -> tuple[Any, Any]:
    """Inputs and outputs, if they may be the ends of a graph.

    `begun`: whether inputs must come from `Input` or a call, not `KerasTensor(...)`.
    """
    given = () if begun else {id(leaf) for leaf in tree.flatten(inputs)}
    for what, structure in (("inputs", inputs), ("outputs", outputs)):
        leaves = tree.flatten(structure)
        for leaf in leaves:
            if not isinstance(leaf, KerasTensor):
                raise ValueError(
                    f"{owner}: {what} holds {leaf!r}; expected KerasTensors, made by "
                    "keras.Input() and calls of layers on it."
                )
            if leaf._keras_history is None and id(leaf) not in given:
                raise ValueError(f"{owner}: {what} holds {leaf!r}, which no call made.")
        if not leaves:
            raise ValueError(f"{owner}: {what} is empty.")
        if len({id(t) for t in leaves}) != len(leaves) and what == "inputs":
            raise ValueError(f"{owner}: an input tensor is listed twice.")
    return inputs, outputs


def _check_names(operations: list[Any], owner: str) -> None:
    seen: set[str] = set()
    for operation in operations:
        if operation.name in seen:
            raise ValueError(
                f"{owner}: two layers are named {operation.name!r}; names must be unique in a "
                "model. Give one another name=."
            )
        seen.add(operation.name)


Model._functional = Functional  # type: ignore[attr-defined]  # the class below, for the class above
