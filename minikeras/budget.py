"""What a file may ask for while a model is made of it: memory, layers, calls, constants.

`creation_limit` opens a budget; variables, layers and constants that are made inside draw
on it and raise where it is spent, before any memory is taken. Without one nothing counts.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from minikeras.engine import dtypes
from minikeras.engine.errors import see


class Named(Protocol):
    """What takes memory; it gives it back when it goes."""

    @property
    def path(self) -> str: ...


class Budget:
    """How many bytes new variables may still take, and for whom."""

    def __init__(
        self,
        room: int,
        owner: str,
        why: str,
        calls: float,
        things: float,
    ) -> None:
        self.room, self.most, self.owner, self.why = room, room, owner, why
        self.calls = calls
        self.things = self.most_things = things

    def count(self) -> None:
        self.things -= 1
        if self.things < 0:
            raise ValueError(
                f"{self.owner} describes more than {self.most_things:,} layers and "
                f"variables{self.why}." + see("security.md")
            )

    def take(self, variable: Named, shape: Sequence[int], dtype: str) -> None:
        self.count()
        size = math.prod(shape) * dtypes.itemsize(dtype)
        if size > self.room:
            raise ValueError(
                f"{self.owner} describes a variable {variable.path!r} of shape "
                f"{tuple(shape)}, {size:,} bytes; its variables may take {self.most:,} bytes"
                f"{self.why}."
            )
        self.room -= size
        weakref.finalize(variable, self._give_back, size)

    def _give_back(self, size: int) -> None:
        self.room += size


_budget: ContextVar[Budget | None] = ContextVar("minikeras_budget", default=None)


def current_budget() -> Budget | None:
    """The budget of the innermost `creation_limit`."""
    return _budget.get()


@contextmanager
def creation_limit(
    size: int,
    owner: str,
    why: str = "",
    calls: float = math.inf,
    things: float = math.inf,
) -> Iterator[None]:
    """Variables made inside may take at most `size` bytes; a file asks for them.

    Args:
        size: The bytes of all variables that live at the same time. Inside of another
            limit, what is left of that holds too.
        owner: What asks for them, for the error.
        why: What the error says of the limit's reason.
        calls: How often layers of models in the model may run.
        things: How many layers and variables may be made.
    """
    outer = _budget.get()
    room = size if outer is None else min(size, outer.room)
    token = _budget.set(Budget(room, owner, why, calls, things))
    try:
        yield
    finally:
        _budget.reset(token)


def count_layer() -> None:
    """Note that a layer is made.

    Raises:
        ValueError: If a file asks for more than it may.
    """
    budget = current_budget()
    if budget is not None:
        budget.count()


def count_calls(
    number: float, what: str = "describes models in models that call each other"
) -> None:
    """Note that so many layers of a model run, as they do when it is called in another.

    Args:
        number: How many; other work counts by the time of a call, a tenth of a millisecond.
        what: What is done, for the error.

    Raises:
        ValueError: If a file asks for far more calls than it describes: a model that calls
            another twice, which calls another twice, and so on.
    """
    budget = current_budget()
    if budget is not None:
        budget.calls -= number
        if budget.calls < 0:
            raise ValueError(
                f"{budget.owner} {what} far more often than it has layers."
                + see("security.md")
            )


_CONSTANTS = 2**26  # bytes of a constant that any file may ask for
NUMBER = 4  # how many float64 a number of Python takes, in a list


def check_constant(shape: Sequence[int], dtype: str, owner: str) -> None:
    """Refuse a constant that a file asks for and that is far larger than the file.

    Args:
        shape: The shape it will have.
        dtype: Its dtype.
        owner: The layer that makes it.

    Raises:
        ValueError: If it is larger than all variables of the file may be.
    """
    budget = current_budget()
    size = math.prod(shape) * dtypes.itemsize(dtype)
    if budget is not None and size > max(budget.room, _CONSTANTS):
        raise ValueError(
            f"{owner}: {budget.owner} describes a constant of shape {tuple(shape)}, {size:,} "
            f"bytes{budget.why}."
        )
