"""Finding what a layer owns: what is set as an attribute, or put into a list or dict.

A layer's `__setattr__` hands every value to its `Tracker`, which files variables,
sublayers, metrics and seed generators in the order they come, and wraps lists,
dicts and sets so that what is put into them later is filed too.
"""

from __future__ import annotations

import itertools
import operator
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, SupportsIndex

from minikeras.engine import tree
from minikeras.random import SeedGenerator
from minikeras.variable import Variable

STORES = ("trainable", "non_trainable", "layers", "metrics", "seeds")
_off: ContextVar[bool] = ContextVar("minikeras_tracking_off", default=False)


@contextmanager
def untracked() -> Iterator[None]:
    """A block in which attributes are set as they are: nobody files or wraps them."""
    token = _off.set(True)
    try:
        yield
    finally:
        _off.reset(token)


class Tracker:
    """Lists of what a layer owns, in order of appearance, each thing once."""

    def __init__(self) -> None:
        self.trainable: list[Variable] = []
        self.non_trainable: list[Variable] = []
        self.layers: list[Any] = []
        self.metrics: list[Any] = []
        self.seeds: list[Any] = []
        self.locked = False
        self.message = "No variables or layers can be added: the tracker is locked."

    def lock(self, msg: str | None = None) -> None:
        """Refuse new variables, layers and seed generators from now on.

        Args:
            msg: What the error says; by default what it said before.
        """
        self.message = msg or self.message
        self.locked = True

    def unlock(self) -> None:
        """Take them again, as adapters that add weights to a built layer need it."""
        self.locked = False

    def store_of(self, value: object) -> list[Any] | None:
        """The list that `value` belongs in, or None."""
        if isinstance(value, Variable):
            return self.trainable if value.trainable else self.non_trainable
        kind = getattr(type(value), "_tracked_as", None)
        if kind is not None:
            store: list[Any] = getattr(self, kind)
            return store
        if callable(getattr(type(value), "update_state", None)):
            return self.metrics
        if isinstance(value, SeedGenerator):
            return self.seeds
        return None

    def track(self, value: Any) -> Any:
        """File `value`; returns it, lists and dicts wrapped."""
        kind = type(value)
        # Every attribute that is set comes through here, most of them numbers and texts.
        if kind in _PLAIN or _off.get():
            return value
        if kind is list:
            return TrackedList(value, self)
        if kind is dict:
            return TrackedDict(value, self)
        if kind is set:
            return TrackedSet(value, self)
        if kind is OrderedDict:
            return TrackedOrderedDict(value, self)
        if isinstance(value, tuple):
            for item in value:
                self.track(item)
            return value
        if isinstance(value, dict) and not isinstance(value, TrackedDict):
            # A class of its own, such as defaultdict: what is in it now is filed.
            for item in value.values():
                self.track(item)
            return value
        store = self.store_of(value)
        if store is not None and not self._files(value, store):
            # A built layer's weights are counted and placed; a metric may still come, by
            # `compile`.
            if self.locked and store is not self.metrics:
                raise ValueError(self.message)
            store.append(value)
        return value

    def _files(self, value: object, store: list[Any]) -> bool:
        """Whether `value`, which belongs in `store`, is filed already."""
        if isinstance(value, Variable):
            return _holds(self.trainable, value) or _holds(self.non_trainable, value)
        return _holds(store, value)

    def untrack(self, value: object) -> None:
        """Forget `value`, or what is in it."""
        if isinstance(value, (list, tuple, set)):
            for item in value:
                self.untrack(item)
        elif isinstance(value, dict):
            for item in value.values():
                self.untrack(item)
        else:
            for name in STORES:
                store = getattr(self, name)
                store[:] = [v for v in store if v is not value]

    def mark(self) -> dict[str, list[Any]]:
        """A copy of all lists, for `rollback`."""
        return {name: list(getattr(self, name)) for name in STORES}

    def rollback(self, mark: dict[str, list[Any]]) -> None:
        """Go back to a mark."""
        for name in STORES:
            getattr(self, name)[:] = mark[name]


_PLAIN = frozenset((int, float, bool, str, bytes, type(None)))


def _holds(store: Iterable[Any], value: object) -> bool:
    return any(map(operator.is_, store, itertools.repeat(value)))


class TrackedList(list):
    """A list that tells a tracker what is put into it."""

    def __init__(
        self, values: Iterable[Any] = (), tracker: Tracker | None = None
    ) -> None:
        self.tracker = tracker
        super().__init__(self._track(v) for v in values)

    def _track(self, value: object) -> Any:
        return value if self.tracker is None else self.tracker.track(value)

    def _forget(self, *values: object) -> None:
        if self.tracker is not None:
            for v in values:
                if not _holds(self, v):
                    self.tracker.untrack(v)

    def append(self, value: object) -> None:
        super().append(self._track(value))

    def insert(self, index: SupportsIndex, value: object) -> None:
        super().insert(index, self._track(value))

    def extend(self, values: Iterable[Any]) -> None:
        super().extend(self._track(v) for v in values)

    def __iadd__(self, values: Iterable[Any]) -> TrackedList:  # type: ignore[misc]  # as list has it
        self.extend(values)
        return self

    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        old = self[index] if isinstance(index, slice) else [self[index]]
        if isinstance(index, slice):
            super().__setitem__(index, [self._track(v) for v in value])
        else:
            super().__setitem__(index, self._track(value))
        self._forget(*old)

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        old = self[index] if isinstance(index, slice) else [self[index]]
        super().__delitem__(index)
        self._forget(*old)

    def pop(self, index: SupportsIndex = -1) -> Any:
        value = super().pop(index)
        self._forget(value)
        return value

    def remove(self, value: object) -> None:
        super().remove(value)
        self._forget(value)

    def clear(self) -> None:
        old = list(self)
        super().clear()
        self._forget(*old)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (TrackedList,), {"tracker": self.tracker}, iter(self))


class TrackedDict(dict):
    """A dict that tells a tracker what is put into it."""

    def __init__(self, values: object = (), tracker: Tracker | None = None) -> None:
        self.tracker = tracker
        super().__init__()
        self.update(values)

    def __setitem__(self, key: object, value: object) -> None:
        tracked = value if self.tracker is None else self.tracker.track(value)
        super().__setitem__(key, tracked)

    def update(self, *mappings: object, **more: object) -> None:
        for key, value in dict(*mappings, **more).items():
            self[key] = value

    def setdefault(self, key: object, default: object = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def _forget(self, *values: object) -> None:
        if self.tracker is not None:
            for v in values:
                if not _holds(self.values(), v):
                    self.tracker.untrack(v)

    def __delitem__(self, key: object) -> None:
        value = self[key]
        super().__delitem__(key)
        self._forget(value)

    def pop(self, key: object, *default: object) -> Any:
        value = super().pop(key, *default)
        self._forget(value)
        return value

    def popitem(self) -> tuple[Any, Any]:
        key, value = super().popitem()
        self._forget(value)
        return key, value

    def clear(self) -> None:
        old = list(self.values())
        super().clear()
        self._forget(*old)

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            _rebuild,
            (type(self),),
            {"tracker": self.tracker},
            None,
            iter(self.items()),
        )


class TrackedOrderedDict(TrackedDict, OrderedDict):
    """An OrderedDict that tells a tracker what is put into it."""

    def popitem(self, last: bool = True) -> tuple[Any, Any]:
        key = next(reversed(self) if last else iter(self), None)
        if key is None and not self:
            raise KeyError("dictionary is empty")
        return key, self.pop(key)


class TrackedSet(set):
    """A set that tells a tracker what is put into it."""

    def __init__(
        self, values: Iterable[Any] = (), tracker: Tracker | None = None
    ) -> None:
        self.tracker = tracker
        super().__init__()
        self.update(values)

    def add(self, value: Any) -> None:
        super().add(value if self.tracker is None else self.tracker.track(value))

    def update(self, *groups: Iterable[Any]) -> None:
        for group in groups:
            for value in group:
                self.add(value)

    def remove(self, value: object) -> None:
        super().remove(value)
        if self.tracker is not None:
            self.tracker.untrack(value)

    def discard(self, value: object) -> None:
        if value in self:
            self.remove(value)

    def __reduce__(self) -> tuple[Any, ...]:
        return (TrackedSet, (list(self),), {"tracker": self.tracker})


def _rebuild(cls: Callable[[], Any]) -> Any:
    """An empty container; pickle and deepcopy fill it (untracked until then)."""
    return cls()


tree.CONTAINERS.update((TrackedList, TrackedDict, TrackedOrderedDict, TrackedSet))
