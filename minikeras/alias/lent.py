"""Attributes that our classes have only while the alias is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Attribute = tuple[type, str, Any]


class Lent:
    """Gives classes attributes, and takes them back.

    Args:
        attributes: Makes the list of them: owner, name, value. Called when they are given.
    """

    def __init__(self, attributes: Callable[[], Iterable[Attribute]]) -> None:
        self._attributes = attributes
        self._before: list[
            Attribute
        ] = []  # what the owner itself had; None for nothing

    def give(self) -> None:
        """Give them; a second call changes nothing."""
        if self._before:
            return
        for owner, name, new in self._attributes():
            self._before.append((owner, name, vars(owner).get(name)))
            setattr(owner, name, new)

    def take(self) -> None:
        """Undo `give`."""
        while self._before:
            owner, name, old = self._before.pop()
            if old is None:
                delattr(owner, name)
            else:
                setattr(owner, name, old)
