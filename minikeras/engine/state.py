"""State: the mutable storage under a `Variable`.

A state owns one backend array. Compiled programs update it in place, so that a
training step allocates nothing; a value that was handed out eagerly must not
change under its holder. Hence copy on write: reading eagerly marks the array as
exposed, and a program that is about to write an exposed array takes a copy first.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine import backend as registry
from minikeras.engine.aval import Aval
from minikeras.engine.interpret import current
from minikeras.engine.tensor import Tensor, adopt


class State:
    """A named cell with a fixed shape and dtype."""

    __slots__ = ("aval", "label", "trainable", "_tensor", "_exposed", "__weakref__")

    def __init__(self, tensor: Tensor, label: str = "", trainable: bool = True) -> None:
        self.aval = Aval(tensor.shape, tensor.dtype)
        self.label = label
        self.trainable = trainable
        self._tensor = tensor
        self._exposed = True

    def read(self) -> Tensor:
        """The current value, as the current interpreter sees it."""
        return current().read(self)

    def assign(self, value: Tensor) -> None:
        """Replace the value; shape and dtype were checked by the caller."""
        current().assign(self, value)

    # What interpreters and programs use.

    def eager_value(self) -> Tensor:
        """The stored Tensor; whoever gets it may keep it, so it will not be overwritten."""
        self._exposed = True
        return self._tensor

    def eager_assign(self, value: Tensor) -> None:
        self._tensor = value
        self._exposed = True

    def array(self) -> Any:
        """The array, moved to the active backend, for reading inside a program."""
        value = self._tensor.value
        backend = registry.active()
        if type(value) is not backend.array_type:
            self._tensor = Tensor(adopt(value, backend), self.aval)
            value = self._tensor.value
            self._exposed = False
        return value

    def writable_array(self) -> Any:
        """The array for a program to write in place: a private copy if it was exposed."""
        value = self.array()
        if self._exposed or not registry.active().is_contiguous(value):
            value = registry.active().copy(value)
            self._tensor = Tensor(value, self.aval)
            self._exposed = False
        return value

    def __repr__(self) -> str:
        return f"<state {self.label} {self.aval}>"
