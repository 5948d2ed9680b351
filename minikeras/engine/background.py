"""Threads that make batches ahead, and the limit on every wait for one.

Threads are daemons of our own, not those of `concurrent.futures`, which Python waits for
when it exits: a batch that never comes must not keep the process.
"""

from __future__ import annotations

import contextvars
import functools
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

# Seconds that a batch may take, and the variable that says otherwise.
TIMEOUT = 600.0
VARIABLE = "MINIKERAS_DATA_TIMEOUT"
# Seconds that an ending run waits for a batch that is being made and not wanted any more.
PATIENCE = 1.0


def time_limit() -> float | None:
    """Seconds to wait for one batch; None (0 in the environment) for as long as it takes.

    Raises:
        ValueError: If the environment variable is no number of at least 0.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise ValueError(f"{VARIABLE}={text!r}; expected seconds, or 0 for no limit.")
    return seconds or None


def has_not_come(name: str, limit: float) -> TimeoutError:
    """The error for something that took longer than so many seconds."""
    return TimeoutError(
        f"{name} has not come for {limit:g} seconds. If it takes so long, set the "
        f"environment variable {VARIABLE} to more seconds (0: no limit); otherwise see "
        "what the source waits for."
    )


def may_ahead() -> bool:
    """Whether batches may be made ahead; not with `MINIKERAS_DATA_AHEAD=0`."""
    return os.environ.get("MINIKERAS_DATA_AHEAD", "").strip() != "0"


@contextmanager
def interrupts_held() -> Iterator[None]:
    """A block in which Ctrl-C waits until its end.

    `multiprocessing` loses an interrupt that comes while it is imported.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:  # what was there before may be no function, but the system's own way
            signal.raise_signal(came[0])


class Task:
    """Something that another thread does.

    Args:
        task: What to do.
        name: What it makes, for messages, as in `"batch 3 of the generator"`; a function
            where that is known only while it is made.
    """

    __slots__ = ("_task", "_name", "_done", "_value", "_error")

    def __init__(self, task: Callable[[], Any], name: str | Callable[[], str]) -> None:
        self._task: Callable[[], Any] | None = task
        self._name = name
        self._done = threading.Lock()
        self._done.acquire()
        self._value: Any = None
        self._error: BaseException | None = None

    @property
    def name(self) -> str:
        """What it makes."""
        return self._name if isinstance(self._name, str) else self._name()

    def run(self) -> None:
        """Do it, in the thread of a worker; an exception is kept for `result`."""
        task, self._task = self._task, None
        try:
            if task is not None:
                self._value = task()
        except BaseException as error:  # whatever it is, `result` raises it
            self._error = error
        self._done.release()

    def drop(self, patience: float = PATIENCE) -> None:
        """Nobody wants it any more: if it runs, wait for it, up to so many seconds."""
        if self._task is None and self._done.acquire(timeout=patience):
            self._done.release()
        self._task = None

    def result(self) -> Any:
        """What came of it.

        Raises:
            TimeoutError: If it takes too long.
            BaseException: What the task raised, with its traceback and the job's name.
        """
        limit = time_limit()
        if not self._done.acquire(timeout=-1 if limit is None else limit):
            raise has_not_come(self.name, limit or 0.0)
        self._done.release()
        if self._error is not None:
            error, self._error = self._error, None
            error.add_note(f"raised while making {self.name}")
            raise error
        value, self._value = self._value, None
        return value


class Workers:
    """Daemon threads that do jobs in the order in which they are given.

    They end with `close`, or when nobody holds this object any more. Where the system lets
    no thread start, the jobs are done when they are given.

    Args:
        count: How many threads.
    """

    def __init__(self, count: int = 1) -> None:
        self._jobs: SimpleQueue[Task | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._count = count

    def submit(self, task: Callable[[], Any], name: str | Callable[[], str]) -> Task:
        """Have something done; threads start with the first job."""
        job = Task(task, name)
        self._start()
        if self._threads:
            self._jobs.put(job)
        else:
            job.run()
        return job

    def _start(self) -> None:
        """Start those that are not there yet, or as many as the system has."""
        while len(self._threads) < self._count:
            thread = threading.Thread(
                target=contextvars.copy_context().run,
                args=(_work, self._jobs),
                name=f"minikeras-data-{len(self._threads)}",
                daemon=True,
            )
            try:
                thread.start()
            except RuntimeError:  # "can't start new thread"
                self._count = len(self._threads)
                return
            self._threads.append(thread)

    def close(self, patience: float = PATIENCE) -> None:
        """Do nothing more; what runs now is waited for, up to so many seconds."""
        while not self._jobs.empty():
            self._jobs.get()
        self._end()
        until = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.0))

    def _end(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)

    def __del__(self) -> None:
        self._end()


def _work(jobs: SimpleQueue[Task | None]) -> None:
    """The life of a thread."""
    while (job := jobs.get()) is not None:
        job.run()
        del job  # and with it the batch


def in_order(
    workers: Workers,
    make: Callable[[Any], Any],
    numbers: Iterable[Any],
    ahead: int,
    kind: str,
) -> Iterator[Any]:
    """`make(number)` for each number, in order, up to `ahead` of them at work or ready.

    Args:
        workers: Who makes them.
        make: What to call with each number.
        numbers: The numbers of the batches, or what each is made of.
        ahead: How many to ask for in advance.
        kind: What the source is, for messages.
    """
    waiting: deque[Task] = deque()
    try:
        for count, number in enumerate(numbers):
            task = functools.partial(make, number)
            shown = number if isinstance(number, int) else count
            waiting.append(workers.submit(task, f"batch {shown} of {kind}"))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        while waiting:
            waiting.pop().drop()
