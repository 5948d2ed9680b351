"""From the graph of a fused node to groups, one kernel each, in the order they run.

A fold leaves partial results, one a unit, row or column block; a second group folds
those, and so on until one is left: the order never depends on threads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from minikeras.extend import Graph, Node, Value, prims
from minikeras_kernels.elementwise import REGISTER_KIND, supports
from minikeras_kernels.folds import identity
from minikeras_kernels.group import Apply, Array, Fold, Group, Layout, Place, Source
from minikeras_kernels.target import Target

FOLDS = ("sum", "max", "min", "prod", "any", "all")


class Memory(Protocol):
    """Arrays that kernels own, where their machine finds them."""

    def empty(self, shape: Sequence[int], dtype: str) -> object:
        """Room for partial results."""

    def constant(self, array: Array) -> object:
        """An array of the graph's, in C order."""


class Cut(NamedTuple):
    """A group, and how its kernel goes over it."""

    group: Group
    layout: Layout


class Constant(NamedTuple):
    """A reduction of nothing: the constant that it is, for the array in a slot."""

    slot: int
    value: float | int | bool


def cuts_of(
    group: Group, target: Target, memory: Memory, rows_as_units: bool = False
) -> list[Cut]:
    """The kernels of a group: its own, and those that finish its folds after it."""
    layout = Layout(group, target, rows_as_units)
    later: list[Group] = []
    folds = []
    for fold, kept in zip(group.folds, layout.kept, strict=True):
        shape, axes_kept = layout.partial_shape(kept)
        left = math.prod(n for n, k in zip(shape, axes_kept, strict=True) if not k)
        if left == 1:
            folds.append(fold)
            continue
        partial = memory.empty(shape, fold.dtype)
        folds.append(
            Fold(fold.value, fold.how, fold.kept, fold.dtype, Place(-1, partial))
        )
        rest = Group(shape)
        source = rest.add(Source(shape, fold.dtype, Place(-1, partial)))
        rest.folds.append(Fold(source, fold.how, axes_kept, fold.dtype, fold.place))
        later.append(rest)
    group.folds = folds
    cuts = [Cut(group, layout)]
    for rest in later:
        cuts += cuts_of(rest, target, memory)
    return cuts


class Body:
    """A body graph being turned into groups."""

    def __init__(
        self, body: Graph, places: Mapping[Value, Place], memory: Memory
    ) -> None:
        self.memory = memory
        self.body = body
        self.places = places
        self.producers = body.producers()
        self.arrays: dict[Value, Place] = {}

    def value(self, v: Value, group: Group, numbers: dict[Value, int]) -> int:
        """The number of a value in a group; what it needs is added before it."""
        if v in numbers:
            return numbers[v]
        node = self.producers.get(v)
        if node is None:
            number = group.add(self.leaf(v))
        elif node.prim in (prims.broadcast_to, prims.stop_gradient):
            number = self.value(node.inputs[0], group, numbers)
        elif node.prim.kind in ("create", "random"):
            number = group.add(self.made(node))
        else:
            args = tuple(self.value(x, group, numbers) for x in node.inputs)
            dtypes = tuple(x.aval.dtype for x in node.inputs)
            static = tuple(sorted(node.static.items()))
            number = group.add(
                Apply(node.prim.name, args, dtypes, v.aval.dtype, static)
            )
        numbers[v] = number
        return number

    def leaf(self, v: Value) -> Source:
        """An input or constant of the body."""
        shape, dtype = tuple(v.aval.shape), v.aval.dtype
        constant = self.body.constants.get(v)
        if constant is None:
            return Source(shape, dtype, self.places[v])
        if constant.size == 1:
            return Source(shape, dtype, literal=constant.item())
        return Source(shape, dtype, self.owned(v, np.ascontiguousarray(constant)))

    def owned(self, v: Value, array: Array) -> Place:
        """A constant, kept once for the body."""
        if v not in self.arrays:
            self.arrays[v] = Place(-1, self.memory.constant(array))
        return self.arrays[v]

    def made(self, node: Node) -> Source:
        """What a node without elementwise arguments makes."""
        out = node.outputs[0]
        shape, dtype = tuple(out.aval.shape), out.aval.dtype
        if node.prim is prims.full:
            return Source(shape, dtype, literal=node.static["value"])
        if node.prim.kind == "random":
            key, start = self.places[node.inputs[0]], node.static.get("start", 0)
            return Source(shape, dtype, key, random=True, start=start)
        axis = node.static["axis"]
        line = [n if d == axis else 1 for d, n in enumerate(shape)]
        counted = np.arange(shape[axis], dtype=dtype).reshape(line)
        return Source(tuple(line), dtype, self.owned(out, counted))


def _accumulator(dtype: str) -> str:
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def _fold(
    body: Body,
    node: Node,
    group: Group,
    numbers: dict[Value, int],
    place: Place,
    rows_as_units: bool,
) -> Group | None:
    """Add a reduction to a group; a group that rounds the result, where one is needed."""
    source, out = node.inputs[0], node.outputs[0]
    wide = _accumulator(out.aval.dtype)
    value = body.value(source, group, numbers)
    if _accumulator(source.aval.dtype) != wide:
        have = source.aval.dtype
        value = group.add(Apply("cast", (value,), (have,), wide, (("dtype", wide),)))
    axes = node.static["axes"]
    kept = tuple(d not in axes for d in range(len(source.aval.shape)))
    if math.prod(source.aval.shape[d] for d in axes) == 1:
        # nothing to fold; and a store may be in place, where partial sums may not
        group.stores.append((value, out.aval.dtype, place))
        return None
    if wide == out.aval.dtype:
        group.folds.append(Fold(value, node.prim.name, kept, wide, place))
        return None
    total = Place(-1, body.memory.empty(out.aval.shape, wide))
    group.folds.append(Fold(value, node.prim.name, kept, wide, total))
    shape = tuple(out.aval.shape)
    if rows_as_units:  # a number of each row is a row of one
        sizes = source.aval.shape
        shape = tuple(n if k else 1 for n, k in zip(sizes, kept, strict=True))
    rounding = Group(shape)
    number = rounding.add(Source(shape, wide, total))
    rounding.stores.append((number, out.aval.dtype, place))
    return rounding


def lower_body(
    body: Graph,
    space: tuple[int, ...],
    places: Mapping[Value, Place],
    outs: Sequence[int],
    target: Target,
    memory: Memory,
    rows_as_units: bool = False,
) -> list[Cut] | list[Constant]:
    """Kernels for a body whose outputs go to the slots `outs`, in the order they run."""
    work = Body(body, places, memory)
    stored: dict[tuple[int, ...], list[tuple[Value, int]]] = {}
    reductions: list[tuple[Node, int]] = []
    for v, slot in zip(body.outputs, outs, strict=True):
        node = work.producers.get(v)
        if node is not None and node.prim.name in FOLDS:
            reductions.append((node, slot))
        else:
            stored.setdefault(tuple(v.aval.shape), []).append((v, slot))
    if 0 in space:
        dtype = {slot: n.outputs[0].aval.dtype for n, slot in reductions}
        return [Constant(s, identity(n.prim.name, dtype[s])) for n, s in reductions]
    # small outputs last, largest first: a variable updated in place is read before
    shapes = sorted({*stored, space}, key=lambda s: (s != space, -math.prod(s)))
    cuts: list[Cut] = []
    for shape in shapes:
        group = Group(shape)
        numbers: dict[Value, int] = {}
        rounding = []
        if shape == space:
            for node, slot in reductions:
                place = Place(slot)
                folded = _fold(work, node, group, numbers, place, rows_as_units)
                rounding.append(folded)
        for v, slot in stored.get(shape, []):
            number = work.value(v, group, numbers)
            group.stores.append((number, v.aval.dtype, Place(slot)))
        if group.stores or group.folds:
            cuts += cuts_of(group, target, memory, rows_as_units)
        for rest in rounding:
            if rest is not None:
                cuts += cuts_of(rest, target, memory, rows_as_units)
    return cuts


def body_of(node: Node) -> tuple[Graph, tuple[Value, ...]]:
    """The body of a fused node, or that a single one is, and what its inputs are outside.

    A single node has an input of its body for each value, not for each operand.
    """
    if node.prim is prims.fused:
        return node.static["body"], node.inputs
    given = tuple(dict.fromkeys(node.inputs))
    return Graph(given, {}, [node], node.outputs), given


def space_of(node: Node, body: Graph) -> tuple[int, ...]:
    if "space" in node.static:
        return tuple(node.static["space"])
    source = node.inputs[0] if node.prim.name in FOLDS else node.outputs[0]
    return tuple(source.aval.shape)


def fusible(node: Node, target: Target) -> bool:
    """Whether a node can be part of a fused body, or stand alone as a kernel."""
    row = node.prim
    dtypes = {v.aval.dtype for v in (*node.inputs, *node.outputs)}
    if not dtypes <= REGISTER_KIND.keys():
        return False
    if "float16" in dtypes and not target.halves:
        return False
    if row.kind == "random":
        # in a space of the key's own shape, the key might be made by the same group
        return node.outputs[0].aval.shape != node.inputs[0].aval.shape
    if row is prims.iota:
        return node.outputs[0].aval.dtype != "bfloat16"
    if row.name in FOLDS or row in (prims.full, prims.broadcast_to, prims.select):
        return True
    return bool(node.inputs) and supports(row.name, node.inputs[0].aval.dtype, target)
