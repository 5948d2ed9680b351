"""One warning for all that an old config says and that has no meaning any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from minikeras.engine.warn import warn_user

_dropped: ContextVar[dict[str, None] | None] = ContextVar(
    "minikeras_dropped_arguments", default=None
)


@contextmanager
def one_note() -> Iterator[None]:
    """One warning for everything noted inside the outermost block."""
    if _dropped.get() is not None:
        yield
        return
    found: dict[str, None] = {}
    token = _dropped.set(found)
    try:
        yield
    finally:
        _dropped.reset(token)
    if found:
        warn_user(
            "This config is of an older Keras; arguments that no longer mean anything were "
            f"left out: {', '.join(found)}."
        )


@contextmanager
def no_note() -> Iterator[None]:
    """No warning for what is noted inside: the caller says it in its own words."""
    token = _dropped.set({})
    try:
        yield
    finally:
        _dropped.reset(token)


def note(name: str, dropped: Iterable[str]) -> None:
    """Remember that these arguments of a class were left out."""
    found = {f"{name}({key})": None for key in dropped}
    if not found:
        return
    with one_note():
        notes = _dropped.get()
        assert notes is not None
        notes.update(found)
