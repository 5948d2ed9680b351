"""Processes that compile beside this one, where many kernels are wanted at once.

llvmlite lets one thread of a process at a time into LLVM, so a second core needs a second
process: `compiler` as a script, which imports llvmlite and nothing of ours. It gets the
text of a kernel and gives back its object; what it made is what this process would have
made. A helper that cannot be started, or dies, costs only the time that it would have
spared.

A helper goes after some seconds without work, and with this process.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar

import llvmlite
from minikeras_numpy.processors import default_threads

from minikeras_numba.machine import compiler

_MOST = 3
_Job = TypeVar("_Job")


class Helper:
    """A process that compiles."""

    def __init__(self, triple: str, cpu: str, features: str) -> None:
        packages = str(Path(llvmlite.__file__).parents[1])
        script = str(Path(compiler.__file__))
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", script, packages, triple, cpu, features],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def compile(self, text: str, loops: bool) -> bytes | None:
        """The object of some IR; None where the helper has none.

        Raises:
            OSError: If the helper is gone.
        """
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None and answers is not None
        body = text.encode()
        with self._lock:
            requests.write(compiler.REQUEST.pack(loops, len(body)) + body)
            requests.flush()
            (size,) = compiler.ANSWER.unpack(_exactly(answers, compiler.ANSWER.size))
            return _exactly(answers, size) or None

    def end(self) -> None:
        """Let the process go, and wait for it."""
        self._process.kill()
        with suppress(OSError, subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._close()

    def forget(self) -> None:
        """In a forked child: the process is the parent's."""
        self._process.returncode = 0
        self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    found = pipe.read(size)
    if len(found) < size:
        raise OSError("the helper is gone")
    return found


_helpers: list[Helper] = []
_lock = threading.Lock()


def _possible() -> int:
    """How many helpers there may be: this process compiles too."""
    name = Path(sys.executable or "").name
    return min(_MOST, default_threads() - 1) if name.startswith("python") else 0


def start(triple: str, cpu: str, features: str) -> list[Helper]:
    """The helpers, started if there are none: they are ready some 60 ms later."""
    with _lock:
        for helper in _helpers:
            if not helper.alive:
                helper.end()
        _helpers[:] = [helper for helper in _helpers if helper.alive]
        try:
            while len(_helpers) < _possible():
                _helpers.append(Helper(triple, cpu, features))
        except OSError:  # no process to be had, or none of Python
            pass
        return list(_helpers)


def share(
    jobs: deque[_Job], do: Callable[[Helper, _Job], None], helpers: list[Helper]
) -> list[threading.Thread]:
    """Have the helpers do jobs from the far end, until there is none left."""

    def work(helper: Helper) -> None:
        # ValueError: a pipe that was closed.
        with suppress(IndexError, OSError, ValueError):
            while True:
                do(helper, jobs.pop())

    threads = []
    with suppress(RuntimeError):  # no thread can be started
        for helper in helpers:
            thread = threading.Thread(target=work, args=(helper,), daemon=True)
            thread.start()
            threads.append(thread)
    return threads


def end() -> None:
    """Let all helpers go."""
    with _lock:
        for helper in _helpers:
            helper.end()
        _helpers.clear()


def _forget() -> None:
    global _lock
    _lock = threading.Lock()
    for helper in _helpers:
        helper.forget()
    _helpers.clear()


atexit.register(end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
