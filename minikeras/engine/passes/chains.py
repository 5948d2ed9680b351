"""Chains: nodes that each sample of a batch can go through by itself.

Scores, softmax and mixture of an attention are large beside the cache, so running node
after node over the whole batch writes and reads each of them from memory. A chain runs
all of its nodes on one slice of the batch before it takes the next: what passes between
them stays in the cache, and what nobody else reads is never written to memory at all.

Chains start at products of batches of matrices, and grow while the next node keeps the
batch's samples apart and the backend has kernels for it. Layers whose weights all
samples share are left alone: cut into slices, their products would be small. But a
convolution with few weights may start a chain, so that a pooling reads its result while
that is near.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minikeras.engine import backend as registry
from minikeras.engine.aval import Aval, Shape
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.primitive import Primitive, lookup
from minikeras.engine.prims import conv, matmul
from minikeras.engine.prims.compiled import chain, epilogue, fused

# Values of fewer bytes stay in the cache as they are.
LEAST_BYTES = 1 << 22
# What one slice reads and writes should fit beside a core.
MOST_SLICE_BYTES = 1 << 21
# A slice of a convolution's result is so many times larger than weights read again and
# again.
LEAST_RATIO = 8


def chains(graph: Graph, backend: registry.Backend) -> Graph:
    """Make one node of each run of nodes that can go slice by slice."""
    users = graph.users()
    outputs = set(graph.outputs)
    nodes: list[Node] = []
    at = 0
    while at < len(graph.nodes):
        links = _from(graph.nodes, at, backend)
        if links is not None and links.pays():
            nodes.append(links.node(users, outputs))
            at += len(links.nodes)
        else:
            nodes.append(graph.nodes[at])
            at += 1
    return graph.with_nodes(nodes)


def _from(nodes: Sequence[Node], at: int, backend: registry.Backend) -> _Links | None:
    """The longest chain that starts at a node, if one may."""
    core, inputs, _ = _core(nodes[at])
    if core not in (matmul, conv) or len(inputs[0].aval.shape) < 3:
        return None
    if inputs[0].aval.shape[0] < 2:
        return None  # nothing to cut
    links = _Links(inputs[0].aval.shape[0])
    for node in nodes[at:]:
        if not links.take(node, backend):
            break
    return links


def _core(node: Node) -> tuple[Primitive, Sequence[Value], dict[str, Any]]:
    """The contraction of an epilogue, or the node itself."""
    if node.prim is not epilogue:
        return node.prim, node.inputs, node.static
    row, count = lookup(node.static["core"]), node.static["n_core"]
    return row, node.inputs[:count], dict(node.static["core_static"])


class _Links:
    """Nodes of one chain, as they are and as they are for a slice."""

    def __init__(self, slices: int) -> None:
        self.slices = slices
        self.nodes: list[Node] = []
        self.body: list[Node] = []  # the same for one slice
        # Values of `nodes` -> values of `body`: of which each slice takes its own part
        # (read from outside or made here), and which all slices read as they are.
        self.sliced: dict[Value, Value] = {}
        self.whole: dict[Value, Value] = {}
        self.made: set[Value] = set()

    def take(self, node: Node, backend: registry.Backend) -> bool:
        """Add a node, unless it mixes samples or the backend cannot."""
        if _core(node)[0] is conv and self.nodes:
            return False  # its weights would be read anew for every slice
        is_cut = _cut(node, self.slices)
        if is_cut is None:
            return False
        for v, cut in zip(node.inputs, is_cut, strict=True):
            other = (w for w, c in zip(node.inputs, is_cut, strict=True) if c != cut)
            if v in (self.whole if cut else self.sliced) or v in other:
                return False  # read both ways: one register cannot be both
        sliced, whole = dict(self.sliced), dict(self.whole)
        inputs = []
        for v, cut in zip(node.inputs, is_cut, strict=True):
            if cut:
                inputs.append(sliced.setdefault(v, Value(_slice(v.aval, self.slices))))
            else:
                inputs.append(whole.setdefault(v, Value(v.aval)))
        part = _part(node, inputs, self.slices)
        if not backend.chained(part):
            return False
        self.sliced, self.whole = sliced, whole
        self.sliced.update(zip(node.outputs, part.outputs, strict=True))
        self.made.update(node.outputs)
        self.nodes.append(node)
        self.body.append(part)
        return True

    def pays(self) -> bool:
        """Whether there is something to keep in the cache, and it fits."""
        if len(self.nodes) < 2 or self.slices < 2:
            return False
        between = sum(v.aval.nbytes for v in self.made)
        slice_bytes = sum(v.aval.nbytes for v in self.sliced.values())
        return between >= LEAST_BYTES and slice_bytes <= MOST_SLICE_BYTES

    def node(self, users: dict[Value, list[Node]], outputs: set[Value]) -> Node:
        """The chain."""
        members = set(self.nodes)
        given = [v for v in (*self.sliced, *self.whole) if v not in self.made]
        results = [
            v
            for node in self.nodes
            for v in node.outputs
            if v in outputs or any(u not in members for u in users.get(v, ()))
        ]
        inside = self.sliced | self.whole
        body = Graph(
            [inside[v] for v in given], {}, self.body, [inside[v] for v in results]
        )
        static = {
            "body": body,
            "slices": self.slices,
            "cut": tuple(v in self.sliced for v in given),
        }
        sources = [node.source for node in self.nodes if node.source]
        source = sources[0] if sources else ""
        return Node(chain, given, results, static, source)


def _slice(aval: Aval, slices: int) -> Aval:
    return Aval((aval.shape[0] // slices, *aval.shape[1:]), aval.dtype)


def _cut(node: Node, slices: int) -> list[bool] | None:
    """Which inputs of a node are cut along their first axis; None: samples meet in it."""
    row, inputs, static = _core(node)
    shape = node.outputs[0].aval.shape
    if row is matmul:
        if not _is_batched(inputs, static, node, slices):
            return None
        extra = node.inputs[len(inputs) :]
        return [True] * len(inputs) + _operands(extra, shape, slices)
    if row is conv:
        weights = inputs[1].aval.nbytes * slices * LEAST_RATIO
        if shape[0] != slices or weights > node.outputs[0].aval.nbytes:
            return None
        return [True, False, *_operands(node.inputs[2:], shape, slices)]
    if not inputs or any(v.aval.size == 0 for v in inputs):
        return None
    if row is fused:
        space = tuple(static["space"])
        if not _keeps_samples(static["body"], space):
            return None
    elif row.kind == "elementwise":
        space = shape
    elif _is_per_sample(node):
        space = inputs[0].aval.shape
    else:
        return None
    if len(space) < 2 or space[0] != slices:
        return None
    return _operands(inputs, space, slices)


def _is_per_sample(node: Node) -> bool:
    """Whether the row says so, of its first input."""
    rule = node.prim.facets.per_sample
    rank = len(node.inputs[0].aval.shape) if node.inputs else 0
    return rule is not None and rule(rank, node.static)


def _operands(values: Iterable[Value], space: Shape, slices: int) -> list[bool]:
    """Which operands vary along the first axis of the space."""
    return [
        len(v.aval.shape) == len(space) and v.aval.shape[0] == slices for v in values
    ]


def _is_batched(
    inputs: Sequence[Value], static: dict[str, Any], node: Node, slices: int
) -> bool:
    """Whether sample i of both operands makes sample i of the result."""
    shapes = [v.aval.shape for v in (*inputs, node.outputs[0])]
    if any(len(s) < 3 or s[0] != slices for s in shapes):
        return False
    if len({len(s) for s in shapes}) > 1 or any(v.aval.size == 0 for v in inputs):
        return False
    perms = (static.get(f"perm_{name}") for name in ("a", "b", "out"))
    return all(perm is None or perm[0] == 0 for perm in perms)


def _keeps_samples(body: Graph, space: Shape) -> bool:
    """Whether a fused body sums over other axes only, and draws nothing."""
    made_by = body.producers()
    for node in body.nodes:
        asked = node.prim.kind in ("create", "random", "reduce")
        if asked and not _is_per_sample(node):
            return False
    return all(
        v in made_by and (made_by[v].prim.kind == "reduce" or v.aval.shape == space)
        for v in body.outputs
    )


def _part(node: Node, inputs: Sequence[Value], slices: int) -> Node:
    """The node for one slice."""
    static = dict(node.static)
    if node.prim is fused:
        space = static["space"]
        static["body"] = _inside(static["body"], [v.aval for v in inputs], space)
        static["space"] = (space[0] // slices, *space[1:])
    elif node.prim is epilogue:
        count, body = static["n_core"], static["body"]
        space = body.inputs[0].aval.shape
        core = _slice(body.inputs[0].aval, slices)
        given = [core, *(v.aval for v in inputs[count:])]
        static["body"] = _inside(body, given, space)
    return _rebuilt(node, inputs, static)


def _inside(body: Graph, given: Sequence[Aval], space: Shape) -> Graph:
    """A body for other inputs: one slice of them."""
    new = {v: Value(a) for v, a in zip(body.inputs, given, strict=True)}
    new.update({v: v for v in body.constants})
    nodes = []
    for node in body.nodes:
        static = dict(node.static)
        shape = static.get("shape")
        if shape is not None and len(shape) == len(space) and shape[0] == space[0]:
            static["shape"] = (1, *shape[1:])
        made = _rebuilt(node, [new[v] for v in node.inputs], static)
        new.update(zip(node.outputs, made.outputs, strict=True))
        nodes.append(made)
    inputs = [new[v] for v in body.inputs]
    return Graph(inputs, body.constants, nodes, [new[v] for v in body.outputs])


def _rebuilt(node: Node, inputs: Sequence[Value], static: dict[str, Any]) -> Node:
    """The same call on values of other shapes: its results are inferred anew."""
    made = node.prim.infer(*(v.aval for v in inputs), **static)
    avals = [made] if isinstance(made, Aval) else list(made)
    return Node(node.prim, inputs, [Value(a) for a in avals], static, node.source)
