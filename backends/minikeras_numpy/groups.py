"""Fused groups: a body of elementwise nodes run as ufunc calls, block by block.

A `Group` writes the body's results into given arrays. Other values live in a few
temporaries of the size of a block, reused as soon as they are dead, so they stay in
the cache and memory does not grow with the arrays. Blocks are shared out to threads,
each with temporaries of its own. An output may share its memory with an input of the
same shape (an update in place); which ones do is looked up at the first run, and an
output whose input is read again later is written last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.extend import Graph, Node, Shape, Value, numpy_dtype, prims
from minikeras_numpy.common import Array
from minikeras_numpy.random import Bits
from minikeras_numpy.sharing import lanes, share
from minikeras_numpy.writers import REDUCTIONS, Write, writer

BLOCK = 1 << 17  # elements; measured: fewer cost calls, more leave the caches

LINE = 512  # elements of a line at least: enough for a loop of NumPy's

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
        drawn = any(n.prim.kind == "random" for n in body.nodes)
        self.cells = max(1, BLOCK // 4) if drawn else BLOCK  # a draw is 20 operations
        # Those are so short that two threads wait for the interpreter's lock: 1.7 -> 2.4 ms.
        self.shared = not drawn
        self.mode = _mode(body, self.space, self.cells)
        # Within a block what a kernel allocates is small, and stays in the cache.
        self.allocates = self.mode == "whole" and any(
            writer(kernels, node).allocates for node in body.nodes
        )
        self.line = Line(self.space) if self.mode == "lines" else None
        self._schedule: _Schedule | None = None
        self._sums: dict[int, Array] = {}
        self._tiles: dict[int, Array] = {}

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Fill `outputs` from `inputs`; warnings are the caller's business."""
        schedule = self._schedule
        if schedule is None:
            shared = _sharing(inputs, outputs)
            schedule = self._schedule = _Schedule(self, shared)
        arrays: list[Any] = [*inputs, *outputs]
        if self.mode == "whole":
            schedule.execute([*arrays, *schedule.fixed], 0)
            return
        if self.line is not None:
            arrays = self._lines(arrays)
            total, width = self.size // self.line.width, self.line.width
        elif self.mode == "flat":
            arrays = [a if a.ndim == 0 else a.reshape(-1) for a in arrays]
            total, width = self.size, 1
        else:
            total, width = self.space[0], self.size // self.space[0]
        rows = block_rows(width, self.cells)

        def work(lane: int, number: int) -> None:
            table, at = arrays, number * rows
            if self._sums:
                table = list(arrays)
                for i in self._sums:
                    table[i] = arrays[i][number]
            schedule.block(lane, table, at, min(at + rows, total), width)

        # No block reads what another writes, and each has its place for sums: the bits do
        # not hang on who does which.
        share(-(-total // rows), work, self.shared)
        if self.line is not None:
            for j, v in enumerate(self.body.outputs):
                if v.aval.shape != self.space:
                    i = len(inputs) + j
                    self.line.fold(self._sums[i], outputs[j])

    def _lines(self, arrays: list[Any]) -> list[Any]:
        """The arrays as rows of lines; what is there for each channel fills one line.

        In the place of a sum come its parts, one for each block.
        """
        line = self.line
        assert line is not None
        values = [*self.body.inputs, *self.body.outputs]
        result = []
        for i, (array, v) in enumerate(zip(arrays, values, strict=True)):
            shape = v.aval.shape
            if i >= len(self.body.inputs) and shape != self.space:
                if i not in self._sums:
                    rows = self.size // line.width
                    count = -(-rows // block_rows(line.width, self.cells))
                    self._sums[i] = np.empty((count, line.width), array.dtype)
                result.append(self._sums[i])
                continue
            if shape != self.space and math.prod(shape) > 1:
                if i not in self._tiles:
                    self._tiles[i] = np.empty(line.width, array.dtype)
                tile = self._tiles[i]
                np.copyto(tile.reshape(line.times, -1), array.reshape(-1))
                result.append(tile)
                continue
            result.append(line.as_rows(array))
        return result


def block_rows(width: int, cells: int) -> int:
    """Rows of `width` elements in a block of so many."""
    return max(1, cells // width)


class Line:
    """Pictures as rows of lines: some pixels, with their channels, side by side.

    NumPy's loops run along the last axis. Where that is 16 channels, which an operand has
    one number each for, they are too short; a line holds that operand many times over.
    """

    def __init__(self, space: Shape) -> None:
        self.space = tuple(space)
        self.channels = space[-1]
        pixels = math.prod(space[:-1])
        least = max(1, LINE // self.channels)
        times = range(least, min(4 * least, pixels) + 1)
        self.times = next((n for n in times if pixels % n == 0), 1)
        self.width = self.times * self.channels

    def as_rows(self, array: Array) -> Array:
        """An array of the space, or of one element."""
        return array.reshape(-1, self.width) if array.size > 1 else array.reshape(())

    def as_line(self, array: Array) -> Array:
        """A constant: one number, or one for each channel."""
        if array.size == 1 or array.shape == self.space:
            return self.as_rows(array)
        return np.tile(array.reshape(-1), self.times)

    def shape(self, shape: Shape, rows: int) -> Shape:
        """That of a temporary."""
        if tuple(shape) == self.space:
            return (rows, self.width)
        return (self.width,) if math.prod(shape) > 1 else ()

    def fold(self, sums: Array, out: Array) -> None:
        """The sum of each channel from those of the blocks, in order."""
        whole = np.add.reduce(sums, axis=0).reshape(self.times, self.channels)
        np.add.reduce(whole, axis=0, out=out.reshape(self.channels))


def _has_lines(body: Graph, space: Shape) -> bool:
    """Whether all is of the space, or for each channel, or one number, or a sum by channels."""
    if len(space) < 2 or not 1 < space[-1] <= BLOCK:
        return False
    used = {v for n in body.nodes for v in n.inputs}
    made = {v: n for n in body.nodes for v in n.outputs}
    sums = set()
    for n in body.nodes:
        if n.prim is prims.iota or n.prim.kind == "random":
            return False
        if n.prim.name in REDUCTIONS:
            x, out = n.inputs[0], n.outputs[0]
            full = x in made and made[x].prim is prims.full
            wide = x.aval.dtype in ("float32", "float64") and x.aval.shape == space
            axes = tuple(range(len(space) - 1))
            if n.prim is not prims.sum or n.static["axes"] != axes or not wide:
                return False
            if out in used or full or out.aval.dtype != x.aval.dtype:
                return False
            sums.add(out)
    channels = (*(1 for _ in space[1:]), space[-1])
    for v in body.values():
        shape = tuple(v.aval.shape)
        narrow = math.prod(shape) == 1 or shape in (channels, channels[-1:])
        if v not in sums and shape != space and not narrow:
            return False
    return all(v in sums or v.aval.shape == space for v in body.outputs)


def _mode(body: Graph, space: Shape, cells: int) -> str:
    """How to cut the space.

    "flat": ranges, "lines": rows of lines, "rows": those of the first axis, or "whole".
    """
    size = math.prod(space)
    nodes = body.nodes
    if size < 2 * cells:
        return "whole"
    reduced = any(n.prim.name in REDUCTIONS for n in nodes)
    shapes = {v.aval.shape for v in body.values() if v.aval.shape}
    shapes -= {n.inputs[0].aval.shape for n in nodes if n.prim.kind == "random"}
    counted = any(n.prim is prims.iota for n in nodes)
    if shapes <= {space} and not counted and not reduced:
        return "flat"
    if _has_lines(body, space):
        return "lines"
    if reduced:
        return "whole"
    if any(v.aval.shape != space for v in body.outputs):
        return "whole"
    return "rows" if space[0] > 1 and size // space[0] <= cells else "whole"


def _sharing(inputs: Sequence[Array], outputs: Sequence[Array]) -> list[set[int]]:
    """For each output, the inputs whose memory it shares."""
    return [
        {i for i, x in enumerate(inputs) if np.may_share_memory(x, out)}
        for out in outputs
    ]


class _Schedule:
    """The calls of a group, each with the slots of its operands and of its result.

    Attributes:
        calls: What makes a call's writer, and the slots.
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
            self.rows = group.cells
        elif group.mode == "rows":
            self.rows = block_rows(size // space[0], group.cells)
        elif group.line is not None:
            self.rows = block_rows(group.line.width, group.cells)
        self.fixed: list[Array] = []
        self.temps: list[Slot] = []
        self.calls: list[tuple[Callable[[], Write], tuple[Slot, ...]]] = []
        self.slot: dict[Value, Slot] = {v: i for i, v in enumerate(self.body.inputs)}
        self.base = len(self.body.inputs)
        self.shared = shared
        self._free: dict[tuple[Shape, str], list[Slot]] = {}
        for v, array in self.body.constants.items():
            self.slot[v] = self._constant(np.asarray(array, numpy_dtype(v.aval.dtype)))
        self.last = {v: p for p, n in enumerate(self.body.nodes) for v in n.inputs}
        self._build()
        self.cut = self._to_cut()
        helpers = lanes() - 1 if group.shared and group.mode != "whole" else 0
        self._tails = [self.fixed, *(self._own_temporaries() for _ in range(helpers))]
        # Each thread has writers of its own, since some have workspace.
        self._calls = [
            [(make(), slots) for make, slots in self.calls] for _ in self._tails
        ]

    def _own_temporaries(self) -> list[Array]:
        """The tail of the table of a thread that helps: its temporaries are its own."""
        first = self.base + len(self.body.outputs)
        own = {slot - first for slot in self.temps}
        return [np.empty_like(a) if i in own else a for i, a in enumerate(self.fixed)]

    def execute(self, table: list[Any], first: int, lane: int = 0) -> None:
        """All calls; `first` is the number of the block's first element."""
        for write, slots in self._calls[lane]:
            if isinstance(write, Bits):
                write(table[slots[0]], table[slots[1]], first)
            else:
                write(*[table[i] for i in slots])

    def block(
        self, lane: int, arrays: list[Any], at: int, end: int, width: int
    ) -> None:
        """The calls for rows [at, end) of `width` elements, by the thread of a lane."""
        table = [*arrays, *self._tails[lane]]
        for i in self.cut:
            table[i] = self._row(table[i])[at:end]
        if end - at < self.rows:
            for i in self.temps:
                if self.group.line is None or table[i].ndim == 2:
                    table[i] = table[i][: end - at]
        self.execute(table, at * width, lane)

    def _row(self, array: Array) -> Array:
        return array.reshape(-1) if self.group.mode == "flat" else array

    def _constant(self, array: Array) -> Slot:
        line = self.group.line
        return self._add(array if line is None else line.as_line(array))

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
            self._add_call(_assign, self.slot[outputs[j]], self.base + j)

    def _call(
        self, node: Node, position: int, target: dict[Value, Slot], keep: set[Value]
    ) -> None:
        (out,) = node.outputs
        folds = node.prim.name in REDUCTIONS
        operands = tuple(self.slot[v] for v in node.inputs)
        if self._stands_for(node, out):
            if out in target:
                self._add_call(_assign, self.slot[out], target[out])
            return
        for v in dict.fromkeys(node.inputs):
            # A reduction, and a draw, does not read the index that it writes.
            if not folds and node.prim.kind != "random":
                self._release(v, position, keep)
        self.slot[out] = target[out] if out in target else self._temporary(out)
        slots = (*operands, self.slot[out])
        if self.group.line is not None and folds:
            self._add_call(_add_rows, *slots)
        else:
            kernels = self.group.kernels
            self.calls.append((lambda: writer(kernels, node).run, slots))
        for v in dict.fromkeys(node.inputs):
            if folds:
                self._release(v, position, keep)

    def _add_call(self, write: Write, *slots: Slot) -> None:
        self.calls.append((lambda: write, slots))

    def _stands_for(self, node: Node, out: Value) -> bool:
        """Let a value that is known now be a constant that broadcasts to it."""
        if node.prim is prims.full:
            dtype = numpy_dtype(out.aval.dtype)
            self.slot[out] = self._add(np.full((), node.static["value"], dtype))
            return True
        if node.prim is prims.iota:
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
        line = self.group.line
        if line is not None:
            shape = line.shape(shape, self.rows)
        elif self.group.mode == "flat" and shape:
            shape = (min(self.rows, self.group.size),)
        elif self.group.mode == "rows" and self._follows_rows(shape):
            shape = (min(self.rows, shape[0]), *shape[1:])
        slot = self._add(np.empty(shape, numpy_dtype(dtype)))
        self.temps.append(slot)
        return slot

    def _whole_constants(self, first: int) -> list[Slot]:
        """Constants that are as large as the space."""
        slots = range(first, first + len(self.fixed))
        known = zip(slots, self.fixed, strict=True)
        return [i for i, a in known if a.ndim == 2 and i not in self.temps]

    def _follows_rows(self, shape: Shape) -> bool:
        space = self.group.space
        return len(shape) == len(space) and shape[0] == space[0]

    def _to_cut(self) -> list[Slot]:
        """Inputs, outputs and constants that run along the axis that is cut."""
        mode = self.group.mode
        if mode == "whole":
            return []
        if mode == "lines":
            values = [*self.body.inputs, *self.body.outputs]
            space = self.group.space
            cut = [i for i, v in enumerate(values) if v.aval.shape == space]
            return cut + self._whole_constants(len(values))
        values = [*self.body.inputs, *self.body.outputs]
        shapes = [v.aval.shape for v in values] + [a.shape for a in self.fixed]
        if mode == "flat":
            keys = {
                self.slot[n.inputs[0]]
                for n in self.body.nodes
                if n.prim.kind == "random"
            }
            along = [bool(s) and i not in keys for i, s in enumerate(shapes)]
        else:
            along = [self._follows_rows(s) for s in shapes]
        return [i for i, on in enumerate(along) if on and i not in self.temps]


def _add_rows(x: Array, out: Array) -> None:
    np.add.reduce(x, axis=0, out=out)


def _assign(x: Array, out: Array) -> None:
    np.copyto(out, x)
