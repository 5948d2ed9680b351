"""Kernels that may fail: how a native call learns of it, and what Python raises then.

The word before a table of registers is 0. A kernel that fails writes its own number there;
sequences look at it before each kernel, so nothing runs behind one that failed. Whoever
made the call asks `raise_failure`.
"""

from __future__ import annotations

import itertools
import weakref
from typing import Any, Protocol


class Failing(Protocol):
    """A step that can say what went wrong."""

    def explain(self, registers: Any) -> BaseException:
        """The error, given the registers that it ran on."""


_numbers = itertools.count(1)
_steps: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


def number_of(step: Failing) -> int:
    """A number for a step's failures, as long as it lives."""
    number = next(_numbers)
    _steps[number] = step
    return number


def raise_failure(registers: Any) -> None:
    """Raise what failed in the run on these registers; nothing did where the word is 0."""
    number = int(registers.failed[0])
    if number:
        registers.failed[0] = 0
        raise _steps[number].explain(registers)
