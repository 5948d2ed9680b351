"""Fourier transforms: which nodes the kernel of `fourier` serves."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from minikeras_kernels.fourier import KINDS, radices, stages, transform

from minikeras.extend import Node, Value
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.launch import Launch, Native
from minikeras_numba.machine.team import get_threads
from minikeras_numba.tiles.scratch import scratch

_LONGEST = 1 << 12  # elements: two buffers of as many vectors stay in the cache
_SHARES = 2  # of a thread, so that a busy core delays nobody for long
_GRAIN_ELEMENTS = 1 << 13


def lower_fourier(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `fft`, or None: NumPy does it."""
    x = node.inputs[0].aval
    if x.dtype not in KINDS or not x.size:
        return None
    length = x.shape[-1]
    lines = math.prod(x.shape[:-1])
    used = radices(length)
    lanes = target().lanes(np.dtype(x.dtype).itemsize)
    if not used or length > _LONGEST or 2 * lines < lanes:
        return None
    groups = -(-lines // lanes)
    most = max(1, lines * length // _GRAIN_ELEMENTS)
    units = min(groups, _SHARES * get_threads(), most)
    words, factors = stages(length)
    turned = factors.astype(x.dtype)
    vectors = 4 * units * (-(-length // lanes) * lanes)
    buffers = scratch(vectors * lanes * turned.itemsize)
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    if node.static["inverse"]:  # the parts change places, before and after
        slots = [slots[1], slots[0], slots[3], slots[2]]
    kinds = tuple(sorted(set(used)))
    fn = compile_kernel(
        "fourier",
        lambda: transform(x.dtype, kinds, target()),
        f"fourier {x.dtype} {kinds} {target()}",
    )
    head = [lines, length, groups, units, len(used), *slots]
    own = 0 if buffers.array is None else buffers.array.ctypes.data
    places = [buffers.register, own, turned.ctypes.data]
    meta = np.array([*head, *places, *words], np.int64)
    return Native([Launch(fn, meta, units, 1, (buffers, turned))])
