"""What is remembered of calls, and forgotten when a setting changes.

Floatx, epsilon and the data format take part in what ops do; who remembers what a call
did keeps it in a dict from `remembered()`.
"""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

_dicts: list[dict[object, object]] = []


def remembered() -> dict[K, V]:
    """A dict that `forget` empties."""
    made: dict[K, V] = {}
    _dicts.append(made)  # type: ignore[arg-type]  # it is only emptied
    return made


def forget() -> None:
    """Empty them all: what a setting says has changed."""
    for one in _dicts:
        one.clear()
