"""Scratch: memory that a step needs beside its values, while it runs.

A routine's steps run one after the other, so their scratch lies in its arena, where
other values are before and after (`minikeras.engine.passes.plan`). A step that is
prepared without a routine, such as an eager kernel's, has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from minikeras.extend import Numbers

LINE = 64  # bytes of a cache line, where scratch begins
_numbers: ContextVar[Numbers | None] = ContextVar("numbers", default=None)


class Base(NamedTuple):
    """Where A, B or C starts: a register's array, or an array the closure owns."""

    register: int = -1
    array: Any = None


@contextmanager
def preparing(regs: Mapping[Any, int]) -> Iterator[None]:
    """What `scratch` is asked for meanwhile is for a step with these registers."""
    token = _numbers.set(regs if isinstance(regs, Numbers) else None)
    try:
        yield
    finally:
        _numbers.reset(token)


def scratch(nbytes: int) -> Base:
    """Memory for the step that is being prepared: nothing in it outlives a run."""
    numbers, nbytes = _numbers.get(), max(1, nbytes)
    if numbers is None:
        return Base(array=owned(nbytes))
    return Base(numbers.scratch(nbytes))


def lasting(source: int, nbytes: int) -> tuple[Base, bool]:
    """Memory for what is made of the array in register `source` alone.

    Returns:
        Where it is, and whether what lies there lasts: then it is made in a preparation.
    """
    numbers = _numbers.get()
    register = None if numbers is None else numbers.keep(source, max(1, nbytes))
    return (scratch(nbytes), False) if register is None else (Base(register), True)


def owned(nbytes: int) -> Any:
    """An array on a cache line's boundary that stays what it is from run to run."""
    raw = np.empty(max(1, nbytes) + LINE, np.uint8)
    shift = -int(raw.ctypes.data) % LINE
    return raw[shift : shift + nbytes]
