"""What all kernel families share.

Kernels are written over an array namespace `xp` (numpy, or one with its interface,
such as cupy). They return arrays, never scalars, of exactly the dtype and shape that
the row's `infer` gives, and never write to their arguments.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from minikeras.extend import numpy_dtype, quietly

Kernel = Callable[..., Any]
Table = dict[str, Kernel]
Array = Any  # an array of the namespace a table was built over

# A table and not a class of kernels: calling an object costs 0.2 us more than a function.
_bare: WeakKeyDictionary[Kernel, Kernel] = WeakKeyDictionary()
_NARROW = ("float16", "bfloat16")


def arrays(xp: Any, function: Kernel) -> Kernel:
    """`function` with NumPy scalars made 0-d arrays and floating point warnings off."""
    array_type = xp.ndarray

    @functools.wraps(function)
    def kernel(*args: Array, **static: Any) -> Array:
        result = quietly(function, *args, **static)
        return result if type(result) is array_type else xp.asarray(result)

    _bare[kernel] = function
    return kernel


def bare(kernel: Kernel) -> Kernel | None:
    """The function that `arrays` made `kernel` of; None for kernels made otherwise."""
    return _bare.get(kernel) if isinstance(kernel, FunctionType) else None


def quiet(function: Kernel) -> Kernel:
    """`function` with floating point warnings off."""

    @functools.wraps(function)
    def kernel(*args: Array, **static: Any) -> Array:
        return quietly(function, *args, **static)

    return kernel


@functools.cache
def work_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype to accumulate in: float32 for the 16 bit floats, else `dtype`."""
    return np.dtype(np.float32) if dtype.name in _NARROW else dtype


def to(array: Array, dtype: np.dtype[Any]) -> Array:
    """`array` in `dtype`; itself where it is already."""
    return array if array.dtype == dtype else array.astype(dtype)


def lowest(dtype: np.dtype[Any]) -> Any:
    """The identity of `maximum`."""
    if dtype.kind in "iu":
        return np.iinfo(dtype).min
    return -np.inf


__all__ = [
    "Array",
    "Kernel",
    "Table",
    "arrays",
    "lowest",
    "numpy_dtype",
    "quiet",
    "to",
    "work_dtype",
]
