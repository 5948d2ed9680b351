"""Pools: what stands before a maximum pooling, or after its gradient, on the small side.

The gradient is zero but at the maximum of each window, and there the pooled array has
the same value as the pooling's input. So with p = max_pool(y)

    select(y > 0, max_pool_grad(y, g), 0)    max_pool_grad(y, select(p > 0, g, 0))
    sum(max_pool_grad(y, g)) over positions  sum(g) over positions

These are the gradient of ReLU before a pooling, and that of a bias. And a bias and ReLU
keep the order of numbers, so the maximum may be taken first:

    max_pool(maximum(y + b, 0))              maximum(max_pool(y) + b, 0)

where nobody reads the array before the pooling but the pooling's gradient. That finds
the same maximum in y; windows that ReLU makes all zero have no gradient, by the rewrites
above. All of it then reads and writes arrays as large as the pooling's result, not as its
input. No bit changes, unless adding the bias rounds two numbers of a window to the same.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine.aval import Aval
from minikeras.engine.dtypes import is_float
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.passes.simplify import dead_code
from minikeras.engine.primitive import Primitive
from minikeras.engine.prims import (
    add,
    ge,
    gt,
    le,
    lt,
    max_pool,
    max_pool_grad,
    maximum,
    select,
    sub,
)
from minikeras.engine.prims import sum as sum_

_COMPARISONS = (gt, ge, lt, le)


def pools(graph: Graph) -> Graph:
    """All of this file."""
    rows = {node.prim for node in graph.nodes}
    if max_pool_grad in rows:
        graph = dead_code(_Gradients(graph).run())
    if max_pool in rows:
        graph = dead_code(_First(graph).run())
    return graph


class _Sweep:
    """The nodes in order, with the rewrites made so far."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.producer: dict[Value, Node] = {}
        self.nodes: list[Node] = []

    def run(self) -> Graph:
        for node in self.graph.nodes:
            self.add(self.rewritten(node))
        return self.graph.with_nodes(self.nodes)

    def rewritten(self, node: Node) -> Node:
        raise NotImplementedError

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


class _Gradients(_Sweep):
    """Choices and sums after a pooling's gradient move before it."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self.pooled: dict[Any, Value] = {}  # (input, how) -> the pooling's result

    def rewritten(self, node: Node) -> Node:
        if node.prim is max_pool:
            self.pooled[node.inputs[0], _how(node)] = node.outputs[0]
        elif node.prim is select:
            return self.chosen(node)
        elif node.prim is sum_:
            return self.summed(node)
        return node

    def gradient(self, value: Value) -> Node | None:
        """The max_pool_grad that made a value."""
        node = self.producer.get(value)
        return node if node is not None and node.prim is max_pool_grad else None

    def chosen(self, node: Node) -> Node:
        """A choice by the pooling's input, of a gradient or zero."""
        grad = self.gradient(node.inputs[1])
        test = self.producer.get(node.inputs[0])
        if grad is None or test is None or _number(self.graph, node.inputs[2]) != 0:
            return node
        y, g = grad.inputs
        pooled = self.pooled.get((y, _how(grad)))
        if pooled is None or test.prim not in _COMPARISONS or test.inputs[0] is not y:
            return node
        bound, zero = test.inputs[1], node.inputs[2]
        # A number without axes: it broadcasts to the pooled shape as it did to the
        # large one.
        if _number(self.graph, bound) is None or bound.aval.shape or zero.aval.shape:
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


class _First(_Sweep):
    """Poolings move before what keeps the order of their input's numbers."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self.users = graph.users()
        self.outputs = set(graph.outputs)
        self.makers = graph.producers()
        self.before: dict[Value, Value] = {}  # what gradients read instead

    def rewritten(self, node: Node) -> Node:
        if node.prim is max_pool and is_float(node.outputs[0].aval.dtype):
            return self.first(node)  # integers wrap around
        if node.prim is max_pool_grad and node.inputs[0] in self.before:
            return node.replaced({node.inputs[0]: self.before[node.inputs[0]]})
        return node

    def first(self, node: Node) -> Node:
        (y,) = node.inputs
        # Whoever else reads the large array keeps it; only this pooling's own gradient
        # may, since it finds the same maximum before the per-channel steps as after them.
        gradients = [u for u in self.users[y] if u is not node]
        if not all(
            g.prim is max_pool_grad and g.inputs[0] is y and _how(g) == _how(node)
            for g in gradients
        ):
            return node
        after: list[Node] = []
        readers = 1 + len(gradients)
        while y in self.makers and y not in self.outputs:
            maker = self.makers[y]
            if len(self.users[y]) != readers or not _is_per_channel(maker):
                break
            if not all(self.keeps(maker, node, g.inputs[1]) for g in gradients):
                break
            after.append(maker)
            # Only the topmost array is read by the pooling and its gradients; those
            # below by one step.
            y, readers = maker.inputs[0], 1
        if not after:
            return node
        for g in gradients:
            self.before[g.inputs[0]] = y
        value = Value(node.outputs[0].aval)
        self.add(Node(node.prim, (y,), (value,), node.static, node.source))
        for maker in reversed(after[1:]):
            value = self.made(maker.prim, (value, maker.inputs[1]), maker.source)
        last = after[0]
        return Node(
            last.prim, (value, last.inputs[1]), node.outputs, last.static, last.source
        )

    def keeps(self, maker: Node, pool: Node, gradient: Value) -> bool:
        """Whether a gradient finds the same maxima before the step as after it.

        A lower bound makes windows of equal numbers: those must have no gradient. In 16
        bits a sum is often rounded to the same number as its neighbour.
        """
        if maker.prim in (add, sub):
            return maker.outputs[0].aval.dtype in ("float32", "float64")
        choice = self.makers.get(gradient)
        if maker.prim is not maximum or choice is None:
            return False
        if choice.prim is not select:
            return False
        test = self.makers.get(choice.inputs[0])
        if test is None or test.prim is not gt:
            return False
        zero = _number(self.graph, choice.inputs[2])
        least = _number(self.graph, test.inputs[1])
        bound = _number(self.graph, maker.inputs[1])
        if test.inputs[0] is not pool.outputs[0] or least is None or bound is None:
            return False
        return zero == 0 and least >= bound


def _number(graph: Graph, value: Value) -> float | None:
    """The constant, if it is one number."""
    array = graph.constants.get(value)
    return float(array.item()) if array is not None and array.size == 1 else None


def _is_per_channel(node: Node) -> bool:
    """Whether a node keeps the order, and its second operand is one for all positions."""
    if not node.prim.facets.monotone:
        return False
    first, second = (v.aval.shape for v in node.inputs)
    aligned = (1,) * (len(first) - len(second)) + tuple(second)
    return first == node.outputs[0].aval.shape and all(
        d == 1 for d in aligned[1 : len(first) - 1]
    )


def _how(node: Node) -> tuple[Any, ...]:
    return tuple(node.static[key] for key in ("window", "strides", "padding"))
