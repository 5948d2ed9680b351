"""The floor under all step times: multiply-adds a second that this machine reaches.

`python -m benchmarks.peak` prints GFLOP/s of the best large float32 matmul seen, NumPy's
BLAS or our own tile, with all threads.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

import minikeras as keras
from benchmarks.engines import ENGINES, ROOT, environment, missing
from minikeras.engine.compile import jit

SIZE = 1536
ROUNDS = 40


def best_gflops(multiply: Callable[[], object]) -> float:
    """The best of `ROUNDS` matmuls of `SIZE` cubed."""
    multiply()
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        multiply()
        best = min(best, time.perf_counter() - start)
    return 2 * SIZE**3 / best / 1e9


def matmuls() -> list[Callable[[], object]]:
    """NumPy's, and the backend's in a compiled function (eager ones may be NumPy's too)."""
    a = np.random.default_rng(0).standard_normal((SIZE, SIZE)).astype("float32")
    compiled = jit(lambda x: keras.ops.matmul(x, x))
    return [lambda: a @ a, lambda: compiled(a)]


def measured() -> float:
    """GFLOP/s, measured in a process of its own, on numba where it is installed."""
    engine = ENGINES["minikeras-numba"]
    if missing(engine):
        engine = ENGINES["minikeras-numpy"]
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak"],
        capture_output=True,
        text=True,
        env=environment(engine),
        cwd=ROOT,
        check=True,
    )
    return float(ran.stdout)


if __name__ == "__main__":
    print(max(best_gflops(multiply) for multiply in matmuls()))
