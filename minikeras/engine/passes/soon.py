"""Soon: a variable is updated as soon as its gradient is known and its old value was read.

Traced, an optimizer's steps come last, so all gradients wait for them in memory. Run one
by one between the backward pass's products, each finds its gradient in the cache, and the
gradient's bytes are free for the next one. Only the order changes. (Lv et al. 2023, "Full
Parameter Fine-tuning for Large Language Models with Limited Resources", section 3, update
so while they go backwards.) Nothing passes a row that may raise (`Facets.may_raise`): a step
that ends there has updated what it would have, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping

from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.prims.compiled import epilogue, fused

# Bytes of values so small that it does not matter how long they live: rates, counters.
_SMALL = 1 << 12
_KINDS = ("elementwise", "create", "random")


def soon(graph: Graph, updates: Mapping[Value, Value]) -> Graph:
    """The nodes in an order in which updates do not wait.

    Args:
        graph: After all other passes.
        updates: New value -> the input whose state it replaces.
    """
    users = graph.users()
    # After which of the nodes, as they stood, a value is there.
    made: dict[Value, int] = {}
    at: dict[Node, int] = {}
    barrier = -1
    place = {node: i for i, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        if node.prim.facets.may_raise:
            barrier = place[node]
        earliest = max((made.get(v, -1) for v in node.inputs), default=-1)
        earliest = max(earliest, barrier)
        old = [updates[v] for v in node.outputs if v in updates]
        readers = [u for v in old for u in users.get(v, ()) if u is not node]
        # A reader that comes later would need the old value in another place.
        if _moves(node, updates) and all(u in at for u in readers):
            at[node] = max((earliest, *(at[u] for u in readers)))
        else:
            at[node] = place[node]
        for v in node.outputs:
            made[v] = at[node]
    # Sorting keeps makers before readers: none is set later than it stood.
    return graph.with_nodes(sorted(graph.nodes, key=lambda n: (at[n], place[n])))


def _moves(node: Node, updates: Mapping[Value, Value]) -> bool:
    """Whether it updates states and does nothing else, or computes what is small."""
    if node.prim not in (fused, epilogue) and node.prim.kind not in _KINDS:
        return False
    if all(v in updates for v in node.outputs):
        return True
    return all(v.aval.nbytes <= _SMALL for v in (*node.inputs, *node.outputs))
