"""Inline: replace a composed row by its composition where the backend has no kernel."""

from __future__ import annotations

from minikeras.engine import backend as registry
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.interpret import within
from minikeras.engine.staging import Staging
from minikeras.engine.tensor import Tensor


def inline(graph: Graph, backend: registry.Backend) -> Graph:
    """The graph with only rows that `backend` has a kernel for."""
    nodes: list[Node] = []
    constants = dict(graph.constants)
    same: dict[Value, Value] = {}
    for node in graph.nodes:
        node = node.replaced(same)
        if node.prim.composition is None or node.prim.name in backend.kernels:
            nodes.append(node)
            continue
        inner = Staging()
        given = [Tensor(v, v.aval) for v in node.inputs]
        made = within(inner, node.prim.composition, *given, **node.static)
        parts = made if node.prim.multi else (made,)
        body = inner.graph(list(parts))
        constants.update(body.constants)
        for part in body.nodes:
            part.source = node.source
        # A composition may use other composed rows, so its nodes are inlined in turn.
        deeper = inline(
            Graph(node.inputs, constants, body.nodes, body.outputs), backend
        )
        constants.update(deeper.constants)
        nodes.extend(deeper.nodes)
        same.update(zip(node.outputs, deeper.outputs, strict=True))
    outputs = [same.get(v, v) for v in graph.outputs]
    return Graph(graph.inputs, constants, nodes, outputs)
