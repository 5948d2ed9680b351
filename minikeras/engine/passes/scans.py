"""Scans: what a loop over slices need not do, it does not.

- A scan that was differentiated exists twice, once with what its gradient saved: the
  longer one serves both.
- A stacked result that nothing reads is not stacked.
- What the body computes from constants alone is computed once, before the loop.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.passes.simplify import dead_code
from minikeras.engine.prims import scan


def scans(graph: Graph) -> Graph:
    """All of this file."""
    if not any(node.prim is scan for node in graph.nodes):
        return graph
    graph = dead_code(_merged(graph))
    used = set(graph.outputs) | {v for n in graph.nodes for v in n.inputs}
    nodes: list[Node] = []
    constants = dict(graph.constants)
    for node in graph.nodes:
        if node.prim is scan:
            node = _pruned(node, used)
            before, node = _hoisted(node, constants)
            nodes.extend(before)
        nodes.append(node)
    return Graph(graph.inputs, constants, nodes, graph.outputs)


def _merged(graph: Graph) -> Graph:
    best: dict[Any, Node] = {}
    for node in graph.nodes:
        if node.prim is scan:
            key = _key(node)
            have = best.get(key)
            if have is None or len(have.outputs) < len(node.outputs):
                best[key] = node
    same: dict[Value, Value] = {}
    placed: set[Node] = set()
    nodes = []
    for node in graph.nodes:
        if node.prim is scan:
            chosen = best[_key(node)]
            ours, theirs = node.static["body"].outputs, chosen.static["body"].outputs
            # Results are paired by place, so the longer body must begin with all of the
            # shorter one's.
            if chosen is node or ours != theirs[: len(ours)]:
                chosen = node
            same.update(zip(node.outputs, chosen.outputs, strict=False))
            if chosen in placed:
                continue
            placed.add(chosen)
            node = chosen
        nodes.append(node.replaced(same))
    return graph.with_nodes(nodes, [same.get(v, v) for v in graph.outputs])


def _key(node: Node) -> Any:
    body = node.static["body"]
    # A body that was extended for a gradient knows the one that it extends.
    return id(getattr(body, "origin", body)), node.inputs


def _pruned(node: Node, used: set[Value]) -> Node:
    """Without stacked results that nothing reads."""
    static = node.static
    n_carry = static["n_carry"]
    body: Graph = static["body"]
    # Carries stay though nobody reads their last value: each is the next step's input.
    kept = [i for i, v in enumerate(node.outputs) if i < n_carry or v in used]
    smaller = dead_code(
        Graph(body.inputs, body.constants, body.nodes, [body.outputs[i] for i in kept])
    )
    return Node(
        node.prim,
        node.inputs,
        [node.outputs[i] for i in kept],
        {**static, "body": smaller},
        node.source,
    )


def _hoisted(node: Node, constants: dict[Value, Any]) -> tuple[list[Node], Node]:
    """The nodes of the body that only read constants, to run before; and the rest."""
    body: Graph = node.static["body"]
    n_consts = node.static["n_consts"]
    outside = dict(zip(body.inputs[:n_consts], node.inputs, strict=False))
    fixed = set(outside)
    still: list[Node] = []
    moved: list[Node] = []
    for inner in body.nodes:
        # Made again in each step costs nothing where it has no input: a fill, an iota.
        if inner.inputs and all(
            v in fixed or v in body.constants for v in inner.inputs
        ):
            fixed.update(inner.outputs)
            moved.append(inner)
        else:
            still.append(inner)
    if not moved:
        return [], node
    before = []
    for inner in moved:
        fresh = [Value(v.aval) for v in inner.outputs]
        inputs = []
        for v in inner.inputs:
            if v in body.constants:
                constants[v] = body.constants[v]
            inputs.append(outside.get(v, v))
        before.append(Node(inner.prim, inputs, fresh, inner.static, node.source))
        outside.update(zip(inner.outputs, fresh, strict=True))
    read = set(body.outputs) | {v for inner in still for v in inner.inputs}
    extra = [v for inner in moved for v in inner.outputs if v in read]
    rest = Graph([*extra, *body.inputs], body.constants, still, body.outputs)
    static = {**node.static, "body": rest, "n_consts": n_consts + len(extra)}
    inputs = [*(outside[v] for v in extra), *node.inputs]
    return before, Node(node.prim, inputs, node.outputs, static, node.source)
