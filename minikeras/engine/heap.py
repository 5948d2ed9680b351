"""Heap: what making a program took and left goes back to the system.

Tracing and compiling make many objects and text that die together, and the first run
copies variables that others may hold. The C library keeps those bytes for later, hundreds
of megabytes of them for a large model that finds no kernels in the cache.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable

_LEAST = 100  # nodes of a program that leaves enough


@functools.cache
def _trim() -> Callable[[int], int] | None:
    """The C library's function, where it has one (glibc)."""
    if sys.platform != "linux":
        return None
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim


def give_back(nodes: int) -> None:
    """After the first run of a program with so many nodes: milliseconds, once."""
    trim = _trim() if nodes >= _LEAST else None
    if trim is not None:
        trim(0)
