"""Trees of named arrays: what every weights file holds, whatever its format.

A tree maps the path of a group, such as `"layers/dense/vars"`, to a `Group`, which maps
names (`"0"`, `"1"`, ...) to arrays. Readers make lazy groups, whose arrays are read when
they are asked for; writers take whole trees.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Entry:
    """An array in a file: what is known of it, and how to read it."""

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], Array]
    nbytes: int = 0

    @classmethod
    def of(cls, array: ArrayLike) -> Entry:
        """An array that is in memory."""
        array = np.asarray(array)
        return cls(array.shape, array.dtype.name, lambda: array, array.nbytes)


@dataclass
class Group(Mapping[str, Any]):
    """Arrays by name; `name` is that of the layer they belong to, if the file says."""

    entries: dict[str, Entry] = field(default_factory=dict)
    name: str | None = None

    def __getitem__(self, key: str) -> Array:
        return self.entries[key].read()

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes, in the order of `"0"`, `"1"`, ..., `"10"`."""
        return [self.entries[key].shape for key in sorted(self.entries, key=in_order)]


Tree = dict[str, Group]


def in_order(key: str) -> tuple[int, int | str, str]:
    """Sorting key that puts `"10"` after `"2"`, and words after numbers."""
    return (0, int(key), key) if key.isdecimal() else (1, key, key)


def total_bytes(tree: Tree) -> int:
    """The size of all arrays."""
    return sum(e.nbytes for group in tree.values() for e in group.entries.values())


def count_arrays(tree: Tree) -> int:
    """How many arrays there are."""
    return sum(len(group) for group in tree.values())


# Comparing takes the square of their lengths, for each.
_LONGEST, _MOST_COMPARED = 200, 2_000


def nearest(path: str, tree: Mapping[str, Any]) -> str | None:
    """The group in the file whose path resembles `path` most, or None."""
    if len(path) > _LONGEST:
        return None
    known = [p for p in tree if 0 < len(p) <= _LONGEST][:_MOST_COMPARED]
    found = difflib.get_close_matches(path, known, 1, 0.5)
    return found[0] if found else None


# NumPy has no such dtypes: files hold raw bytes and the name beside.
_NAMED = ("bfloat16", "float8_e4m3fn", "float8_e5m2", "int4", "uint4")


def raw_form(array: Array) -> tuple[Array, str | None]:
    """An array that any format can hold, and the dtype's name if that is lost."""
    name = array.dtype.name
    if name not in _NAMED:
        return array, None
    return array.view(np.dtype(f"V{array.dtype.itemsize}")), name


def from_raw(array: Array, name: str | None) -> Array:
    """What `raw_form` was given.

    Raises:
        ValueError: If the name is no dtype of that size.
    """
    if name is None:
        return array
    if name not in _NAMED:
        raise ValueError(f"dtype {name!r}; expected one of {', '.join(_NAMED)}")
    wanted = np.dtype(getattr(importlib.import_module("ml_dtypes"), name))
    if wanted.itemsize != array.dtype.itemsize:
        raise ValueError(f"dtype {name!r} for values of {array.dtype.itemsize} bytes")
    return array.view(wanted)
