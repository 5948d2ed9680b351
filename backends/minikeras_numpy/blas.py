"""How many threads the BLAS below NumPy multiplies with, where it lets itself be told.

A step that shares out its blocks has each thread multiply its own: what a thread has
gathered is in its cache, and not in that of another core.
"""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
)


@functools.cache
def _calls() -> tuple[Callable[[], int], Callable[[int], Any]] | None:
    """The functions that tell and set the number, or None: it is another BLAS."""
    import ctypes

    try:
        core = importlib.import_module("numpy._core._multiarray_umath")
        library = ctypes.CDLL(core.__file__)
    except (ImportError, AttributeError, OSError):
        return None
    for name in _SETTERS:
        try:
            setter = getattr(library, name)
            getter = getattr(library, name.replace("set", "get", 1))
        except AttributeError:
            continue
        getter.restype = ctypes.c_int
        setter.argtypes = [ctypes.c_int]
        setter.restype = None
        return getter, setter
    return None


def obeys() -> bool:
    """Whether `single` does anything."""
    return _calls() is not None


class _Held:
    """How many are inside of `single`, and the number to go back to."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = self.before = 0


_held = _Held()


@contextmanager
def single() -> Iterator[None]:
    """Products inside take one thread each: those of other threads too, for a moment."""
    calls = _calls()
    if calls is None:
        yield
        return
    getter, setter = calls
    with _held.lock:
        if _held.count == 0:
            _held.before = getter()
            setter(1)
        _held.count += 1
    try:
        yield
    finally:
        with _held.lock:
            _held.count -= 1
            if _held.count == 0:
                setter(_held.before)


def forget() -> None:
    """In a forked child, where nobody is inside any more."""
    calls = _calls() if _held.count else None
    if calls is not None:
        calls[1](_held.before)
    _held.lock, _held.count = threading.Lock(), 0
