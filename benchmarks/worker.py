"""One engine on one workload, in a process of its own, led line by line.

`python -m benchmarks.worker MODULE WORKLOAD ROUNDS [FOLDER]`. It writes one JSON
object a line and waits for a line before each piece of timed work, so that the
engines of a run take turns: loaded, built, then each epoch of one long `fit`,
then rounds of `predict` and of single samples. At the end of its input it ends.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.clocks import Clock, HostClock
from benchmarks.workloads import ALL_WORKLOADS, Workload, forward_macs, train_macs

CALLS = 20  # single samples in a row; their mean is one measurement
# Predictions of many samples a turn: the first finds the caches full of other engines.
PREDICTIONS = 3
PICTURES = 1024
# Seconds before each turn: idle threads of BLAS and OpenMP spin a while before they sleep.
PAUSE = 0.1


def resident_mb() -> float | None:
    """Memory of this process that is in RAM now (Linux), else None."""
    try:
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Line:
    """The conversation. What libraries print goes to stderr, not between the lines."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def say(self, **facts: Any) -> None:
        self._out.write(json.dumps(facts) + "\n")
        self._out.flush()

    def wait(self) -> str:
        """Until this engine's turn, and until the engine before has let go of the cores.

        Returns:
            What the leader's line says.
        """
        text = sys.stdin.readline()
        if not text:
            sys.exit(0)
        time.sleep(PAUSE)
        return text.strip()


def imported(module: str) -> tuple[Any, float]:
    """The module, and how long its import took.

    What a script is about to use counts too: some packages load it on first use.
    """
    start = time.perf_counter()
    keras = importlib.import_module(module)
    for name in ("Sequential", "Model", "layers", "ops", "optimizers", "callbacks"):
        getattr(keras, name)
    return keras, time.perf_counter() - start


def gate(keras: Any, line: Line, steps: int, clock: Clock | None = None) -> Any:
    """A callback that waits for its turn before each epoch, and says how long it took."""
    timer = clock or HostClock()

    class Gate(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            line.wait()
            timer.start()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            line.say(step_ms=timer.stop() / steps, loss=float(logs["loss"]))

    return Gate()


def call_ms(call: Callable[[], Any]) -> float:
    """Mean time of `CALLS` calls in a row."""
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return 1e3 * (time.perf_counter() - start) / CALLS


def main(module: str, name: str, rounds: int, folder: str | None = None) -> None:
    """Says what it measures, in the order told above."""
    line = Line()
    workload = ALL_WORKLOADS[name]
    keras, seconds = imported(module)
    keras.config.set_dtype_policy(os.environ.get("BENCHMARK_POLICY", "float32"))
    line.say(import_s=seconds, import_mb=resident_mb())
    line.wait()
    x, y = workload.load(workload.batch * workload.steps, folder)
    model, first = _first_step(keras, workload, x, y)
    line.say(
        first_step_s=first,
        weights=model.count_params(),
        train_macs=train_macs(model) * workload.batch,
        forward_macs=sum(forward_macs(model)),
    )
    _epochs(keras, workload, model, x, y, rounds, line)
    _answers(model, workload, x, rounds, line)


def _first_step(keras: Any, workload: Workload, x: Any, y: Any) -> tuple[Any, float]:
    """A model after its first step, and how long making and taking it took."""
    start = time.perf_counter()
    keras.utils.set_random_seed(0)
    model = workload.build(keras)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    size = workload.batch
    model.fit(x[:size], y[:size], batch_size=size, epochs=1, verbose=0)
    return model, time.perf_counter() - start


def _epochs(
    keras: Any, workload: Workload, model: Any, x: Any, y: Any, rounds: int, line: Line
) -> None:
    model.fit(
        x,
        y,
        batch_size=workload.batch,
        epochs=rounds,
        verbose=0,
        callbacks=[gate(keras, line, workload.steps)],
    )


def _answers(model: Any, workload: Workload, x: Any, rounds: int, line: Line) -> None:
    memory = resident_mb()
    many, one = x[:PICTURES], x[:1]
    while len(many) < PICTURES:
        many = many.repeat(2, axis=0)[:PICTURES]
    calls = {
        "call_ms": lambda: model(one, training=False),
        "predict_ms": lambda: model.predict(one, verbose=0),
        "predict_on_batch_ms": lambda: model.predict_on_batch(one),
    }
    for _ in range(rounds):
        line.wait()
        times = []
        for _ in range(PREDICTIONS):
            start = time.perf_counter()
            model.predict(many, batch_size=128, verbose=0)
            times.append(1e3 * (time.perf_counter() - start))
        facts = {k: call_ms(f) for k, f in calls.items()}
        line.say(**facts, predict_1024_ms=min(times), memory_mb=memory)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:5])
