"""Worker processes of a PyDataset: each holds a copy of it and makes batches on demand.

They are spawned, not forked: forking a process that has threads can deadlock it. A copy
travels once, not with every batch, and again only where an epoch's hooks may have
changed the dataset.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import threading
import traceback
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from minikeras.engine.background import has_not_come, time_limit

# Seconds that a process may take to start and to load its copy.
START = 300.0
_COPY = "the copy in a process"


class ProcessWorker:
    """One worker process.

    Args:
        kind: The dataset's class, for messages.

    Raises:
        RuntimeError: If the process ends by itself.
        TimeoutError: If it takes too long.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._sender: threading.Thread | None = None
        # Not "fork", which copies threads' locks in whatever state they are in.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs,), name="minikeras-data", daemon=True
        )
        _start(self._process)
        theirs.close()

    def load(self, dataset: bytes) -> None:
        """Give it the pickled dataset that later numbers are for.

        A thread does, since a process that never comes to read would hold this one.
        """

        def send() -> None:
            with contextlib.suppress(RuntimeError):  # it ended, which `loaded` tells
                self._send(("dataset", dataset), _COPY)

        # In a thread: a pipe holds little, and all processes should load their copies
        # at once.
        self._sender = threading.Thread(
            target=send, name="minikeras-data-copy", daemon=True
        )
        self._sender.start()

    def loaded(self) -> None:
        """Wait until it has the dataset; raises what kept it from it."""
        limit = time_limit()
        self._answer(_COPY, None if limit is None else max(limit, START))

    def make(self, number: int, limit: float | None) -> Any:
        """Batch `number`; raises what the dataset raised."""
        what = f"batch {number}"
        self._send(("batch", number), what)
        return self._answer(what, limit)

    def _answer(self, what: str, limit: float | None) -> Any:
        # Whichever comes first: the answer, or the end of a process that was killed.
        if not wait([self._pipe, self._process.sentinel], limit):
            raise has_not_come(f"{what} of {self._kind}", limit or 0.0)
        try:
            good, value, text = self._pipe.recv()
        except (EOFError, OSError):
            raise self._ended(what) from None
        if good:
            return value
        value.add_note(f"in the worker process:\n{text}")
        raise value

    def _send(self, message: tuple[str, Any], what: str) -> None:
        try:
            self._pipe.send(message)
        except OSError:
            raise self._ended(what) from None

    def _ended(self, what: str) -> RuntimeError:
        self._process.join(5)
        return RuntimeError(
            f"the worker process that was to make {what} of {self._kind} ended with exit code "
            f"{self._process.exitcode}. Its output says why. A negative code is a signal (-9: "
            "often too little memory). A script that starts processes must guard its "
            'own work by `if __name__ == "__main__":`.'
        )

    def ask_to_end(self) -> None:
        """Let it end when it has nothing more to make."""
        if self._sender is not None and self._sender.is_alive():
            self._process.terminate()  # it does not read, so it cannot be asked
            return
        try:
            self._pipe.send(None)
        except OSError:
            pass

    def close(self) -> None:
        """End the process, which was asked to."""
        self._process.join(1)
        if self._process.exitcode is None:
            self._process.terminate()
            self._process.join(1)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join(1)
        self._pipe.close()


def _start(process: Any) -> None:
    """Start a process that never sees Ctrl-C, which is for the parent, not even early."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        process.start()
        return
    # Starting this helper unblocks the signal, so it must be there before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()  # the child inherits what is blocked
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection) -> None:
    """The life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    dataset: Any = None
    while True:
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            return
        if message is None:
            return
        what, value = message
        answer: tuple[bool, Any, str]
        try:
            if what == "dataset":
                dataset = pickle.loads(value)
                answer = (True, None, "")
            else:
                answer = (True, dataset[value], "")
        except Exception as error:  # the dataset's own, which the parent raises
            answer = (False, portable(error), traceback.format_exc())
        try:
            pipe.send(answer)
        except (BrokenPipeError, OSError):
            return
        except Exception as error:  # the batch cannot be pickled
            pipe.send((False, portable(error), traceback.format_exc()))


def portable(error: Exception) -> Exception:
    """The exception, or one that says the same and can be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # classes of users' fail in many ways; this one says the same
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
