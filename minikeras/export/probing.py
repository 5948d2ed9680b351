"""Free sizes: one graph for every batch, found by staging the function several times.

A graph has integers for shapes. The function is staged with `TURNS` different sizes in
place of each free axis; what differs between these graphs depends on these sizes,
and `Probed` says how a node's integers looked in each. The writer then computes them
from the shapes that it meets when the file is run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minikeras.engine import prims, tree
from minikeras.engine.aval import Aval
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.interpret import interpreting
from minikeras.engine.staging import Staging
from minikeras.engine.state import State
from minikeras.engine.tensor import Tensor, host_array
from minikeras.export.errors import ExportError

# Of each line the first is of the graph that is written. Sizes are unlike; other axes than
# the batch are larger, so that windows fit in. First come sizes that few numbers divide, with
# every remainder of 2, 3 and 4, as what holds for them holds for all sizes; where a model does
# not take them, or is another one for each, small ones, for models with a greatest length,
# then those with many divisors, which strides and pools divide. So many turns leave no room
# for a formula that fits by chance.
_BATCHES = (6, 10, 15, 28, 33)
TURNS = len(_BATCHES)
_UNLIKE = (
    (257, 132, 199, 330, 419), (101, 262, 312, 175, 383), (227, 348, 151, 430, 109),
    (179, 282, 112, 139, 241),
)  # fmt: skip
_DIVIDED = (
    (96, 160, 224, 640, 672), (128, 192, 320, 704, 736), (288, 352, 416, 768, 832),
    (256, 480, 544, 864, 896),
)  # fmt: skip
_SMALL = (
    (12, 5, 8, 11, 7), (9, 14, 16, 4, 13), (16, 11, 5, 7, 10), (8, 13, 9, 12, 6),
)  # fmt: skip
# padding="same" looks as fixed numbers do unless a window with strides met a size that is
# a multiple of the stride, and one that is greater by 1: these are tried until it has.
_TRIED = (257, 256, 321, 192, 199, 384, 101, 320, 311, 288)
_WINDOWS = (prims.conv, prims.max_pool, prims.sum_pool)
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Spec:
    """An input: its name, dtype and shape, with a text in place of each free size."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass
class Varying:
    """A number that depends on free sizes: what it was in each of the graphs."""

    values: tuple[float, ...]


def at(dim: int | Varying, turn: int) -> int:
    """What a size was in one of the graphs."""
    return int(dim.values[turn]) if isinstance(dim, Varying) else dim


def each(function: Callable[..., int], *dims: int | Varying) -> int | Varying:
    """A function of sizes, in each of the graphs."""
    if not any(isinstance(d, Varying) for d in dims):
        return function(*dims)
    made = tuple(function(*(at(d, turn) for d in dims)) for turn in range(TURNS))
    return made[0] if len(set(made)) == 1 else Varying(made)


@dataclass
class Probed:
    """The graph to write, and what was different in its twins.

    Attributes:
        graph: Inputs are the arguments, then the states read.
        states: The states behind the last inputs.
        structure: Where the outputs go in the function's result.
    """

    graph: Graph
    states: list[State]
    structure: Any
    _twins: dict[Node, list[Node]] = field(default_factory=dict)
    _shapes: dict[Value, list[tuple[int, ...]]] = field(default_factory=dict)
    _constants: dict[Value, list[Array]] = field(default_factory=dict)
    _more: dict[Node, list[Node]] = field(default_factory=dict)

    def shape(self, value: Value) -> tuple[int | Varying, ...]:
        """The shape of a value, with what depends on free sizes marked."""
        return _merge(self._shapes.get(value) or [value.aval.shape])

    def static(self, node: Node, key: str) -> Any:
        """A static keyword of a node, with what depends on free sizes marked."""
        twins = self._twins.get(node) or [node]
        return _merge([dict.__getitem__(twin.static, key) for twin in twins])

    def guarded(self) -> None:
        """From now on a keyword that depends on free sizes is given by `static` alone."""
        for node in self._twins:
            varying = {key for key in node.static if _varies(self.static(node, key))}
            if varying:
                node.static = _Guarded(node, varying)

    def padding(self, node: Node) -> tuple[tuple[int, int], ...] | None:
        """The padding of a window, or None: what padding="same" is for the size met.

        Raises:
            ExportError: If it depends on free sizes in another way.
        """
        twins = [*(self._twins.get(node) or [node]), *self._more.get(node, ())]
        paddings = [dict.__getitem__(twin.static, "padding") for twin in twins]
        found: tuple[tuple[int, int], ...] = paddings[0]
        if all(padding == found for padding in paddings):
            return found
        if node.prim in _WINDOWS and paddings == [_same(t) for t in twins]:
            return None
        raise ExportError(
            f"export to ONNX: the padding of {node.prim.name} in layer {node.source!r} "
            "depends on the free sizes of the inputs. Fix these sizes by input_signature."
        )

    def undecided(self) -> bool:
        """Whether "same" is not told from fixed padding yet in some node."""
        return any(n.prim in _WINDOWS and self._is_undecided(n) for n in self._twins)

    def _is_undecided(self, node: Node) -> bool:
        shape = self.shape(node.inputs[0])[1:]
        twins = [*self._twins[node], *self._more.get(node, ())]
        return any(
            stride > 1
            and isinstance(size, Varying)
            and not {t.inputs[0].aval.shape[axis] % stride for t in twins} >= {0, 1}
            for axis, (size, stride) in enumerate(zip(shape, node.static["strides"]), 1)
        )

    def add_more(self, graph: Graph) -> None:
        """Take in a graph for other sizes, if it is the same but for these."""
        pairs = [(self.graph, graph)]
        found: list[tuple[Node, Node]] = []
        while pairs:
            ours, theirs = pairs.pop()
            if [n.prim for n in ours.nodes] != [n.prim for n in theirs.nodes]:
                return
            for node, twin in zip(ours.nodes, theirs.nodes, strict=True):
                found.append((node, twin))
                pairs += [
                    (static, twin.static[key])
                    for key, static in node.static.items()
                    if isinstance(static, Graph)
                ]
        for node, twin in found:
            self._more.setdefault(node, []).append(twin)

    def constant(self, value: Value, array: Array) -> Array | Varying:
        """The array of a constant, or its number where that depends on free sizes.

        Raises:
            ExportError: If an array has another shape or content for other sizes.
        """
        arrays = self._constants.get(value, [array])
        first = arrays[0]
        if all(_equal(first, other) for other in arrays[1:]):
            return first
        if all(a.size == 1 for a in arrays):
            return Varying(tuple(float(a.item()) for a in arrays))
        source = next((n.source for n in self._twins if value in n.inputs), None)
        where = f" in layer {source!r}" if source else ""
        raise ExportError(
            f"an array of shape {first.shape}{where} is made from sizes that are free (with "
            "another batch or length it is another array). Make it with keras.ops "
            "inside the layer's call, or export with these sizes fixed by input_signature."
        )

    def add(self, graphs: Sequence[Graph]) -> None:
        """Take in graphs that are the same but for their sizes; bodies of loops too."""
        first = graphs[0]
        alike = all(
            [n.prim for n in g.nodes] == [n.prim for n in first.nodes]
            and len(g.inputs) == len(first.inputs)
            and len(g.constants) == len(first.constants)
            for g in graphs
        )
        if not alike:
            raise ExportError(
                "the computation is another one for other sizes (Python branches on a "
                "shape), so no one graph serves all. Give fixed sizes by input_signature, "
                "for example [keras.InputSpec(shape=(1, 28, 28, 1), dtype='float32')]."
            )
        for values in zip(*(g.inputs for g in graphs), strict=True):
            self._shapes[values[0]] = [v.aval.shape for v in values]
        for values in zip(*(g.constants for g in graphs), strict=True):
            self._shapes[values[0]] = [v.aval.shape for v in values]
            self._constants[values[0]] = [
                g.constants[v] for g, v in zip(graphs, values, strict=True)
            ]
        for nodes in zip(*(g.nodes for g in graphs), strict=True):
            self._twins[nodes[0]] = list(nodes)
            for values in zip(*(n.outputs for n in nodes), strict=True):
                self._shapes[values[0]] = [v.aval.shape for v in values]
            for key, static in nodes[0].static.items():
                if isinstance(static, Graph):
                    self.add([n.static[key] for n in nodes])


def probe(
    function: Callable[..., Any],
    specs: Sequence[Spec],
    prepare: Callable[[Graph], Graph],
) -> Probed:
    """Stage `function` of the inputs `specs`, for every free size at once.

    Args:
        function: Takes one tensor for each spec.
        specs: The inputs.
        prepare: A pass over each graph, the same for all.

    Returns:
        The graph and what is known of its sizes.

    Raises:
        ExportError: If the computation is another one for other sizes.
    """
    free = list(dict.fromkeys(d for s in specs for d in s.shape if isinstance(d, str)))

    def staged(sizes: dict[str, int]) -> tuple[Graph, list[State], Any]:
        staging = _Probing()
        staging.sizes_are_free = any(name != "batch" for name in free)
        tensors = [
            staging.add_input(Aval(_filled(spec.shape, sizes), spec.dtype), spec.name)
            for spec in specs
        ]
        with interpreting(staging):
            result = function(*tensors)
            leaves, structure = tree.flatten_spec(result)
            outputs = [_output(leaf) for leaf in leaves]
        graph = staging.graph(outputs)
        results = graph.outputs[: len(outputs)]  # without states that were assigned
        made = prepare(Graph(graph.inputs, graph.constants, graph.nodes, results))
        return made, list(staging.reads), structure

    def probed_with(axes: Sequence[tuple[int, ...]]) -> Probed:
        first, *others = [
            staged({name: _size(i, name, turn, axes) for i, name in enumerate(free)})
            for turn in range(TURNS if free else 1)
        ]
        probed = Probed(*first)
        if others:
            probed.add([first[0], *(graph for graph, _, _ in others)])
        return probed

    lines: list[Sequence[tuple[int, ...]]] = [_UNLIKE, _SMALL, _DIVIDED]
    if all(name == "batch" for name in free):
        del lines[1:]  # the batch has sizes of its own
    refused: Exception | None = None
    for axes in lines:
        try:
            probed = probed_with(axes)
            break
        except (ValueError, TypeError, ExportError) as error:
            refused = refused or error
    else:
        assert refused is not None
        raise refused
    for place in range(len(_TRIED)):
        if not probed.undecided():
            break
        sizes = {n: _TRIED[(place + i) % len(_TRIED)] for i, n in enumerate(free)}
        try:
            probed.add_more(staged(sizes)[0])
        except (ValueError, TypeError):  # sizes that this model does not take
            continue
    probed.guarded()
    return probed


class _Probing(Staging):
    """Each use of a number is a constant of its own: two may be equal for some sizes only."""

    def lift(self, tensor: Tensor) -> Value:
        if type(tensor.value) is Value or tensor.aval.size != 1:
            return super().lift(tensor)
        value = Value(tensor.aval)
        self.constants[value] = host_array(tensor.value)
        return value


class _Guarded(dict[str, Any]):
    """Keywords of a node; those that are not the same for all sizes are not given."""

    def __init__(self, node: Node, varying: set[str]) -> None:
        super().__init__(node.static)
        self._prim, self._source, self._varying = node.prim.name, node.source, varying

    def __getitem__(self, key: str) -> Any:
        if key in self._varying:
            raise ExportError(
                f"export to ONNX: {key!r} of {self._prim} in layer {self._source!r} depends on "
                "the free sizes of the inputs. Fix these sizes by input_signature."
            )
        return super().__getitem__(key)


def _varies(value: object) -> bool:
    if isinstance(value, tuple):
        return any(map(_varies, value))
    return isinstance(value, Varying)


def _output(leaf: object) -> Tensor:
    state = getattr(leaf, "state", None)
    leaf = leaf if state is None else state.read()
    if not isinstance(leaf, Tensor):
        raise ExportError(
            f"the function returned {leaf!r}; expected tensors, in any structure of lists "
            "and dicts."
        )
    return leaf


def _same(node: Node) -> tuple[tuple[int, int], ...]:
    """What padding="same" is in a node of windows: ONNX's SAME_UPPER."""
    found = []
    for size, stride, reach in zip(
        node.inputs[0].aval.shape[1:], node.static["strides"], reaches_of(node)
    ):
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        found.append((total // 2, total - total // 2))
    return tuple(found)


def reaches_of(node: Node) -> list[int]:
    """How far a window reaches along each axis."""
    window = node.static.get("window")
    if window:
        return list(window)
    kernel = node.inputs[1].aval.shape
    return [d * (n - 1) + 1 for n, d in zip(kernel, node.static["dilation"])]


def _size(place: int, name: str, turn: int, axes: Sequence[tuple[int, ...]]) -> int:
    if name == "batch":
        return _BATCHES[turn]
    return axes[place % len(axes)][turn] * (1 + place // len(axes))


def _filled(shape: tuple[int | str, ...], sizes: dict[str, int]) -> tuple[int, ...]:
    return tuple(sizes[d] if isinstance(d, str) else d for d in shape)


def _equal(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _merge(alternatives: Sequence[Any]) -> Any:
    """One of several equal structures; numbers that differ become `Varying`."""
    first = alternatives[0]
    if isinstance(first, tuple):
        if any(len(a) != len(first) for a in alternatives):
            raise ExportError("the rank of an array depends on free sizes.")
        return tuple(_merge(parts) for parts in zip(*alternatives, strict=True))
    if all(a == first or a is first for a in alternatives[1:]):
        return first
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        return Varying(tuple(alternatives))
    return first
