"""Recompute: what is cheaply made from an array in memory is made where it is needed.

The distances from the mean in a batch normalization are read by its variance, by its
result and twice by its gradients. Kept, they are one more array as large as the input,
written once and read as often as the input would be. So a cheap elementwise node with
one large operand, which no fused loop makes (a convolution's result, an input), is
repeated for each of its users and disappears into their loops.

The sign of an activation, which its gradient asks for, is one comparison. Made along
with the activation it is an array of its own until the gradient comes; where the
activation stays in memory that long anyway, it waits for the gradient's loop.

An activation of a normalized convolution is read by the next one, and again by the
gradients, when everything between has run. The convolution's result is kept for the
gradients too, and a few cheap nodes make the activation of it: so these are repeated,
and the activation's memory is free between. (Chen et al. 2016, "Training Deep Nets with
Sublinear Memory Cost", section 4.2, drop the results of cheap operations in this way.)
The gradient's loop then reads what the activation is made from, which it reads in any
case, and writes the activation instead of reading it: that is as fast as before. So it is
with a GELU and what its slope needs of it, which are made of what goes into it, and with
what a layer normalization makes of its input.

Three passes, from the simplest to the widest: `_repeat_cheap` (one node, all readers),
`_make_twice` (several nodes, the late readers), `_waiting_comparisons` (no copy; only the
place changes). All of them give nodes that must run in the loop of their reader; `fuse`
is told these, since by itself it would put them into the first loop over their operand.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from minikeras.engine import backend as registry
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.prims import erf, gt, logistic, maximum, tanh

# The other operands are smaller than the large one by this, at least.
_SMALL = 16
# Arrays of fewer bytes are in the cache anyway.
_LEAST_BYTES = 1 << 16
# Nodes from the array in memory to an activation, at most. Batch
# normalization (subtract, multiply, multiply, add) and a ReLU are five, a GELU by tanh is
# nine; every one more is done for each element again.
_LONGEST_PATH = 10
# What may be among them beside cheap nodes, one of it: a function costs less than to write
# its result to memory and to read it there.
_AGAIN = (maximum, erf, tanh, logistic)
# An activation is made twice if it has so many bytes, and so many nodes run meanwhile:
# smaller ones, or ones soon read again, do not decide how large the arena is.
_DROPPED_BYTES, _DROPPED_NODES = 1 << 21, 64


def recompute(graph: Graph, backend: registry.Backend) -> tuple[Graph, frozenset[Node]]:
    """Repeat cheap nodes for each of their users, where that saves keeping their result.

    Returns:
        The graph, and the nodes that wait: each belongs into the loop of its reader, and
        not to the others that read the same array.
    """
    graph, copies = _repeat_cheap(graph, backend)
    graph, waiting = _make_twice(graph, copies, backend)
    return graph, frozenset(waiting | _waiting_comparisons(graph, backend))


def _repeat_cheap(graph: Graph, backend: registry.Backend) -> tuple[Graph, set[Node]]:
    """Cheap nodes once for each of their readers."""
    producer = graph.producers()
    users = graph.users()
    outputs = set(graph.outputs)
    cheap: dict[Value, Node] = {}
    for node in graph.nodes:
        if not _repeats(node, producer, backend):
            continue
        value = node.outputs[0]
        readers = users.get(value, ())
        if value in outputs or len(readers) < 2:
            continue
        if all(_goes_over(reader, value, backend) for reader in readers):
            cheap[value] = node
    copies: set[Node] = set()
    if not cheap:
        return graph, copies
    nodes: list[Node] = []
    for node in graph.nodes:
        if not cheap.keys().isdisjoint(node.outputs):
            continue
        renamed: dict[Value, Value] = {}
        for v in dict.fromkeys(node.inputs):
            if v in cheap:
                renamed[v] = Value(v.aval)
                copy = _copy(cheap[v], {}, renamed[v])
                copies.add(copy)
                nodes.append(copy)
        nodes.append(node.replaced(renamed))
    return graph.with_nodes(nodes), copies


def _copy(node: Node, renamed: dict[Value, Value], result: Value) -> Node:
    """The node once more, with a result of its own."""
    inputs = [renamed.get(v, v) for v in node.inputs]
    return Node(node.prim, inputs, [result], node.static, node.source)


def _make_twice(
    graph: Graph, copies: set[Node], backend: registry.Backend
) -> tuple[Graph, set[Node]]:
    """Activations of kept arrays are made again for readers that come much later.

    Args:
        graph: As `_repeat_cheap` left it.
        copies: What that made; those that are changed here are replaced in the result.
    """
    # Views are repeated for the sake of the cones alone: without cones the graph stays
    # as it was.
    plain = graph, set(copies)
    graph, waiting = _views_again(graph, copies)
    search = _Search(graph, backend)
    cones: list[_Cone] = []
    for node in graph.nodes:
        cone = search.cone(node)
        if cone is not None:
            cones.append(cone)
            search.dropped.add(node.outputs[0])
    if not cones:
        return plain
    place = search.place
    # Each node of the cones once, before the first reader of what is made of it.
    first: dict[Node, Node] = {}
    for cone in cones:
        for link in cone.nodes:
            known = first.get(link, cone.late[0])
            first[link] = min(known, cone.late[0], key=place.__getitem__)
    bases = {cone.base for cone in cones}
    renamed: dict[Value, Value] = {}
    made_before: dict[Node, list[Node]] = {}
    for link in sorted(first, key=place.__getitem__):
        result = Value(link.outputs[0].aval)
        copy = _copy(link, renamed, result)
        made_before.setdefault(first[link], []).append(copy)
        if not bases.isdisjoint(copy.inputs):
            waiting.add(copy)  # not into the other loops over the base
        renamed[link.outputs[0]] = result
    second: dict[Node, dict[Value, Value]] = {}  # by reader: the value -> its copy
    for cone in cones:
        for reader in cone.late:
            second.setdefault(reader, {})[cone.value] = renamed[cone.value]
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes += made_before.get(node, ())
        new = node.replaced(second[node]) if node in second else node
        if node in waiting and new is not node:
            waiting.remove(node)
            waiting.add(new)
        nodes.append(new)
    return graph.with_nodes(nodes), waiting


def _views_again(graph: Graph, copies: set[Node]) -> tuple[Graph, set[Node]]:
    """Views of large values once more for readers that come much later."""
    users = graph.users()
    place = {node: i for i, node in enumerate(graph.nodes)}
    before: dict[Node, list[Node]] = {}
    second: dict[Node, dict[Value, Value]] = {}
    for node in graph.nodes:
        value = node.outputs[0]
        if not node.prim.facets.alias or value.aval.nbytes < _DROPPED_BYTES:
            continue
        late = _after_the_gap(users.get(value, ()), place)
        if late and value not in graph.outputs:
            result = Value(value.aval)
            before.setdefault(late[0], []).append(_copy(node, {}, result))
            for reader in late:
                second.setdefault(reader, {})[value] = result
    nodes: list[Node] = []
    waiting = set()
    for node in graph.nodes:
        nodes += before.get(node, ())
        new = node.replaced(second.get(node, {}))
        if node in copies:
            waiting.add(new)
        nodes.append(new)
    return graph.with_nodes(nodes), waiting


class _Cone(NamedTuple):
    """What is made twice.

    Attributes:
        value: The activation.
        nodes: What makes it of the base, in order.
        base: The array in memory.
        late: The activation's readers that come much later, in order.
    """

    value: Value
    nodes: list[Node]
    base: Value
    late: list[Node]


class _Search:
    """Looks for what is worth making twice."""

    def __init__(self, graph: Graph, backend: registry.Backend) -> None:
        self.backend = backend
        self.users, self.producer = graph.users(), graph.producers()
        self.place = {node: i for i, node in enumerate(graph.nodes)}
        self.outputs = set(graph.outputs)
        self.dropped: set[Value] = set()  # made twice: not in memory between

    def cone(self, node: Node) -> _Cone | None:
        """What makes the node's result again for its late readers, if that pays."""
        value = node.outputs[0]
        if value.aval.nbytes < _DROPPED_BYTES or value in self.outputs:
            return None
        late = _after_the_gap(self.users.get(value, ()), self.place)
        if not late:
            return None
        end = self.last(value)
        nodes: dict[Node, None] = {}
        bases: set[Value] = set()
        looked = [value]
        while looked:
            v = looked.pop()
            maker = self.producer.get(v)
            inside = maker is not None and _elementwise(maker, self.backend)
            # What lives to the end in any case is free to read again: the search
            # upwards stops there.
            stays = v is not value and v not in self.dropped and self.last(v) >= end
            if maker is None or not inside or stays:
                bases.add(v)
            elif maker not in nodes:
                nodes[maker] = None
                looked += _large(maker)
            if len(bases) > 1 or len(nodes) > _LONGEST_PATH:
                return None
        if len(bases) != 1 or not nodes or not all(map(_simple, nodes)):
            return None
        if sum(not n.prim.facets.cheap and n.prim is not maximum for n in nodes) > 1:
            return None
        (base,) = bases
        # The base itself would have to live longer, or is what the cone is made of.
        if self.last(base) < end or base.aval.shape != value.aval.shape:
            return None
        # One cheap node disappears into its readers' loops anyway.
        if len(nodes) == 1 and not any(self.products(reader) for reader in late):
            return None
        return _Cone(value, sorted(nodes, key=self.place.__getitem__), base, late)

    def last(self, value: Value) -> int:
        """Where the last reader of a value, or of a view of it, stands."""
        found = -1
        for reader in self.users.get(value, ()):
            found = max(found, self.place[reader])
            if reader.prim.facets.alias:
                found = max(found, self.last(reader.outputs[0]))
        return found

    def products(self, reader: Node) -> bool:
        """Whether a reader, perhaps of a view, is a product."""
        if reader.prim.facets.alias:
            found = self.users.get(reader.outputs[0], ())
            return any(self.products(u) for u in found)
        return reader.prim.kind == "contract"


def _after_the_gap(readers: Sequence[Node], place: dict[Node, int]) -> list[Node]:
    """The readers after the widest gap between two, in order; none if it is not wide."""
    ordered = sorted(dict.fromkeys(readers), key=place.__getitem__)
    gaps = [place[b] - place[a] for a, b in pairwise(ordered)]
    widest = max(gaps, default=0)
    return ordered[gaps.index(widest) + 1 :] if widest >= _DROPPED_NODES else []


def _simple(node: Node) -> bool:
    """Whether a node is quickly done again, and needs no large array but the base."""
    large = _large(node)
    same = all(v.aval.shape == node.outputs[0].aval.shape for v in large)
    return bool(large) and same and (node.prim.facets.cheap or node.prim in _AGAIN)


def _large(node: Node) -> list[Value]:
    """The operands that are not much smaller than the result."""
    size = node.outputs[0].aval.size
    return [v for v in node.inputs if v.aval.size * _SMALL > size]


def _waiting_comparisons(graph: Graph, backend: registry.Backend) -> set[Node]:
    """Comparisons with a constant that wait for their reader, since that takes less memory.

    Memory is counted in bytes times nodes: the comparison's result from the node that
    makes its operand, against the operand from its last other reader.
    """
    place = {node: i for i, node in enumerate(graph.nodes)}
    producer, users = graph.producers(), graph.users()
    waiting = set()
    for node in graph.nodes:
        if node.prim is not gt or not backend.fusible(node):
            continue
        (operand, bound), (out,) = node.inputs, node.outputs
        maker, readers = producer.get(operand), users.get(out, ())
        if maker is None or bound.aval.size != 1 or not readers:
            continue
        if out.aval.nbytes < _LEAST_BYTES:
            continue
        if not all(_goes_over(reader, out, backend) for reader in readers):
            continue
        end = max(place[reader] for reader in readers)
        others = [place[u] for u in users[operand] if u.prim.kind == "contract"]
        # The operand lives to its last product anyway; only what is longer counts.
        held = end - max(others, default=place[maker])
        if held * operand.aval.nbytes < (end - place[maker]) * out.aval.nbytes:
            waiting.add(node)
    return waiting


def _repeats(
    node: Node, producer: dict[Value, Node], backend: registry.Backend
) -> bool:
    """Whether a node is cheaply made of one array that is in memory in any case."""
    if not node.prim.facets.cheap or not backend.fusible(node):
        return False
    out = node.outputs[0].aval
    if out.nbytes < _LEAST_BYTES:
        return False
    large = _large(node)
    if len(large) != 1 or large[0].aval.shape != out.shape:
        return False
    # What an elementwise node makes is not in memory: it is gone with the loop around it.
    maker = producer.get(large[0])
    return maker is None or not _elementwise(maker, backend)


def _elementwise(node: Node, backend: registry.Backend) -> bool:
    return node.prim.kind in ("elementwise", "create", "random") and backend.fusible(
        node
    )


def _goes_over(reader: Node, value: Value, backend: registry.Backend) -> bool:
    """Whether the reader runs in a loop over all elements of the value."""
    kinds: Sequence[str] = ("elementwise", "reduce")
    if reader.prim.kind not in kinds or not backend.fusible(reader):
        return False
    space = (reader.outputs if reader.prim.kind == "elementwise" else reader.inputs)[0]
    return space.aval.shape == value.aval.shape
