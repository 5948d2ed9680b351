"""Attributes that are computed until they are set."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikeras.models.model import Model


class UntilSet:
    """What a function of the object gives, unless the object has an attribute of the name.

    For names under which code written for Keras looks things up: a class of a user that
    uses such a name for something of its own goes on to do so.
    """

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __get__(self, owner: Model, kind: type | None = None) -> Any:
        return self if owner is None else self._compute(owner)
