"""Every function of `keras.ops` and `keras.random` on the engines: which are slow?

Three sizes, forward and with its gradient, eager and compiled, beside Keras on JAX (by
`jax.jit`) and on torch. Engines have a process each and take turns function by function.
Figures go into a file as they come (`--json`): a run that is stopped goes on where it was, a
single function is measured anew by `--only sort --again`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import (
    ops_rows,  # noqa: F401 - fills the table
    options,
)
from benchmarks.engines import Engine
from benchmarks.ops_table import SIZES, chosen
from benchmarks.peak import measured
from benchmarks.report import geomean, number, table
from benchmarks.session import Facts, Worker, WorkerError

ENGINES = ("minikeras-numba", "minikeras-numpy", "keras-jax", "keras-torch")
OURS = "minikeras-numba"
HEAD = (
    "function", "size", "eager ms", "compiled ms", "gradient ms", "numpy ms", "peer",
    "its ms", "ratio", "its gradient", "ratio", "GB/s", "GFLOP/s", "of roof",
)  # fmt: skip
Figures = dict[str, dict[str, dict[str, Facts]]]  # function -> size -> engine -> facts


def bandwidth() -> float:
    """Bytes a second that a copy of 256 MiB reads and writes, in GB/s."""
    source = np.ones(1 << 25, np.float64)
    target = np.empty_like(source)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - start)
    return 2 * source.nbytes / best / 1e9


class Session:
    """The engines' processes, started when first asked and again after one died."""

    def __init__(self, pythons: Mapping[str, str]) -> None:
        self.pythons = pythons
        self.workers: dict[str, Worker] = {}

    def ask(self, engine: Engine, name: str, size: str) -> Facts:
        """An engine's figures for a function."""
        try:
            if engine.name not in self.workers:
                python = self.pythons.get(engine.name, sys.executable)
                worker = Worker(
                    engine, python, ["benchmarks.ops_worker", engine.module]
                )
                self.workers[engine.name] = worker
                worker.listen()
            return self.workers[engine.name].turn(f"{name} {size}")
        except WorkerError as error:
            self.workers.pop(engine.name).close()
            return {"errors": {"call": str(error)}}

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()


def wanted(
    figures: Figures, names: Sequence[str], sizes: Sequence[str], engines: Sequence[Engine],
    again: bool,
) -> Iterator[tuple[str, str, Engine]]:  # fmt: skip
    """What is still to be measured."""
    for size in sizes:
        for name in names:
            known = figures.get(name, {}).get(size, {})
            for engine in engines:
                if again or engine.name not in known:
                    yield name, size, engine


def forward(facts: Facts) -> float | None:
    """Milliseconds of a call, compiled where it can be."""
    return facts.get("compiled", facts.get("eager"))


def rows(
    figures: Figures, names: Sequence[str], sizes: Sequence[str], roofs: Any
) -> list[Any]:
    """(worst ratio, ratios, cells), the worst first; functions without a peer last."""
    found = []
    for name in names:
        for size in sizes:
            engines = figures.get(name, {}).get(size, {})
            own = engines.get(OURS, {})
            if forward(own) is None:
                continue
            peers = {n: f for n, f in engines.items() if n.startswith("keras")}
            calls = {n: forward(f) for n, f in peers.items() if forward(f)}
            slopes = {n: f["gradient"] for n, f in peers.items() if f.get("gradient")}
            peer = min(calls, key=lambda n: calls[n] or 0, default=None)
            slope = min(slopes.values(), default=None)
            ratios = [_ratio(calls.get(peer or ""), forward(own)),
                      _ratio(slope, own.get("gradient"))]  # fmt: skip
            there = [r for r in ratios if r is not None]
            cells = [
                name, size, _ms(own.get("eager")), _ms(own.get("compiled")),
                _ms(own.get("gradient")), _ms(forward(engines.get("minikeras-numpy", {}))),
                (peer or "").removeprefix("keras-"), _ms(calls.get(peer or "")),
                _times(ratios[0]), _ms(slope), _times(ratios[1]), *_roof(own, roofs),
            ]  # fmt: skip
            found.append((min(there, default=float("inf")), ratios, cells))
    return sorted(found, key=lambda r: r[0])


def _roof(own: Facts, roofs: Any) -> list[str]:
    seconds = (forward(own) or 0) / 1e3
    gbytes, gflops = (own.get(k, 0) / seconds / 1e9 for k in ("bytes", "flops"))
    if not roofs:
        return [f"{gbytes:.1f}", f"{gflops:.1f}", ""]
    share = max(gbytes / roofs["gbytes"], gflops / roofs["gflops"])
    return [f"{gbytes:.1f}", f"{gflops:.1f}", f"{share:.0%}"]


def _ratio(peer: float | None, own: float | None) -> float | None:
    return None if peer is None or own is None else peer / own


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def _ms(value: float | None) -> str:
    if value is None:
        return ""
    return number(value) if value >= 0.1 else f"{value:.4f}"


def summary(found: Sequence[Any], top: int | None) -> str:
    """The table, and what the ratios come to."""
    parts = [table(HEAD, [cells for _, _, cells in found[:top]])]
    for i, what in enumerate(("forward", "gradient")):
        ratios = [r[i] for _, r, _ in found if r[i] is not None]
        if ratios:
            slow = sum(r < 0.8 for r in ratios)
            parts.append(
                f"{what}: {geomean(ratios):.2f} times the fastest peer (geometric mean of "
                f"{len(ratios)}), {min(ratios):.2f} at least, {slow} under 0.8."
            )
    return "\n\n".join(parts)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ops", description=__doc__
    )
    parser.add_argument(
        "--only", help="functions, or parts of their names, with commas"
    )
    parser.add_argument("--size", type=options.names(list(SIZES)), default=["middle"])
    parser.add_argument(
        "--again", action="store_true", help="measure what is known too"
    )
    parser.add_argument(
        "--seconds", type=float, default=1e9, help="stop measuring then"
    )
    parser.add_argument("--top", type=int, help="print so many rows, the worst")
    parser.add_argument(
        "--errors", action="store_true", help="print why figures are missing"
    )
    options.add_engines(parser)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Measures what is missing, prints the table; 1 if there is nothing to print."""
    given = _parser().parse_args(words)
    pythons = options.interpreters(given.python)
    names = chosen(given.only)
    path: Path | None = given.json
    kept: dict[str, Any] = {"roofs": {}, "functions": {}}
    if path and path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
    figures: Figures = kept["functions"]
    engines = options.installed(given.engines or ENGINES, pythons)
    until = time.monotonic() + given.seconds
    session = Session(pythons)
    left = list(wanted(figures, names, given.size, engines, given.again))
    try:
        if left and not kept["roofs"]:
            kept["roofs"] = {"gflops": measured(), "gbytes": bandwidth()}
        while left and time.monotonic() < until:
            name, size, engine = left.pop(0)
            said = session.ask(engine, name, size)
            figures.setdefault(name, {}).setdefault(size, {})[engine.name] = said
            if path and (not left or left[0][0] != name):
                path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    finally:
        session.close()
    if left:
        print(f"{len(left)} figures are still to be measured")
    found = rows(figures, names, given.size, kept["roofs"])
    if given.errors:
        for name in names:
            for size in given.size:
                for engine, facts in figures.get(name, {}).get(size, {}).items():
                    for kind, why in facts.get("errors", {}).items():
                        print(f"{name} {size} on {engine}, {kind}: {why}")
    if not found:
        return 1
    print(summary(found, given.top))
    return 0


if __name__ == "__main__":
    sys.exit(main())
