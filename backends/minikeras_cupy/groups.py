"""Descriptions of `minikeras_kernels` as runs on arrays: a warp for each unit of work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikeras_kernels.argreduce import FLOATS, argreduce
from minikeras_kernels.bodies import (
    Constant,
    Cut,
    body_of,
    fusible,
    lower_body,
    space_of,
)
from minikeras_kernels.code import Code
from minikeras_kernels.elements import units
from minikeras_kernels.fused import GroupKernel, table
from minikeras_kernels.gather import INDICES, gather
from minikeras_kernels.group import Array as HostArray
from minikeras_kernels.group import Place
from minikeras_kernels.lines import lines, stages, words
from minikeras_kernels.moves import (
    MOST_WORDS,
    MOVES,
    form,
    layout,
    moving,
    numbers,
    parts,
)
from minikeras_kernels.pooling import DTYPES as POOLED
from minikeras_kernels.pooling import POOLS, Sizes, pooling
from minikeras_kernels.rowwise import ROWWISE, RowKernel
from minikeras_numpy.windows import Geometry

from minikeras.extend import Node, itemsize, numpy_dtype
from minikeras_cupy.driver import Started
from minikeras_cupy.launch import Launcher
from minikeras_cupy.render import WARP, source

Array = Any
Run = Callable[..., None]
ARGREDUCE = ("argmax", "argmin")
_SINGLE_KINDS = ("elementwise", "reduce", "create", "random")


class Memory:
    """Arrays on the device that kernels own."""

    def __init__(self, cp: Any) -> None:
        self.cp = cp

    def empty(self, shape: Sequence[int], dtype: str) -> Array:
        return self.cp.empty(tuple(shape), dtype=numpy_dtype(dtype))

    def constant(self, array: HostArray) -> Array:
        return self.cp.asarray(array)


class _Call:
    """A started kernel, and which of its words are addresses of which operands."""

    def __init__(self, started: Started, operands: list[tuple[int, int]]) -> None:
        self.started, self.operands = started, operands
        self.keep: Any = None


class Groups:
    """Makes runs of nodes that descriptions serve."""

    def __init__(self, launch: Launcher) -> None:
        self.launch = launch
        self.memory = Memory(launch.cp)

    def make(self, node: Node) -> Run | None:
        """The run of a node on its operands and results, or None where none serves it."""
        if node.prim.kind in _SINGLE_KINDS and serves(node):
            return self._group(node)
        make = _MAKERS.get(node.prim.name)
        return None if make is None else make(self, node)

    def _call(self, code: Code, words: Sequence[int | Place], units: int) -> _Call:
        """A kernel; a place without an array of its own is an operand, by its slot."""
        made, numbers, operands = source(code, len(words)), [], []
        for i, word in enumerate(words):
            if isinstance(word, int):
                numbers.append(word)
            elif word.array is None:
                # Its address is known when it is launched: the word is filled in then.
                operands.append((i, word.slot))
                numbers.append(0)
            else:
                numbers.append(word.array.data.ptr)
        started = self.launch.warps(made.name, made.text, numbers, units)
        return _Call(started, operands)

    def _run(self, calls: Sequence[_Call]) -> Run:
        start = self.launch.driver.start

        def run(*arrays: Array) -> None:
            for call in calls:
                words = call.started.words
                for at, operand in call.operands:
                    words[at] = arrays[operand].data.ptr
                start(call.started)

        return run

    def _group(self, node: Node) -> Run:
        body, given = body_of(node)
        numbers = {v: i for i, v in enumerate(node.inputs)}
        places = {v: Place(numbers[x]) for v, x in zip(body.inputs, given, strict=True)}
        outs = [len(node.inputs) + i for i in range(len(node.outputs))]
        cuts = lower_body(body, space_of(node, body), places, outs, WARP, self.memory)
        constants = [x for x in cuts if isinstance(x, Constant)]
        if constants or not cuts:
            return _filling(constants)
        calls = []
        for cut in cuts:
            assert isinstance(cut, Cut)
            code = GroupKernel(*cut, WARP).write()
            calls.append(self._call(code, table(*cut), cut.layout.units))
            calls[-1].keep = cut  # partial results lie in arrays that it owns
        return self._run(calls)

    def _lines(self, node: Node) -> Run:
        """Groups along lines as one launch, or one each where their words are too many."""
        body = node.static["body"]
        count = len(node.inputs)
        places = {v: Place(i) for i, v in enumerate(body.inputs)}
        places.update({v: Place(count + i) for i, v in enumerate(body.outputs)})
        cuts = stages(body, places, WARP, self.memory)
        table_of = words(cuts)
        if len(table_of) > MOST_WORDS:
            calls = [
                self._call(GroupKernel(*c, WARP).write(), table(*c), c.layout.units)
                for c in cuts
            ]
        else:
            code = lines(cuts, WARP)
            calls = [self._call(code, table_of, cuts[0].layout.units)]
        calls[0].keep = cuts
        return self._run(calls)

    def _rowwise(self, node: Node) -> Run | None:
        aval, name = node.inputs[0].aval, node.prim.name
        # A row is a warp's: only rows that lie in one piece, along the last axis.
        last = node.static.get("axis", -1) in (-1, len(aval.shape) - 1)
        alike = all(v.aval == aval for v in node.inputs)
        if aval.dtype not in FLOATS or not (
            aval.shape and aval.size and last and alike
        ):
            return None
        code = RowKernel(name, aval.dtype, WARP).write()
        count, width = len(node.inputs), aval.shape[-1]
        numbered: list[int | Place] = [width, *map(Place, (0, count - 1, count))]
        return self._run([self._call(code, numbered, aval.size // width)])

    def _argreduce(self, node: Node) -> Run | None:
        x, out = node.inputs[0].aval, node.outputs[0].aval
        last = node.static["axis"] in (-1, len(x.shape) - 1)
        if x.dtype not in FLOATS or not x.size or not last or out.dtype != "int32":
            return None
        code = argreduce(node.prim.name, x.dtype, WARP)
        numbered: list[int | Place] = [x.shape[-1], Place(0), Place(1)]
        return self._run([self._call(code, numbered, out.size)])

    def _gather(self, node: Node) -> Run | None:
        rows, indices = (v.aval for v in node.inputs)
        axis = node.static["axis"]
        width, before = 1, 1
        for d in rows.shape[axis + 1 :]:
            width *= d
        for d in rows.shape[:axis]:
            before *= d
        # Axes before would make it many look-ups side by side, which no description serves.
        known = rows.dtype in FLOATS and indices.dtype in INDICES
        if not known or before != 1 or not rows.size * indices.size:
            return None
        code = gather(rows.dtype, indices.dtype, WARP)
        table_of = [rows.shape[axis], width, Place(0), Place(1), Place(2)]
        return self._run([self._call(code, table_of, indices.size)])

    def _pool(self, node: Node) -> Run | None:
        name, x, out = node.prim.name, node.inputs[0].aval, node.outputs[0].aval
        alike = all(v.aval.dtype == x.dtype for v in node.inputs)
        if x.dtype not in POOLED or not alike:
            return None
        if not out.size:
            return _nothing
        static = node.static
        images = static.get("input_shape", x.shape)
        g = Geometry.of_pool(images, static)
        before = [lo for lo, _ in g.padding]
        sizes = Sizes(
            g.batch, g.spatial, g.channels, g.out, g.window, g.strides, before
        )
        code = pooling(name, x.dtype, sizes, WARP)
        places = map(Place, range(len(node.inputs) + 1))
        numbered: list[int | Place] = [out.size, *sizes.words(), *places]
        return self._run([self._call(code, numbered, units(out.size, WARP))])

    def _move(self, node: Node) -> Run:
        out, inputs = node.outputs[0].aval, [v.aval for v in node.inputs]
        if not out.size:
            return _nothing
        shapes = [a.shape for a in inputs]
        given = layout(node.prim.name, node.static, shapes, out.shape)
        # Indices have 32 bits where the largest array allows it: half the work in division.
        largest = max(a.size for a in inputs)
        calls = []
        for part in parts(given):
            how = form(itemsize(out.dtype), part, largest)
            sizes, rows = numbers(part, how.steps)
            numbered: list[int | Place] = [out.size, *sizes]
            for piece, row in zip(part.pieces, rows, strict=True):
                numbered += [Place(piece.source)] if piece.source >= 0 else []
                numbered += row
            numbered.append(Place(len(inputs)))
            calls.append(self._call(moving(how, WARP), numbered, units(out.size, WARP)))
        return self._run(calls)


_MAKERS: dict[str, Callable[[Groups, Node], Run | None]] = {
    "fused": Groups._group,
    "lines": Groups._lines,
    **dict.fromkeys(ROWWISE, Groups._rowwise),
    **dict.fromkeys(ARGREDUCE, Groups._argreduce),
    **dict.fromkeys(POOLS, Groups._pool),
    **dict.fromkeys(MOVES, Groups._move),
    "take": Groups._gather,
}


def _nothing(*arrays: Array) -> None:
    """A result without elements."""


def _filling(constants: Sequence[Constant]) -> Run:
    """Reductions of nothing."""

    def run(*arrays: Array) -> None:
        for slot, value in constants:
            arrays[slot].fill(value)

    return run


def serves(node: Node) -> bool:
    """Whether a node can be part of a group, or stand alone as one."""
    return not node.for_numpy and fusible(node, WARP)
