"""Arguments changed on their way into a function of ours, and the note on it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from minikeras.engine.tracebacks import shorten
from minikeras.engine.warn import warn_user

Words = dict[str, Any]
# From an object and its arguments, by position and by name, to those of today.
Change = Callable[[Any, tuple[Any, ...], Words], tuple[tuple[Any, ...], Words]]


def say(owner: str, gone: Iterable[str], now: Iterable[str] = ()) -> None:
    """A note on arguments of an older Keras, and those that stand for them."""
    old, new = (", ".join(f"{name}=" for name in names) for names in (gone, now))
    today = f"today it is {owner}({new})" if new else "it means nothing any more"
    warn_user(f"{owner}({old}) is of an older Keras; {today}.")


def passed_on(method: Callable[..., Any], change: Change) -> Callable[..., Any]:
    """`method` with its arguments changed first, and no frame of this in tracebacks."""

    @functools.wraps(method)
    def called(self: object, *args: object, **kwargs: object) -> Any:
        args, kwargs = change(self, args, kwargs)
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            shorten(error)
            raise

    return called
