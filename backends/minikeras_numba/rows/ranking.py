"""The greatest of rows, places in a line: which nodes the kernels of `ranking` serve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from minikeras_kernels.ranking import KINDS, searchsorted, top_k
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


def lower_searchsorted(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `searchsorted`, or None: NumPy does it."""
    line, x = (v.aval for v in node.inputs)
    right = node.static["right"]
    if x.dtype not in KINDS or not x.size or not line.size:
        return None
    key = f"{x.dtype} {right} {target()}"
    fn = compile_kernel(
        "searchsorted", lambda: searchsorted(x.dtype, right, target()), key
    )
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    turns = line.size.bit_length()
    meta = np.array([line.size, 1 << (turns - 1), *slots, turns], np.int64)
    return Native([Launch(fn, meta, x.size, max(1, _GRAIN_ELEMENTS // turns))])


def numpys_searchsorted(line: Array, x: Array, *, right: bool) -> Array:
    """The same by NumPy, for which NaN is greater than all; it is in no order here."""
    floats = line.dtype.kind not in "biu"
    if line.dtype.itemsize == 2 and floats:
        line, x = line.astype(np.float32), x.astype(np.float32)
    if floats:
        line = line[: len(line) - int(np.isnan(line).sum())]
    at = np.asarray(np.searchsorted(line, x, side="right" if right else "left"))
    if floats:
        at = np.where(np.isnan(x), 0, at)
    return at.astype(np.int32)
