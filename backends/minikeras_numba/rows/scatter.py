"""Scatter of rows that adds: the gradient of an embedding.

Each thread owns a run of rows of the result: it clears them, goes through all indices
and adds what falls on its own. So there are no atomics, rows are added in the order of
the indices, and no bit depends on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from minikeras.extend import Node, Value
from minikeras_numba.ir.signature import PARAMETERS, meta_words, register_arrays
from minikeras_numba.ir.writer import Fn, Val, const
from minikeras_numba.machine.jit import compile_ir, host
from minikeras_numba.machine.launch import Launch, Native

_KIND = {"float32": "float", "float64": "double"}
_INDEX = {"int32": "i32", "int64": "i64"}
_GRAIN_ELEMENTS = 1 << 15
_ONE, _ZERO = const("i64", 1), const("i64", 0)


def _text(dtype: str, index: str) -> str:
    """The kernel: meta holds the count of indices, the width, and three registers."""
    f = Fn("scatter", PARAMETERS, host().attributes)
    kind, lanes = _KIND[dtype], host().lanes(np.dtype(dtype).itemsize)
    count, width, *registers = meta_words(f, 5)
    values, indices, out = register_arrays(f, registers)
    low, high = Val("%start", "i64"), Val("%stop", "i64")

    def clear(at: Val, mask: Val | None) -> None:
        zero, place = const(kind, 0.0, lanes), f.gep(kind, out, at)
        if mask is None:
            f.store(zero, place)
        else:
            f.masked_store(zero, place, mask)

    f.sweep(f.mul(low, width), f.mul(high, width), lanes, clear)
    with f.loop(_ZERO, count, _ONE) as number:
        row = f.load(f.gep(_INDEX[index], indices, number), _INDEX[index])
        row = f.convert("sext", row, "i64") if index == "int32" else row
        mine = f.bin("and", f.icmp("sge", row, low), f.icmp("slt", row, high))
        with f.when(mine):
            source = f.gep(kind, values, f.mul(number, width))
            target = f.gep(kind, out, f.mul(row, width))

            def add(at: Val, mask: Val | None) -> None:
                a, b = f.gep(kind, source, at), f.gep(kind, target, at)
                if mask is None:
                    f.store(f.fadd(f.load(b, kind, lanes), f.load(a, kind, lanes)), b)
                else:
                    x = f.masked_load(a, kind, mask)
                    f.masked_store(f.fadd(f.masked_load(b, kind, mask), x), b, mask)

            f.sweep(_ZERO, width, lanes, add)
    return f.text()


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
    fn = compile_ir("scatter", lambda _: _text(g.dtype, indices.dtype), key)
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    meta = np.array([indices.size, width, *slots], np.int64)
    grain = max(1, _GRAIN_ELEMENTS // width)
    return Native([Launch(fn, meta, shape[axis], grain)])
