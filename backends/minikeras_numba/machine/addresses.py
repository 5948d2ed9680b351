"""Where arrays lie: the address of an array's first byte.

Asking NumPy (`array.__array_interface__`) takes a microsecond, since it describes the whole
array; a call of a small program asks three or four times. C extensions read the address
from the array object itself, where NumPy's binary interface has it in first place behind
Python's own header; so does this, wherever it finds it there.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_HEADER = object.__basicsize__
_word = ctypes.c_size_t.from_address


def described(array: Array) -> int:
    """The address, as NumPy says it."""
    address: int = array.__array_interface__["data"][0]
    return address


def read(array: Array) -> int:
    """The address, read from the array object."""
    address: int = _word(id(array) + _HEADER).value
    return address


def _readable() -> bool:
    """Whether it stands there: objects lie at their `id` in CPython alone."""
    whole = np.zeros(64, np.uint8)
    tried = (whole, whole[8:], whole[::-1], whole.reshape(8, 8).T, np.zeros(()))
    if whole.__sizeof__() < _HEADER + ctypes.sizeof(ctypes.c_size_t):
        return False
    return all(read(a) == described(a) for a in tried)


address_of = read if _readable() else described
