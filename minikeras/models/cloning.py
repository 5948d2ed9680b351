"""clone_model: the same architecture with new variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras.engine import tree
from minikeras.engine.symbolic import KerasTensor
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.node import OpCall
from minikeras.layers.core.input_layer import Input, InputLayer
from minikeras.models import graph_config
from minikeras.models.functional import Functional, of_graph, takes_graph
from minikeras.models.model import Model
from minikeras.models.sequential import Sequential, of_layers
from minikeras.tree import assert_same_structure


def clone_model(
    model: Model,
    input_tensors: object = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: object,
) -> Model:
    """A model of the same layers and connections, with fresh weights.

    It is compiled as the model is, with a new optimizer.

    Args:
        model: The model.
        input_tensors: KerasTensors to start from instead of new inputs, in the structure
            of the model's inputs.
        clone_function: Makes the copy of a layer; default from its config. Not used for
            a subclassed model.
        call_function: `f(layer, *args, **kwargs)` that makes each call of a functional
            clone; default calls the layer.
        recursive: Whether `clone_function` is also used inside nested models.

    Returns:
        The new model.

    Raises:
        ValueError: If an argument does not go with this kind of model.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> twin = keras.models.clone_model(model)
    >>> twin.count_params() == model.count_params(), twin is model
    (True, False)
    """
    if kwargs:
        raise ValueError(f"clone_model: unknown arguments {sorted(kwargs)}.")
    copy = _copier(clone_function, call_function, recursive)
    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError("clone_model: call_function is for functional models.")
        return _compiled_alike(_clone_sequential(model, input_tensors, copy), model)
    if isinstance(model, Functional):
        clone = _clone_functional(model, input_tensors, copy, call_function)
        return _compiled_alike(clone, model)
    if (
        clone_function is not None
        or call_function is not None
        or input_tensors is not None
    ):
        raise ValueError(
            f"clone_model: {model._label()} is a subclassed model; its layers are made in its "
            "__init__, so only clone_model(model) is possible."
        )
    return _compiled_alike(type(model).from_config(model.get_config()), model)


def _compiled_alike(clone: Model, model: Model) -> Model:
    """The clone, compiled as the model is, with an optimizer of its own."""
    plain = type(model).compile is Model.compile
    if model.compiled and not clone.compiled and plain:
        clone.compile_from_config(model.get_compile_config())
    return clone


def _copier(
    clone_function: Callable[[Layer], Layer] | None,
    call_function: Callable[..., Any] | None,
    recursive: bool,
) -> Callable[[Any], Any]:
    def copy(layer: Any) -> Any:
        if isinstance(layer, OpCall):
            return OpCall(layer.function, layer.name)
        nested = isinstance(layer, (Functional, Sequential))
        if recursive and nested:
            chosen = call_function if isinstance(layer, Functional) else None
            return clone_model(layer, None, clone_function, chosen, True)
        if clone_function is not None:
            return clone_function(layer)
        return type(layer).from_config(layer.get_config())

    return copy


def _clone_sequential(
    model: Sequential, start: object, copy: Callable[[Any], Any]
) -> Sequential:
    copies = {id(layer): copy(layer) for layer in model.layers}
    layers = [copies[id(layer)] for layer in model.layers]
    first = model._tracker.layers[:1]
    if start is not None:
        tensors = tree.flatten(start)
        if len(tensors) != 1 or not isinstance(tensors[0], KerasTensor):
            raise ValueError(
                "clone_model: input_tensors of a Sequential is one KerasTensor."
            )
        layers.insert(0, tensors[0])
    elif first and isinstance(first[0], InputLayer):
        layers.insert(0, InputLayer.from_config(first[0].get_config()))
    overrides = type(model).get_config is not Sequential.get_config
    config = {**(model.get_config() if overrides else {}), "name": model.name}
    made = of_layers(type(model), layers, config)
    made.trainable = model.trainable or made.trainable
    return made


def _check_alike(start: object, wanted: object) -> None:
    try:
        assert_same_structure(start, wanted)
    except ValueError as error:
        raise ValueError(
            f"clone_model: input_tensors={tree.describe(start)}; expected the structure of "
            f"the model's inputs, {tree.describe(wanted)}."
        ) from error


def _clone_functional(
    model: Functional,
    start: object,
    copy: Callable[[Any], Any],
    call_function: Callable[..., Any] | None,
) -> Functional:
    if start is None:
        inputs = [
            Input(batch_shape=t.shape, dtype=t.dtype, name=name)
            for t, name in zip(model.inputs, model.input_names)
        ]
    else:
        _check_alike(start, model.input)
        inputs = tree.flatten(start)
    copies: dict[int, Any] = {}

    def call(operation: Layer, *args: Any, **kwargs: Any) -> Any:
        if id(operation) not in copies:
            copies[id(operation)] = copy(operation)
        made = copies[id(operation)]
        if call_function is not None and isinstance(made, Layer):
            return call_function(made, *args, **kwargs)
        return made(*args, **kwargs)

    outputs = model._schedule.run(inputs, call)
    structured = tree.unflatten(tree.flatten_spec(model.input)[1], inputs)
    ends = tree.unflatten(tree.flatten_spec(model.output)[1], outputs)
    kind = type(model)
    if kind is Functional or not takes_graph(kind.__init__):
        return Functional(structured, ends, name=model.name)
    own = graph_config.beside_graph(
        model.get_config() if kind.get_config is not Functional.get_config else {}
    )
    made: Functional = of_graph(kind, structured, ends, {**own, "name": model.name})
    return made
