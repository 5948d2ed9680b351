"""A run on a GPU: all engines of a workload load and compile at once, then take turns.

What counts is the median over rounds of an epoch by the device's own clock, divided by
its steps. The whole run has so many minutes; what does not fit is left out, and said.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.engines import PRECISIONS, Engine
from benchmarks.report import geomean, number, table
from benchmarks.session import Facts, Worker, WorkerError

HEAD = (
    "workload",
    "engine",
    "precision",
    "ms a step",
    "ratio to the fastest peer",
    "TFLOP/s",
    "kernels a step",
    "MB a step",
    "first steps s",
)
Results = dict[str, dict[str, Facts]]


class Budget:
    """The time that is left."""

    def __init__(self, minutes: float) -> None:
        self._end = time.monotonic() + 60 * minutes

    def left(self) -> float:
        return self._end - time.monotonic()


def measure(
    workload: str,
    engines: Sequence[Engine],
    rounds: int,
    pythons: Mapping[str, str],
    budget: Budget,
    folder: str | None = None,
) -> tuple[dict[str, Facts], dict[str, str]]:
    """One workload on the engines: what was measured, and why an engine dropped out."""
    workers: list[Worker] = []
    failed: dict[str, str] = {}
    times: dict[str, list[float]] = {}

    def every(act: Any) -> None:
        for worker in workers:
            name = worker.engine.name
            if name in failed:
                continue
            try:
                said = act(worker)
            except WorkerError as error:
                failed[name] = str(error)
                continue
            if said and "step_ms" in said:
                times.setdefault(name, []).append(said["step_ms"])

    try:
        for engine in engines:
            python = pythons.get(engine.name, sys.executable)
            words = ["benchmarks.gpu_worker", engine.module, workload, str(rounds)]
            workers.append(Worker(engine, python, words + ([folder] if folder else [])))
        every(lambda w: w.listen(budget.left()))
        every(lambda w: w.tell())  # all build and compile meanwhile
        every(lambda w: w.listen(budget.left()))
        for _ in range(rounds):
            every(lambda w: w.turn(limit=budget.left()))
    finally:
        for worker in workers:
            worker.close(worker.engine.name in failed)
    for worker in workers:
        found = times.get(worker.engine.name)
        if found:
            worker.facts["step_ms"] = statistics.median(found)
    done = {w.engine.name: w.facts for w in workers if w.engine.name not in failed}
    return done, failed


def split(name: str) -> tuple[str, str]:
    """An engine's name and its precision."""
    base, _, precision = name.rpartition("-")
    return base, precision


def rows(results: Results) -> list[list[str]]:
    """A line for each engine, those of one precision beside each other."""
    made = []
    for workload, engines in results.items():
        macs = max((f.get("train_macs", 0) for f in engines.values()), default=0)
        for precision in PRECISIONS:
            alike = {n: f for n, f in engines.items() if split(n)[1] == precision}
            peers = [f["step_ms"] for n, f in alike.items() if not n.startswith("mini")]
            for name, f in alike.items():
                step = f["step_ms"]
                made.append(
                    [
                        workload,
                        split(name)[0],
                        precision,
                        number(step),
                        f"{min(peers) / step:.2f}" if peers else "",
                        f"{2 * macs / step / 1e9:.1f}",
                        _count(f.get("kernels")),
                        _count(f.get("mb")),
                        f"{f['first_step_s']:.1f}",
                    ]
                )
    return made


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def summary(results: Results) -> str:
    """The table, and how ours stands to the fastest peer in each precision."""
    parts = [table(HEAD, rows(results))]
    for precision in PRECISIONS:
        ratios = []
        for engines in results.values():
            alike = {n: f for n, f in engines.items() if split(n)[1] == precision}
            peers = [f["step_ms"] for n, f in alike.items() if not n.startswith("mini")]
            ours = alike.get(f"minikeras-cupy-{precision}")
            if ours is not None and peers:
                ratios.append(min(peers) / ours["step_ms"])
        if ratios:
            parts.append(
                f"minikeras-cupy, {precision}: {geomean(ratios):.2f} times the fastest peer "
                f"(geometric mean of {len(ratios)} workloads), {min(ratios):.2f} at least."
            )
    return "\n\n".join(parts)
