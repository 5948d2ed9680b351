"""Argmax and argmin over rows, such as the classes of a prediction.

Short rows one element after the other, wider ones in vectors.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from minikeras_kernels.argreduce import FLOATS, argreduce

from minikeras.extend import Node, Value
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.launch import Launch, Native

ARGREDUCE = ("argmax", "argmin")
_GRAIN_ELEMENTS = 1 << 14


def lower_argreduce(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for one of `ARGREDUCE` over a last axis, or None: NumPy does it."""
    x, out = node.inputs[0].aval, node.outputs[0].aval
    axis = node.static["axis"]
    if x.dtype not in FLOATS or x.size == 0 or axis not in (-1, len(x.shape) - 1):
        return None
    width = x.shape[-1]
    if out.dtype != "int32":
        return None
    name, machine = node.prim.name, target()
    wide = 2 * width >= machine.lanes(FLOATS[x.dtype].nbytes)
    fn = compile_kernel(
        "argreduce",
        lambda: argreduce(name, x.dtype, machine, wide),
        f"{name} {x.dtype} {wide} {machine}",
    )
    meta = np.array([width, regs[node.inputs[0]], regs[node.outputs[0]]], np.int64)
    return Native([Launch(fn, meta, out.size, max(1, _GRAIN_ELEMENTS // width))])
