"""Gather of rows: the look-up of an embedding. An index out of range gives NaN."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from minikeras_kernels.gather import FLOATS, INDICES, gather

from minikeras.extend import Node, Value
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.launch import Launch, Native

_GRAIN_ELEMENTS = 1 << 15
# Narrower rows than a vector are left to NumPy.
_NARROWEST = 8


def lower_gather(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `take` along a first axis, or None: NumPy does it."""
    table, indices = (v.aval for v in node.inputs)
    axis = node.static["axis"]
    width = math.prod(table.shape[axis + 1 :])
    if table.dtype not in FLOATS or indices.dtype not in INDICES or width < _NARROWEST:
        return None
    if math.prod(table.shape[:axis]) != 1 or table.size * indices.size == 0:
        return None
    key = f"gather {table.dtype} {indices.dtype} {host().vector_bytes}"
    fn = compile_kernel(
        "gather", lambda: gather(table.dtype, indices.dtype, target()), key
    )
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    meta = np.array([table.shape[axis], width, *slots], np.int64)
    return Native([Launch(fn, meta, indices.size, max(1, _GRAIN_ELEMENTS // width))])
