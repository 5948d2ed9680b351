"""Lines: groups of which each reads a line of the last axis, and what others made of it.

A layer normalization is three groups: the mean of each line, the mean of its squared
distances, and what comes of both. Where launches are dear such groups become one node, on
backends that have a kernel for them. A group that is not of the run, and does not wait for
it, goes before it; one that waits for it ends the run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minikeras.engine import backend as registry
from minikeras.engine.aval import Shape
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.prims import reshape
from minikeras.engine.prims.compiled import fused, lines

# One line is one unit's work: longer ones are better shared out.
LONGEST = 8192
# Numbers of a kernel's table: longer runs would not fit.
MOST_NODES = 6
WINDOW = 48  # nodes among which a run is looked for: work grows with the graph alone


def along_lines(graph: Graph, backend: registry.Backend) -> Graph:
    """Make one node of each run of groups that go along the same lines."""
    if not backend.lines:
        return graph
    users = graph.users()
    outputs = set(graph.outputs)
    nodes: list[Node] = []
    at = 0
    while at < len(graph.nodes):
        members, end = _run(graph.nodes, at, backend)
        inside = set(members)
        nodes += [n for n in graph.nodes[at:end] if n not in inside]
        at = end
        if not members:
            continue
        nodes.append(_joined(members))
        for node in members:  # views that others read too
            seen = node.outputs[0]
            read = any(u not in inside for u in users.get(seen, ()))
            if node.prim.facets.alias and (read or seen in outputs):
                nodes.append(node)
    return graph.with_nodes(nodes)


def _run(
    nodes: Sequence[Node], at: int, backend: registry.Backend
) -> tuple[list[Node], int]:
    """The members of a run that starts at a node, and where it ends; none: one node."""
    window = nodes[at : at + WINDOW]
    line = _line(window, backend)
    if line is None:
        return [], at + 1
    members = [window[0]]
    made = set(window[0].outputs)
    for node in window[1:]:
        if not made.intersection(node.inputs):
            continue
        if len(members) == MOST_NODES or not _goes_along(node, line, made, backend):
            break
        members.append(node)
        made.update(node.outputs)
    # A view at the end costs nothing where it stands; inside it would only be in the
    # way.
    while members[-1].prim.facets.alias:
        members.pop()
    if sum(not node.prim.facets.alias for node in members) < 2:
        return [], at + 1
    return members, at + window.index(members[-1]) + 1


def _line(nodes: Sequence[Node], backend: registry.Backend) -> Shape | None:
    """The space of the lines that a run from the first node goes along.

    It folds lines, or makes one number for each, which a later group reads along lines.
    """
    first = nodes[0]
    space = _space(first, backend)
    if space is None or len(space) < 2 or math.prod(space[:-1]) < 2:
        return None
    if space[-1] == 1 and not _folds(first):
        read = (n for n in nodes[1:] if set(first.outputs).intersection(n.inputs))
        follower = next(read, None)
        wide = None if follower is None else _space(follower, backend)
        if wide is None or wide[:-1] != space[:-1]:
            return None
        return wide if 1 < wide[-1] <= LONGEST else None
    folding = _folds(first) and _keeps(first, space)
    return space if folding and 1 < space[-1] <= LONGEST else None


def _space(node: Node, backend: registry.Backend) -> Shape | None:
    """The space of a group, alone or fused, that draws nothing."""
    if node.prim is fused:
        kinds = {n.prim.kind for n in node.static["body"].nodes}
        return None if "random" in kinds else tuple(node.static["space"])
    if node.prim.kind not in ("elementwise", "reduce") or not backend.fusible(node):
        return None
    source = node.inputs[0] if node.prim.kind == "reduce" else node.outputs[0]
    return tuple(source.aval.shape)


def _folds(node: Node) -> list[Node]:
    inner = node.static["body"].nodes if node.prim is fused else [node]
    return [n for n in inner if n.prim.kind == "reduce"]


def _keeps(node: Node, space: Shape) -> bool:
    """Whether all folds are of whole lines, and what else is made is one number each."""
    last = len(space) - 1
    if any(tuple(fold.static["axes"]) != (last,) for fold in _folds(node)):
        return False
    folded = {v for fold in _folds(node) for v in fold.outputs}
    body = node.static["body"] if node.prim is fused else None
    made = body.outputs if body is not None else node.outputs
    return all(v in folded or tuple(v.aval.shape) == space for v in made)


def _goes_along(
    node: Node, line: Shape, made: set[Value], backend: registry.Backend
) -> bool:
    """Whether a node that reads what the run has made does so line by line."""
    lead, short = line[:-1], (*line[:-1], 1)
    if node.prim.facets.alias:
        shapes = {tuple(v.aval.shape) for v in (*node.inputs, *node.outputs)}
        return node.prim is reshape and shapes <= {lead, short}
    space = _space(node, backend)
    if space not in (line, short):
        return False
    if space == short and _folds(node):
        return False
    if space == line and not _keeps(node, line):
        return False
    if space == short and any(tuple(v.aval.shape) != short for v in node.outputs):
        return False
    return all(tuple(v.aval.shape) in (line, short) for v in node.inputs if v in made)


def _joined(members: Sequence[Node]) -> Node:
    """One node of all members; all that they make is its result."""
    made = [v for n in members if not n.prim.facets.alias for v in n.outputs]
    inside = {v for n in members for v in n.outputs}
    given = dict.fromkeys(v for n in members for v in n.inputs if v not in inside)
    body = Graph(given, {}, members, made)
    sources = [n.source for n in members if n.source]
    return Node(lines, given, made, {"body": body}, sources[0] if sources else "")
