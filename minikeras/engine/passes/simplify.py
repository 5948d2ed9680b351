"""Simplify: dead code, common subexpressions, constants, and algebra that costs nothing.

Takes any graph and gives one that computes the same with fewer nodes. Everything
that only moves a constant about (a filled array under an elementwise op, a
broadcast that the op would do itself) disappears here, so that the fuser sees
arithmetic only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minikeras.engine import backend as registry
from minikeras.engine.aval import Aval, broadcast_shapes
from minikeras.engine.dtypes import is_float, numpy_dtype
from minikeras.engine.exact import exact
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.passes.filled import filled
from minikeras.engine.prims import broadcast_to, full, matmul, reshape, transpose

_FOLD_LIMIT = 4096  # elements; larger constants are left to the program


def dead_code(graph: Graph) -> Graph:
    """Without the nodes that no output needs."""
    live: set[Value] = set(graph.outputs)
    kept: list[Node] = []
    # Backwards: all who read a node's results have been met before it.
    for node in reversed(graph.nodes):
        if any(v in live for v in node.outputs):
            live.update(node.inputs)
            kept.append(node)
    constants = {v: a for v, a in graph.constants.items() if v in live}
    return Graph(graph.inputs, constants, reversed(kept), graph.outputs)


def common_subexpressions(graph: Graph) -> Graph:
    """Each call made once; random draws too, since equal keys draw equal bits."""
    seen: dict[Any, Node] = {}
    same: dict[Value, Value] = {}
    constants: dict[Value, Any] = {}
    by_content: dict[Any, Value] = {}
    for v, array in graph.constants.items():
        # Larger ones are rarely equal, and to compare them costs a pass over their bytes.
        if array.size <= 64:
            key = (array.shape, array.dtype.str, array.tobytes())
            first = by_content.setdefault(key, v)
            if first is not v and first.aval == v.aval:
                same[v] = first
                continue
        constants[v] = array
    kept = []
    for node in graph.nodes:
        node = node.replaced(same)
        if node.prim.facets.collective:
            # Its inputs may be equal on this rank only, and every rank must send as often.
            kept.append(node)
            continue
        # Values compare by identity, so a tuple of them is the key for the inputs.
        # `exact`, since 0.0 == -0.0 and 1 == True as dictionaries see it, but not as a
        # static argument.
        node_key = (
            node.prim,
            node.inputs,
            *map(exact, sorted(node.static.items(), key=_first)),
        )
        try:
            first_node = seen.setdefault(node_key, node)
        except TypeError:  # a keyword that cannot be hashed: the node stays
            first_node = node
        if first_node is node:
            kept.append(node)
        else:
            same.update(zip(node.outputs, first_node.outputs, strict=True))
    return Graph(graph.inputs, constants, kept, [same.get(v, v) for v in graph.outputs])


def _first(item: tuple[str, Any]) -> str:
    return item[0]


def _filled(array: np.ndarray[Any, Any]) -> bool:
    """Whether all elements are the same, the sign of zeros too."""
    first = array.flat[0]
    if not (array == first).all():
        return False
    return bool(first) or bool((np.signbit(array) == np.signbit(first)).all())


def algebra(graph: Graph, backend: registry.Backend | None = None) -> Graph:
    """Fold constants and drop what changes nothing, in one sweep.

    Constants are folded by the backend's kernels, where those take NumPy arrays, so
    that they have the bits of an eager call.
    """
    if backend is None or backend.array_type is not np.ndarray:
        backend = registry.load("numpy")
    return _Algebra(graph, backend.kernels).run()


class _Algebra:
    """One sweep over the nodes with the rewrites found so far."""

    def __init__(self, graph: Graph, kernels: Mapping[str, Any]) -> None:
        self.graph = graph
        self.kernels = kernels
        self.constants = dict(graph.constants)
        self.same: dict[Value, Value] = {}
        self.producer: dict[Value, Node] = {}
        self.nodes: list[Node] = []

    def run(self) -> Graph:
        for node in self.graph.nodes:
            node = node.replaced(self.same)
            if self.folded(node) or self.dropped(node):
                continue
            node = filled(node, self.scalar, self.kernels) or node
            node = self.operands(node)
            # `transposes` comes last: it looks at the operands that the rewrites before
            # it have left.
            node = self.transposes(node)
            for v in node.outputs:
                self.producer[v] = node
            self.nodes.append(node)
        outputs = [self.same.get(v, v) for v in self.graph.outputs]
        return Graph(self.graph.inputs, self.constants, self.nodes, outputs)

    def scalar(self, value: Value) -> Any:
        """The number that fills `value`, or None."""
        array = self.constants.get(value)
        if array is not None:
            if array.size == 1:
                return array.item()
            if 0 < array.size <= _FOLD_LIMIT and _filled(array):
                return array.flat[0].item()
            return None
        node = self.producer.get(value)
        if node is not None and node.prim is full:
            return node.static["value"]
        if node is not None and node.prim in (broadcast_to, reshape):
            return self.scalar(node.inputs[0])
        return None

    def literal(self, value: object, dtype: str) -> Value:
        made = Value(Aval((), dtype))
        self.constants[made] = np.asarray(value).astype(numpy_dtype(dtype))
        return made

    def folded(self, node: Node) -> bool:
        """Compute a node of constants now."""
        if len(node.outputs) != 1 or node.prim.kind in ("random", "opaque"):
            return False
        if node.prim.facets.collective:
            return False
        out = node.outputs[0]
        # A `full` is smaller as a node than as the array that it makes.
        if out.aval.size > (1 if node.prim.kind == "create" else _FOLD_LIMIT):
            return False
        arrays = [self.constants.get(v) for v in node.inputs]
        if any(a is None or a.size > _FOLD_LIMIT for a in arrays):
            return False
        kernel = self.kernels.get(node.prim.name)
        if kernel is None:
            return False
        self.constants[out] = np.asarray(kernel(*arrays, **node.static))
        return True

    def dropped(self, node: Node) -> bool:
        """Let the result be the input where the node changes nothing."""
        keep = _identity(node, self.scalar)
        if keep is None:
            return False
        if keep.aval != node.outputs[0].aval:
            return False  # it also broadcasts, or changes the dtype
        self.same[node.outputs[0]] = keep
        return True

    def operands(self, node: Node) -> Node:
        """Filled or broadcast operands of an elementwise node, in their smallest form."""
        if node.prim.kind != "elementwise" or len(node.inputs) < 2:
            return node
        inputs = list(node.inputs)
        wanted = node.outputs[0].aval.shape
        for i, v in enumerate(inputs):
            smaller = self.smaller(v)
            if smaller is v:
                continue
            others = [w.aval.shape for j, w in enumerate(inputs) if j != i]
            # Only where the other operands still stretch the result to its shape.
            if broadcast_shapes(smaller.aval.shape, *others) == wanted:
                inputs[i] = smaller
        return node.replaced(dict(zip(node.inputs, inputs, strict=True)))

    def smaller(self, value: Value) -> Value:
        number = self.scalar(value)
        if number is not None and value.aval.shape:
            return self.literal(number, value.aval.dtype)
        node = self.producer.get(value)
        if node is not None and node.prim is broadcast_to:
            return node.inputs[0]
        return value

    def transposes(self, node: Node) -> Node:
        """`matmul` reads a transposed matrix where it lies."""
        if node.prim is not matmul:
            return node
        static = dict(node.static)
        inputs = list(node.inputs)
        for i, flag in enumerate(("transpose_a", "transpose_b")):
            made = self.producer.get(inputs[i])
            if made is None or made.prim is not transpose:
                continue
            perm = tuple(made.static["perm"])
            rank = len(perm)
            if perm == (*range(rank - 2), rank - 1, rank - 2):
                inputs[i] = made.inputs[0]
                static[flag] = not static[flag]
        if inputs == list(node.inputs):
            return node
        return Node(node.prim, inputs, node.outputs, static, node.source)


def _identity(node: Node, scalar: Callable[[Value], Any]) -> Value | None:
    """The input that equals the node's output, if there is one.

    The caller compares shapes and dtypes.
    """
    facets = node.prim.facets
    if facets.unchanged is not None and facets.unchanged(node.static):
        return node.inputs[0]
    if len(facets.neutral) == 2:
        left, right = node.inputs
        for other, operand, neutral in zip(
            (left, right), (right, left), reversed(facets.neutral), strict=True
        ):
            if neutral is not None and _is_neutral(scalar(operand), neutral, node):
                return other
    return None


def _is_neutral(number: object, neutral: float, node: Node) -> bool:
    """Whether the number is the neutral one, for floats with the sign of a zero too."""
    if number is None or number != neutral:
        return False
    if neutral != 0:
        return True
    # x + 0.0 turns -0.0 into 0.0; only x + -0.0 is x for every x.
    if isinstance(number, complex):  # its parts have signs of their own
        return False
    real = is_float(node.outputs[0].aval.dtype)
    return not real or math.copysign(1.0, number) == math.copysign(1.0, neutral)


def reshapes(graph: Graph) -> Graph:
    """A reshape of a reshape is one reshape, or none where it leads back."""
    producer = graph.producers()
    nodes = []
    same: dict[Value, Value] = {}
    for node in graph.nodes:
        node = node.replaced(same)
        if node.prim is reshape:
            below = producer.get(node.inputs[0])
            while below is not None and below.prim is reshape:
                node = Node(
                    reshape, below.inputs, node.outputs, node.static, node.source
                )
                below = producer.get(node.inputs[0])
            for v in node.outputs:
                producer[v] = node
            if node.inputs[0].aval == node.outputs[0].aval:
                same[node.outputs[0]] = node.inputs[0]
                continue
        nodes.append(node)
    return graph.with_nodes(nodes, [same.get(v, v) for v in graph.outputs])


def simplify(graph: Graph, backend: registry.Backend | None = None) -> Graph:
    """All of this file, in the order that lets each feed the next."""
    graph = dead_code(graph)
    graph = common_subexpressions(graph)
    graph = algebra(graph, backend)
    graph = reshapes(graph)
    graph = common_subexpressions(graph)
    return dead_code(graph)
