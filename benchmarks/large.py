"""Models as large as people deploy: training, prediction of a batch and of one sample.

    python -m benchmarks.large [--models NAMES] [--engines NAMES] [--python ENGINE=PATH]

Each engine has a process of its own; they take turns. Predictions stand beside those of
ONNX Runtime, of the file that our model exports, where it is installed. One model takes a
minute or two with all peers.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import options
from benchmarks.engines import Engine, missing
from benchmarks.large_models import LARGE
from benchmarks.report import geomean, number, ratio, table
from benchmarks.session import Facts, Worker, WorkerError

ONNX = Engine("onnxruntime", "onnxruntime", {}, ("onnxruntime",))
WRITER = "minikeras-numba"  # whose file ONNX Runtime gets
KINDS = ("step_ms", "batch_ms", "one_ms")
HEAD = (
    *("model", "engine", "ms a step", "ratio", "batch ms", "ratio", "one ms", "ratio"),
    *("first step s", "MB"),
)


def measure(
    name: str, engines: Sequence[Engine], rounds: int, pythons: Mapping[str, str]
) -> dict[str, Facts]:
    """One model on the engines; what drops out is printed."""
    workers: list[Worker] = []
    out: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "model.onnx")
        writes = any(e.name == WRITER for e in engines)
        runs_onnx = writes and not missing(ONNX, sys.executable)
        started = [*engines, *([ONNX] if runs_onnx else [])]
        try:
            for engine in started:
                python = pythons.get(engine.name, sys.executable)
                words = ["benchmarks.large_worker", engine.module, name]
                if engine is ONNX or (runs_onnx and engine.name == WRITER):
                    words.append(file)
                worker = Worker(engine, python, words)
                workers.append(worker)
                # Loaded and built one after the other; a turn more writes the file.
                for act in (worker.listen, worker.turn, worker.turn):
                    _try(worker, act, out)
            for _ in range(rounds - 1):
                for worker in workers:
                    _try(worker, worker.turn, out)
        finally:
            for worker in workers:
                worker.close(at_once=True)
    return {w.engine.name: w.facts for w in workers if w.engine.name not in out}


def _try(worker: Worker, act: Any, out: set[str]) -> None:
    if worker.engine.name in out:
        return
    try:
        act()
    except WorkerError as error:
        out.add(worker.engine.name)
        print(f"{worker.engine.name} drops out: {error}")


def best_peer(engines: Mapping[str, Facts], kind: str) -> float | None:
    """The least figure of an engine that is not ours."""
    found = [
        f[kind] for n, f in engines.items() if kind in f and not n.startswith("mini")
    ]
    return min(found, default=None)


def rows(name: str, engines: Mapping[str, Facts]) -> list[list[str]]:
    """The lines of the table for one model."""
    peers = {kind: best_peer(engines, kind) for kind in KINDS}
    result = []
    for engine, facts in engines.items():
        cells = [name, engine]
        for kind in KINDS:
            has = kind in facts
            cells += [
                number(facts[kind]) if has else "",
                ratio(peers[kind], facts[kind]) if has else "",
            ]
        first = facts["first_step_s"]
        cells.append("" if math.isnan(first) else f"{first:.1f}")
        memory = facts["memory_mb"]
        result.append([*cells, "" if memory is None else f"{memory:.0f}"])
    return result


def means(results: Mapping[str, Mapping[str, Facts]], engine: str) -> str:
    """Our ratios to the fastest peer: the mean and the least of each kind."""
    parts = []
    for kind, label in zip(KINDS, ("training", "batch", "one sample"), strict=True):
        found = [
            peer / engines[engine][kind]
            for engines in results.values()
            if engine in engines and (peer := best_peer(engines, kind)) is not None
        ]
        if found:
            parts.append(f"{label} {geomean(found):.2f}, at least {min(found):.2f}")
    return f"{engine}: {'; '.join(parts)}" if parts else ""


def main(words: Sequence[str] | None = None) -> int:
    """Measures and prints; 1 if nothing could be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.large", description=__doc__
    )
    parser.add_argument(
        "--models", type=options.names(list(LARGE)), default=list(LARGE)
    )
    parser.add_argument("--rounds", type=int, default=4, help="turns of each engine")
    options.add_engines(parser)
    given = parser.parse_args(words)
    pythons = options.interpreters(given.python)
    engines = options.installed(options.chosen(given), pythons)
    results, lines = {}, []
    for name in given.models if engines else ():
        done = measure(name, engines, given.rounds, pythons)
        if done:
            results[name] = done
            lines += rows(name, done)
    if not results:
        return 1
    print(table(HEAD, lines))
    for engine in sorted({n for d in results.values() for n in d}):
        if engine.startswith("minikeras") and (text := means(results, engine)):
            print(text)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
