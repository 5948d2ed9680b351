"""Gather of rows: the look-up of an embedding. An index out of range gives NaN."""

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
# Narrower rows than a vector are left to NumPy.
_NARROWEST = 8
_ONE, _ZERO = const(Kind.I64, 1), const(Kind.I64, 0)


def _text(dtype: str, index: str) -> Code:
    """The kernel: meta holds the count of rows, the width, and three registers."""
    f = Kernel("gather", target())
    kind, lanes = _KIND[dtype], host().lanes(np.dtype(dtype).itemsize)
    rows, width, *registers = f.words(5)
    kinds = kind, _INDEX[index], kind
    table, indices, out = map(f.array, registers, kinds)
    with f.loop(f.start, f.stop) as number:
        row = f.load(f.at(indices, number))
        row = f.convert(Op.SEXT, row, Kind.I64) if index == "int32" else row
        exists = f.icmp(Rel.ULT, row, rows)  # a negative one is huge without its sign
        row = f.select(exists, row, _ZERO)
        exists = f.splat(exists, lanes)
        source = f.at(table, f.mul(row, width))
        target_row = f.at(out, f.mul(number, width))

        def move(at: Val, mask: Val | None) -> None:
            x = f.load(f.at(source, at), lanes, mask)
            x = f.select(exists, x, const(kind, math.nan, lanes))
            f.store(x, f.at(target_row, at), mask)

        f.sweep(_ZERO, width, lanes, move)
    return f.code


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
    fn = compile_kernel("gather", lambda: _text(table.dtype, indices.dtype), key)
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    meta = np.array([table.shape[axis], width, *slots], np.int64)
    return Native([Launch(fn, meta, indices.size, max(1, _GRAIN_ELEMENTS // width))])
