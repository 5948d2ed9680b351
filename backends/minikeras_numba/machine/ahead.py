"""Many kernels at once: this process compiles from the near end, helpers from the far.

Lowering asks for kernels one after the other, and needs the address of each. So where the
first one is missing, the nodes are lowered once for nothing, to hear what they ask for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from minikeras_numba.machine import helpers, jit
from minikeras_numba.machine.jit import WantedKernel

_FEW = 4  # kernels; for fewer a helper is not worth its start
_T = TypeVar("_T")


def together(work: Callable[[], _T], rehearsal: Callable[[], object]) -> _T:
    """Call `work`; where a kernel is missing, compile all at once that `work` asks for.

    Args:
        work: Asks for kernels.
        rehearsal: Asks for the same ones, as far as that is known, and calls none.
    """

    def at_miss() -> None:
        compile_all(jit.gathered(rehearsal))

    return jit.foreseen(work, at_miss)


def begin() -> None:
    """Helpers take a while to start: where nothing is there yet, they are called early."""
    folder = jit.cache_dir()
    with suppress(OSError, ValueError):  # a number of threads that is none: told later
        if folder is None or not any(folder.glob("*.o")):
            _start()


def _start() -> list[helpers.Helper]:
    host = jit.host()
    return helpers.start(host.triple, host.cpu, host.features)


def compile_all(kernels: Sequence[WantedKernel]) -> None:
    """Have all of these linked."""
    jobs = deque(k for k in kernels if k.path is None or not k.path.exists())
    made: dict[tuple[str, str], tuple[str, bytes]] = {}

    def do(helper: helpers.Helper, kernel: WantedKernel) -> None:
        text = kernel.text()
        body = helper.compile(text, kernel.loops)
        if body is not None:
            made[kernel.id] = text, body

    threads = helpers.share(jobs, do, _start()) if len(jobs) >= _FEW else []
    try:
        with suppress(IndexError):
            while True:
                jit.compiled(jobs.popleft())
    finally:
        jobs.clear()
    for thread in threads:
        thread.join()
    for kernel in kernels:
        jit.compiled(kernel, made.get(kernel.id))
