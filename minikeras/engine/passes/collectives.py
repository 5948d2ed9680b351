"""Collectives: reductions over ranks that do not wait for one another become one.

Gradients, the loss and what metrics add up are staged as reductions of their own. A
message costs more than what is in it, so all that can go together does: reductions with
the same number of reductions before them, on the longest way, cannot depend on one
another. They are joined where the last of them stands; what reads an earlier one waits
till then. Each of the joined ones depends on the one before it, so all ranks meet them in
one order, whatever other passes do.
"""

from __future__ import annotations

from minikeras.engine.graph import Graph, Node, Value


def collectives(graph: Graph) -> Graph:
    """The graph with joined reductions; itself where there are fewer than two."""
    members = [node for node in graph.nodes if node.prim.facets.collective]
    if len(members) < 2:
        return graph
    waves = _waves(graph)
    return graph.with_nodes(_Joining(waves).run(graph.nodes))


def _waves(graph: Graph) -> dict[Node, int]:
    """For each reduction, how many come before it on the longest way to it."""
    depth: dict[Value, int] = {}
    waves: dict[Node, int] = {}
    for node in graph.nodes:
        before = max((depth.get(v, 0) for v in node.inputs), default=0)
        if node.prim.facets.collective:
            waves[node] = before
            before += 1
        for v in node.outputs:
            depth[v] = before
    return waves


class _Joining:
    """Puts the nodes in their new order."""

    def __init__(self, waves: dict[Node, int]) -> None:
        self.waves = waves
        self.left: dict[int, int] = {}  # members of each wave that are still to come
        for wave in waves.values():
            self.left[wave] = self.left.get(wave, 0) + 1
        self.met: dict[int, list[Node]] = {wave: [] for wave in self.left}
        self.missing: set[Value] = set()  # results that are not made yet
        self.waiting: list[Node] = []
        self.made: list[Node] = []

    def run(self, nodes: list[Node]) -> list[Node]:
        for node in nodes:
            self.place(node)
        return self.made

    def place(self, node: Node) -> None:
        """Put a node next, or let it wait for what it reads."""
        if any(v in self.missing for v in node.inputs):
            self.missing.update(node.outputs)
            self.waiting.append(node)
        elif node in self.waves:
            self.meet(node)
        else:
            self.made.append(node)
            self.missing.difference_update(node.outputs)

    def meet(self, node: Node) -> None:
        """A reduction whose inputs are there; the last of its wave makes all of it."""
        wave = self.waves[node]
        self.met[wave].append(node)
        self.left[wave] -= 1
        self.missing.update(node.outputs)
        if self.left[wave]:
            return
        joined = _joined(self.met[wave])
        self.made.append(joined)
        self.missing.difference_update(joined.outputs)
        waiting, self.waiting = self.waiting, []
        for other in waiting:
            self.place(other)


def _joined(nodes: list[Node]) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    means = tuple(m for node in nodes for m in node.static["means"])
    inputs = [v for node in nodes for v in node.inputs]
    outputs = [v for node in nodes for v in node.outputs]
    source = next((node.source for node in nodes if node.source), "")
    return Node(nodes[0].prim, inputs, outputs, {"means": means}, source)
