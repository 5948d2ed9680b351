"""The gradient of maximum pooling by two and two, in long runs.

A place of the window at a time touches a pixel's channels here and there. Rows first
and columns after need the same comparisons on whole rows, which NumPy goes through
several times as fast.
"""

from __future__ import annotations

import numpy as np

from minikeras_numpy.common import Array
from minikeras_numpy.writers import Scratch

_BITS = {2: np.int16, 4: np.int32, 8: np.int64}


def applies(window: tuple[int, ...], strides: tuple[int, ...], padded: bool) -> bool:
    """Whether the windows are squares of two by two, side by side, without a border."""
    return tuple(window) == tuple(strides) == (2, 2) and not padded


def spread(x: Array, dy: Array, out: Array, scratch: Scratch) -> bool:
    """`out` is `dy` at the first maximum of each window and 0 elsewhere.

    Args:
        x: The pooling's input `(batch, rows, columns, channels)`.
        dy: The result's gradient, C-contiguous.
        out: The input's gradient, C-contiguous.
        scratch: Workspace.

    Returns:
        False, with nothing done, if there is a NaN, which is no maximum.
    """
    down, across = dy.shape[1:3]
    rows = slice(0, 2 * down, 2), slice(1, 2 * down, 2)
    top, bottom = (x[:, r, : 2 * across] for r in rows)
    high = scratch.get("high", top.shape, x.dtype)
    low = scratch.get("low", top.shape, np.bool_)
    np.maximum(top, bottom, out=high)
    if np.isnan(np.max(high, initial=-np.inf)):
        return False
    np.greater(bottom, top, out=low)
    right = _right(high, low, scratch, dy.shape)
    bits = _BITS[x.itemsize]
    mask = scratch.get("mask", dy.shape, bits)
    np.negative(right.view(np.int8), out=mask, dtype=bits, casting="unsafe")
    share = scratch.get("share", dy.shape, bits)
    wide = high.view(bits)  # not needed any more
    np.bitwise_and(dy.view(bits), mask, out=share)
    wide[:, :, 1::2] = share
    np.bitwise_xor(dy.view(bits), share, out=share)
    wide[:, :, 0::2] = share
    if out.shape[1:3] != (2 * down, 2 * across):
        out.fill(0)
    upper, lower = (out.view(bits)[:, r, : 2 * across] for r in rows)
    mask = scratch.get("wide mask", wide.shape, bits)
    np.negative(low.view(np.int8), out=mask, dtype=bits, casting="unsafe")
    np.bitwise_and(wide, mask, out=mask)
    np.bitwise_xor(wide, mask, out=upper)
    np.copyto(lower, mask)
    return True


def _right(high: Array, low: Array, scratch: Scratch, shape: tuple[int, ...]) -> Array:
    """Whether a window's maximum is in its right column.

    At a tie of the columns it is where the upper one is; the left one if both are.
    """
    left = scratch.get("left", shape, high.dtype)
    other = scratch.get("other", shape, high.dtype)
    np.copyto(left, high[:, :, 0::2])
    np.copyto(other, high[:, :, 1::2])
    right = scratch.get("right", shape, np.bool_)
    tied = scratch.get("tied", shape, np.bool_)
    np.greater(other, left, out=right)
    np.equal(other, left, out=tied)
    np.logical_and(tied, low[:, :, 0::2], out=tied)
    np.greater(tied, low[:, :, 1::2], out=tied)
    np.logical_or(right, tied, out=right)
    return right
