"""Pools: what stands before a maximum pooling, or after its gradient, on the small side.

A bias and ReLU keep the order of numbers, so the maximum may be taken first, where
nobody else asks for the array before the pooling (a prediction):

    max_pool(maximum(y + b, 0))              maximum(max_pool(y) + b, 0)

The gradient is zero but at the maximum of each window, and there the pooled array has
the same value as the pooling's input. So with p = max_pool(y)

    select(y > 0, max_pool_grad(y, g), 0)    max_pool_grad(y, select(p > 0, g, 0))
    sum(max_pool_grad(y, g)) over positions  sum(g) over positions

These are the gradient of ReLU before a pooling, and that of a bias. All of them then
read and write arrays as large as the pooling's result, not as its input; no bit changes.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine.aval import Aval
from minikeras.engine.dtypes import is_float
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.passes.simplify import dead_code
from minikeras.engine.primitive import Primitive

_MONOTONE = ("add", "sub", "maximum", "minimum")  # in their first operand
_COMPARISONS = ("gt", "ge", "lt", "le")


def pools(graph: Graph) -> Graph:
    """All of this file."""
    names = {node.prim.name for node in graph.nodes}
    if "max_pool" not in names and "max_pool_grad" not in names:
        return graph
    return dead_code(_Pools(graph).run())


class _Pools:
    """One sweep over the nodes, in order, with the rewrites found so far."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.producer: dict[Value, Node] = {}
        self.pooled: dict[Any, Value] = {}  # (input, how) -> the pooling's result
        self.nodes: list[Node] = []
        users = graph.users()
        outputs = set(graph.outputs)
        self.private = {
            v
            for node in graph.nodes
            for v in node.outputs
            if len(users.get(v, ())) == 1 and v not in outputs
        }

    def run(self) -> Graph:
        for node in self.graph.nodes:
            if node.prim.name == "max_pool":
                node = self.first(node)
                if node.prim.name == "max_pool":
                    self.pooled[node.inputs[0], _how(node)] = node.outputs[0]
            elif node.prim.name == "select":
                node = self.chosen(node)
            elif node.prim.name == "sum":
                node = self.summed(node)
            self.add(node)
        return self.graph.with_nodes(self.nodes)

    def add(self, node: Node) -> None:
        self.nodes.append(node)
        for v in node.outputs:
            self.producer[v] = node

    def made(self, prim: Primitive, inputs: tuple[Value, ...], source: str) -> Value:
        """The result of a new elementwise node."""
        made = prim.infer(*(v.aval for v in inputs))
        assert isinstance(made, Aval)
        value = Value(made)
        self.add(Node(prim, inputs, (value,), {}, source))
        return value

    def gradient(self, value: Value) -> Node | None:
        """The max_pool_grad that made a value."""
        node = self.producer.get(value)
        return node if node is not None and node.prim.name == "max_pool_grad" else None

    def number(self, value: Value) -> float | None:
        array = self.graph.constants.get(value)
        return float(array.item()) if array is not None and array.size == 1 else None

    def first(self, node: Node) -> Node:
        """A pooling, before what keeps the order of its input's numbers."""
        (y,) = node.inputs
        if not is_float(y.aval.dtype):
            return node  # integers wrap around
        after: list[Node] = []
        while y in self.private and y in self.producer:
            maker = self.producer[y]
            if maker.prim.name not in _MONOTONE or not _is_per_channel(maker):
                break
            after.append(maker)
            y = maker.inputs[0]
        if not after:
            return node
        value = Value(node.outputs[0].aval)
        self.add(Node(node.prim, (y,), (value,), node.static, node.source))
        for maker in reversed(after[1:]):
            value = self.made(maker.prim, (value, maker.inputs[1]), maker.source)
        last = after[0]
        return Node(
            last.prim, (value, last.inputs[1]), node.outputs, last.static, last.source
        )

    def chosen(self, node: Node) -> Node:
        """A choice by the pooling's input, of a gradient or zero."""
        grad = self.gradient(node.inputs[1])
        test = self.producer.get(node.inputs[0])
        if grad is None or test is None or self.number(node.inputs[2]) != 0:
            return node
        (y, g), name = grad.inputs, test.prim.name
        pooled = self.pooled.get((y, _how(grad)))
        if pooled is None or name not in _COMPARISONS or test.inputs[0] is not y:
            return node
        bound, zero = test.inputs[1], node.inputs[2]
        if self.number(bound) is None or bound.aval.shape or zero.aval.shape:
            return node
        flags = self.made(test.prim, (pooled, bound), node.source)
        share = self.made(node.prim, (flags, g, zero), node.source)
        return Node(grad.prim, (y, share), node.outputs, grad.static, node.source)

    def summed(self, node: Node) -> Node:
        """A sum over all positions: each window gives its gradient to one of them."""
        grad = self.gradient(node.inputs[0])
        if grad is None:
            return node
        places = range(1, len(grad.inputs[0].aval.shape) - 1)
        if not set(places) <= set(node.static["axes"]):
            return node
        return Node(
            node.prim, (grad.inputs[1],), node.outputs, node.static, node.source
        )


def _is_per_channel(node: Node) -> bool:
    """Whether the second operand is the same at all positions of a sample."""
    first, second = (v.aval.shape for v in node.inputs)
    aligned = (1,) * (len(first) - len(second)) + tuple(second)
    return first == node.outputs[0].aval.shape and all(
        d == 1 for d in aligned[1 : len(first) - 1]
    )


def _how(node: Node) -> tuple[Any, ...]:
    return tuple(node.static[key] for key in ("window", "strides", "padding"))
