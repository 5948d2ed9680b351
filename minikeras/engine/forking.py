"""Forks: nothing runs meanwhile, and locks are made anew in the child.

Of the threads of a process a forked child has the one that forked. What others had
locked nobody would ever release there; what they were writing would stay half written,
and libraries below (a BLAS with threads of its own) would wait for them. So a fork waits
for the runs that are going on, some seconds at most, and the child gets new locks. It
waits for imports too: Python's lock of a module that is half imported stays taken. One
that began in the last moment is forgotten in the child, which imports the module anew.

All locks are taken at once or none: whoever holds one of them may want another. What has
an interrupt in mind is done in one expression of C functions, between which none comes.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import compress
from operator import methodcaller
from typing import Any, Protocol

from minikeras.engine.living import Living

_PATIENCE = 10.0  # seconds that a fork waits
_MORE = 50.0  # seconds more for imports: they end by themselves, on a busy machine late
_COURTESY = 0.02  # seconds that a run waits for a fork: it may hold what that waits for
_POLL = 2e-4
_REENTRANT = type(threading.RLock())
# What is imported when it is first wanted. Not so the user's modules: one may be a script
# that trains for hours.
_LATE = ("minikeras", "numpy", "h5py", "ml_dtypes", "llvmlite", "numba", "rich")

_functions: list[Callable[[], None]] = []
_compilers: list[Any] = []
_gate = threading.RLock()  # held by the thread that forks
_take = methodcaller("acquire", False)
_release = methodcaller("release")


class _Mine(threading.local):
    def __init__(self) -> None:
        self.held: list[Any] = []


_mine = _Mine()


class LockOwner(Protocol):
    """What has a lock.

    Attributes:
        lock: Held while something runs.
        thread: By which thread.
        wanted: Set where somebody waits for it; whoever is about to run then calls
            `pause`.
    """

    lock: Any
    thread: int
    wanted: bool


_owners: Living[LockOwner] = Living()


def after_fork(function: Callable[[], None]) -> Callable[[], None]:
    """Have `function` called in each forked child."""
    _functions.append(function)
    return function


def settle_at_fork(owner: LockOwner) -> None:
    """Have forks wait for `owner.lock`, which is a new one in the child."""
    _owners.add(owner)


def finish_before_fork(lock: object) -> None:
    """Have forks wait for `lock`, whose holder waits for none of the others."""
    _compilers.append(lock)


def pause() -> None:
    """Let a fork go first that waits for this thread to be between two runs."""
    if _gate.acquire(timeout=_COURTESY):
        _gate.release()


def _before() -> None:
    _gate.acquire(timeout=_PATIENCE)
    until = time.monotonic() + _PATIENCE
    me, held = threading.get_ident(), _mine.held
    while True:
        owners = list(_owners)
        # What this thread holds itself: it forks in the middle of a run of its own.
        locks = [o.lock for o in owners if o.thread != me or not o.lock.locked()]
        locks += _compilers
        held.extend(compress(locks, map(_take, locks)))
        left = until - time.monotonic()
        if _imported_elsewhere(me):
            left += _MORE
        elif len(held) == len(locks):
            return
        if left < 0:
            return
        _let_go()
        for owner in owners:
            owner.wanted = True
        time.sleep(_POLL)


def _imported_elsewhere(me: int) -> bool:
    """Whether another thread is in the middle of importing what is imported late."""
    return any(name.startswith(_LATE) for name in _half_imported(me))


def _half_imported(me: int) -> list[str]:
    """The modules that other threads are importing."""
    owners = [(n, getattr(r(), "owner", None)) for n, r in tuple(_modules().items())]
    return [name for name, owner in owners if owner is not None and owner != me]


def _modules() -> dict[str, Callable[[], object]]:
    """Python's locks of modules, which it keeps to itself; empty where not found."""
    return getattr(getattr(importlib, "_bootstrap", None), "_module_locks", {})


def _forget_imports() -> None:
    """In a child: what no thread will ever finish to import is not imported."""
    for name in _half_imported(threading.get_ident()):
        _modules().pop(name, None)
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if getattr(spec, "_initializing", False):
            del sys.modules[name]


def _let_go() -> None:
    with suppress(IndexError):
        deque(map(_release, iter(_mine.held.pop, None)), maxlen=0)


def _in_parent() -> None:
    _let_go()
    with suppress(RuntimeError):  # it waited for another fork, in vain
        _gate.release()


def _in_child() -> None:
    global _gate
    _forget_imports()
    held = {id(lock) for lock in _mine.held}
    for lock in _compilers:
        if id(lock) in held:
            lock.release()
    _mine.held.clear()
    _gate = threading.RLock()
    for owner in list(_owners):
        reentrant = isinstance(owner.lock, _REENTRANT)
        owner.lock = threading.RLock() if reentrant else threading.Lock()
    for function in _functions:
        function()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_in_parent, after_in_child=_in_child
    )
