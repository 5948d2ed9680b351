"""Sorting for NumPy, which has fast sorts of values, and slow ones that keep an order.

Equal numbers are the same bits but for zeros, so values need no stable sort where zeros
of both signs do not meet. An order of small numbers is had by sorting wide ones that hold
number and index.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
_RADIX = 2  # bytes of integers that a stable sort takes by their digits
_LEAST = 1 << 10  # elements; fewer are sorted before a key is made


def sorted_values(x: Array, axis: int) -> Array:
    """As `np.sort(x, axis, kind="stable")`."""
    kind, item = x.dtype.kind, x.dtype.itemsize
    fast = item > _RADIX and kind in "iu"
    if kind == "f" and item >= 4:
        zeros = x == 0
        signs = np.signbit(x[zeros])
        fast = not signs.any() or bool(signs.all())
    return np.sort(x, axis=axis, kind=None if fast else "stable")


def sorted_order(x: Array, axis: int) -> Array:
    """As `np.argsort(x, axis, kind="stable")`, in int64."""
    n = x.shape[axis] if x.ndim else 1
    wide = x.dtype.name in ("float32", "int32", "uint32")
    if not wide or x.size < _LEAST or n > 1 << 31:
        return np.argsort(x, axis=axis, kind="stable")
    rows = np.moveaxis(x, axis, -1)
    keys = np.left_shift(_ascending(rows), 32, dtype=np.int64)
    keys |= np.arange(n, dtype=np.int64)
    keys.sort(axis=-1)
    keys &= 0xFFFFFFFF
    return np.moveaxis(keys, -1, axis)


def _ascending(x: Array) -> Array:
    """Integers in the order of the numbers; NaN last, zeros alike."""
    if x.dtype != np.float32:
        return x.astype(np.int64) - (1 << 31 if x.dtype.kind == "u" else 0)
    bits = (x + np.float32(0)).view(np.int32)  # -0.0 becomes 0.0
    keys = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    keys[np.isnan(x)] = 0x7FFFFFFF
    return keys.astype(np.int64)
