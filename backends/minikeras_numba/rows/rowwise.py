"""Softmax, log-softmax and softmax cross-entropy over the last axis, one kernel each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from minikeras_kernels.rowwise import RowKernel

from minikeras.extend import Node, Value
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.launch import Launch, Native

_GRAIN_ELEMENTS = 8192


def serves_rowwise(node: Node) -> bool:
    """Whether `lower_rowwise` has a kernel for a node: floats, along the last axis."""
    aval = node.inputs[0].aval
    if aval.dtype not in ("float32", "float64") or not aval.shape or aval.size == 0:
        return False
    last = node.static.get("axis", -1) in (-1, len(aval.shape) - 1)
    return last and all(v.aval == aval for v in node.inputs)


def lower_rowwise(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for one of `ROWWISE` over the last axis, or None where NumPy does it."""
    if not serves_rowwise(node):
        return None
    aval, name = node.inputs[0].aval, node.prim.name
    dtype, width = aval.dtype, aval.shape[-1]
    fn = compile_kernel(
        "rowwise",
        lambda: RowKernel(name, dtype, target()).write(),
        f"rowwise {name} {dtype} {host().lanes(4)}",
        loops=False,
    )
    slots = [regs[node.inputs[0]], regs[node.inputs[-1]], regs[node.outputs[0]]]
    meta = np.array([width, *slots], np.int64)
    rows = aval.size // width
    return Native([Launch(fn, meta, rows, max(1, -(-_GRAIN_ELEMENTS // width)))])
