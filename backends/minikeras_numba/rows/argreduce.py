"""Argmax and argmin over short rows: the classes of a prediction.

One element after the other; for long rows NumPy's vectors are faster, and do it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from minikeras.extend import Node, Value
from minikeras_numba.ir.signature import PARAMETERS, meta_words, register_arrays
from minikeras_numba.ir.writer import Fn, Val, const
from minikeras_numba.machine.jit import compile_ir, host
from minikeras_numba.machine.launch import Launch, Native

ARGREDUCE = ("argmax", "argmin")
_KIND = {"float32": "float", "float64": "double"}
_LONGEST = 128
_GRAIN_ELEMENTS = 1 << 14
_ONE, _ZERO = const("i64", 1), const("i64", 0)


def _text(name: str, dtype: str) -> str:
    """The kernel: meta holds the width and two registers. The first of equals wins,
    and the first NaN over all."""
    f = Fn("argreduce", PARAMETERS, host().attributes)
    kind = _KIND[dtype]
    width, *registers = meta_words(f, 3)
    x, out = register_arrays(f, registers)
    best, place = f.alloca(kind), f.alloca("i64")
    with f.loop(Val("%start", "i64"), Val("%stop", "i64"), _ONE) as row:
        base = f.gep(kind, x, f.mul(row, width))
        f.store(f.load(base, kind), best)
        f.store(_ZERO, place)
        with f.loop(_ONE, width, _ONE) as at:
            value, so_far = f.load(f.gep(kind, base, at), kind), f.load(best, kind)
            beyond = f.fcmp("ugt" if name == "argmax" else "ult", value, so_far)
            wins = f.bin("and", beyond, f.fcmp("ord", so_far, so_far))
            f.store(f.select(wins, value, so_far), best)
            f.store(f.select(wins, at, f.load(place, "i64")), place)
        index = f.convert("trunc", f.load(place, "i64"), "i32")
        f.store(index, f.gep("i32", out, row))
    return f.text()


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
    fn = compile_ir("argreduce", lambda _: _text(name, x.dtype), f"{name} {x.dtype}")
    meta = np.array([width, regs[node.inputs[0]], regs[node.outputs[0]]], np.int64)
    return Native([Launch(fn, meta, out.size, max(1, _GRAIN_ELEMENTS // width))])
