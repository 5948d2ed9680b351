"""Calls into BLAS and LAPACK, which forks wait for.

OpenBLAS multiplies under locks of its own that nobody makes anew in a forked child: one
that was held at the fork is held there for ever, and the first large product hangs.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

from minikeras.extend import pause, settle_at_fork
from minikeras_numpy.common import Array, Kernel


class _Calls(threading.local):
    """The calls of one thread; a signal handler may call in the middle of one."""

    def __init__(self) -> None:
        self.owner = _Owner()


class _Owner:
    __slots__ = ("__weakref__", "lock", "thread", "wanted")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.thread, self.wanted = 0, False
        settle_at_fork(self)


_calls = _Calls()


def settled(kernel: Kernel) -> Kernel:
    """`kernel`, whose calls end before the process forks."""

    @functools.wraps(kernel)
    def call(*args: Array, **static: Any) -> Array:
        owner = _calls.owner
        if owner.wanted:
            owner.wanted = False
            pause()
        with owner.lock:
            return kernel(*args, **static)

    return call
