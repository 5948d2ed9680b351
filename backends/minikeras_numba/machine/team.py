"""Threads that share out kernels, and the registers that kernels read.

`run(fn, regs, meta, n, grain)` splits [0, n) into `parts(n, grain)` equal chunks,
always the same ones: results never depend on timing. Each thread starts on its own and
then helps the others, so a thread that the system holds up delays nobody for long. Workers are
Python threads that stay inside a native loop, without the GIL; they spin for some
microseconds, then sleep (a futex on Linux, short naps elsewhere). A caller that
finds the team taken runs all chunks itself, in order, with the same results.

A kernel must not call `run`.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from minikeras_numpy.processors import MAX_THREADS, default_threads

from minikeras.extend import Living, Step
from minikeras_numba.machine.addresses import address_of
from minikeras_numba.machine.failures import raise_failure
from minikeras_numba.machine.jit import Address, compile_ir, host
from minikeras_numba.machine.team_ir import PARTS_BITS, team_text

# Chunks for each thread: so many fewer waits where one runs slower than another.
CHUNKS = 4
_ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_RUN = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)
_SEQUENCE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)
_WORK = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
_STATE_BYTES = 64 * 8
_NAP = 0.0005
_COMPILED = ("call", "sequence", "sequence_address", "_work", "_state")


def entry(now: bool = False) -> Address:
    """Where the team's code is; `now` as in `compile_ir`."""
    triple = host().triple
    text = functools.partial(team_text, triple)
    return compile_ir("team_entry", text, f"team {triple}", True, False, now=now)


class Team:
    """The worker threads of this process."""

    call: Callable[[int, int, int, int, int], None]
    sequence: Callable[[int, int, int], None]
    sequence_address: int
    _work: Callable[[int, int], int]
    _state: int

    def __init__(self) -> None:
        self._lock = threading.Lock()  # two callers must not start the same worker
        self._workers = 0
        self._most = MAX_THREADS
        self.threads = default_threads()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def __getattr__(self, name: str) -> Any:
        """What is compiled code: made when the first kernel runs, not for a count."""
        if name not in _COMPILED:
            raise AttributeError(name)
        table = (ctypes.c_int64 * 4)()
        _ENTRY(entry(now=True))(table)
        # The team's state is a global of the compiled code: it lives as long as the
        # process, while what Python allocates is freed at exit under sleeping workers.
        self._work = _WORK(table[1])
        self._state = int(table[2])
        self.sequence_address = int(table[3])
        self.sequence = _SEQUENCE(table[3])
        self.call = _RUN(table[0])
        return self.__dict__[name]

    def _forget(self) -> None:
        """In a forked child: no workers, and nobody owns the team."""
        # A fork takes the calling thread alone along: a job under way will never end here,
        # and the parent's lock may have been held by a thread that is not.
        if "_state" in self.__dict__:
            ctypes.memset(self._state, 0, _STATE_BYTES)
        self._lock = threading.Lock()
        self._workers = 0

    def start(self, count: int) -> None:
        """Have at least `count` workers, or as many as the system lets us start.

        Chunks stay as they are where it refuses: whoever is there runs them all.
        """
        with self._lock:
            while self._workers < min(count, self._most):
                worker = threading.Thread(
                    target=_worker,
                    args=(self._work, self._workers + 1),
                    name=f"minikeras-{self._workers + 1}",
                    daemon=True,  # it never returns, and must not keep the process from ending
                )
                try:
                    worker.start()
                except RuntimeError:  # a limit on processes or on memory
                    self._most = self._workers
                    return
                self._workers += 1

    @property
    def workers(self) -> int:
        return self._workers


def _worker(work: Callable[[int, int], int], number: int) -> None:
    """Stay in the native loop; it comes back only where it can't sleep by itself."""
    seen = 0
    while True:
        seen = work(number, seen)
        time.sleep(_NAP)


@functools.cache
def team() -> Team:
    """The team, made on first use."""
    return Team()


def get_threads() -> int:
    """How many threads share a kernel at most."""
    return team().threads


def set_threads(count: int) -> None:
    """Share kernels between `count` threads, the calling one among them."""
    if not 1 <= count <= MAX_THREADS:
        raise ValueError(f"set_threads: got {count}; expected 1 to {MAX_THREADS}.")
    team().threads = count
    # Kernels run these tables without asking Python, so they are divided anew here.
    for sequence in _embedded:
        sequence.prepare()


def parts(n: int, grain: int) -> int:
    """Into how many chunks `run` splits [0, n): none is shorter than `grain`."""
    threads = team().threads
    if threads == 1:
        return 1
    # Of n and the setting alone, never of who is free: borders decide the order of sums.
    return max(1, min(threads * CHUNKS, n // max(1, grain)))


def _shares(n: int, grain: int) -> tuple[int, int]:
    """The last word of a call, parts and threads, and the threads it wants."""
    count = parts(n, grain)
    threads = min(team().threads, count)
    return threads << PARTS_BITS | count, threads


def run(fn: int, regs: int, meta: int, n: int, grain: int) -> None:
    """Run the kernel at address `fn` over [0, n), in `parts(n, grain)` chunks.

    Chunk t gets `thread=t, threads=parts`. Returns when all are done.
    """
    p = team()
    shares, threads = _shares(n, grain)
    if threads > p.workers + 1:
        p.start(threads - 1)
    p.call(fn, regs, meta, n, shares)


class Sequence(Step):
    """Kernel calls that run one after the other in a single native call.

    Args:
        calls: For each `(fn, meta, n, grain)`, as for `run`.
        keep: What must live as long as the calls, such as the arrays behind `meta`.
        may_fail: Whether there are kernels among them that may.
    """

    at_once = True

    def __init__(
        self,
        calls: Iterable[tuple[int, int, int, int]],
        keep: Any,
        may_fail: bool = False,
    ) -> None:
        self.calls = list(calls)
        self.may_fail = may_fail
        self.keep = keep
        self._table = np.zeros((len(self.calls), 4), np.int64)
        self._address = int(self._table.ctypes.data)
        self._threads = 0
        self._most = 1

    def __call__(self, registers: Any) -> None:
        table, count = self.prepare()
        if not self.may_fail:
            team().sequence(table, count, registers.address)
            return
        registers.failed[0] = 0
        team().sequence(table, count, registers.address)
        raise_failure(registers)

    def prepare(self) -> tuple[int, int]:
        """The table for a native call, with the workers there that it wants."""
        p = team()
        if self._threads != p.threads:
            self._divide(p)
        if self._most > p.workers + 1:
            p.start(self._most - 1)
        return self._address, len(self.calls)

    def embed(self) -> tuple[int, int]:
        """As `prepare`, for a kernel that runs the table: `set_threads` reaches it too."""
        _embedded.add(self)
        return self.prepare()

    def _divide(self, p: Team) -> None:
        """Fill the table for the number of threads there now is."""
        shares = [_shares(n, grain) for _, _, n, grain in self.calls]
        self._most = max((threads for _, threads in shares), default=1)
        for row, (fn, meta, n, _), (share, _) in zip(
            self._table, self.calls, shares, strict=True
        ):
            row[...] = fn, meta, n, share
        self._threads = p.threads


_embedded: Living[Sequence] = Living()
_put = list.__setitem__  # what the class below overrides


class Registers(list[Any]):
    """Arrays of a Program, and the table of their addresses that kernels read.

    Arrays must be C-contiguous. `address` is the table's own address; the word before
    it is `failed`.
    """

    __slots__ = ("failed", "table", "address")

    def __init__(self, n: int) -> None:
        super().__init__([None] * n)
        words = np.zeros(max(1, n) + 1, np.int64)
        self.failed, self.table = words[:1], words[1:]
        self.address = int(self.table.ctypes.data)

    def __setitem__(self, index: Any, array: Any) -> None:
        if self[index] is array:
            return
        # The array comes last: an interrupt before that leaves a register that will be
        # set again, not one whose address is another array's.
        _put(self, index, None)
        if array is None:
            self.table[index] = 0
        else:
            self.table[index] = address_of(array)
            _put(self, index, array)
