"""Arrays in JSON: base64 of their bytes, smaller where that loses nothing.

What there is, and what it is called, is said in the page's `format.ts`.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Packed = dict[str, Any]

_LEVELS = 255  # steps that a byte can tell apart


def pack(array: Array) -> Packed:
    """An array, exactly; few different values become a palette.

    Args:
        array: Of any number dtype.

    Returns:
        What the page's `unpack` takes.

    Example:
        >>> pack(np.zeros((100, 100), "float32"))["coding"]
        'palette'
    """
    array = np.ascontiguousarray(array)
    found = _palette(array)
    return _raw(array) if found is None else found


def pack_bytes(array: Array, delta: bool = False) -> Packed:
    """Floats in 8 bits: 256 steps from the least to the greatest.

    Args:
        array: Floats; none of them nan or infinite.
        delta: Whether entries along the first axis are like those before them, so that
            differences are kept, which compress better.

    Returns:
        What the page's `unpack` takes. Values differ by at most half a step.
    """
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    step = (high - low) / _LEVELS or 1.0
    levels = np.rint((array - low) / step).astype(np.uint8)
    if delta and len(levels):
        levels = np.concatenate([levels[:1], levels[1:] - levels[:-1]])
    return {
        **_header(array, "bytes"),
        "low": low,
        "step": step,
        "delta": delta,
        **_text(levels.tobytes()),
    }


def _header(array: Array, coding: str) -> Packed:
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "coding": coding,
    }


def _raw(array: Array) -> Packed:
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return {**_header(array, "raw"), **_text(little.tobytes())}


def _palette(array: Array) -> Packed | None:
    """Numbers into a list of values, if those are few enough to save room."""
    if array.size < 512 or array.dtype.itemsize == 1:
        return None
    # By bits, so that -0.0 and nan come back as they were.
    bits = array.reshape(-1).view(f"u{array.dtype.itemsize}")
    # A look at some spares sorting all.
    if np.unique(bits[:: max(1, bits.size // 4096)]).size > 1024:
        return None
    values = np.unique(bits)
    if values.size > 65536:
        return None
    numbers = np.searchsorted(values, bits)
    width = 1 if values.size <= 256 else 2
    room = numbers.size * width + values.size * array.dtype.itemsize
    if room > 0.75 * array.nbytes:
        return None
    kind: Any = np.uint8 if width == 1 else "<u2"
    return {
        **_header(array, "palette"),
        "width": width,
        "palette": _raw(values.view(array.dtype)),
        **_text(numbers.astype(kind).tobytes()),
    }


def _text(data: bytes) -> Packed:
    small = zlib.compress(data, 6)
    deflate = len(small) < 0.95 * len(data)
    return {
        "deflate": deflate,
        "data": base64.b64encode(small if deflate else data).decode("ascii"),
    }


def size_of(packed: Packed) -> int:
    """Roughly the characters that it takes in the page."""
    palette = packed.get("palette")
    return len(packed["data"]) + 200 + (size_of(palette) if palette else 0)
