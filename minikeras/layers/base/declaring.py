"""What a class says of its results by itself, and whether a user wrote that class."""

from __future__ import annotations

_OURS = __name__.partition(".")[0]


def _ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == _OURS


def by_user(cls: type, method: str) -> bool:
    """Whether the `method` of a class of layers is not one of ours.

    A class's `call` may come after it, below: it is then still what the user wants.
    """
    return any(method in base.__dict__ for base in _users(cls))


def own_call(cls: type) -> bool:
    """Whether the `call` of a class of layers is a user's."""
    return any("call" in base.__dict__ for base in _users(cls))


def _users(cls: type) -> list[type]:
    """The classes that come before the first of ours in the order of look-up."""
    found: list[type] = []
    for base in cls.__mro__:
        if _ours(base):
            break
        found.append(base)
    return found
