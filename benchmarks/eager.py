"""What an eager call costs: single ops, layers, and steps of a loop with a tape.

    python -m benchmarks.eager [--names add,Dense] [--rounds N] [--engines ...]
        [--python peers=PYTHON] [--json FILE]

Small arrays (32 rows of 64 features), so that what is measured is the way to the kernel.
Beside ours: Keras on torch and on JAX, and PyTorch without Keras. Each engine has a process
of its own; they take turns call by call, and the least time of all rounds counts.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import options
from benchmarks.eager_worker import NAMES
from benchmarks.engines import ENGINES, Engine, missing
from benchmarks.report import number, table
from benchmarks.session import Worker, WorkerError

TORCH = Engine("torch", "torch", {}, ("torch",))
ENGINES_HERE = {
    name: engine
    for name, engine in [*ENGINES.items(), ("torch", TORCH)]
    if name != "keras-tensorflow"
}
Figures = dict[str, dict[str, float]]  # call -> engine -> microseconds


def measure(
    names: Sequence[str],
    engines: Sequence[Engine],
    rounds: int,
    pythons: Mapping[str, str],
) -> Figures:
    """Microseconds of each call on each engine that has it."""
    found: Figures = {name: {} for name in names}
    workers = []
    try:
        for engine in engines:
            python = pythons.get(engine.name, sys.executable)
            worker = Worker(engine, python, ["benchmarks.eager_worker", engine.module])
            workers.append(worker)
            worker.listen()
        for _ in range(rounds):
            for name in names:
                for worker in workers:
                    said = worker.turn(name)["us"]
                    if said is not None:
                        row, engine = found[name], worker.engine
                        row[engine.name] = min(said, row.get(engine.name, said))
    finally:
        for worker in workers:
            worker.close()
    return found


def summary(figures: Figures, engines: Sequence[str]) -> str:
    """A line for each call; `-` where an engine has none."""
    rows = [
        [name, *[number(row[e]) if e in row else "-" for e in engines]]
        for name, row in figures.items()
    ]
    return table(["microseconds", *engines], rows)


def _engines(given: Sequence[str], pythons: Mapping[str, str]) -> list[Engine]:
    found = []
    for name in given:
        engine = ENGINES_HERE[name]
        lacking = missing(engine, pythons.get(name, sys.executable))
        if lacking:
            print(f"{name} is skipped: not installed: {', '.join(lacking)}")
        else:
            found.append(engine)
    return found


def _python(text: str) -> tuple[str, str]:
    name, sign, path = text.partition("=")
    if not sign or not path or name not in ("peers", *ENGINES_HERE):
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected ENGINE=PATH, with an engine's name or 'peers'"
        )
    return name, path


def main(words: Sequence[str] | None = None) -> int:
    """Measures, prints a table; 1 if nothing could be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.eager", description=__doc__
    )
    parser.add_argument("--names", type=options.names(NAMES), default=list(NAMES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--engines",
        type=options.names(list(ENGINES_HERE)),
        default=list(ENGINES_HERE),
    )
    parser.add_argument("--python", type=_python, action="append", default=[])
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(words)
    pythons = {}
    for name, path in given.python:
        peers = [e for e, engine in ENGINES_HERE.items() if not engine.ours]
        pythons |= dict.fromkeys(peers if name == "peers" else [name], path)
    engines = _engines(given.engines, pythons)
    if not engines:
        return 1
    try:
        figures = measure(given.names, engines, given.rounds, pythons)
    except WorkerError as error:
        print(f"an engine ended: {error}")
        return 1
    print(summary(figures, [e.name for e in engines]))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
