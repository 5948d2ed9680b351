"""Products of many rows with a small matrix, a few rows at a time.

OpenBLAS copies the operands of a product to where they lie as its loops want them, and
takes several threads for it. Of a small product it does neither: for a matrix of 144 by 16
that was measured half as fast again on one thread, and no slower than two threads on
windows that were just gathered.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minikeras_numpy.common import Array

_SMALL = 1 << 16  # elements of a matrix that is small
_FEW = 1 << 18  # multiply-adds of a small product
_STEPS = (16, 8, 4)  # rows come in such numbers, so that vectors are full
_SOME = 1 << 22  # of one that is done in pieces
_ADDED = 1 << 13  # elements that one thread of BLAS adds up
_TALL = 128  # rows that a sum over them should have


def rows_at_once(xp: Any, depth: int, width: int) -> int:
    """How many rows to multiply with a (depth, width) matrix in one go; 0: all."""
    size = depth * width
    if xp is not np or not 0 < size <= _SMALL:
        return 0
    few = _FEW // size
    step = next(n for n in _STEPS if n <= few)
    return few // step * step


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


def multiply_some(a: Array, b: Array, out: Array) -> None:
    """`out = a @ b` of matrices that lie anyhow; BLAS wakes no thread for a small product.

    Threads of BLAS wait for the next product for a while, on processors that other threads
    want.
    """
    (rows, depth), width = a.shape, b.shape[1]
    size = depth * width
    if not _FEW < rows * size <= _SOME or size > _FEW // 4:
        np.matmul(a, b, out=out)
        return
    few = _FEW // size // 4 * 4
    whole = rows // few * few
    parts = out[:whole].reshape(-1, few, width)
    np.matmul(a[:whole].reshape(-1, few, depth), b, out=parts)
    if whole < rows:
        np.matmul(a[whole:], b, out=out[whole:])


def column_sums(x: Array, out: Array) -> None:
    """The sum over the rows of (rows, width), contiguous, into (width,).

    BLAS adds rows five times faster than a reduction over axis 0, and more exactly.
    """
    rows, width = x.shape
    few = _ADDED // width
    count = rows // few if few >= _STEPS[0] else 0
    if count < 2:
        np.matmul(_ones(rows, x.dtype), x, out=out)
        return
    ones = _ones(few, x.dtype)
    sums = np.matmul(ones, x[: count * few].reshape(count, few, width))
    np.add.reduce(sums, axis=0, out=out)
    if count * few < rows:
        out += np.matmul(ones[: rows - count * few], x[count * few :])


@functools.lru_cache(maxsize=64)
def _ones(count: int, dtype: np.dtype[Any]) -> Array:
    made = np.ones(count, dtype)
    made.flags.writeable = False
    return made


def _strips(depth: int, width: int) -> tuple[int, int]:
    """Columns of a strip, and rows, of which products make sums: (strip, few)."""
    most = max(1, _FEW // (width * _TALL))
    strip = max(n for n in range(1, min(most, depth) + 1) if depth % n == 0)
    return strip, max(1, _FEW // (strip * width) // 16) * 16


def sums_at_once(xp: Any, rows: int, depth: int, width: int) -> int:
    """How many sums `multiply_turned` adds up, so many as its workspace must hold."""
    if not rows_at_once(xp, depth, width):
        return 1
    return max(1, -(-rows // _strips(depth, width)[1]))


def multiply_turned(xp: Any, a: Array, b: Array, sums: Array, out: Array) -> None:
    """`out = a.T @ b` for (rows, depth) and (rows, width), contiguous."""
    (rows, depth), width = a.shape, b.shape[1]
    if not rows_at_once(xp, depth, width):
        xp.matmul(a.T, b, out=out)
        return
    strip, few = _strips(depth, width)
    count = rows // few
    whole = count * few
    if count:
        _in_strips(xp, a[:whole], b[:whole], strip, sums[:count])
    if whole < rows:
        _in_strips(xp, a[whole:], b[whole:], strip, sums[count : count + 1])
        count += 1
    xp.sum(sums[:count], axis=0, out=out)


def _in_strips(xp: Any, a: Array, b: Array, strip: int, sums: Array) -> None:
    """Products `a.T @ b` of as many pieces of the rows as there are sums."""
    (rows, depth), width = a.shape, b.shape[1]
    count, strips = len(sums), depth // strip
    turned = a.reshape(count, rows // count, strips, strip).transpose(0, 2, 3, 1)
    parts = sums.reshape(count, strips, strip, width)
    xp.matmul(turned, b.reshape(count, 1, rows // count, width), out=parts)
