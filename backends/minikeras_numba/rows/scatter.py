"""Scatter of rows that adds: the gradient of an embedding.

Each thread owns a run of rows of the result: it clears them, goes through all indices
and adds what falls on its own. So there are no atomics, rows are added in the order of
the indices, and no bit depends on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.signature import Kernel
from minikeras_kernels.values import Kind, Val, const

from minikeras.extend import Node, Value
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.launch import Launch, Native

_KIND = {"float32": Kind.F32, "float64": Kind.F64}
_INDEX = {"int32": Kind.I32, "int64": Kind.I64}
_GRAIN_ELEMENTS = 1 << 15
_ONE, _ZERO = const(Kind.I64, 1), const(Kind.I64, 0)


def _text(dtype: str, index: str) -> Code:
    """The kernel: meta holds the count of indices, the width, and three registers."""
    f = Kernel("scatter", target())
    kind, lanes = _KIND[dtype], host().lanes(np.dtype(dtype).itemsize)
    count, width, *registers = f.words(5)
    kinds = kind, _INDEX[index], kind
    values, indices, out = map(f.array, registers, kinds)
    low, high = f.start, f.stop

    def clear(at: Val, mask: Val | None) -> None:
        f.store(const(kind, 0.0, lanes), f.at(out, at), mask)

    f.sweep(f.mul(low, width), f.mul(high, width), lanes, clear)
    with f.loop(_ZERO, count) as number:
        row = f.load(f.at(indices, number))
        row = f.convert(Op.SEXT, row, Kind.I64) if index == "int32" else row
        mine = f.bin(Op.AND, f.icmp(Rel.SGE, row, low), f.icmp(Rel.SLT, row, high))
        with f.when(mine):
            source = f.at(values, f.mul(number, width))
            place = f.at(out, f.mul(row, width))

            def add(at: Val, mask: Val | None) -> None:
                a, b = f.at(source, at), f.at(place, at)
                so_far = f.load(b, lanes, mask)
                f.store(f.fadd(so_far, f.load(a, lanes, mask)), b, mask)

            f.sweep(_ZERO, width, lanes, add)
    return f.code


def lower_scatter(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `scatter_add_axis` along a first axis, or None: NumPy does it."""
    g, indices = (v.aval for v in node.inputs)
    shape, axis = node.static["shape"], node.static["axis"]
    if g.dtype not in _KIND or indices.dtype not in _INDEX:
        return None
    if math.prod(shape[:axis]) != 1 or math.prod(shape) == 0:
        return None
    width = math.prod(shape[axis + 1 :])
    key = f"scatter {g.dtype} {indices.dtype} {host().vector_bytes}"
    fn = compile_kernel("scatter", lambda: _text(g.dtype, indices.dtype), key)
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    meta = np.array([indices.size, width, *slots], np.int64)
    grain = max(1, _GRAIN_ELEMENTS // width)
    return Native([Launch(fn, meta, shape[axis], grain)])
