"""What must hold between threads and over forks, where the standard library's does not.

`weakref.WeakSet` cannot be looked through while another thread adds to it, and before
Python 3.12 `functools.cached_property` works under a lock of its own, which stays taken
in a forked child.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from itertools import compress
from typing import Any, Generic, TypeVar, overload
from weakref import getweakrefcount

_member = weakref.ref.__call__
T = TypeVar("T")


class Living(Generic[T]):
    """Objects that others keep alive; any thread may add one at any moment."""

    def __init__(self) -> None:
        # Without callbacks, in which an interrupt would be lost; the dead are swept out.
        self._refs: list[weakref.ref[Any]] = []
        self._sweep_at = 64

    def add(self, member: T) -> None:
        """Know `member`, which is not known yet."""
        if len(self._refs) >= self._sweep_at:
            self._sweep()
        self._refs.append(weakref.ref(member))

    def _sweep(self) -> None:
        # C alone, which no other thread comes between: how many references a member has,
        # none where it is gone.
        refs = self._refs
        refs[:] = compress(refs, map(getweakrefcount, map(_member, refs)))
        self._sweep_at = 64 + len(refs) * 5 // 4

    def __iter__(self) -> Iterator[T]:
        found = [ref() for ref in tuple(self._refs)]
        return iter([member for member in found if member is not None])


class once(Generic[T]):
    """A property that is worked out when it is first read."""

    def __init__(self, function: Callable[[Any], T]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> once[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._function(instance)
        return value
