"""Arenas: the memory in which programs keep the values of a run.

Nothing in an arena outlives a run, but for what can be made again and is, where another
has run in between (`last`). So programs share them: a model's prediction lies in
the arena of its training, and one that finds it taken, by a run in another thread, moves
to another. An arena lives as long as a program uses it.
"""

from __future__ import annotations

import threading

from minikeras.engine import backend as registry
from minikeras.engine.forking import after_fork, settle_at_fork
from minikeras.engine.living import Living

_SMALL = 1 << 16
_LARGE = 1 << 28
# A program lies in an arena of at most so many times what it needs, which it keeps alive.
_WIDEST = 64


class Arena:
    """Memory of a backend for one run at a time.

    Attributes:
        memory: The backend's buffer.
        nbytes: Its size.
        lock: Held during a run.
        last: Mark of who ran last, if he keeps something at its end.
    """

    __slots__ = ("memory", "nbytes", "lock", "last", "thread", "wanted", "__weakref__")

    def __init__(self, memory: object, nbytes: int) -> None:
        self.memory = memory
        self.nbytes = nbytes
        self.lock = threading.Lock()
        self.last: object = None
        self.thread, self.wanted = 0, False
        settle_at_fork(self)


_arenas: dict[str, Living[Arena]] = {}
_lock = threading.Lock()


@after_fork
def _remake_lock() -> None:
    global _lock
    _lock = threading.Lock()


def rounded(nbytes: int) -> int:
    """The size of the arena for so many bytes: few sizes, so that many programs share.

    Powers of two, whose untouched pages cost nothing on a CPU; eighths of one where
    they are large.
    """
    size = 1 << max(0, nbytes - 1).bit_length()
    if size <= _LARGE:
        return max(size, _SMALL)
    step = size // 16
    return -(-nbytes // step) * step


def lend(backend: registry.Backend, nbytes: int) -> Arena:
    """An arena of at least `nbytes` that no run is using now, the smallest there is."""
    size = rounded(nbytes)
    with _lock:
        known = _arenas.setdefault(backend.name, Living())
        wide = [
            arena
            for arena in known
            if size <= arena.nbytes <= _WIDEST * size and not arena.lock.locked()
        ]
        if wide:
            return min(wide, key=lambda arena: arena.nbytes)
        arena = Arena(backend.alloc(size), size)
        known.add(arena)
        return arena


def total_bytes() -> int:
    """Bytes in all arenas that live."""
    with _lock:
        return sum(arena.nbytes for known in _arenas.values() for arena in known)
