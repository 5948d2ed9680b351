"""Signals wait while states change: a step is done as a whole or not at all.

Handlers of signals are Python functions that run between any two instructions of the
main thread, and may raise: Ctrl-C does. Raised between the updates of two weights, the
first would be a step ahead of the second. So while such updates run, another handler
stands in, which notes what came; it is handed on when they are done. A second signal of
the kind is handed on at once, so that nothing that lasts for ever must be waited for.

Setting a handler takes longer than all else here. So a run of many steps is `attended`:
the stand-in stays, and a step only tells it to wait.
"""

from __future__ import annotations

# The public module converts to enums and back, which takes longer than the rest.
import _signal  # type: ignore[import-not-found]  # has no stubs
import os
import signal
import threading
from collections.abc import Callable
from threading import get_ident
from types import FrameType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_SIGNALS = tuple(
    int(getattr(signal, name))
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGBREAK")
    if hasattr(signal, name)
)
_FIRST = _SIGNALS[0]
_find, _put = _signal.getsignal, _signal.signal


class _StandIn:
    """A handler in the place of others, for a while.

    Attributes:
        before: `_SIGNALS` with their handlers without it.
        inside: The same with it.
        others: Those that it stands in for.
        waits: Whether it notes what comes, rather than hand it on.
        came: The signals that it has noted.
    """

    __slots__ = ("before", "came", "inside", "others", "waits")

    def __init__(self) -> None:
        self.before: list[tuple[int, Any]] = [(n, _find(n)) for n in _SIGNALS]
        self.others = [(n, h) for n, h in self.before if callable(h)]
        numbers = [n for n, _ in self.others]
        self.inside = [(n, self if n in numbers else h) for n, h in self.before]
        self.waits = False
        self.came: dict[int, FrameType | None] = {}

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.waits and number not in self.came:
            self.came[number] = frame
            return
        # It came twice, or where nothing has to wait.
        self.came.pop(number, None)
        handler = dict(self.others)[number]
        _put(number, handler)
        handler(number, frame)

    def hand_on(self) -> None:
        """Call the others for what came."""
        came, self.came = self.came, {}
        for number, frame in came.items():
            dict(self.others)[number](number, frame)


class _Known:
    """What is remembered from call to call: the main thread, and the last stand-in."""

    def __init__(self) -> None:
        self.main: int | None = threading.main_thread().ident
        self.last = _StandIn()
        try:
            if get_ident() == self.main:
                _put(signal.SIGINT, _find(signal.SIGINT))
        except ValueError:  # a thread of another interpreter, which may set none
            self.main = None
        except TypeError:  # a handler that is no Python function
            pass

    def forked(self) -> None:
        """In a child, the thread that forked is the main one."""
        self.main = get_ident()


_known = _Known()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_known.forked)


def undisturbed(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """`function(*args, **kwargs)`, while handlers of signals wait.

    Their turn comes when it is done; what they raise comes out of here then.
    """
    # Handlers run in the main thread, and nobody else may set them.
    if get_ident() != _known.main:
        return function(*args, **kwargs)
    # All in one function: it is run once a step, with nothing of it in the cache, when
    # each call and each object counts.
    stand_in = _known.last
    there = _find(_FIRST) is stand_in
    for number, handler in stand_in.inside if there else stand_in.before:
        if _find(number) is not handler:
            stand_in = _known.last = _StandIn()
            there = False
            break
    if there and stand_in.waits:  # inside another
        return function(*args, **kwargs)
    try:
        if not there:
            for number, _ in stand_in.others:
                _put(number, stand_in)
        stand_in.waits = True
        return function(*args, **kwargs)
    finally:
        stand_in.waits = False
        if not there:
            for number, handler in stand_in.others:
                _put(number, handler)
        if stand_in.came:
            stand_in.hand_on()


def attended(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """`function(*args, **kwargs)`, in which `undisturbed` takes less time."""
    stand_in = _known.last
    there = all(_find(n) is h for n, h in stand_in.inside)
    if there or get_ident() != _known.main:
        return function(*args, **kwargs)
    if not all(_find(n) is h for n, h in stand_in.before):
        stand_in = _known.last = _StandIn()
    try:
        for number, _ in stand_in.others:
            _put(number, stand_in)
        return function(*args, **kwargs)
    finally:
        for number, handler in stand_in.others:
            if _find(number) is stand_in:  # nobody else has taken its place
                _put(number, handler)
