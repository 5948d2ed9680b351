"""Results of a program that depend on nothing: they are made once, when it is traced.

The gradient of a sum of moved elements is one: zeros and ones in places that shapes
decide. A caller gets a tensor of its own on the same array, which nobody writes to.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from minikeras.engine import backend as registry
from minikeras.engine.graph import Graph, Value
from minikeras.engine.program import Program

_MOST_BYTES = 1 << 24  # of all of them in a program
# What may be done sooner than its program is run, and never again. Constants are not:
# a NumPy array that became one may be what somebody wants to see.
_KINDS = frozenset(("create", "elementwise", "reduce", "movement", "contract", "index"))


def fixed_results(
    graph: Graph, count: int, backend: registry.Backend
) -> dict[int, Any]:
    """Of the first `count` outputs those that depend on nothing, by their numbers."""
    free: set[Value] = set(graph.constants)
    for node in graph.nodes:
        if node.prim.kind in _KINDS and free.issuperset(node.inputs):
            free.update(node.outputs)
    made = free.difference(graph.constants)
    places, left = [], _MOST_BYTES
    for i, value in enumerate(graph.outputs[:count]):
        if value in made and value.aval.nbytes <= left:
            places.append(i)
            left -= value.aval.nbytes
    if not places:
        return {}
    wanted = [graph.outputs[i] for i in places]
    nodes = [n for n in graph.nodes if made.issuperset(n.outputs)]
    program = Program(Graph([], graph.constants, nodes, wanted), [], [], backend)
    return dict(zip(places, program.run([]), strict=True))


def without_results(graph: Graph, places: Collection[int]) -> Graph:
    """The graph without these outputs."""
    if not places:
        return graph
    kept = [v for i, v in enumerate(graph.outputs) if i not in places]
    return graph.with_nodes(graph.nodes, kept)
