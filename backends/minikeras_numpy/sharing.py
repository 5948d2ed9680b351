"""Pieces of work shared out to a few threads.

Most of what this backend does is one call of NumPy after the other, and products have
the threads of BLAS. Where products are so small that BLAS takes one thread for each, the
pieces of a step are shared out here: NumPy lets go of the interpreter's lock while it
copies and multiplies.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue

import numpy as np

from minikeras_numpy.processors import default_threads

_MOST = 4  # threads; with more they would wait for the interpreter's lock
Work = Callable[[int, int], None]
_put: Callable[..., None] = SimpleQueue.put


def _limit() -> int:
    """How many threads to take: no more than BLAS is told to take."""
    count = min(_MOST, default_threads())
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        told = os.environ.get(name, "")
        if told.isascii() and told.isdigit():
            return max(1, min(count, int(told)))
    return count


def lanes() -> int:
    """How many lanes there are in `share`, at most."""
    return _limit()


class _Team:
    """The helpers of this process, made when they are first wanted.

    Attributes:
        free: Held by the call that has the helpers.
    """

    def __init__(self) -> None:
        self.free = threading.Lock()
        self._queues: list[SimpleQueue[Callable[[], None]]] | None = None

    def queues(self) -> list[SimpleQueue[Callable[[], None]]]:
        """Where to put work, one for each helper. For the holder of `free`."""
        if self._queues is None:
            made: list[SimpleQueue[Callable[[], None]]] = []
            with suppress(RuntimeError):  # no more threads, or none on this system
                for _ in range(_limit() - 1):
                    queue: SimpleQueue[Callable[[], None]] = SimpleQueue()
                    threading.Thread(
                        target=_serve, args=(queue,), name="minikeras", daemon=True
                    ).start()
                    made.append(queue)
            self._queues = made
        return self._queues


def _serve(queue: SimpleQueue[Callable[[], None]]) -> None:
    with np.errstate(all="ignore"):
        while True:
            queue.get()()


_team = _Team()


def _in_child() -> None:
    """A forked process has none of the threads."""
    global _team
    _team = _Team()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def share(count: int, work: Work, worth: bool = True) -> None:
    """Calls `work(lane, number)` for each number below `count`, in any order.

    Args:
        count: How many pieces there are.
        work: Does one. No two calls with the same lane run at once, and lane 0 is the
            caller's thread: what a piece needs as workspace it keeps for each lane.
        worth: Whether to wake other threads at all.

    Raises:
        BaseException: What `work` raised, once no piece is running any more.
    """
    team, left = _team, deque(range(count))
    ended: SimpleQueue[BaseException | None] = SimpleQueue()

    def serve(lane: int) -> None:
        while True:
            try:
                number = left.popleft()
            except IndexError:
                return
            work(lane, number)

    def help_in(lane: int) -> None:
        try:
            serve(lane)
        except BaseException as failure:  # the caller raises it
            left.clear()
            ended.put(failure)
        else:
            ended.put(None)

    # What must be known of afterwards is noted by calls in C, which no interrupt parts.
    held: list[bool] = []
    given: list[None] = []
    errors: list[BaseException | None] = []
    try:
        if worth and count > 1:
            held.extend(map(team.free.acquire, [False]))
        if held == [True]:
            queues = team.queues()[: count - 1]
            jobs = [partial(help_in, lane) for lane in range(1, len(queues) + 1)]
            given.extend(map(_put, queues, jobs))
        serve(0)
    finally:
        left.clear()
        while len(errors) < len(given):
            missing = len(given) - len(errors)
            try:
                errors.extend(map(SimpleQueue.get, [ended] * missing))
            except BaseException as interrupt:  # told when all have ended
                given.append(None)
                ended.put(interrupt)
        if held == [True]:
            team.free.release()
    for error in errors:
        if error is not None:
            raise error
