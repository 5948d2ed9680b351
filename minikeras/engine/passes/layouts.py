"""Layouts: `matmul` reads operands and writes its result in another order of axes.

Attention moves heads in front of steps and back, `(batch, steps, heads, width)` to
`(batch, heads, steps, width)`. For a product of matrices that is only another distance
between rows and between matrices, so where the backend can walk such distances the
transposes around a matmul are dropped. The last axis keeps its place in memory: a row
stays a row.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine import backend as registry
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.prims import matmul, transpose

Perm = tuple[int, ...]


def layouts(graph: Graph, backend: registry.Backend) -> Graph:
    """Fold transposes into the matmuls that read or make what they move."""
    if not backend.strided_products:
        return graph
    producer = graph.producers()
    users = graph.users()
    outputs = set(graph.outputs)
    nodes: list[Node] = []
    gone: set[Node] = set()
    for node in graph.nodes:
        if node in gone:
            continue
        if node.prim is matmul:
            node, after = _result(_operands(node, producer), users, outputs)
            gone.update(after)
        nodes.append(node)
    return graph.with_nodes(_needed(nodes, outputs))


def _operands(node: Node, producer: dict[Value, Node]) -> Node:
    static, inputs = dict(node.static), list(node.inputs)
    for i, name in enumerate("ab"):
        made = producer.get(inputs[i])
        if made is None or made.prim is not transpose:
            continue
        perm = tuple(made.static["perm"])
        last = len(perm) - 1
        flag = f"transpose_{name}"
        if (
            perm[-2] == last
        ):  # rows became columns: the flag says so, the order need not
            perm = (*perm[:-2], perm[-1], perm[-2])
            static[flag] = not static.get(flag, False)
        elif perm[-1] != last:
            continue
        inputs[i] = made.inputs[0]
        if perm != tuple(range(last + 1)):
            static[f"perm_{name}"] = perm
    if inputs == list(node.inputs):
        return node
    return Node(node.prim, inputs, node.outputs, static, node.source)


def _result(
    node: Node, users: dict[Value, list[Node]], outputs: set[Value]
) -> tuple[Node, list[Node]]:
    """The matmul that writes what its only user, a transpose, would; and that user."""
    value = node.outputs[0]
    after = users.get(value, [])
    if value in outputs or len(after) != 1 or after[0].prim is not transpose:
        return node, []
    perm: Perm = tuple(after[0].static["perm"])
    if perm[-1] != len(perm) - 1:
        return node, []
    static: dict[str, Any] = {**node.static, "perm_out": perm}
    moved = Node(node.prim, node.inputs, after[0].outputs, static, node.source)
    return moved, after


def _needed(nodes: list[Node], outputs: set[Value]) -> list[Node]:
    """Without the transposes that nobody reads any more."""
    read = outputs | {v for node in nodes for v in node.inputs}
    return [
        n for n in nodes if n.prim is not transpose or not read.isdisjoint(n.outputs)
    ]
