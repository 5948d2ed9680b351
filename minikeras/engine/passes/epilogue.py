"""Epilogues: the elementwise tail of a contraction moves into the contraction.

`relu(conv(x, w) + b)` becomes one `epilogue` node, so that bias and activation are
applied to each block of the result while it is still in cache. A tail grows while
the result so far has one user, that user is elementwise, keeps the shape, and its
other operands exist before the contraction runs.
"""

from __future__ import annotations

from minikeras.engine import backend as registry
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.primitive import lookup


def epilogues(graph: Graph, backend: registry.Backend) -> Graph:
    """Fold tails into the contractions for which the backend asks for it."""
    users = graph.users()
    position = {node: i for i, node in enumerate(graph.nodes)}
    made_at = {v: position[node] for node in graph.nodes for v in node.outputs}
    outputs = set(graph.outputs)
    absorbed: dict[Node, Node] = {}  # the last node of a tail -> the epilogue node
    gone: set[Node] = set()
    for index, core in enumerate(graph.nodes):
        if core.prim.kind != "contract" or len(core.outputs) != 1:
            continue
        if not backend.has_epilogues(core):
            continue
        tail = _tail(core, index, users, made_at, outputs, backend)
        if not tail:
            continue
        absorbed[tail[-1]] = _node(core, tail, graph)
        gone.update((core, *tail[:-1]))
    nodes = [absorbed.get(node, node) for node in graph.nodes if node not in gone]
    return graph.with_nodes(nodes)


def _tail(
    core: Node,
    index: int,
    users: dict[Value, list[Node]],
    made_at: dict[Value, int],
    outputs: set[Value],
    backend: registry.Backend,
) -> list[Node]:
    tail: list[Node] = []
    value = core.outputs[0]
    while value not in outputs and len(users.get(value, ())) == 1:
        node = users[value][0]
        if node.prim.kind != "elementwise" or not backend.fusible(node):
            break
        if node.outputs[0].aval.shape != value.aval.shape:
            break
        others = [v for v in node.inputs if v is not value]
        if any(made_at.get(v, -1) > index for v in others):
            break
        tail.append(node)
        value = node.outputs[0]
    return tail


def _node(core: Node, tail: list[Node], graph: Graph) -> Node:
    """The epilogue node: the core's inputs, then what the tail reads besides."""
    result = Value(core.outputs[0].aval)
    renamed = {core.outputs[0]: result}
    inside = {v for node in tail for v in node.outputs} | {core.outputs[0]}
    constants = {}
    extra: dict[Value, Value] = {}
    for node in tail:
        for v in node.inputs:
            if v in inside:
                continue
            if v in graph.constants and v.aval.size == 1:
                constants[v] = graph.constants[v]
            elif v not in extra:
                extra[v] = renamed[v] = Value(v.aval)
    body_nodes = [node.replaced(renamed) for node in tail]
    final = tail[-1].outputs[0]
    body_out = Value(final.aval)
    last = body_nodes[-1]
    body_nodes[-1] = Node(last.prim, last.inputs, (body_out,), last.static, last.source)
    body = Graph([result, *extra.values()], constants, body_nodes, [body_out])
    static = {
        "core": core.prim.name,
        "core_static": tuple(sorted(core.static.items())),
        "n_core": len(core.inputs),
        "body": body,
    }
    inputs = (*core.inputs, *extra)
    return Node(lookup("epilogue"), inputs, (final,), static, core.source)
