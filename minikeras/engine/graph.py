"""The graph: a flat list of nodes in execution order, printable, one line a node.

Staging builds it, passes rewrite it (Graph -> Graph), a backend lowers it. Every
value is assigned once. `check()` re-infers every node and is run after each pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minikeras.engine import dtypes
from minikeras.engine.aval import Aval
from minikeras.engine.primitive import Primitive


class Value:
    """A name for an array in a graph. Compared by identity."""

    __slots__ = ("aval", "label")

    def __init__(self, aval: Aval, label: str = "") -> None:
        self.aval = aval
        self.label = label

    def __repr__(self) -> str:
        return f"<value {self.label or hex(id(self))} {self.aval}>"


class Node:
    """One call of a primitive: arrays in, arrays out, static keywords."""

    __slots__ = ("prim", "inputs", "outputs", "static", "source")

    def __init__(
        self,
        prim: Primitive,
        inputs: Iterable[Value],
        outputs: Iterable[Value],
        static: dict[str, Any],
        source: str = "",
    ) -> None:
        self.prim = prim
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.static = static
        self.source = source  # the layer path it was traced in, for errors and profiles

    @property
    def for_numpy(self) -> bool:
        """Whether complex numbers or floats of 8 bits go in or come out.

        Backends leave those to NumPy's kernels.
        """
        return any(dtypes.is_rare(v.aval.dtype) for v in self.inputs + self.outputs)

    def replaced(self, mapping: dict[Value, Value]) -> Node:
        """The same node with its inputs renamed; itself where nothing changes."""
        inputs = tuple(mapping.get(v, v) for v in self.inputs)
        if inputs == self.inputs:
            return self
        return Node(self.prim, inputs, self.outputs, self.static, self.source)

    def __repr__(self) -> str:
        return f"<node {self.prim.name}>"


class GraphError(AssertionError):
    """A graph that breaks its own rules: a bug in a pass."""


class Graph:
    """Inputs, constants, nodes in order, outputs.

    Attributes:
        inputs: Values given at each run.
        constants: Value -> NumPy array, known when the graph was made.
        nodes: In execution order.
        outputs: Values the run returns; inputs and constants may be among them.
    """

    __slots__ = ("inputs", "constants", "nodes", "outputs")

    def __init__(
        self,
        inputs: Iterable[Value],
        constants: dict[Value, np.ndarray[Any, Any]],
        nodes: Iterable[Node],
        outputs: Iterable[Value],
    ) -> None:
        self.inputs = list(inputs)
        self.constants = dict(constants)
        self.nodes = list(nodes)
        self.outputs = list(outputs)

    def with_nodes(
        self, nodes: Iterable[Node], outputs: Iterable[Value] | None = None
    ) -> Graph:
        """This graph with other nodes (and outputs)."""
        return Graph(
            self.inputs,
            self.constants,
            nodes,
            self.outputs if outputs is None else outputs,
        )

    def users(self) -> dict[Value, list[Node]]:
        """For each value, the nodes that read it, in order."""
        table: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for v in dict.fromkeys(node.inputs):
                table.setdefault(v, []).append(node)
        return table

    def producers(self) -> dict[Value, Node]:
        """For each value a node makes, that node."""
        return {v: node for node in self.nodes for v in node.outputs}

    def values(self) -> Iterator[Value]:
        """Every value, inputs and constants first."""
        yield from self.inputs
        yield from self.constants
        for node in self.nodes:
            yield from node.outputs

    def check(self) -> Graph:
        """Re-infer every node; single assignment; definition before use.

        Returns:
            Itself, so that a pass can end with `return graph.check()`.

        Raises:
            GraphError: Naming the node that breaks a rule.
        """
        known: set[Value] = set()
        for v in (*self.inputs, *self.constants):
            if v in known:
                raise GraphError(f"{v!r} is defined twice.")
            known.add(v)
        for v, array in self.constants.items():
            if tuple(array.shape) != tuple(v.aval.shape):
                raise GraphError(
                    f"constant {v!r} holds an array of shape {array.shape}."
                )
        for number, node in enumerate(self.nodes):
            where = f"node {number} ({node.prim.name})"
            for v in node.inputs:
                if v not in known:
                    raise GraphError(f"{where} reads {v!r} before it is made.")
            inferred = node.prim.infer(*(v.aval for v in node.inputs), **node.static)
            avals = (inferred,) if isinstance(inferred, Aval) else tuple(inferred)
            if avals != tuple(v.aval for v in node.outputs):
                got = ", ".join(str(v.aval) for v in node.outputs)
                raise GraphError(f"{where} is said to make {got}, infer says {avals}.")
            for v in node.outputs:
                if v in known:
                    raise GraphError(f"{where} makes {v!r} a second time.")
                known.add(v)
        for v in self.outputs:
            if v not in known:
                raise GraphError(f"output {v!r} is never made.")
        return self

    def __str__(self) -> str:
        return self.text()

    def text(self, indent: str = "") -> str:
        """The printed form: stable names in order of definition."""
        names: dict[Value, str] = {}
        lines = []
        for v in self.inputs:
            names[v] = f"%{len(names)}"
            tail = f"  # {v.label}" if v.label else ""
            lines.append(f"{names[v]} = input {v.aval}{tail}")
        for v, array in self.constants.items():
            names[v] = f"%{len(names)}"
            shown = repr(array.item()) if array.size == 1 else "..."
            lines.append(f"{names[v]} = constant {v.aval} {shown}")
        for node in self.nodes:
            for v in node.outputs:
                names[v] = f"%{len(names)}"
            left = ", ".join(names[v] for v in node.outputs)
            right = ", ".join(names.get(v, "?") for v in node.inputs)
            avals = ", ".join(str(v.aval) for v in node.outputs)
            bodies = [(k, s) for k, s in node.static.items() if isinstance(s, Graph)]
            plain = "".join(
                f" {k}={_short(s)}"
                for k, s in sorted(node.static.items())
                if not isinstance(s, Graph)
            )
            lines.append(f"{left} = {node.prim.name}({right}){plain} : {avals}")
            for key, body in bodies:
                lines.append(f"  {key}:")
                lines.append(body.text("    "))
        lines.append("return " + ", ".join(names.get(v, "?") for v in self.outputs))
        return "\n".join(indent + line for line in lines)


def _short(static: object) -> str:
    text = repr(static)
    return text if len(text) <= 60 else text[:57] + "..."
