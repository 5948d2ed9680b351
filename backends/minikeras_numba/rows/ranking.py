"""The greatest elements of rows: which nodes the kernel of `ranking` serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from minikeras_kernels.ranking import KINDS, top_k
from minikeras_numpy.sorting import sorted_order

from minikeras.extend import Node, Value
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.launch import Launch, Native

Array = np.ndarray[Any, Any]
_MOST = 128  # more of them are had sooner by sorting
_GRAIN_ELEMENTS = 1 << 14


def lower_top_k(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `top_k`, or None: NumPy sorts."""
    x, indices = node.inputs[0].aval, node.outputs[1].aval
    k, width = node.static["k"], x.shape[-1]
    if (
        x.dtype not in KINDS
        or indices.dtype != "int32"
        or not 0 < k <= _MOST
        or not x.size
    ):
        return None
    fn = compile_kernel(
        "top_k", lambda: top_k(x.dtype, target()), f"{x.dtype} {target()}"
    )
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    meta = np.array([width, k, *slots], np.int64)
    return Native([Launch(fn, meta, x.size // width, max(1, _GRAIN_ELEMENTS // width))])


def sorted_top_k(x: Array, *, k: int) -> tuple[Array, Array]:
    """The same by NumPy."""
    n = x.shape[-1]
    back = sorted_order(x[..., ::-1], -1)[..., ::-1][..., :k]
    indices = (n - 1 - back).astype(np.int32 if n <= 1 << 31 else np.int64)
    return np.take_along_axis(x, indices, axis=-1), indices
