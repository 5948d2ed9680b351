"""Our team of threads beside Numba's threading layers, idle and on a busy machine.

`python -m benchmarks.threads` needs Numba; tbb is skipped where it is not installed.
Every layer runs the same compiled loop over the same arrays: a step is 40 parallel
regions, each some 100 microseconds of work for one thread, as in a small network. The
layers have a process each and take turns; meanwhile 0, 2 or 6 other processes spin.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np

LAYERS = ("minikeras", "omp", "tbb", "workqueue")
BUSY = (0, 2, 6)
REGIONS, ROWS, COLUMNS, PASSES = 40, 128, 2048, 6
ROUNDS, STEPS = 5, 60
_SPIN = "while True: pass"


def _work() -> tuple[Any, Any, Any]:
    """The arrays, and the loop over some rows: as a function, and by its address."""
    import numba
    from numba import carray, types

    x = np.ones((ROWS, COLUMNS), np.float32)
    y = np.zeros((ROWS, COLUMNS), np.float32)

    @numba.njit(fastmath=True, nogil=True)
    def rows(x: Any, y: Any, start: int, stop: int) -> None:
        for i in range(start, stop):
            for _ in range(PASSES):
                for j in range(COLUMNS):
                    v = x[i, j]
                    v = v * (v * (v * (v * 0.1 + 0.2) + 0.3) + 0.4)
                    y[i, j] = v + y[i, j] * 0.5

    word = types.int64
    pointer = types.CPointer(types.float32)

    @numba.cfunc(types.void(types.CPointer(pointer), word, word, word, word, word))
    def kernel(
        regs: Any, meta: int, start: int, stop: int, thread: int, threads: int
    ) -> None:
        size = (ROWS, COLUMNS)
        rows(carray(regs[0], size), carray(regs[1], size), start, stop)

    @numba.njit(parallel=True)
    def shared(x: Any, y: Any) -> None:
        for i in numba.prange(ROWS):
            rows(x, y, i, i + 1)

    return (x, y), shared, kernel


def worker(layer: str) -> None:
    """For each line of input one round: the step times, in milliseconds, as JSON."""
    arrays, shared, kernel = _work()
    if layer == "minikeras":
        from minikeras_numba.machine import team

        registers = team.Registers(2)
        registers[0], registers[1] = arrays

        def region() -> None:
            team.run(kernel.address, registers.address, 0, ROWS, 1)

    else:

        def region() -> None:
            shared(*arrays)

    region()
    print(json.dumps([]), flush=True)
    for _ in sys.stdin:
        times = []
        for _ in range(STEPS):
            begin = time.perf_counter()
            for _ in range(REGIONS):
                region()
            times.append(1e3 * (time.perf_counter() - begin))
        print(json.dumps(times), flush=True)


def _start(layer: str) -> subprocess.Popen[str] | None:
    """The layer's process, or None where it cannot run."""
    given = {} if layer == "minikeras" else {"NUMBA_THREADING_LAYER": layer}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.threads", layer],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **given},
    )
    assert process.stdout is not None
    return process if process.stdout.readline() else None


def _round(process: subprocess.Popen[str]) -> list[float]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    times: list[float] = json.loads(process.stdout.readline())
    return times


def main() -> None:
    """Print, for every layer and load, the median and the slowest tenth of the steps."""
    running = {layer: _start(layer) for layer in LAYERS}
    print("| layer | other processes | median ms | 90th percentile ms |")
    print("|---|---|---|---|")
    for busy in BUSY:
        spinning = [
            subprocess.Popen([sys.executable, "-c", _SPIN]) for _ in range(busy)
        ]
        try:
            times: dict[str, list[float]] = {layer: [] for layer in LAYERS}
            for _ in range(ROUNDS):
                for layer, process in running.items():
                    times[layer] += _round(process) if process else []
        finally:
            for process in spinning:
                process.kill()
        for layer, found in times.items():
            if found:
                middle, slow = np.percentile(found, (50, 90))
                print(f"| {layer} | {busy} | {middle:.2f} | {slow:.2f} |")
            else:
                print(f"| {layer} | {busy} | not here | |")
    for process in running.values():
        if process and process.stdin:
            process.stdin.close()
            process.wait()


if __name__ == "__main__":
    worker(sys.argv[1]) if len(sys.argv) > 1 else main()
