"""Recompute: a step from an array that stays in memory is taken again where it is needed.

The distances from the mean in a batch normalization are read by its variance, by its
result and twice by its gradients. Kept, they are one more array as large as the input,
written once and read as often as the input would be. So a cheap elementwise node with
one large operand, which no fused loop makes (a convolution's result, an input), is
repeated for each of its users and disappears into their loops.

The sign of an activation, which its gradient asks for, is one comparison. Made along
with the activation it is an array of its own until the gradient comes; where the
activation stays in memory that long anyway, it waits for the gradient's loop.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikeras.engine import backend as registry
from minikeras.engine.graph import Graph, Node, Value

_CHEAP = ("add", "sub", "mul", "neg")
# The other operands are smaller than the large one by this, at least.
_SMALL = 16
# Arrays of fewer bytes are in the cache anyway.
_LEAST_BYTES = 1 << 16


def recompute(graph: Graph, backend: registry.Backend) -> tuple[Graph, frozenset[Node]]:
    """Repeat cheap nodes for each of their users, where that saves keeping their result.

    Returns:
        The graph, and the repeated nodes: each belongs into the loop of its reader, and
        not to the others that read the same array.
    """
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
        if all(_loops(reader, value, backend) for reader in readers):
            cheap[value] = node
    again = _late(graph, backend)
    if not cheap:
        return graph, frozenset(again)
    nodes: list[Node] = []
    for node in graph.nodes:
        if not cheap.keys().isdisjoint(node.outputs):
            continue
        renamed: dict[Value, Value] = {}
        for v in dict.fromkeys(node.inputs):
            if v in cheap:
                renamed[v] = Value(v.aval)
                made, result = cheap[v], [renamed[v]]
                copy = Node(made.prim, made.inputs, result, made.static, node.source)
                again.add(copy)
                nodes.append(copy)
        new = node.replaced(renamed)
        if node in again:
            again.remove(node)
            again.add(new)
        nodes.append(new)
    return graph.with_nodes(nodes), frozenset(again)


def _late(graph: Graph, backend: registry.Backend) -> set[Node]:
    """Comparisons with a constant that wait for their reader, since that takes less memory.

    Memory is counted in bytes times nodes: the comparison's result from the node that
    makes its operand, against the operand from its last other reader.
    """
    place = {node: i for i, node in enumerate(graph.nodes)}
    producer, users = graph.producers(), graph.users()
    late = set()
    for node in graph.nodes:
        if node.prim.name != "gt" or not backend.fusible(node):
            continue
        (operand, bound), (out,) = node.inputs, node.outputs
        maker, readers = producer.get(operand), users.get(out, ())
        if maker is None or bound.aval.size != 1 or not readers:
            continue
        if operand.aval.shape != out.aval.shape or out.aval.nbytes < _LEAST_BYTES:
            continue
        if not all(_loops(reader, out, backend) for reader in readers):
            continue
        end = max(place[reader] for reader in readers)
        others = [place[u] for u in users[operand] if u.prim.kind == "contract"]
        held = end - max(others, default=place[maker])
        if held * operand.aval.nbytes < (end - place[maker]) * out.aval.nbytes:
            late.add(node)
    return late


def _repeats(
    node: Node, producer: dict[Value, Node], backend: registry.Backend
) -> bool:
    """Whether a node is one cheap step from an array that is in memory in any case."""
    if node.prim.name not in _CHEAP or not backend.fusible(node):
        return False
    out = node.outputs[0].aval
    if out.nbytes < _LEAST_BYTES:
        return False
    large = [v for v in node.inputs if v.aval.size * _SMALL > out.size]
    if len(large) != 1 or large[0].aval.shape != out.shape:
        return False
    maker = producer.get(large[0])
    return maker is None or not _elementwise(maker, backend)


def _elementwise(node: Node, backend: registry.Backend) -> bool:
    return node.prim.kind in ("elementwise", "create", "random") and backend.fusible(
        node
    )


def _loops(reader: Node, value: Value, backend: registry.Backend) -> bool:
    """Whether the reader runs in a loop over all elements of the value."""
    kinds: Sequence[str] = ("elementwise", "reduce")
    if reader.prim.kind not in kinds or not backend.fusible(reader):
        return False
    space = (reader.outputs if reader.prim.kind == "elementwise" else reader.inputs)[0]
    return space.aval.shape == value.aval.shape
