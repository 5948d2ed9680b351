"""Gather of rows: the look-up of an embedding. An index out of range gives NaN."""

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
# Narrower rows than a vector are left to NumPy.
_NARROWEST = 8
_ONE, _ZERO = const("i64", 1), const("i64", 0)


def _text(dtype: str, index: str) -> str:
    """The kernel: meta holds the count of rows, the width, and three registers."""
    f = Fn("gather", PARAMETERS, host().attributes)
    kind, lanes = _KIND[dtype], host().lanes(np.dtype(dtype).itemsize)
    rows, width, *registers = meta_words(f, 5)
    table, indices, out = register_arrays(f, registers)
    with f.loop(Val("%start", "i64"), Val("%stop", "i64"), _ONE) as number:
        row = f.load(f.gep(_INDEX[index], indices, number), _INDEX[index])
        row = f.convert("sext", row, "i64") if index == "int32" else row
        exists = f.icmp("ult", row, rows)  # a negative one is huge without its sign
        row = f.select(exists, row, _ZERO)
        exists = f.splat(exists, lanes)
        source = f.gep(kind, table, f.mul(row, width))
        target = f.gep(kind, out, f.mul(number, width))

        def move(at: Val, mask: Val | None) -> None:
            a, b = f.gep(kind, source, at), f.gep(kind, target, at)
            nan = const(kind, math.nan, lanes)
            if mask is None:
                f.store(f.select(exists, f.load(a, kind, lanes), nan), b)
            else:
                x = f.select(exists, f.masked_load(a, kind, mask), nan)
                f.masked_store(x, b, mask)

        f.sweep(_ZERO, width, lanes, move)
    return f.text()


def lower_gather(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `take` along a first axis, or None: NumPy does it."""
    table, indices = (v.aval for v in node.inputs)
    axis = node.static["axis"]
    width = math.prod(table.shape[axis + 1 :])
    if table.dtype not in _KIND or indices.dtype not in _INDEX or width < _NARROWEST:
        return None
    if math.prod(table.shape[:axis]) != 1 or table.size * indices.size == 0:
        return None
    key = f"gather {table.dtype} {indices.dtype} {host().vector_bytes}"
    fn = compile_ir("gather", lambda _: _text(table.dtype, indices.dtype), key)
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    meta = np.array([table.shape[axis], width, *slots], np.int64)
    return Native([Launch(fn, meta, indices.size, max(1, _GRAIN_ELEMENTS // width))])
