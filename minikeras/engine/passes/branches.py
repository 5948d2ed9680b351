"""Conditions: what is cheap is computed both ways and chosen, what is not is skipped.

- A result of a condition that nothing reads is not computed, nor what only it needs.
- Two branches of a few small elementwise calls become part of the graph around them,
  each result chosen by `select`: cheaper than to look at the bool, and it can be fused.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.passes.simplify import dead_code
from minikeras.engine.prims import cond, select

_CHEAP = ("elementwise", "create", "movement", "reduce", "index")
_FEW = 1 << 14  # elements that both branches may compute to be chosen from


def branches(graph: Graph) -> Graph:
    """All of this file."""
    if not any(node.prim is cond for node in graph.nodes):
        return graph
    graph = dead_code(graph)
    used = set(graph.outputs) | {v for n in graph.nodes for v in n.inputs}
    nodes: list[Node] = []
    constants = dict(graph.constants)
    for node in graph.nodes:
        if node.prim is not cond:
            nodes.append(node)
            continue
        node = _pruned(node, used)
        if _cheap(node.static["yes"]) and _cheap(node.static["no"]):
            nodes.extend(_chosen(node, constants))
        else:
            nodes.append(node)
    return Graph(graph.inputs, constants, nodes, graph.outputs)


def _pruned(node: Node, used: set[Value]) -> Node:
    """With the results and the inputs that matter."""
    static = node.static
    cut = 1 + static["n_yes"]
    kept = [i for i, v in enumerate(node.outputs) if v in used]
    sides = []
    for body, given in (
        (static["yes"], node.inputs[1:cut]),
        (static["no"], node.inputs[cut:]),
    ):
        outputs = [body.outputs[i] for i in kept]
        smaller = branches(
            dead_code(Graph(body.inputs, body.constants, body.nodes, outputs))
        )
        read = set(outputs) | {v for inner in smaller.nodes for v in inner.inputs}
        pairs = [(v, g) for v, g in zip(body.inputs, given, strict=True) if v in read]
        inner = Graph(
            [v for v, _ in pairs], smaller.constants, smaller.nodes, smaller.outputs
        )
        sides.append((inner, [g for _, g in pairs]))
    (yes, first), (no, second) = sides
    return Node(
        node.prim,
        [node.inputs[0], *first, *second],
        [node.outputs[i] for i in kept],
        {"yes": yes, "no": no, "n_yes": len(first)},
        node.source,
    )


def _cheap(body: Graph) -> bool:
    if any(node.prim.kind not in _CHEAP for node in body.nodes):
        return False
    return sum(v.aval.size for n in body.nodes for v in n.outputs) <= _FEW


def _chosen(node: Node, constants: dict[Value, Any]) -> list[Node]:
    """The nodes of both branches, and the choice between their results."""
    static = node.static
    taken, *given = node.inputs
    made: list[Node] = []
    results = []
    for body, inputs in (
        (static["yes"], given[: static["n_yes"]]),
        (static["no"], given[static["n_yes"] :]),
    ):
        names = dict(zip(body.inputs, inputs, strict=True))
        constants.update(body.constants)
        for inner in body.nodes:
            fresh = [Value(v.aval) for v in inner.outputs]
            place = [names.get(v, v) for v in inner.inputs]
            made.append(Node(inner.prim, place, fresh, inner.static, node.source))
            names.update(zip(inner.outputs, fresh, strict=True))
        results.append([names.get(v, v) for v in body.outputs])
    for a, b, out in zip(*results, node.outputs, strict=True):
        made.append(Node(select, [taken, a, b], [out], {}, node.source))
    return made
