"""A layer that computes an ONNX graph, with the file's arrays as its weights."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras import ops
from minikeras.engine import tree
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.layer import Layer
from minikeras.models.onnx_import.description import (
    Array,
    Description,
    Node,
    OnnxError,
    Port,
    check,
    nodes_within,
)
from minikeras.models.onnx_import.operators import OPERATORS
from minikeras.models.onnx_import.values import Call, Value, call, step_limit
from minikeras.saving.registry import register_keras_serializable
from minikeras.types import PartialShape

# Operators whose inputs at these places must be known while tracing.
_STATIC = {
    "Reshape": (1,), "Expand": (1,), "Tile": (1,), "Pad": (1, 3), "Slice": (1, 2, 3, 4),
    "Resize": (1, 2, 3), "Upsample": (1,), "Squeeze": (1,), "Unsqueeze": (1,), "Split": (1,),
    "TopK": (1,), "OneHot": (1,), "Range": (0, 1, 2), "ConstantOfShape": (0,), "CumSum": (1,),
    "CumProd": (1,), "Trilu": (1,), "Dropout": (1, 2),
}  # fmt: skip
_STATISTICS = {"BatchNormalization": (3, 4)}  # places that training does not change


@register_keras_serializable("minikeras", "OnnxGraph")
class OnnxGraph(Layer):
    """Computes an ONNX graph. Its float arrays are weights, which train like any others.

    Args:
        graph: The graph, as `get_config` gives it.
        **kwargs: See `Layer`.

    Input shape: as the graph's inputs; a list where there are several.

    Output shape: as the graph's outputs; a list where there are several.

    Example:

    >>> model = keras.models.load_onnx("network.onnx")  # doctest: +SKIP
    >>> graph = model.layers[-1]  # doctest: +SKIP
    >>> len(graph.weights)  # doctest: +SKIP
    2
    """

    def __init__(self, graph: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._description = (
            graph if isinstance(graph, Description) else _described(graph)
        )
        check(self._description, OPERATORS)
        self._arrays = _weights_of(self._description)
        self._weights_by_name: dict[str, Any] = {}
        frozen = _frozen(self._description)
        for name, (shape, dtype, array) in self._arrays.items():
            weight = self.add_weight(
                shape=shape, dtype=dtype, initializer="zeros", trainable=name not in frozen,
                name=re.sub(r"[^0-9A-Za-z_.-]+", "_", name).strip("_") or "weight",
            )  # fmt: skip
            if array is not None:
                weight.assign(array)
            self._weights_by_name[name] = weight

    def build(self, input_shape: PartialShape) -> None:
        """Nothing is left to make; the file says all shapes."""
        self.built = True

    def call(self, inputs: object) -> Tensor | list[Tensor]:
        values = tree.flatten(inputs)
        if len(values) != len(self._description.inputs):
            raise ValueError(
                f"layer {self.name!r}: got {len(values)} inputs; expected "
                f"{len(self._description.inputs)}: "
                f"{', '.join(p.name for p in self._description.inputs)}."
            )
        with step_limit():
            made = run(self._description, values, dict(self._weights_by_name))
        tensors = [ops.convert_to_tensor(v) for v in made]
        return tensors[0] if len(tensors) == 1 else tensors

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "graph": _plain(self._description, self._arrays),
        }


def run(
    graph: Description, inputs: Sequence[Value], outer: dict[str, Value], opset: int = 0
) -> list[Value]:
    """The outputs of a graph for these inputs.

    Args:
        graph: The graph.
        inputs: In the order of its inputs.
        outer: What is known by name around it: weights, or values of an outer graph.
        opset: Version of the operators; default: the graph's.
    """
    version = opset or graph.opset
    values: dict[str, Value] = {**graph.constants, **outer}
    values.update((p.name, v) for p, v in zip(graph.inputs, inputs, strict=True))
    for node in graph.nodes:

        def inner(body: Description, given: Sequence[Value]) -> list[Value]:
            return run(body, given, values, version)

        this = Call(node, version, inner)
        lost = [name for name in node.inputs if name and name not in values]
        if lost:
            raise this.fail(f"nothing makes {lost[0]!r}, or only training does.")
        given = [values[name] if name else None for name in node.inputs]
        made = call(OPERATORS[node.kind], this, given)
        values.update((n, v) for n, v in zip(node.outputs, made, strict=False) if n)
    missing = [p.name for p in graph.outputs if p.name not in values]
    if missing:
        raise OnnxError(f"the outputs {', '.join(missing)} were not made.")
    return [values[p.name] for p in graph.outputs]


def _weights_of(
    graph: Description,
) -> dict[str, tuple[tuple[int, ...], str, Array | None]]:
    """Constants that are weights: float arrays that no operator must know while tracing."""
    static = {
        node.inputs[place]
        for node in nodes_within(graph)
        for place in _static_places(node)
        if place < len(node.inputs)
    }
    found = dict(graph.weights)
    for name, array in graph.constants.items():
        if array.dtype.kind == "f" and array.size > 1 and name not in static:
            found[name] = (array.shape, array.dtype.name, array)
    return found


def _static_places(node: Node) -> tuple[int, ...]:
    return (1,) if node.kind.startswith("Reduce") else _STATIC.get(node.kind, ())


def _frozen(graph: Description) -> set[str]:
    return {
        node.inputs[place]
        for node in nodes_within(graph)
        for place in _STATISTICS.get(node.kind, ())
    }


# --- as JSON ----------------------------------------------------------------------------------


def _plain(graph: Description, weights: dict[str, Any]) -> dict[str, Any]:
    return {
        "inputs": [[p.name, p.dtype, p.shape and list(p.shape)] for p in graph.inputs],
        "outputs": [[p.name, p.dtype, p.shape and list(p.shape)] for p in graph.outputs],
        "nodes": [
            [n.kind, n.inputs, n.outputs, n.name,
             {key: _plain_value(v) for key, v in n.attributes.items()}]
            for n in graph.nodes
        ],
        "constants": {n: _coded(a) for n, a in graph.constants.items() if n not in weights},
        "weights": {n: [list(shape), dtype] for n, (shape, dtype, _) in weights.items()},
        "opset": graph.opset,
    }  # fmt: skip


def _plain_value(value: object) -> Any:
    if isinstance(value, Description):
        return {"graph": _plain(value, {})}
    return {"array": _coded(value)} if isinstance(value, np.ndarray) else value


def _coded(array: Array) -> dict[str, Any]:
    raw = np.ascontiguousarray(array)
    return {
        "dtype": raw.dtype.name,
        "shape": list(raw.shape),
        "data": base64.b64encode(raw.tobytes()).decode("ascii"),
    }


def _decoded(coded: dict[str, Any]) -> Array:
    raw = np.frombuffer(base64.b64decode(coded["data"]), np.dtype(coded["dtype"]))
    return raw.reshape(coded["shape"]).copy()


def _described(plain: dict[str, Any]) -> Description:
    made = Description(
        [_port(p) for p in plain["inputs"]],
        [_port(p) for p in plain["outputs"]],
        [
            Node(
                kind,
                inputs,
                outputs,
                {k: _value(v) for k, v in attributes.items()},
                name,
            )
            for kind, inputs, outputs, name, attributes in plain["nodes"]
        ],
        {name: _decoded(c) for name, c in plain["constants"].items()},
        plain["opset"],
    )
    for name, (shape, dtype) in plain.get("weights", {}).items():
        made.weights[name] = (tuple(shape), dtype, None)
    return made


def _port(plain: Sequence[Any]) -> Port:
    name, dtype, shape = plain
    return Port(name, dtype, None if shape is None else tuple(shape))


def _value(plain: object) -> Any:
    if isinstance(plain, dict):
        return (
            _described(plain["graph"]) if "graph" in plain else _decoded(plain["array"])
        )
    return plain
