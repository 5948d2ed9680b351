"""One rule for a value in another dtype, wherever it is converted.

A float in an integer dtype drops its fraction; below or above what the dtype holds it
becomes the least or the greatest number there, and NaN becomes 0. Integers wrap around.
Of a complex number the real part is kept.
Whatever is not 0, NaN too, is true. float64 reaches the 16 bit floats through float32,
as every compiled kernel takes it there.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # an array of the namespace `xp`


def clips(source: Any, target: Any) -> bool:
    """Whether a cast can meet values that the dtype `target` cannot hold."""
    return target.kind in "iu" and source.kind in "fV"  # V: bfloat16, float8


def limits(target: Any) -> tuple[float, float]:
    """The least number of an integer dtype, and the first one above its range.

    Both are 0 or powers of two, which every float dtype that reaches them holds.
    """
    info = np.iinfo(target)
    return float(info.min), float(info.max + 1)


def fits(x: Array, target: object) -> bool:
    """Whether no element of floats in NumPy needs clipping: two fast sweeps tell."""
    low, top = limits(target)
    return x.size == 0 or bool(x.min() >= low and x.max() < top)  # NaN is in neither


def saturated(xp: ModuleType, x: Array, target: Any) -> Array:
    """Floats, in at least 32 bits, as an integer dtype that may not hold all of them."""
    info, (low, top) = np.iinfo(target), limits(target)
    inside = (x >= low) & (x < top)
    cut = xp.where(inside, x, xp.zeros_like(x)).astype(target)
    cut = xp.where(x >= top, xp.full((), info.max, dtype=target), cut)
    return xp.where(x < low, xp.full((), info.min, dtype=target), cut)


def convert(x: Array, target: Any, xp: ModuleType = np) -> Array:
    """`x` in the dtype `target`, by the rule; itself where it has it already."""
    source = x.dtype
    if source == target:
        return x
    if source.kind == "c" and target.kind != "c":
        if target.kind == "b":
            return x != 0
        x, source = x.real, x.real.dtype
    if clips(source, target):
        wide = x.astype(xp.float32) if source.itemsize <= 2 else x
        if xp is not np or not fits(wide, target):
            return saturated(xp, wide, target)
        return wide.astype(target)
    if source == np.float64 and (target == np.float16 or target.itemsize == 1):
        x = x.astype(xp.float32)
    return x.astype(target)
