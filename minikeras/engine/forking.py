"""Forks: nothing runs meanwhile, and locks are made anew in the child.

Of the threads of a process a forked child has the one that forked. What others had
locked nobody would ever release there; what they were writing would stay half written,
and libraries below (a BLAS with threads of its own) would wait for them. So a fork waits
for the runs that are going on, some seconds at most, and the child gets new locks.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, Protocol

_PATIENCE = 10.0  # seconds

_functions: list[Callable[[], None]] = []
# Without callbacks, in which an interrupt would be lost; the dead are swept out.
_owners: list[weakref.ref[Any]] = []
_sweep_at = 64
_compilers: list[Any] = []
_held: list[Any] = []


class LockOwner(Protocol):
    """What has a lock.

    Attributes:
        lock: Held while something runs.
        thread: By which thread.
        wanted: Set where somebody waits for it.
    """

    lock: threading.Lock
    thread: int
    wanted: bool


def after_fork(function: Callable[[], None]) -> Callable[[], None]:
    """Have `function` called in each forked child."""
    _functions.append(function)
    return function


def settle_at_fork(owner: LockOwner) -> None:
    """Have forks wait for `owner.lock`, which is a new one in the child."""
    global _owners, _sweep_at
    if len(_owners) >= _sweep_at:
        _owners = [ref for ref in _owners if ref() is not None]
        _sweep_at = 64 + 2 * len(_owners)
    _owners.append(weakref.ref(owner))


def _living() -> list[Any]:
    found = [ref() for ref in _owners]
    return [owner for owner in found if owner is not None]


def finish_before_fork(lock: Any) -> None:
    """Have forks wait for `lock`, whose holder waits for none of the others."""
    _compilers.append(lock)


def _before() -> None:
    until = time.monotonic() + _PATIENCE
    me = threading.get_ident()
    for owner in _living():
        if owner.thread == me and owner.lock.locked():
            continue  # forked in the middle of a run of its own thread
        owner.wanted = True
        if owner.lock.acquire(timeout=max(0.0, until - time.monotonic())):
            _held.append(owner.lock)
    for lock in _compilers:
        if lock.acquire(timeout=max(0.0, until - time.monotonic())):
            _held.append(lock)


def _in_parent() -> None:
    while _held:
        _held.pop().release()


def _in_child() -> None:
    for lock in _compilers:
        if lock in _held:
            lock.release()
    _held.clear()
    for owner in _living():
        owner.lock = threading.Lock()
    for function in _functions:
        function()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_in_parent, after_in_child=_in_child
    )
