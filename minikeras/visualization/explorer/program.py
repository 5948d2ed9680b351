"""A staged graph as JSON: numbered values, steps with static arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minikeras.engine.dtypes import STRING
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.state import State
from minikeras.engine.tensor import host_array
from minikeras.variable import Variable
from minikeras.visualization.explorer.known import unknown
from minikeras.visualization.explorer.packing import pack
from minikeras.visualization.explorer.staged import Gradient, Staged
from minikeras.visualization.explorer.texts import reader

Json = Any


class Program:
    """The program of a staged model.

    Attributes:
        missing: Names of primitives that the page does not know, and that are needed.
    """

    def __init__(self, found: Staged, weights: Sequence[Variable]) -> None:
        self._found = found
        self._numbers: dict[Value, int] = {}
        self._values: list[Json] = []
        self.missing: list[str] = []
        self._dark: set[Value] = set()  # values that the page cannot compute
        if found.eager:
            return
        # Text itself is no value: what layers make of it is.
        self._inputs = [
            -1 if t.dtype == STRING else self._add(t.value) for t in found.inputs
        ]
        self._texts = [self._add(call.made.value) for call in found.texts]
        self._seed = None
        if found.gradient is not None:
            self._seed = self._add(found.gradient.seed)
        self._weights = [self._weight(v) for v in weights]
        self._constants = self._states() + self._known_arrays(found.graph)
        self._steps = self._written(found.graph)

    def _add(self, value: Value) -> int:
        self._numbers[value] = len(self._values)
        self._values.append(_aval(value))
        return self._numbers[value]

    def _weight(self, variable: Variable) -> int:
        value = self._found.states.get(variable.state)
        if value is not None:
            return self._add(value)
        self._values.append(
            {"shape": list(variable.shape), "dtype": str(variable.dtype)}
        )
        return len(self._values) - 1

    def _states(self) -> list[Json]:
        """States that are no weights, such as those of seed generators."""
        return [
            {"value": self._add(value), "array": pack(_array(state))}
            for state, value in self._found.states.items()
            if value not in self._numbers
        ]

    def _known_arrays(self, graph: Graph) -> list[Json]:
        return [
            {"value": self._add(value), "array": pack(np.asarray(array))}
            for value, array in graph.constants.items()
        ]

    def _written(self, graph: Graph) -> list[Json]:
        steps = []
        for node in graph.nodes:
            name = unknown(node)
            if name is not None and name not in self.missing:
                self.missing.append(name)
            if name is not None or any(v in self._dark for v in node.inputs):
                self._dark.update(node.outputs)
                continue
            steps.append(step(node, self._numbers, self._add))
        return steps

    def number(self, value: Any) -> int:
        """The number of a value of the raw graph; -1 if the page cannot compute it."""
        value = self._found.after.get(value, value)
        return -1 if value in self._dark else self._numbers.get(value, -1)

    def json(self, rows: int) -> Json:
        """The whole program, of a model with so many rows of layers."""
        found, gradient = self._found, self._found.gradient
        return {
            "values": self._values,
            "inputs": self._inputs,
            "weights": self._weights,
            "constants": self._constants,
            "steps": self._steps,
            "outputs": [self.number(t.value) for t in found.outputs],
            "texts": self._reading(),
            "gradient": None
            if gradient is None or self.number(gradient.score) < 0
            else {
                "seed": self._seed,
                "score": self.number(gradient.score),
                "inputs": [self.number(v) for v in gradient.inputs],
                "layers": self._by_rows(gradient, rows),
            },
        }

    def _reading(self) -> list[Json]:
        """Which values text is read into, and how."""
        texts = {id(t): i for i, t in enumerate(self._found.inputs)}
        return [
            {
                "input": texts[id(call.given)],
                "value": value,
                "reader": reader(call.layer),
            }
            for call, value in zip(self._found.texts, self._texts, strict=True)
        ]

    def _by_rows(self, gradient: Gradient, rows: int) -> list[int]:
        """Inputs, calls, and what else there is, as the page lists them."""
        found = [self.number(v) for v in (*gradient.inputs, *gradient.layers)]
        return found + [-1] * (rows - len(found))


def _array(state: State) -> np.ndarray[Any, Any]:
    return host_array(state.array())


def _aval(value: Value) -> Json:
    return {"shape": list(value.aval.shape), "dtype": value.aval.dtype}


def step(node: Node, numbers: dict[Value, int], add: Callable[..., Any]) -> Json:
    """One node, whose results get new numbers."""
    return {
        "op": node.prim.name,
        "in": [numbers[v] for v in node.inputs],
        "out": [add(v) for v in node.outputs],
        "static": {key: _static(value) for key, value in node.static.items()},
    }


def _static(value: object) -> Json:
    if isinstance(value, Graph):
        return _body(value)
    if isinstance(value, (tuple, list)):
        return [_static(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        if math.isnan(value):
            return "nan"
        return (
            float(value) if math.isfinite(value) else ("inf" if value > 0 else "-inf")
        )
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"explore: a static argument of type {type(value).__name__}.")


def _body(graph: Graph) -> Json:
    """A sub-graph, with numbers of its own."""
    numbers: dict[Value, int] = {}
    values: list[Json] = []

    def add(value: Value) -> int:
        numbers[value] = len(values)
        values.append(_aval(value))
        return numbers[value]

    inputs = [add(v) for v in graph.inputs]
    constants = [
        {"value": add(v), "array": pack(np.asarray(a))}
        for v, a in graph.constants.items()
    ]
    steps = [step(node, numbers, add) for node in graph.nodes]
    return {
        "body": True,
        "values": values,
        "inputs": inputs,
        "constants": constants,
        "steps": steps,
        "outputs": [numbers[v] for v in graph.outputs],
    }
