"""Sums of neighbours along an axis: which nodes the kernel of `banded` serves."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from minikeras_kernels.banded import KINDS, MOST_INNER, MOST_TAPS, banded

from minikeras.extend import Node, Value, numpy_dtype
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.launch import Launch, Native

_STRIP = 1 << 13  # multiplications of a unit
_GRAIN = 2  # units that a thread takes at least


def lower_banded(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure, or None: NumPy does it."""
    x, out = node.inputs[0].aval, node.outputs[0].aval
    band, axis = node.static["band"], node.static["axis"]
    if x.dtype not in KINDS or not out.size or not band.taps:
        return None
    outer, inner = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    written = inner if inner <= MOST_INNER else 0
    taps = band.taps if band.taps <= MOST_TAPS else 0
    fn = compile_kernel(
        "banded",
        lambda: banded(x.dtype, written, taps, target()),
        f"{x.dtype} {written} {taps} {target()}",
    )
    columns = min(max(_STRIP // (inner * band.taps), 1), band.size)
    strips = -(-band.size // columns)
    words = [strips, columns, band.n, band.size, inner, band.taps]
    words += [regs[node.inputs[0]], regs[node.outputs[0]]]
    weights = np.zeros(-(-band.weights.size // 2) * 2, numpy_dtype(x.dtype))
    weights[: band.weights.size] = band.weights.ravel()
    parts = np.array(words, np.int64), band.starts, weights.view(np.int64)
    return Native([Launch(fn, np.concatenate(parts), outer * strips, _GRAIN)])
