"""Signals wait while states change: a step is done as a whole or not at all.

Handlers of signals are Python functions that run between any two instructions of the
main thread, and may raise: Ctrl-C does. Raised between the updates of two weights, the
first would be a step ahead of the second. So while such updates run, another handler
stands in, which notes what came; it is handed on when they are done. A second signal of
the kind is handed on at once, so that nothing that lasts for ever must be waited for.
"""

from __future__ import annotations

# The public module converts to enums and back, which takes longer than the rest.
import _signal  # type: ignore[import-not-found]  # has no stubs
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_SIGNALS = tuple(
    int(getattr(signal, name))
    for name in ("SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGBREAK", "SIGINT")
    if hasattr(signal, name)
)
_Handler = Callable[[int, FrameType | None], Any]


class _StandIn:
    """A handler in the place of others, for a while."""

    __slots__ = ("came", "others", "waits")

    def __init__(self, others: dict[int, _Handler]) -> None:
        self.others = others
        self.waits = True
        self.came: dict[int, FrameType | None] = {}

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.waits and number not in self.came:
            self.came[number] = frame
            return
        # It came twice, or in the moment between the end and the return of the others.
        self.came.pop(number, None)
        _signal.signal(number, self.others[number])
        self.others[number](number, frame)


def undisturbed(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """`function(*args, **kwargs)`, while handlers of signals wait.

    Their turn comes when it is done; what they raise comes out of here then.
    """
    # Handlers run in the main thread, and nobody else may set them.
    if threading.get_ident() != threading.main_thread().ident:
        return function(*args, **kwargs)
    find = _signal.getsignal
    others: Any = {n: h for n in _SIGNALS if callable(h := find(n))}
    stand_in = _StandIn(others)
    try:
        for number in others:
            _signal.signal(number, stand_in)
    except ValueError:  # a thread of another interpreter
        return function(*args, **kwargs)
    try:
        return function(*args, **kwargs)
    finally:
        stand_in.waits = False
        for number, handler in others.items():
            _signal.signal(number, handler)
        for number, frame in stand_in.came.items():
            others[number](number, frame)
