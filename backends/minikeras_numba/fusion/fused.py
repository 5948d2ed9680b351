"""Lowering of fused groups, single elementwise nodes and reductions to kernels.

`lower_fused(node, regs)` gives a closure over registers. `epilogue(...)` gives one
kernel whose units are the rows of a contraction's result, for the drivers of matmul
and convolution to call on the rows they have just written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from minikeras_kernels.bodies import (
    Body,
    Constant,
    Cut,
    body_of,
    cuts_of,
    lower_body,
    space_of,
)
from minikeras_kernels.bodies import fusible as _fusible
from minikeras_kernels.code import Code
from minikeras_kernels.elementwise import COSTS
from minikeras_kernels.fused import GroupKernel, structure, table
from minikeras_kernels.group import Apply, Array, Group, Layout, Place, Source

from minikeras.extend import Graph, Node, Step, Value
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.launch import Launch, Native

_PART_NS = 4000.0  # a part of a shared kernel should take at least this long
_NUMPY_STORE = {"bfloat16": np.dtype(np.uint16)}


class Constants(Step):
    """A lowered node over an empty space: reductions of nothing are constants."""

    def __init__(self, values: Sequence[Constant]) -> None:
        self._values = tuple(values)

    def __call__(self, registers: Any) -> None:
        for slot, value in self._values:
            registers[slot][...] = value


def empty(shape: Sequence[int], dtype: str) -> Array:
    """An array the closure owns."""
    return np.empty(tuple(shape), _NUMPY_STORE.get(dtype) or np.dtype(dtype))


class _Memory:
    """Arrays of this process."""

    def empty(self, shape: Sequence[int], dtype: str) -> Array:
        return empty(shape, dtype)

    def constant(self, array: Array) -> Array:
        return array


def _word(place: Place | int) -> int:
    """What a kernel finds in its table: a number, a register's, or an address."""
    if isinstance(place, int):
        return place
    return place.slot if place.array is None else int(place.array.ctypes.data)


def launch_of(cut: Cut) -> Launch:
    """The kernel of a group, ready to be called."""
    group, layout = cut
    key = structure(group, layout, target().lanes())

    def build() -> Code:
        return GroupKernel(group, layout, target()).write()

    fn = compile_kernel("fused", build, key)
    meta = np.array([_word(word) for word in table(group, layout)], np.int64)
    keep = [v.place for v in group.values if isinstance(v, Source)]
    keep += [f.place for f in group.folds] + [place for _, _, place in group.stores]
    return Launch(fn, meta, layout.units, _grain(group, layout), tuple(keep))


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


def lower_fused(node: Node, regs: Mapping[Value, int]) -> Step:
    """A closure for a `fused` node, or for one elementwise, reduce or create node."""
    body, given = body_of(node)
    places = {v: Place(regs[x]) for v, x in zip(body.inputs, given, strict=True)}
    outs = [regs[v] for v in node.outputs]
    cuts = lower_body(body, space_of(node, body), places, outs, target(), _Memory())
    constants = [x for x in cuts if isinstance(x, Constant)]
    if constants:
        return Constants(constants)
    return Native([launch_of(cut) for cut in cuts if isinstance(cut, Cut)])


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
    work = Body(body, dict(zip(body.inputs, places, strict=True)), _Memory())
    group = Group(space)
    numbers: dict[Value, int] = {}
    for v, slot in zip(body.outputs, outputs, strict=True):
        number = work.value(v, group, numbers)
        group.stores.append((number, v.aval.dtype, Place(slot)))
    (cut,) = cuts_of(group, target(), _Memory(), rows_as_units=True)
    return launch_of(cut)


def fusible(node: Node) -> bool:
    """Whether a node can be part of a fused body, or stand alone as a kernel."""
    return _fusible(node, target())
