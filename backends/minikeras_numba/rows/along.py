"""Elements by indices along an axis: which nodes the kernels of `along` serve."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from minikeras_kernels.along import (
    INDICES,
    KINDS,
    put_along,
    take_along,
    take_from_lines,
)

from minikeras.extend import Node, Value, prims
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.launch import Launch, Native

ALONG = {"take_along_axis": take_along, "put_along_axis_add": put_along}
_GRAIN_ELEMENTS = 1 << 14


def lower_along(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for one of `ALONG`, or None: NumPy does it."""
    (x, indices), out = (v.aval for v in node.inputs), node.outputs[0].aval
    if x.dtype not in KINDS or indices.dtype not in INDICES or indices.ndim != x.ndim:
        return None
    if not x.size * indices.size * out.size:
        return None
    name, axis = node.prim.name, node.static["axis"] % x.ndim
    takes = node.prim is prims.take_along_axis
    shape = x.shape if takes else out.shape
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    lines = takes and inner == 1
    write = take_from_lines if lines else ALONG[name]
    fn = compile_kernel(
        name,
        lambda: write(x.dtype, indices.dtype, target()),
        f"{write.__name__} {x.dtype} {indices.dtype} {target()}",
    )
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    count = indices.shape[axis]
    meta = np.array([shape[axis], count, inner, *slots], np.int64)
    work = max(shape[axis], count) * inner
    return Native([Launch(fn, meta, outer, max(1, _GRAIN_ELEMENTS // work))])
