"""Slices that go where their index says, added up, or combined in another way.

The gradient of an embedding, and reductions of segments. Each thread owns a run of rows of
the result: it clears them, goes through all indices and takes what falls on its own. So
there are no atomics, slices are combined in the order of the indices, and no bit depends
on the number of threads.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.elementwise import OPS
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.values import Kind, Val, const

from minikeras.extend import Node, Value
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.launch import Launch, Native

Array = np.ndarray[Any, Any]
_KIND = {
    "float32": Kind.F32,
    "float64": Kind.F64,
    "int32": Kind.I32,
    "int64": Kind.I64,
}
_INDEX = {"int32": Kind.I32, "int64": Kind.I64}
_OP = {"add": "add", "max": "maximum", "min": "minimum", "mul": "mul"}
_UFUNC = {"max": np.maximum, "min": np.minimum, "mul": np.multiply}
_GRAIN_ELEMENTS = 1 << 15
_ONE, _ZERO = const(Kind.I64, 1), const(Kind.I64, 0)


def _text(dtype: str, index: str, how: str, first: float, narrow: bool) -> Code:
    """The kernel: meta holds the count of indices, the width, and three registers."""
    f = KernelWriter("scatter", target())
    kind, lanes = _KIND[dtype], host().lanes(np.dtype(dtype).itemsize)
    count, width, *registers = f.words(5)
    kinds = kind, _INDEX[index], kind
    values, indices, out = map(f.array, registers, kinds)
    low, high = f.start, f.stop

    def clear(at: Val, mask: Val | None) -> None:
        f.store(const(kind, first, lanes), f.at(out, at), mask)

    f.sweep(f.mul(low, width), f.mul(high, width), lanes, clear)
    with f.loop(_ZERO, count) as number:
        row = f.load(f.at(indices, number))
        row = f.convert(Op.SEXT, row, Kind.I64) if index == "int32" else row
        mine = f.bin(Op.AND, f.icmp(Rel.SGE, row, low), f.icmp(Rel.SLT, row, high))
        with f.when(mine):
            source = f.at(values, f.mul(number, width))
            place = f.at(out, f.mul(row, width))

            def combine(at: Val, mask: Val | None) -> None:
                many = 1 if narrow else lanes
                a, b = f.at(source, at), f.at(place, at)
                so_far, more = f.load(b, many, mask), f.load(a, many, mask)
                f.store(OPS[_OP[how]](f, [so_far, more], dtype), b, mask)

            if narrow:
                combine(_ZERO, None)
            else:
                f.sweep(_ZERO, width, lanes, combine)
    return f.code


def _lowered(
    node: Node, regs: Mapping[Value, int], rows: int, width: int, how: str, start: float
) -> Native | None:
    x, indices = (v.aval for v in node.inputs)
    if x.dtype not in _KIND or indices.dtype not in _INDEX or not rows * width:
        return None
    key = f"scatter {how} {start} {x.dtype} {indices.dtype} {host().vector_bytes}"
    narrow = width == 1
    key += f" {narrow}"
    text = functools.partial(_text, x.dtype, indices.dtype, how, start, narrow)
    fn = compile_kernel("scatter", text, key)
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    meta = np.array([indices.size, width, *slots], np.int64)
    # Who shares out single elements reads all indices again in each thread.
    grain = rows if narrow else max(1, _GRAIN_ELEMENTS // width)
    return Native([Launch(fn, meta, rows, grain)])


def lower_scatter(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `scatter_add_axis` along a first axis, or None: NumPy does it."""
    shape, axis = node.static["shape"], node.static["axis"]
    if math.prod(shape[:axis]) != 1:
        return None
    return _lowered(node, regs, shape[axis], math.prod(shape[axis + 1 :]), "add", 0)


def lower_segments(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `segment_combine`, or None: NumPy does it."""
    width = math.prod(node.inputs[0].aval.shape[1:])
    static = node.static
    return _lowered(node, regs, static["count"], width, static["how"], static["start"])


def numpys_segments(
    x: Array, ids: Array, *, count: int, how: str, start: float
) -> Array:
    """`segment_combine` by NumPy; 16 bit floats in float32."""
    short = x.dtype.itemsize == 2 and x.dtype.kind not in "iu"
    wide = x.astype(np.float32) if short else x
    out = np.full((count + 1, *x.shape[1:]), start, wide.dtype)
    with np.errstate(all="ignore"):
        inside = np.where((ids >= 0) & (ids < count), ids, count)
        _UFUNC[how].at(out, inside, wide)
        return out[:count].astype(x.dtype)
