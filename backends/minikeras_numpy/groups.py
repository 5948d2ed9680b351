"""Fused groups: a body of elementwise nodes run as ufunc calls, block by block.

A `Group` writes the body's results into given arrays. Other values live in a few
temporaries of the size of a block, reused as soon as they are dead, so they stay in
the cache and memory does not grow with the arrays. An output may share its memory
with an input of the same shape (an update in place); which ones do is looked up at
the first run, and an output whose input is read again later is written last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.extend import Graph, Node, Shape, Value, allocates, numpy_dtype
from minikeras_numpy.common import Array
from minikeras_numpy.random import Bits
from minikeras_numpy.writers import REDUCTIONS, Write, writer

BLOCK = (
    1 << 16
)  # elements; a few temporaries of this size fit in the second level cache

Slot = (
    int  # a place in the table of arrays of one run: inputs, outputs, constants, temps
)


class Group:
    """A body, prepared to run again and again over arrays of the same shapes."""

    def __init__(self, kernels: Mapping[str, Any], body: Graph, space: Shape) -> None:
        self.kernels = kernels
        self.body = body
        self.space = tuple(int(d) for d in space)
        self.size = math.prod(self.space)
        self.mode = _mode(body, self.space)
        # Within a block what a kernel allocates is small, and stays in the cache.
        self.allocates = self.mode == "whole" and any(
            allocates(writer(kernels, node)) for node in body.nodes
        )
        self._schedule: _Schedule | None = None

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Fill `outputs` from `inputs`; warnings are the caller's business."""
        schedule = self._schedule
        if schedule is None:
            shared = _sharing(inputs, outputs)
            schedule = self._schedule = _Schedule(self, shared)
        table: list[Any] = [*inputs, *outputs, *schedule.fixed]
        if self.mode == "whole":
            schedule.execute(table, 0)
            return
        if self.mode == "flat":
            table = [a if a.ndim == 0 else a.reshape(-1) for a in table]
            total, width = self.size, 1
        else:
            total, width = self.space[0], self.size // self.space[0]
        step = schedule.rows
        cut = schedule.cut
        for at in range(0, total, step):
            end = min(at + step, total)
            part = list(table)
            for i in cut:
                part[i] = table[i][at:end]
            if end - at < step:
                for i in schedule.temps:
                    part[i] = table[i][: end - at]
            schedule.execute(part, at * width)


def _mode(body: Graph, space: Shape) -> str:
    """How to cut the space: "flat" ranges, "rows" of the first axis, or "whole"."""
    size = math.prod(space)
    nodes = body.nodes
    if size < 2 * BLOCK or any(n.prim.name in REDUCTIONS for n in nodes):
        return "whole"
    shapes = {v.aval.shape for v in body.values() if v.aval.shape}
    shapes -= {n.inputs[0].aval.shape for n in nodes if n.prim.name == "random_bits"}
    if shapes <= {space} and not any(n.prim.name == "iota" for n in nodes):
        return "flat"
    if any(v.aval.shape != space for v in body.outputs):
        return "whole"
    return "rows" if space[0] > 1 and size // space[0] <= BLOCK else "whole"


def _sharing(inputs: Sequence[Array], outputs: Sequence[Array]) -> list[set[int]]:
    """For each output, the inputs whose memory it shares."""
    return [
        {i for i, x in enumerate(inputs) if np.may_share_memory(x, out)}
        for out in outputs
    ]


class _Schedule:
    """The calls of a group, each with the slots of its operands and of its result.

    Attributes:
        fixed: Constants and temporaries: the tail of the table of arrays.
        temps: Slots of the temporaries, shaped as one block.
        cut: Slots of which a block takes its part.
        rows: Rows of a block.
    """

    def __init__(self, group: Group, shared: list[set[int]]) -> None:
        self.group = group
        self.body = group.body
        space, size = group.space, group.size
        self.rows = size
        if group.mode == "flat":
            self.rows = BLOCK
        elif group.mode == "rows":
            self.rows = max(1, BLOCK // (size // space[0]))
        self.fixed: list[Array] = []
        self.temps: list[Slot] = []
        self.calls: list[tuple[Write, tuple[Slot, ...]]] = []
        self.slot: dict[Value, Slot] = {v: i for i, v in enumerate(self.body.inputs)}
        self.base = len(self.body.inputs)
        self.shared = shared
        self._free: dict[tuple[Shape, str], list[Slot]] = {}
        for v, array in self.body.constants.items():
            self.slot[v] = self._add(np.asarray(array, numpy_dtype(v.aval.dtype)))
        self.last = {v: p for p, n in enumerate(self.body.nodes) for v in n.inputs}
        self._build()
        self.cut = self._to_cut()

    def execute(self, table: list[Any], first: int) -> None:
        """All calls; `first` is the number of the block's first element."""
        for write, slots in self.calls:
            if isinstance(write, Bits):
                write(table[slots[0]], table[slots[1]], first)
            else:
                write(*[table[i] for i in slots])

    def _add(self, array: Array) -> Slot:
        self.fixed.append(array)
        return len(self.body.inputs) + len(self.body.outputs) + len(self.fixed) - 1

    def _build(self) -> None:
        outputs = self.body.outputs
        made_at = {v: p for p, n in enumerate(self.body.nodes) for v in n.outputs}
        late: list[int] = []
        target: dict[Value, Slot] = {}
        for j, v in enumerate(outputs):
            reads = [self.last.get(self.body.inputs[i], -1) for i in self.shared[j]]
            if v in target or v not in made_at or max(reads, default=-1) > made_at[v]:
                late.append(j)
            else:
                target[v] = self.base + j
        keep = set(outputs)
        for position, node in enumerate(self.body.nodes):
            self._call(node, position, target, keep)
        for j in late:
            self.calls.append((_assign, (self.slot[outputs[j]], self.base + j)))

    def _call(
        self, node: Node, position: int, target: dict[Value, Slot], keep: set[Value]
    ) -> None:
        (out,) = node.outputs
        name = node.prim.name
        operands = tuple(self.slot[v] for v in node.inputs)
        if self._stands_for(node, out):
            if out in target:
                self.calls.append((_assign, (self.slot[out], target[out])))
            return
        write = writer(self.group.kernels, node)
        for v in dict.fromkeys(node.inputs):
            # A reduction, and a draw, does not read the index that it writes.
            if name not in REDUCTIONS and name != "random_bits":
                self._release(v, position, keep)
        self.slot[out] = target[out] if out in target else self._temporary(out)
        self.calls.append((write, (*operands, self.slot[out])))
        for v in dict.fromkeys(node.inputs):
            if name in REDUCTIONS:
                self._release(v, position, keep)

    def _stands_for(self, node: Node, out: Value) -> bool:
        """Let a value that is known now be a constant that broadcasts to it."""
        if node.prim.name == "full":
            dtype = numpy_dtype(out.aval.dtype)
            self.slot[out] = self._add(np.full((), node.static["value"], dtype))
            return True
        if node.prim.name == "iota":
            shape, axis = out.aval.shape, node.static["axis"]
            steps = np.arange(shape[axis]).astype(numpy_dtype(out.aval.dtype))
            wanted = [1] * len(shape)
            wanted[axis] = shape[axis]
            self.slot[out] = self._add(steps.reshape(wanted))
            return True
        return False

    def _release(self, value: Value, position: int, keep: set[Value]) -> None:
        slot = self.slot[value]
        if slot in self.temps and self.last[value] == position and value not in keep:
            key = (value.aval.shape, value.aval.dtype)
            self._free.setdefault(key, []).append(slot)

    def _temporary(self, value: Value) -> Slot:
        shape, dtype = value.aval.shape, value.aval.dtype
        free = self._free.get((shape, dtype))
        if free:
            return free.pop()
        if self.group.mode == "flat" and shape:
            shape = (min(self.rows, self.group.size),)
        elif self.group.mode == "rows" and self._follows_rows(shape):
            shape = (min(self.rows, shape[0]), *shape[1:])
        slot = self._add(np.empty(shape, numpy_dtype(dtype)))
        self.temps.append(slot)
        return slot

    def _follows_rows(self, shape: Shape) -> bool:
        space = self.group.space
        return len(shape) == len(space) and shape[0] == space[0]

    def _to_cut(self) -> list[Slot]:
        """Inputs, outputs and constants that run along the axis that is cut."""
        mode = self.group.mode
        if mode == "whole":
            return []
        values = [*self.body.inputs, *self.body.outputs]
        shapes = [v.aval.shape for v in values] + [a.shape for a in self.fixed]
        if mode == "flat":
            keys = {
                self.slot[n.inputs[0]]
                for n in self.body.nodes
                if n.prim.name == "random_bits"
            }
            along = [bool(s) and i not in keys for i, s in enumerate(shapes)]
        else:
            along = [self._follows_rows(s) for s in shapes]
        return [i for i, on in enumerate(along) if on and i not in self.temps]


def _assign(x: Array, out: Array) -> None:
    np.copyto(out, x)
