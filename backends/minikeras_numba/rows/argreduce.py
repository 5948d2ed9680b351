"""Argmax and argmin over short rows: the classes of a prediction.

One element after the other; for long rows NumPy's vectors are faster, and do it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.signature import Kernel
from minikeras_kernels.values import Kind, const

from minikeras.extend import Node, Value
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.launch import Launch, Native

ARGREDUCE = ("argmax", "argmin")
_KIND = {"float32": Kind.F32, "float64": Kind.F64}
_LONGEST = 128
_GRAIN_ELEMENTS = 1 << 14
_ONE, _ZERO = const(Kind.I64, 1), const(Kind.I64, 0)


def _text(name: str, dtype: str) -> Code:
    """The kernel: meta holds the width and two registers. The first of equals wins,
    and the first NaN over all."""
    f = Kernel("argreduce", target())
    kind = _KIND[dtype]
    width, *registers = f.words(3)
    x, out = map(f.array, registers, (kind, Kind.I32))
    best, place = f.slot(kind), f.slot(Kind.I64)
    with f.loop(f.start, f.stop) as row:
        base = f.at(x, f.mul(row, width))
        f.put(best, f.load(base))
        f.put(place, _ZERO)
        with f.loop(_ONE, width) as at:
            value, so_far = f.load(f.at(base, at)), f.get(best)
            beyond = f.fcmp(Rel.UGT if name == "argmax" else Rel.ULT, value, so_far)
            wins = f.bin(Op.AND, beyond, f.fcmp(Rel.ORD, so_far, so_far))
            f.put(best, f.select(wins, value, so_far))
            f.put(place, f.select(wins, at, f.get(place)))
        index = f.convert(Op.TRUNC, f.get(place), Kind.I32)
        f.store(index, f.at(out, row))
    return f.code


def lower_argreduce(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for one of `ARGREDUCE` over a short last axis, or None: NumPy does it."""
    x, out = node.inputs[0].aval, node.outputs[0].aval
    axis = node.static["axis"]
    if x.dtype not in _KIND or x.size == 0 or axis not in (-1, len(x.shape) - 1):
        return None
    width = x.shape[-1]
    if width > _LONGEST or out.dtype != "int32":
        return None
    name = node.prim.name
    fn = compile_kernel("argreduce", lambda: _text(name, x.dtype), f"{name} {x.dtype}")
    meta = np.array([width, regs[node.inputs[0]], regs[node.outputs[0]]], np.int64)
    return Native([Launch(fn, meta, out.size, max(1, _GRAIN_ELEMENTS // width))])
