"""Epilogues: the elementwise tail of a contraction moves into the contraction.

`relu(conv(x, w) + b)` becomes one `epilogue` node, so that bias and activation are
applied to each block of the result while it is still in cache. A tail grows while
the result so far has one user, that user is elementwise, keeps the shape, and its
other operands exist before the contraction runs. An operand that is itself one
elementwise step from such values comes along: `x > 0` in the gradient of ReLU. Small
values that depend on no contraction are made first, so that the scale of a batch
normalization, made of its variance, is there in time.
"""

from __future__ import annotations

from typing import NamedTuple

from minikeras.engine import backend as registry
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.prims import reshape
from minikeras.engine.prims.compiled import epilogue

# A value of so few bytes may be made long before it is read.
_SMALL_BYTES = 1 << 14


def epilogues(graph: Graph, backend: registry.Backend) -> Graph:
    """Fold tails into the contractions for which the backend asks for it."""
    if not any(backend.has_epilogues(n) for n in graph.nodes if _contracts(n)):
        return graph
    graph = _early_first(graph)
    users = graph.users()
    position = {node: i for i, node in enumerate(graph.nodes)}
    made_at = {v: position[node] for node in graph.nodes for v in node.outputs}
    made_by = graph.producers()
    outputs = set(graph.outputs)
    absorbed: dict[Node, Node] = {}  # the last node of a tail -> the epilogue node
    gone: set[Node] = set()
    for index, core in enumerate(graph.nodes):
        if not _contracts(core) or not backend.has_epilogues(core):
            continue
        early = _Early(index, users, made_at, made_by, outputs, backend, absorbed)
        tail = _tail(core, early)
        if not tail:
            continue
        absorbed[tail[-1]] = _node(core, tail, graph)
        gone.update((core, *tail[:-1]))
    nodes = [absorbed.get(node, node) for node in graph.nodes if node not in gone]
    return graph.with_nodes(nodes)


def _contracts(node: Node) -> bool:
    return node.prim.kind == "contract" and len(node.outputs) == 1


def _early_first(graph: Graph) -> Graph:
    """With small elementwise values of inputs alone in front of everything else."""
    there = {*graph.inputs, *graph.constants}
    results = set(graph.outputs)
    first: list[Node] = []
    for node in graph.nodes:
        small = sum(v.aval.nbytes for v in node.outputs) <= _SMALL_BYTES
        kept = any(v in results for v in node.outputs)
        plain = node.prim.kind == "elementwise" or node.prim is reshape
        if plain and small and not kept and there.issuperset(node.inputs):
            first.append(node)
            there.update(node.outputs)
    moved = set(first)
    return graph.with_nodes([*first, *(n for n in graph.nodes if n not in moved)])


class _Early(NamedTuple):
    """What there is before the contraction, which is node `at`, and who reads what."""

    at: int
    users: dict[Value, list[Node]]
    made_at: dict[Value, int]
    made_by: dict[Value, Node]
    outputs: set[Value]
    backend: registry.Backend
    absorbed: dict[Node, Node]

    def only_user(self, value: Value) -> Node | None:
        """The elementwise node that alone reads a value."""
        readers = self.users.get(value, ())
        # An epilogue writes only the tail's last value: one that others read would be
        # lost.
        if value in self.outputs or len(readers) != 1:
            return None
        return readers[0] if self.fits(readers[0]) else None

    def fits(self, node: Node) -> bool:
        return node.prim.kind == "elementwise" and self.backend.fusible(node)

    def helpers(self, values: list[Value]) -> list[Node] | None:
        """The nodes that make the late ones of `values`; None where they come too late."""
        made: list[Node] = []
        for v in values:
            if self.made_at.get(v, -1) <= self.at:
                continue
            node = self.made_by[v]
            if (
                node in self.absorbed
            ):  # made by an earlier epilogue, in time for this one
                continue
            late = any(self.made_at.get(w, -1) > self.at for w in node.inputs)
            if late or not self.fits(node) or self.only_user(v) is None:
                return None
            made.append(node)
        return made


def _tail(core: Node, early: _Early) -> list[Node]:
    tail: list[Node] = []
    value = core.outputs[0]
    while (node := early.only_user(value)) is not None:
        # The tail runs on blocks of the core's result, and sees an index of that shape
        # only.
        if node.outputs[0].aval.shape != value.aval.shape:
            break
        helpers = early.helpers([v for v in node.inputs if v is not value])
        if helpers is None:
            break
        tail += [*helpers, node]
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
            # Numbers become literals of the kernel; arrays are operands.
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
    return Node(epilogue, inputs, (final,), static, core.source)
