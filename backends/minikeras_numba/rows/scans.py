"""Running sums and products: which nodes the kernels of `scans` serve."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from minikeras_kernels.scans import KINDS, ROWS, planes_scan, rows_scan

from minikeras.extend import Node, Value
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.launch import Launch, Native

SCANS = ("cumsum", "cumprod")
_GRAIN_ELEMENTS = 1 << 14
_BLOCK = 512  # of the axes behind: a row of it stays in the cache until the next


def lower_scan(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for one of `SCANS`, or None: NumPy does it."""
    x, name = node.inputs[0].aval, node.prim.name
    if x.dtype not in KINDS or not x.size:
        return None
    axis = node.static["axis"] % x.ndim
    outer, steps = math.prod(x.shape[:axis]), x.shape[axis]
    inner = math.prod(x.shape[axis + 1 :])
    back = node.static.get("reverse", False)
    order = [steps - 1, -1] if back else [0, 1]
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    key = f"{name} {x.dtype} {target()}"
    if inner == 1:
        fn = compile_kernel(
            "scan_rows",
            lambda: rows_scan(name, x.dtype, target()),
            f"rows {ROWS} {key}",
        )
        meta = np.array([outer, steps, *order, *slots], np.int64)
        grain = max(1, _GRAIN_ELEMENTS // (ROWS * steps))
        return Native([Launch(fn, meta, -(-outer // ROWS), grain)])
    fn = compile_kernel(
        "scan_planes", lambda: planes_scan(name, x.dtype, target()), f"planes {key}"
    )
    width = min(inner, _BLOCK)
    blocks = -(-inner // width)
    meta = np.array([blocks, width, inner, steps, *order, *slots], np.int64)
    grain = max(1, _GRAIN_ELEMENTS // (width * steps))
    return Native([Launch(fn, meta, outer * blocks, grain)])
