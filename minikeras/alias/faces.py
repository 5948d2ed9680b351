"""Modules that look like Keras's, and find their names in minikeras when asked.

A face holds nothing of its own: `keras.layers.Dense` is `minikeras.layers.Dense`, the
same class, whatever path it came by.
"""

from __future__ import annotations

import importlib
import pkgutil
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from minikeras.alias.absent import instead, stand_in


@dataclass(frozen=True)
class Entry:
    """What a module path stands for.

    Attributes:
        sources: Modules of ours that are asked for a name, in order. One that does not
            exist has no names.
        names: Names that are answered first, as `"module"` or `"module:attribute"`; `"()"`
            is what a call of the module itself calls.
        children: Modules that can be imported below this one.
        hidden: Such modules that `import *` and `dir` leave out.
        note: What a reader is told once when the path is first imported.
        lacking: What is said of a name that is nowhere.
    """

    sources: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    children: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    note: str | None = None
    lacking: str = "minikeras, which stands in for Keras here, does not have it."


class Face(types.ModuleType):
    """A module whose names are looked up by its entry."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, f"minikeras, under the name `{name}`.")
        self.__file__ = __file__
        self.__path__: list[str] = []  # a package, with nothing on disk
        self._entry = entry

    def __getattr__(self, name: str) -> Any:
        entry = self.__dict__.get("_entry")
        if entry is None or (name.startswith("__") and name not in entry.names):
            if entry is not None and name == "__all__":
                return self._public()
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = self._find(entry, name)
        self.__dict__[name] = value
        return value

    def __call__(self, *args: object, **kwargs: object) -> Any:
        """Where Keras 1 had a function of the name of a module."""
        if "()" not in self._entry.names:
            raise TypeError(f"{self!r} is a module and cannot be called")
        return load(self._entry.names["()"])(*args, **kwargs)

    def _find(self, entry: Entry, name: str) -> Any:
        if name in entry.names:
            return load(entry.names[name])
        if name in entry.children:
            return importlib.import_module(f"{self.__name__}.{name}")
        for source in entry.sources:
            module = _module(source)
            if module is None or not _offers(module, name):
                continue
            value = getattr(module, name)
            if not isinstance(value, types.ModuleType):
                return value
        if name in entry.hidden:
            return importlib.import_module(f"{self.__name__}.{name}")
        path = self.__name__.removeprefix("keras.").removeprefix("src.")
        found = stand_in(path, name)
        if found is not None:
            return found
        raise AttributeError(
            f"module {self.__name__!r} has no attribute {name!r}: {entry.lacking}"
            + instead(path, name)
        )

    def _public(self) -> list[str]:
        entry = self._entry
        found = {*entry.children, *entry.names}
        for source in entry.sources:
            module = _module(source)
            found.update(_public_names(module) if module is not None else ())
        return sorted(name for name in found if name.isidentifier() and name[0] != "_")

    def __dir__(self) -> Iterable[str]:
        return sorted({*self.__dict__, *self._public()})

    def __repr__(self) -> str:
        return f"<module {self.__name__!r} (minikeras)>"

    def __reduce__(self) -> tuple[Any, ...]:
        return importlib.import_module, (self.__name__,)


def load(target: str) -> Any:
    """What `"module"` or `"module:attribute"` names."""
    module, _, attribute = target.partition(":")
    value: Any = importlib.import_module(module)
    return getattr(value, attribute) if attribute else value


def _module(name: str) -> types.ModuleType | None:
    """A module of ours, or None where there is none of this name."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # something that it needs is missing, which is for the user to know
        return None


def _public_names(module: types.ModuleType) -> Iterable[str]:
    """The names of a module that are no modules themselves."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [name for name in vars(module) if not name.startswith("_")]
    inside = {
        found.name for found in pkgutil.iter_modules(getattr(module, "__path__", ()))
    }
    return [
        name
        for name in names
        if not (
            isinstance(vars(module).get(name), types.ModuleType)
            or (name in inside and isinstance(getattr(module, name), types.ModuleType))
        )
    ]


def _offers(module: types.ModuleType, name: str) -> bool:
    names = getattr(module, "__all__", None)
    return hasattr(module, name) if names is None else name in names
