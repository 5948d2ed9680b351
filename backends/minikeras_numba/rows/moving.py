"""Kernels that move elements: slices, transposes, borders, joins, repeats.

Each is one or two strided copies. Which bytes go where is worked out when the node is
lowered, by taking views of arrays of these shapes; a kernel goes over rows of it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from minikeras_numpy.movement import slices

from minikeras.extend import Node, Value, numpy_dtype
from minikeras_numba.ir.contract import I1, I64, PTR, Code
from minikeras_numba.machine.jit import compile_ir
from minikeras_numba.machine.launch import Launch, Native
from minikeras_numba.tiles.jobs import zeros_address

Array = np.ndarray[Any, Any]
META = (
    *("source", "own", "offset", "target", "to_offset"),
    *("axes", "count", "stride", "to_stride"),
)
AXIS = ("size", "stride", "to_stride")
# Fewer bytes than that are not shared out.
_GRAIN_BYTES = 1 << 16
_SIZES = (1, 2, 4, 8)


class End(NamedTuple):
    """One side of a copy: a register, or -1 for an address; first byte and strides."""

    register: int
    offset: int
    strides: tuple[int, ...]
    address: int = 0


def lower_moving(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A native step for a movement node, or None where its items are too wide."""
    out = node.outputs[0]
    item = numpy_dtype(out.aval.dtype).itemsize
    if item not in _SIZES:
        return None
    arrays = [np.empty(v.aval.shape, f"V{item}") for v in node.inputs]
    target = np.empty(out.aval.shape, f"V{item}")
    copies: list[tuple[End, End, tuple[int, ...]]] = []
    for number, seen, place in MOVES[node.prim.name](node, arrays, target):
        source = End(-1, 0, (0,) * target.ndim, zeros_address())
        if number >= 0:
            source = _end(arrays[number], seen, regs[node.inputs[number]])
        copies.append((source, _end(target, place, regs[out]), place.shape))
    launches = [_launch(item, *copy) for copy in copies if 0 not in copy[2]]
    return Native(launches)


def _end(whole: Array, part: Array, register: int) -> End:
    """Where a view of an array lies in it."""
    first, view = (a.__array_interface__["data"][0] for a in (whole, part))
    return End(register, view - first, part.strides)


def _launch(item: int, source: End, target: End, shape: Sequence[int]) -> Launch:
    """A copy over as few axes as it takes; the last one is a row."""
    axes: list[list[int]] = []
    for size, a, b in zip(shape, source.strides, target.strides, strict=True):
        if size == 1:
            continue
        if axes and axes[-1][1] == size * a and axes[-1][2] == size * b:
            axes[-1] = [axes[-1][0] * size, a, b]
        else:
            axes.append([size, a, b])
    *outer, (count, stride, to_stride) = axes or [[1, item, item]]
    flat = stride == to_stride == item
    words = [source.register, source.address, source.offset]
    words += [target.register, target.offset, len(outer), count, stride, to_stride]
    meta = np.array([*words, *(n for axis in outer for n in axis)], np.int64)
    rows = math.prod(size for size, _, _ in outer)
    key = f"moving {META} {AXIS} {item} {flat}"
    fn = compile_ir("moving", functools.partial(_emit, item=item, flat=flat), key)
    return Launch(fn, meta, rows, max(1, _GRAIN_BYTES // (count * item)))


def _emit(module: ir.Module, item: int, flat: bool) -> None:
    """Rows [start, stop): their places from their number, axis by axis."""
    c = Code(module, "moving", "float32", 6)
    registers, meta, start, stop, _, _ = c.arguments
    word = {name: c.word(meta, i) for i, name in enumerate(META)}
    known = c.b.icmp_signed("<", word["source"], c.const(0))
    entry = c.add(registers, c.mul(word["source"], 8))
    entry = c.b.select(known, c.add(meta, c.const(8 * META.index("own"))), entry)
    source = c.add(c.load(entry, I64, 8), word["offset"])
    entry = c.add(registers, c.mul(word["target"], 8))
    target = c.add(c.load(entry, I64, 8), word["to_offset"])
    with c.loop(stop, start=start) as number:
        rest = c.slot(I64, c.get(number))
        places = [c.slot(I64, source), c.slot(I64, target)]
        with c.loop(word["axes"]) as done:
            axis = c.b.sub(c.b.sub(word["axes"], c.const(1)), c.get(done))
            row = c.add(meta, c.const(8 * len(META)), c.mul(axis, 8 * len(AXIS)))
            size = c.word(row, 0)
            index = c.b.urem(c.get(rest), size)
            c.put(rest, c.b.udiv(c.get(rest), size))
            for i, place in enumerate(places, 1):
                c.put(place, c.add(c.get(place), c.mul(index, c.word(row, i))))
        _emit_row(c, word, [c.get(place) for place in places], item, flat)
    c.finish()


def _emit_row(
    c: Code, word: Mapping[str, Any], places: Sequence[Any], item: int, flat: bool
) -> None:
    source, target = places
    if flat:
        kind = ir.FunctionType(ir.VoidType(), [PTR, PTR, I64, I1])
        ends = [c.b.inttoptr(place, PTR) for place in (target, source)]
        size = c.mul(word["count"], item)
        c.intrinsic("llvm.memcpy.p0.p0.i64", kind, [*ends, size, ir.Constant(I1, 0)])
        return
    whole = ir.IntType(8 * item)
    with c.loop(word["count"]) as index:
        at = c.get(index)
        value = c.load(c.add(source, c.mul(at, word["stride"])), whole, item)
        place = c.add(target, c.mul(at, word["to_stride"]))
        c.b.store(value, c.b.inttoptr(place, PTR), align=item)


# --- which parts go where: input number (-1: zeros), the part of it, the part of the result

Moves = list[tuple[int, Any, Any]]


def _place(node: Node) -> Any:
    """The index that the static starts, stops and steps are."""
    static = node.static
    return (*slices(static["starts"], static["stops"], static["steps"]), ...)


def _slice(node: Node, arrays: list[Array], out: Array) -> Moves:
    return [(0, arrays[0][_place(node)], out)]


def _pad_strided(node: Node, arrays: list[Array], out: Array) -> Moves:
    return [(-1, None, out), (0, arrays[0], out[_place(node)])]


def _pad(node: Node, arrays: list[Array], out: Array) -> Moves:
    x, value = arrays
    sizes = zip(x.shape, node.static["widths"], strict=True)
    inner: Any = (*(slice(low, low + d) for d, (low, _) in sizes), ...)
    return [(1, np.broadcast_to(value, out.shape), out), (0, x, out[inner])]


def _concat(node: Node, arrays: list[Array], out: Array) -> Moves:
    axis, at = node.static["axis"], 0
    moves: Moves = []
    for number, x in enumerate(arrays):
        place: Any = (slice(None),) * axis + (slice(at, at + x.shape[axis]),)
        moves.append((number, x, out[place]))
        at += x.shape[axis]
    return moves


MOVES: dict[str, Callable[[Node, list[Array], Array], Moves]] = {
    "transpose": lambda n, xs, out: [(0, xs[0].transpose(n.static["perm"]), out)],
    "broadcast_to": lambda n, xs, out: [(0, np.broadcast_to(xs[0], out.shape), out)],
    "flip": lambda n, xs, out: [(0, np.flip(xs[0], n.static["axes"]), out)],
    "slice": _slice,
    "pad": _pad,
    "pad_strided": _pad_strided,
    "concat": _concat,
}
