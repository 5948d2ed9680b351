"""Memory of very large results, used again once nobody holds them.

The C library gives arrays of up to 32 MiB memory that was freed before. Larger ones come from
the system each time, page by page, filled with zeros that are then written over: for a result
that is read and written once that costs more than its computation. So the buffers of
the last few are remembered, and one to which nothing refers but this table is taken again: a
view, a tensor, a state or whoever else holds the array holds its buffer.
"""

from __future__ import annotations

import functools
import math
import os
import sys
from collections import deque
from typing import Any

import numpy as np

LEAST = 32 << 20  # bytes; below, the C library keeps memory itself
_MOST = 256 << 20  # bytes that are remembered, in use or not
_ALIGN = 64
Array = np.ndarray[Any, Any]


@functools.cache
def _limit() -> int:
    """Bytes that are remembered: `MINIKERAS_RESULT_MEMORY` in MiB, else a part of memory.

    Raises:
        ValueError: If the variable is not a whole number of MiB. 0 is off.
    """
    chosen = os.environ.get("MINIKERAS_RESULT_MEMORY", "")
    if chosen:
        if not (chosen.isascii() and chosen.isdigit()):
            raise ValueError(
                f"MINIKERAS_RESULT_MEMORY is {chosen!r}; expected a whole number of MiB."
            )
        return int(chosen) << 20
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return 0  # what a count of references says there is another matter
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return _MOST
    return min(_MOST, memory // 32)


class Recycled:
    """Makes large arrays on buffers that are free again.

    There is no lock: a buffer that a thread looks at is out of the table meanwhile, and one
    that is lost by an interrupt is only freed as any other.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._buffers: deque[Array] = deque()  # the one used last at the end

    @property
    def limit(self) -> int:
        """Bytes that are remembered at most."""
        return _limit() if self._limit is None else self._limit

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """An array with any content that nobody else holds."""
        nbytes = math.prod(shape) * dtype.itemsize
        if nbytes < LEAST or nbytes > self.limit:
            return np.empty(shape, dtype)
        buffer = self._free(nbytes + _ALIGN)
        if buffer is None:
            buffer = np.empty(nbytes + _ALIGN, np.uint8)
        self._buffers.append(buffer)
        self._forget()
        return np.ndarray(shape, dtype, buffer, -buffer.ctypes.data % _ALIGN)

    def _free(self, nbytes: int) -> Array | None:
        """A buffer of this size that nothing else refers to, out of the table."""
        for _ in range(len(self._buffers)):
            try:
                buffer = self._buffers.popleft()
            except IndexError:  # another thread has the last one
                return None
            if buffer.nbytes == nbytes and _references(buffer) == _ALONE:
                return buffer
            self._buffers.append(buffer)
        return None

    def _forget(self) -> None:
        """Let go of the oldest while there are too many bytes."""
        while self.nbytes() > self.limit + _ALIGN * len(self._buffers):
            try:
                self._buffers.popleft()
            except IndexError:
                return

    def nbytes(self) -> int:
        """How much is remembered."""
        return sum(buffer.nbytes for buffer in tuple(self._buffers))


def _references(buffer: Array) -> int:
    return sys.getrefcount(buffer)


def _alone() -> int:
    """What `_references` says of an array that one variable holds."""
    buffer = np.empty(1)
    return _references(buffer)


_ALONE = _alone()
RESULTS = Recycled()
