"""Pools: what follows the gradient of a maximum pooling is done on the small side.

The gradient is zero but at the maximum of each window, and there the pooled array has
the same value as the pooling's input. So with p = max_pool(y)

    select(y > 0, max_pool_grad(y, g), 0)    max_pool_grad(y, select(p > 0, g, 0))
    sum(max_pool_grad(y, g)) over positions  sum(g) over positions

The first is the gradient of ReLU before a pooling, the second that of a bias. Both then
read and write arrays as large as the pooling's result, not as its input.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine.aval import Aval
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.passes.simplify import dead_code
from minikeras.engine.primitive import Primitive

_COMPARISONS = ("gt", "ge", "lt", "le")


def pools(graph: Graph) -> Graph:
    """All of this file."""
    if not any(node.prim.name == "max_pool_grad" for node in graph.nodes):
        return graph
    return dead_code(_Pools(graph).run())


class _Pools:
    """One sweep over the nodes, in order, with the rewrites found so far."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.producer: dict[Value, Node] = {}
        self.pooled: dict[Any, Value] = {}  # (input, how) -> the pooling's result
        self.nodes: list[Node] = []

    def run(self) -> Graph:
        for node in self.graph.nodes:
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


def _how(node: Node) -> tuple[Any, ...]:
    return tuple(node.static[key] for key in ("window", "strides", "padding"))
