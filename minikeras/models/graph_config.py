"""Functional graphs as configs (Keras 3's form), and as flat lists for pickle."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from minikeras import ops
from minikeras.engine import tree
from minikeras.engine.symbolic import KerasTensor
from minikeras.layers.base.node import Node, OpCall, Operation
from minikeras.layers.core.input_layer import InputLayer
from minikeras.models import op_config
from minikeras.saving import serialization
from minikeras.saving.dialects.nodes import COUNTED, TRAINING_HOLDS

if TYPE_CHECKING:
    from minikeras.layers.base.layer import Layer
    from minikeras.types import Nested


def to_config(model: Any) -> dict[str, Any]:
    """What `Functional.get_config` returns."""
    numbers = _numbers(model._nodes)
    layers = []
    for operation in model._operations:
        nodes = [n for n in operation._inbound_nodes if n in numbers]
        inbound = [] if isinstance(operation, InputLayer) else nodes
        layers.append(
            {
                **_operation_config(operation, nodes),
                "name": operation.name,
                "inbound_nodes": [_node_config(n, numbers) for n in inbound],
            }
        )

    def place(tensor: KerasTensor) -> list[Any]:
        name, call, index = _history(tensor, numbers)
        # Here alone Keras counts a functional model's own making as its first call.
        functional = hasattr(tensor._keras_history.operation, "_outputs_struct")
        return [name, call + functional, index]

    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": tree.map_structure(place, model._inputs_struct),
        "output_layers": tree.map_structure(place, model._outputs_struct),
    }


def _numbers(nodes: list[Node]) -> dict[Node, int]:
    """The number of each node among those of its operation that are in the model."""
    counts: dict[int, int] = {}
    numbers = {}
    for node in sorted(nodes, key=lambda n: n.index):
        numbers[node] = counts.get(id(node.operation), 0)
        counts[id(node.operation)] = numbers[node] + 1
    return numbers


def _history(tensor: KerasTensor, numbers: dict[Node, int]) -> list[Any]:
    operation, node_index, tensor_index = tensor._keras_history
    node = operation._inbound_nodes[node_index]
    return [operation.name, numbers[node], tensor_index]


def _operation_config(operation: Layer, nodes: list[Node]) -> dict[str, Any]:
    if isinstance(operation, OpCall):
        return op_config.write_operation(operation, nodes)
    config: dict[str, Any] = serialization.serialize_keras_object(operation)
    return config


def _node_config(node: Node, numbers: dict[Node, int]) -> dict[str, Any]:
    def written(value: object) -> dict[str, Any]:
        if isinstance(value, KerasTensor):
            return {
                "class_name": "__keras_tensor__",
                "config": {
                    "shape": value.shape,
                    "dtype": value.dtype,
                    "keras_history": _history(value, numbers),
                },
            }
        return serialization.serialize_keras_object(value)

    args, kwargs = node.args, node.kwargs
    if isinstance(node.operation, OpCall):
        args, kwargs, _ = op_config.split(node.operation, node)
    written_node: dict[str, Any] = {
        "args": [tree.map_structure(written, a) for a in args],
        "kwargs": {k: tree.map_structure(written, v) for k, v in kwargs.items()},
    }
    if "training" in kwargs:
        written_node[TRAINING_HOLDS] = True
    return written_node


_OF_GRAPH = ("name", "trainable", "layers", "input_layers", "output_layers", COUNTED)


def beside_graph(config: dict[str, Any]) -> dict[str, Any]:
    """What a model's config says beside its graph: arguments of a subclass."""
    return {k: v for k, v in config.items() if k not in _OF_GRAPH}


def from_config(
    config: dict[str, Any], custom_objects: Mapping[str, Any] | None
) -> tuple[Any, Any, dict[str, Any]]:
    """Inputs, outputs and other constructor arguments that a config describes.

    Raises:
        ValueError: If a node takes a tensor that nothing makes.
    """
    made: dict[tuple[str, int], Any] = {}
    waiting: list[tuple[str, Any, dict[str, Any], list[Any]]] = []
    for data in config["layers"]:
        name = data.get("name") or data["config"]["name"]
        operation, extra = _operation(data, custom_objects)
        if isinstance(operation, InputLayer):
            made[name, 0] = operation._inbound_nodes[0].outputs
        nodes = list(data.get("inbound_nodes", ()))
        waiting.append((name, operation, extra, nodes))
    done = {name: 0 for name, *_ in waiting}
    ready = deque(waiting)
    blocked: dict[Any, list[Any]] = {}  # by the call that they wait for
    while ready:
        entry = ready.popleft()
        name, operation, extra, nodes = entry
        while nodes:
            histories = _histories([nodes[0]["args"], nodes[0]["kwargs"]])
            if not histories:
                raise ValueError(
                    f"the config calls layer {name!r} on no tensor of the model."
                )
            missing = [k for k in ((h[0], h[1]) for h in histories) if k not in made]
            if missing:
                blocked.setdefault(missing[0], []).append(entry)
                break
            node = nodes.pop(0)
            args, kwargs = _arguments(node, made)
            if isinstance(operation, OpCall) and operation.function is ops.get_item:
                # JSON makes a list of `x[a, b]`'s tuple, which would mean x[[a, b]].
                args = [tuple(a) if isinstance(a, list) else a for a in args]
            if isinstance(operation, OpCall):
                args, kwargs = op_config.arranged(operation, args, kwargs, extra)
            elif not node.get(TRAINING_HOLDS):
                # Keras 3 writes the layer's default, too, and overrules what is there.
                kwargs.pop("training", None)
            made[name, done[name]] = operation(*args, **kwargs)
            ready.extend(blocked.pop((name, done[name]), ()))
            done[name] += 1
    stuck = [name for name, _, _, nodes in waiting if nodes]
    if stuck:
        raise ValueError(
            f"the config of model {config.get('name')!r} is not complete: the calls of "
            f"{', '.join(stuck)} take tensors that no layer in it makes."
        )
    inputs = _places(config["input_layers"], made)
    outputs = _places(config["output_layers"], made)
    rest = {k: config[k] for k in ("name", "trainable") if config.get(k) is not None}
    return inputs, outputs, rest


def _operation(
    data: dict[str, Any], custom_objects: Mapping[str, Any] | None
) -> tuple[Any, dict[str, Any]]:
    """The layer or op, and for an op its further arguments."""
    if op_config.is_op(data):
        return op_config.read_operation(data)
    made = serialization.deserialize_keras_object(data, custom_objects=custom_objects)
    if not isinstance(made, Operation):
        raise ValueError(
            f"the config has {data.get('class_name')!r}, which is no layer or operation."
        )
    return made, {}


def _is_tensor(value: object) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _histories(value: Any) -> list[Any]:
    if _is_tensor(value):
        return [value["config"]["keras_history"]]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [h for v in value for h in _histories(v)]
    return []


def _tensor(history: Sequence[Any], made: dict[tuple[str, int], Any]) -> Any:
    name, node, index = history
    return serialization.tensors_in(made[name, node])[index]


def _arguments(
    node: dict[str, Any], made: dict[tuple[str, int], Any]
) -> tuple[list[Any], dict[str, Any]]:
    def read(value: Any) -> Nested[KerasTensor]:
        if _is_tensor(value):
            return _tensor(value["config"]["keras_history"], made)
        if isinstance(value, (list, tuple)):
            return type(value)([read(v) for v in value])
        if isinstance(value, dict) and "class_name" not in value:
            return {k: read(v) for k, v in value.items()}
        return serialization.deserialize_keras_object(value)

    return [read(a) for a in node["args"]], {
        k: read(v) for k, v in node["kwargs"].items()
    }


def _places(value: Any, made: dict[tuple[str, int], Any]) -> Nested[KerasTensor]:
    if isinstance(value, dict):
        return {k: _places(v, made) for k, v in value.items()}
    if value and isinstance(value[0], str):
        return _tensor(value, made)
    below = [_places(v, made) for v in value]
    return tuple(below) if isinstance(value, tuple) else below  # JSON knows lists only


class _Ref(int):
    """The number of a tensor in a flat graph."""


def flat_graph(model: Any) -> dict[str, Any]:
    """The graph without links between nodes, so that pickle does not go deep."""
    tensors = [t for node in model._nodes for t in node.output_tensors]
    number = {id(t): i for i, t in enumerate(tensors)}

    def ref(value: object) -> Any:
        return _Ref(number[id(value)]) if isinstance(value, KerasTensor) else value

    calls = []
    for node in model._nodes:
        parts = (
            () if isinstance(node.operation, InputLayer) else (node.args, node.kwargs)
        )
        outputs = tree.map_structure(ref, node.outputs)
        calls.append((node.operation, tree.map_structure(ref, parts), outputs))
    return {
        "tensors": [(t.shape, t.dtype, t.name) for t in tensors],
        "calls": calls,
        "inputs": tree.map_structure(ref, model._inputs_struct),
        "outputs": tree.map_structure(ref, model._outputs_struct),
    }


def rebuilt_graph(flat: dict[str, Any]) -> tuple[Any, Any]:
    """Inputs and outputs of a graph that `flat_graph` wrote down."""
    tensors = [
        KerasTensor(shape, dtype, name=name) for shape, dtype, name in flat["tensors"]
    ]

    def deref(value: object) -> Any:
        return tensors[value] if type(value) is _Ref else value

    for operation, parts, outputs in flat["calls"]:
        if isinstance(operation, InputLayer):
            tensors[tree.flatten(outputs)[0]] = operation._inbound_nodes[0].outputs
            continue
        args, kwargs = tree.map_structure(deref, parts)
        Node(operation, args, kwargs, tree.map_structure(deref, outputs))
    return tree.map_structure(deref, flat["inputs"]), tree.map_structure(
        deref, flat["outputs"]
    )
