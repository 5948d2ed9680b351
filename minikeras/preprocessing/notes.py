"""One note for each of Keras 2's helpers that is used."""

from __future__ import annotations

from minikeras.engine.warn import warn_user

_given: set[str] = set()


def note(name: str, instead: str) -> None:
    """Say once in a process that `name` is of Keras 2, and what does it today."""
    if name in _given:
        return
    _given.add(name)
    warn_user(
        f"keras.preprocessing.{name} is kept from Keras 2, for books and courses that use it. "
        f"New code: {instead}.",
        DeprecationWarning,
    )
