"""What a namespace's `get` is given: names, configs, classes, objects."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


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
