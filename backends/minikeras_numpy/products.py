"""Products of many rows with a small matrix, a few rows at a time.

OpenBLAS copies the operands of a product to where they lie as its loops want them, and
takes several threads for it. Of a small product it does neither: for a matrix of 144 by 16
that was measured half as fast again on one thread, and no slower than two threads on
windows that were just gathered.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras_numpy.common import Array

_SMALL = 1 << 12  # elements of a matrix that is small
_FEW = 1 << 18  # multiply-adds of a small product
_STEP = 16  # rows come in such numbers, so that vectors are full


def rows_at_once(xp: Any, depth: int, width: int) -> int:
    """How many rows to multiply with a (depth, width) matrix in one go; 0: all."""
    size = depth * width
    if xp is not np or not 0 < size <= _SMALL:
        return 0
    return _FEW // size // _STEP * _STEP


def multiply(xp: Any, a: Array, b: Array, out: Array) -> None:
    """`out = a @ b` for (rows, depth) and (depth, width), contiguous."""
    few = rows_at_once(xp, *b.shape)
    count = a.shape[0] // few if few else 0
    whole = count * few
    if count:
        parts = out[:whole].reshape(count, few, -1)
        xp.matmul(a[:whole].reshape(count, few, -1), b, out=parts)
    if whole < a.shape[0]:
        xp.matmul(a[whole:], b, out=out[whole:])


def sums_at_once(xp: Any, rows: int, depth: int, width: int) -> int:
    """How many sums `multiply_turned` adds up, so many as its workspace must hold."""
    few = rows_at_once(xp, depth, width)
    return max(1, -(-rows // few)) if few else 1


def multiply_turned(xp: Any, a: Array, b: Array, sums: Array, out: Array) -> None:
    """`out = a.T @ b` for (rows, depth) and (rows, width), contiguous."""
    few = rows_at_once(xp, a.shape[1], b.shape[1])
    count = a.shape[0] // few if few else 0
    whole = count * few
    if count == 0:
        xp.matmul(a.T, b, out=out)
        return
    turned = a[:whole].reshape(count, few, -1).swapaxes(1, 2)
    xp.matmul(turned, b[:whole].reshape(count, few, -1), out=sums[:count])
    if whole < a.shape[0]:
        xp.matmul(a[whole:].T, b[whole:], out=sums[count])
        count += 1
    xp.sum(sums[:count], axis=0, out=out)
