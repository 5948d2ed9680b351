"""States whose first value is made when it is first asked for.

While a file is read, variables have a shape and a dtype, and no memory yet: a file
that asks for more than it may is refused before any is taken, and values that the file's
arrays replace are never made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from minikeras.engine.aval import Aval
from minikeras.engine.forking import after_fork
from minikeras.engine.state import State
from minikeras.engine.tensor import Tensor

_stored: Any = State.__dict__["_tensor"]  # the slot, which holds `make` until then
_making = threading.RLock()


@after_fork
def _remake_lock() -> None:
    global _making
    _making = threading.RLock()


class PendingState(State):
    """A state without a value, which becomes a plain one when it gets one.

    Args:
        make: Makes the value.
        aval: Its shape and dtype.
        label: What to call it.
        trainable: Whether it is trained.
        shown: Gives the variable that users know it by.
    """

    __slots__ = ()

    def __init__(
        self,
        make: Callable[[], Tensor],
        aval: Aval,
        label: str,
        trainable: bool,
        shown: Callable[[], object],
    ) -> None:
        self.shown = shown
        self.aval = aval
        self.label = label
        self.trainable = trainable
        self.owner = None
        _stored.__set__(self, make)

    @property
    def _tensor(self) -> Tensor:
        self.settle()
        value: Tensor = _stored.__get__(self)
        return value

    @_tensor.setter
    def _tensor(self, value: Tensor) -> None:
        with _making:  # others look at the class without the lock: it comes last
            _stored.__set__(self, value)
            self.__class__ = State  # type: ignore[assignment]  # the same, with a value

    def settle(self) -> None:
        """Make the value, if there is none yet.

        Raises:
            ValueError: If it has another shape than was said.
        """
        with _making:
            if type(self) is not PendingState:
                return
            held = _stored.__get__(self)
            made = held if isinstance(held, Tensor) else held()
            if made.aval != self.aval:
                raise ValueError(
                    f"variable {self.label!r}: the initial value has shape {made.shape}; "
                    f"expected {self.aval.shape}."
                )
            self._tensor = made

    # No lock of `State` may be held while a value is made, which may read other states.

    def eager_value(self) -> Tensor:
        self.settle()
        return State.eager_value(self)

    def array(self) -> Any:
        self.settle()
        return State.array(self)
