"""Nobody waits for ever: a thread in each rank knows what the others do.

Before it waits for the others, a rank notes what for and since when. A thread looks at
that; where it takes longer than the limit, it asks the threads of all other ranks what
those do. They answer also where their rank computes, sleeps or waits for a file. Who does
not wait is who all wait for, and is named with the line that it is at.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

LIMIT = 600.0
VARIABLE = "MINIKERAS_DISTRIBUTION_TIMEOUT"
_PAUSE = 0.25  # seconds between two looks
_PATIENCE = 5.0  # seconds that an answer may take
_EARLY = 5.0  # seconds after which it is asked whether a rank has ended
_ASK, _ANSWER = 1, 2
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def time_limit() -> float | None:
    """Seconds that a rank may wait for the others; None (0 in the environment): no limit.

    Raises:
        ValueError: If the environment variable is no number of at least 0.
    """
    text = os.environ.get(VARIABLE, "").strip()
    try:
        seconds = float(text or LIMIT)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise ValueError(f"{VARIABLE}={text!r}; expected seconds, or 0 for no limit.")
    return seconds or None


class Doing(NamedTuple):
    """What a rank does, as it tells others.

    Attributes:
        rank: Its number.
        who: Its machine and process.
        waits: What it waits for; None if it does not.
        waited: For how many things it has waited, the present one included.
        where: The line that it is at.
        ended: Whether its script is over.
    """

    rank: int
    who: str
    waits: str | None
    waited: int
    where: str
    ended: bool


class Watch:
    """The thread of one rank.

    Args:
        mpi: The module `mpi4py.MPI`.
        comm: The communicator of all processes; a copy of it is used.

    Attributes:
        ended: Whether the script of this rank is over.
    """

    def __init__(self, mpi: Any, comm: Any) -> None:
        self.limit = time_limit()
        self.ended = False
        self._mpi, self._comm = mpi, comm.Dup()
        self._since: float | None = None
        self._what = ""
        self._count = 0
        self._stop = threading.Event()
        self._asked = 0.0
        self._sent: list[Any] = []
        self._main = threading.main_thread().ident
        # Two threads may call MPI only where it says so; elsewhere nobody is asked.
        self._may_ask = mpi.Query_thread() == mpi.THREAD_MULTIPLE
        self._thread = threading.Thread(target=self._run, name="ranks", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, before MPI ends."""
        self._stop.set()
        self._thread.join(2 * _PATIENCE)

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """A block that waits for the other ranks."""
        self._what, self._count = what, self._count + 1
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def doing(self) -> Doing:
        """What this rank does now."""
        waits = self._what if self._since is not None else None
        who = f"{socket.gethostname()}, process {os.getpid()}"
        return Doing(self._comm.rank, who, waits, self._count, self._line(), self.ended)

    def _line(self) -> str:
        """The innermost line of the user's that the main thread is at."""
        frame = sys._current_frames().get(self._main or 0)
        lines = traceback.extract_stack(frame) if frame is not None else []
        own = [f for f in lines if not f.filename.startswith((_PACKAGE, "<frozen"))]
        if not own:
            return "no line of Python"
        last = own[-1]
        return f"{last.filename}:{last.lineno}: `{(last.line or '').strip()}`"

    # --- the thread

    def _run(self) -> None:
        while not self._stop.wait(_PAUSE):
            if self._may_ask:
                self._answer()
            since = self._since
            if since is None:
                continue
            waited = time.monotonic() - since
            if self.limit is not None and waited > self.limit:
                self._end(self._ask_all(), waited)
                return
            if (
                self._may_ask
                and waited > _EARLY
                and self._asked < since + waited - _EARLY
            ):
                self._asked = time.monotonic()
                found = self._ask_all()
                if (
                    any(d is not None and d.ended for d in found)
                    and self._since == since
                ):
                    self._end(found, waited)
                    return

    def _answer(self) -> None:
        status = self._mpi.Status()
        while self._comm.Iprobe(self._mpi.ANY_SOURCE, _ASK, status):
            asker = status.Get_source()
            self._comm.recv(source=asker, tag=_ASK)
            self._send(tuple(self.doing()), asker, _ANSWER)

    def _send(self, value: object, rank: int, tag: int) -> None:
        """Send without waiting; what is not gone yet is held till then."""
        self._sent = [request for request in self._sent if not request.Test()]
        self._sent.append(self._comm.isend(value, rank, tag))

    def _ask_all(self) -> list[Doing | None]:
        """What each rank does; None where it does not answer in time."""
        found: list[Doing | None] = [None] * self._comm.size
        found[self._comm.rank] = self.doing()
        if not self._may_ask:
            return found
        others = [r for r in range(self._comm.size) if r != self._comm.rank]
        for rank in others:
            self._send(None, rank, _ASK)
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and any(found[r] is None for r in others):
            self._answer()
            for rank in others:
                if self._comm.Iprobe(rank, _ANSWER):
                    found[rank] = Doing(*self._comm.recv(source=rank, tag=_ANSWER))
            time.sleep(_PAUSE / 10)
        return found

    def _end(self, found: list[Doing | None], waited: float) -> None:
        """Say who is waited for, and end the job. The first rank that waits speaks."""
        waiting = [d.rank for d in found if d is not None and d.waits is not None]
        if self._since is None:  # it went on meanwhile
            return
        if waiting and self._comm.rank != waiting[0]:
            time.sleep(2 * _PATIENCE)  # that one speaks and ends all
        sys.stderr.write(self._verdict(found, waiting, waited) + "\n")
        sys.stderr.flush()
        self._comm.Abort(1)

    def _verdict(
        self, found: list[Doing | None], waiting: list[int], waited: float
    ) -> str:
        slow = []
        for rank, doing in enumerate(found):
            if doing is None:
                slow.append(
                    f"rank {rank} does not answer (its machine or process is gone)"
                )
            elif doing.ended:
                slow.append(
                    f"rank {rank} ({doing.who}) has come to the end of its script"
                )
            elif doing.waits is None:
                slow.append(f"rank {rank} ({doing.who}) is at {doing.where}")
        if not slow:  # all wait, for different things
            slow = [
                f"rank {d.rank} waits for {d.waits} {d.waited} at {d.where}"
                for d in found
                if d is not None
            ]
        listed = ", ".join(map(str, waiting[:8])) + (
            ", ..." if len(waiting) > 8 else ""
        )
        return (
            f"minikeras: rank(s) {listed} have waited for {waited:.0f} s for {self._what} "
            f"{self._count}: {'; '.join(slow)}. The job ends. ({VARIABLE}={self.limit or 0:g} "
            "seconds; 0: no limit.)"
        )
