"""Lowering of fused groups, single elementwise nodes and reductions to kernels.

`lower_fused(node, regs)` gives a closure over registers. `epilogue(...)` gives one
kernel whose units are the rows of a contraction's result, for the drivers of matmul
and convolution to call on the rows they have just written.

A fold leaves partial results, one a unit, row or column block; a second group folds
those, and so on until one is left: the order never depends on threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from minikeras_kernels.elementwise import COSTS, REGISTER_KIND, supports
from minikeras_kernels.folds import identity

from minikeras.extend import Graph, Node, Value
from minikeras_numba.fusion.group import (
    Apply,
    Array,
    Fold,
    Group,
    Layout,
    Place,
    Source,
)
from minikeras_numba.fusion.kernel import GroupKernel, structure, table
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.launch import Launch, Native

FOLDS = ("sum", "max", "min", "prod", "any", "all")
_PART_NS = 4000.0  # a part of a shared kernel should take at least this long
_NUMPY_STORE = {"bfloat16": np.dtype(np.uint16)}


class Fill:
    """A lowered node over an empty space: reductions of nothing are constants."""

    allocates = False

    def __init__(self, values: Sequence[tuple[int, float | int | bool]]) -> None:
        self._values = tuple(values)

    def __call__(self, registers: Any) -> None:
        for slot, value in self._values:
            registers[slot][...] = value


def empty(shape: Sequence[int], dtype: str) -> Array:
    """An array the closure owns."""
    return np.empty(tuple(shape), _NUMPY_STORE.get(dtype) or np.dtype(dtype))


def launches_of(group: Group, rows_as_units: bool = False) -> list[Launch]:
    """The kernels of a group, those that finish its folds after it."""
    layout = Layout(group, rows_as_units)
    later: list[Group] = []
    keep: list[Any] = []
    folds = []
    for fold, kept in zip(group.folds, layout.kept, strict=True):
        shape, axes_kept = layout.partial_shape(kept)
        left = math.prod(n for n, k in zip(shape, axes_kept, strict=True) if not k)
        if left == 1:
            folds.append(fold)
            continue
        partial = empty(shape, fold.dtype)
        keep.append(partial)
        folds.append(
            Fold(fold.value, fold.how, fold.kept, fold.dtype, Place(-1, partial))
        )
        rest = Group(shape)
        source = rest.add(Source(shape, fold.dtype, Place(-1, partial)))
        rest.folds.append(Fold(source, fold.how, axes_kept, fold.dtype, fold.place))
        later.append(rest)
    group.folds = folds
    keep += [v.place for v in group.values if isinstance(v, Source)]
    keep += [f.place for f in folds] + [place for _, _, place in group.stores]
    kernel = GroupKernel(group, layout, target())
    key = structure(group, layout, target().lanes())
    fn = compile_kernel("fused", kernel.write, key)
    meta = np.array(table(group, layout), np.int64)
    grain = _grain(group, layout)
    launches = [Launch(fn, meta, layout.units, grain, tuple(keep))]
    for rest in later:
        launches += launches_of(rest)
    return launches


def _grain(group: Group, layout: Layout) -> int:
    """Units that take about `_PART_NS`."""
    cost = 0.0
    for value in group.values:
        if isinstance(value, Apply):
            cost += 0.025 * COSTS.get(value.name, 1)
        elif value.random:
            cost += 0.025 * COSTS["random_bits"]
        else:
            cost += 0.05
    cost += 0.05 * (len(group.stores) + len(group.folds))
    unit = max(1, layout.block * layout.strip) * cost
    return max(1, math.ceil(_PART_NS / unit))


# from a graph to groups ------------------------------------------------------------


class _Body:
    """A body graph being turned into groups."""

    def __init__(self, body: Graph, places: Mapping[Value, Place]) -> None:
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
        elif node.prim.name in ("broadcast_to", "stop_gradient"):
            number = self.value(node.inputs[0], group, numbers)
        elif node.prim.name in ("full", "iota", "random_bits"):
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
        return self.arrays.setdefault(v, Place(-1, array))

    def made(self, node: Node) -> Source:
        """What a node without elementwise arguments makes."""
        out = node.outputs[0]
        shape, dtype = tuple(out.aval.shape), out.aval.dtype
        if node.prim.name == "full":
            return Source(shape, dtype, literal=node.static["value"])
        if node.prim.name == "random_bits":
            return Source(shape, dtype, self.places[node.inputs[0]], random=True)
        axis = node.static["axis"]
        line = [n if d == axis else 1 for d, n in enumerate(shape)]
        counted = np.arange(shape[axis], dtype=dtype).reshape(line)
        return Source(tuple(line), dtype, self.owned(out, counted))


def _accumulator(dtype: str) -> str:
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def _fold(
    body: _Body, node: Node, group: Group, numbers: dict[Value, int], place: Place
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
    total = Place(-1, empty(out.aval.shape, wide))
    group.folds.append(Fold(value, node.prim.name, kept, wide, total))
    rounding = Group(tuple(out.aval.shape))
    number = rounding.add(Source(tuple(out.aval.shape), wide, total))
    rounding.stores.append((number, out.aval.dtype, place))
    return rounding


def _lower_body(
    body: Graph,
    space: tuple[int, ...],
    places: Mapping[Value, Place],
    outs: Sequence[int],
) -> Native | Fill:
    """Kernels for a body whose outputs go to the registers `outs`."""
    work = _Body(body, places)
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
        return Fill([(s, identity(n.prim.name, dtype[s])) for n, s in reductions])
    # small outputs last, largest first: a variable updated in place is read before
    shapes = sorted({*stored, space}, key=lambda s: (s != space, -math.prod(s)))
    launches: list[Launch] = []
    for shape in shapes:
        group = Group(shape)
        numbers: dict[Value, int] = {}
        rounding = []
        if shape == space:
            for node, slot in reductions:
                rounding.append(_fold(work, node, group, numbers, Place(slot)))
        for v, slot in stored.get(shape, []):
            number = work.value(v, group, numbers)
            group.stores.append((number, v.aval.dtype, Place(slot)))
        if group.stores or group.folds:
            launches += launches_of(group)
        for rest in rounding:
            if rest is not None:
                launches += launches_of(rest)
    return Native(launches)


def _as_body(node: Node) -> Graph:
    """A single node as the body of a group."""
    return Graph(dict.fromkeys(node.inputs), {}, [node], node.outputs)


def _space(node: Node, body: Graph) -> tuple[int, ...]:
    if "space" in node.static:
        return tuple(node.static["space"])
    source = node.inputs[0] if node.prim.name in FOLDS else node.outputs[0]
    return tuple(source.aval.shape)


def lower_fused(node: Node, regs: Mapping[Value, int]) -> Callable[[Any], None]:
    """A closure for a `fused` node, or for one elementwise, reduce or create node."""
    body: Graph = node.static["body"] if node.prim.name == "fused" else _as_body(node)
    given = (
        node.inputs if node.prim.name == "fused" else tuple(dict.fromkeys(node.inputs))
    )
    places = {v: Place(regs[x]) for v, x in zip(body.inputs, given, strict=True)}
    outs = [regs[v] for v in node.outputs]
    return _lower_body(body, _space(node, body), places, outs)


def epilogue(
    body: Graph, inputs: Sequence[int | Place], outputs: Sequence[int]
) -> Launch:
    """The kernel of an epilogue, whose units are rows of the core's result.

    Args:
        body: Elementwise; `body.inputs[0]` is the core's result.
        inputs: Register or place of each body input. The core's result may be in the
            register of an output of its dtype: the kernel works in place.
        outputs: Register of each output.

    Returns:
        A step: call `fn(regs, meta, first row, last row, thread, threads)`.
    """
    space = tuple(body.inputs[0].aval.shape)
    places = [p if isinstance(p, Place) else Place(p) for p in inputs]
    work = _Body(body, dict(zip(body.inputs, places, strict=True)))
    group = Group(space)
    numbers: dict[Value, int] = {}
    for v, slot in zip(body.outputs, outputs, strict=True):
        number = work.value(v, group, numbers)
        group.stores.append((number, v.aval.dtype, Place(slot)))
    (step,) = launches_of(group, rows_as_units=True)
    return step


def fusible(node: Node) -> bool:
    """Whether a node can be part of a fused body, or stand alone as a kernel."""
    name = node.prim.name
    dtypes = {v.aval.dtype for v in (*node.inputs, *node.outputs)}
    if not dtypes <= REGISTER_KIND.keys():
        return False
    if "float16" in dtypes and not host().has_half:
        return False
    if name == "random_bits":
        # in a space of the key's own shape, the key might be made by the same group
        return node.outputs[0].aval.shape != node.inputs[0].aval.shape
    if name in FOLDS or name in ("full", "broadcast_to"):
        return True
    if name == "iota":
        return node.outputs[0].aval.dtype != "bfloat16"
    if name == "select":
        return True
    return bool(node.inputs) and supports(name, node.inputs[0].aval.dtype)
