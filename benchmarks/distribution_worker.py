"""What each rank of `benchmarks.distribution` runs; rank 0 prints JSON lines.

`python -m benchmarks.distribution_worker ROUNDS [WORKLOAD ...]`
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

import minikeras as keras
from benchmarks.workloads import WORKLOADS
from minikeras.engine import ranks

SIZES = [1 << k for k in range(2, 25, 2)]  # bytes of each rank
CALLS = 5  # reductions in a measurement
STEPS = 5  # steps in one


def say(**facts: object) -> None:
    """A line of rank 0."""
    if ranks.first():
        print(json.dumps(facts), flush=True)


def reductions(rounds: int) -> None:
    """Time of one all_reduce of so many bytes: the least of means.

    Where ranks wait for one another, whatever else runs on the machine only adds.
    """
    comm = ranks.communicator()
    for size in SIZES:
        array = np.ones(size // 4, np.float32)
        times = []
        for _ in range(rounds + 1):
            comm.gather(None)  # begin together
            began = time.perf_counter()
            for _ in range(CALLS):
                comm.reduce_into([array], [array], [True])
            times.append((time.perf_counter() - began) / CALLS)
        say(what="all_reduce", bytes=size, seconds=min(times[1:]))


class Waiting:
    """Counts the time that a communicator's reductions take, waiting included."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.comm = ranks.communicator()
        self.reduce = self.comm.reduce_into

    def __enter__(self) -> Waiting:
        def timed(*args: object) -> None:
            began = time.perf_counter()
            self.reduce(*args)  # type: ignore[arg-type]
            self.seconds += time.perf_counter() - began

        self.comm.reduce_into = timed  # type: ignore[method-assign]
        return self

    def __exit__(self, *error: object) -> None:
        del self.comm.reduce_into  # type: ignore[misc]


def steps(name: str, rounds: int) -> None:
    """Time of a step with the workload's batch on each rank, and the share of reductions."""
    work = WORKLOADS[name]
    comm = ranks.communicator()
    keras.utils.set_random_seed(1)
    model = work.build(keras)
    x, y = work.load(work.batch * comm.size * STEPS, None)
    loss = "sparse_categorical_crossentropy"
    model.compile("adam", loss if y.dtype.kind in "iu" else "mse")
    batch = work.batch * comm.size  # as much for each rank as for one alone

    def epoch() -> float:
        began = time.perf_counter()
        model.fit(x, y, batch_size=batch, epochs=1, shuffle=False, verbose=0)
        return time.perf_counter() - began

    epoch()
    stamps: list[float] = []

    class Stamps(keras.callbacks.Callback):
        """The end of each step."""

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            stamps.append(time.perf_counter())

    found = []
    for _ in range(rounds):
        stamps.clear()
        with Waiting() as waiting:
            model.fit(
                x, y, batch_size=batch, epochs=1, shuffle=False, verbose=0,
                callbacks=[Stamps()],
            )  # fmt: skip
        took = stamps[-1] - stamps[0]  # all steps but the first
        step = took / (STEPS - 1)
        found.append((step, waiting.seconds / STEPS / step))
    weights = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    say(
        what="step", workload=name, ranks=comm.size, seconds=min(found)[0],
        share=min(found)[1], bytes=4 * weights,
    )  # fmt: skip


def main() -> None:
    """All of it."""
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    rounds, names = int(sys.argv[1]), sys.argv[2:]
    if ranks.several():
        reductions(rounds)
    for name in names:
        steps(name, rounds)


if __name__ == "__main__":
    main()
