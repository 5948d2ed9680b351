"""What a namespace's `get` is given: names, configs, classes, objects."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from minikeras import naming


def object_of(identifier: object, deserialize: Callable[[Any], Any]) -> Any:
    """What a name or config stands for, None for a name that is not known; others as they are.

    Args:
        identifier: What was given.
        deserialize: The namespace's function. What it says of a config goes to the caller,
            since it says what is wrong inside.
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        try:
            return deserialize(identifier)
        except (TypeError, ValueError):
            return None
    return identifier


def instance_of(identifier: object, deserialize: Callable[[Any], Any]) -> Any:
    """The same, with a class made an object of it with its defaults."""
    found = object_of(identifier, deserialize)
    return found() if inspect.isclass(found) else found


def called(
    found: object, identifier: object, owner: str, wanted: str, names: Iterable[str]
) -> Any:
    """`found`, if it can be called.

    Args:
        found: What `identifier` stands for.
        identifier: What was given.
        owner: The namespace, for the error.
        wanted: What the error says behind the identifier: what it is not, and what was
            expected.
        names: Those that are known, of which the error gives the nearest.

    Raises:
        ValueError: If it cannot be called.
    """
    if callable(found):
        return found
    raise unknown(identifier, owner, wanted, names)


def unknown(
    identifier: object, owner: str, wanted: str, names: Iterable[str]
) -> ValueError:
    """The error of a `get`; its arguments are those of `called`."""
    return ValueError(
        f"{owner}.get: {naming.shown(identifier)}{wanted} "
        f"{naming.nearest(identifier, names)}"
    )
