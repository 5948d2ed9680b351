"""Steps whose parts several threads take: NumPy computes without the GIL.

`share(work, parts)` calls `work(number)` for each part, in this thread and in helpers
that sleep otherwise. Parts do not meet, and are cut by sizes alone: no bit depends on who
takes which. A caller that finds the helpers taken does all parts itself.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import numpy as np

from minikeras.extend import after_fork, undisturbed
from minikeras_numpy import blas


class _Job:
    """Parts to be done, and who is at it."""

    def __init__(self, work: Callable[[int], None], parts: int) -> None:
        self.work, self.parts = work, parts
        self.numbers = itertools.count()
        self.ended = threading.Semaphore(0)  # a release for each helper
        self.error: BaseException | None = None

    def run(self) -> None:
        """Take parts until there are none left."""
        for number in self.numbers:  # one instruction: nobody gets the same
            if number >= self.parts or self.error is not None:
                return
            self.work(number)

    def help(self) -> None:
        try:
            self.run()
        except BaseException as error:
            self.error = error
        finally:
            self.ended.release()


class _Helpers:
    """Threads that wait for jobs."""

    def __init__(self) -> None:
        self.busy = threading.Lock()
        self.count = 0
        self.most = 0
        self.calls: list[threading.Semaphore] = []
        self.jobs: list[_Job | None] = []

    def wanted(self) -> int:
        """How many helpers there should be."""
        return self.most

    def start(self) -> int:
        """Have them started; how many there are."""
        while self.count < self.wanted():
            self.calls.append(threading.Semaphore(0))
            self.jobs.append(None)
            thread = threading.Thread(
                target=self._serve,
                args=(self.count,),
                name=f"minikeras-numpy-{self.count + 1}",
                daemon=True,
            )
            try:
                thread.start()
            except RuntimeError:  # a limit on processes or on memory
                self.most = self.count
                break
            self.count += 1
        return min(self.count, self.wanted())

    def _serve(self, number: int) -> None:
        call = self.calls[number]
        with np.errstate(all="ignore"):
            while True:
                call.acquire()
                job, self.jobs[number] = self.jobs[number], None
                if job is not None:
                    job.help()

    def run(self, job: _Job) -> None:
        """The job, with as many helpers as it has parts for."""
        count = min(self.start(), job.parts - 1)
        for i in range(count):
            self.jobs[i] = job
            self.calls[i].release()
        try:
            job.run()
        except BaseException as error:
            job.error = error
            raise
        finally:
            for _ in range(count):
                job.ended.acquire()
        if job.error is not None:
            raise job.error


_helpers = _Helpers()


@after_fork
def _forget() -> None:
    global _helpers
    most = _helpers.most
    _helpers = _Helpers()
    _helpers.most = most
    blas.forget()


def threads() -> int:
    """How many threads a step is shared out to."""
    return _helpers.wanted() + 1


def set_threads(count: int) -> None:
    """Share steps between `count` threads, the calling one among them.

    More than eight wait for each other's GIL.
    """
    _helpers.most = count - 1


def share(work: Callable[[int], None], parts: int) -> None:
    """`work(number)` for each part; when it returns all are done.

    Interrupts wait for the end: nobody writes into arrays that are given up. Products of
    the parts take one thread each.
    """
    helpers = _helpers
    if parts < 2 or helpers.wanted() < 1:
        serially(work, parts)
    else:
        undisturbed(_shared, helpers, work, parts)


def _shared(helpers: _Helpers, work: Callable[[int], None], parts: int) -> None:
    if not helpers.busy.acquire(blocking=False):
        with blas.single():  # the same products as with helpers
            serially(work, parts)
        return
    try:
        with blas.single():
            helpers.run(_Job(work, parts))
    finally:
        helpers.busy.release()


def serially(work: Callable[[int], None], parts: int) -> None:
    """`work(number)` for each part, in this thread."""
    for number in range(parts):
        work(number)


def share_products(work: Callable[[int], None], parts: int) -> None:
    """As `share`, for parts that multiply: one by one where BLAS takes all threads for each."""
    (share if blas.obeys() else serially)(work, parts)
