"""The command line: which workloads, on which engines."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import gpu, options
from benchmarks.engines import Engine
from benchmarks.peak import measured
from benchmarks.report import summary
from benchmarks.session import measure
from benchmarks.workloads import ALL_WORKLOADS, GPU_WORKLOADS, WORKLOADS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--workloads",
        type=options.names(list(ALL_WORKLOADS)),
        help="all of the device, where none are named",
    )
    options.add_engines(parser)
    parser.add_argument("--epochs", type=int, default=6, help="rounds of each engine")
    parser.add_argument(
        "--minutes",
        type=float,
        default=8,
        help="of a run on a GPU; the rest is left out",
    )
    parser.add_argument("--data", metavar="DIR", help="Fashion-MNIST's IDX files")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Measures, prints tables; 1 if nothing could be measured."""
    given = _parser().parse_args(words)
    pythons = options.interpreters(given.python)
    on_gpu = given.device == "gpu"
    workloads = given.workloads or list(GPU_WORKLOADS if on_gpu else WORKLOADS)
    engines = options.installed(options.chosen(given), pythons)
    if on_gpu:
        return _on_gpu(given, workloads, engines, pythons)
    results = {}
    peaks = []
    for workload in workloads if engines else ():
        done, failed = measure(workload, engines, given.epochs, pythons, given.data)
        for name, why in failed.items():
            print(f"{workload} on {name} is skipped: {why}")
        if done:
            results[workload] = done
            peaks.append(measured())  # in several quiet moments rather than one
    if not results:
        return 1
    peak = max(peaks)
    print(summary(results, peak))
    if given.json:
        _write(given.json, {"peak_gflops": peak, "workloads": results})
    return 0


def _on_gpu(
    given: argparse.Namespace,
    workloads: Sequence[str],
    engines: Sequence[Engine],
    pythons: Mapping[str, str],
) -> int:
    """All engines on one GPU, within the minutes of the run."""
    budget, results = gpu.Budget(given.minutes), {}
    rounds = min(given.epochs, 3)
    for workload in workloads if engines else ():
        if budget.left() <= 0:
            print(f"{workload} is left out: the {given.minutes:g} minutes are over")
            continue
        done, failed = gpu.measure(
            workload, engines, rounds, pythons, budget, given.data
        )
        for name, why in failed.items():
            print(f"{workload} on {name} is skipped: {why}")
        if done:
            results[workload] = done
    if not results:
        return 1
    print(gpu.summary(results))
    if given.json:
        _write(given.json, {"workloads": results})
    return 0


def _write(path: Path, facts: object) -> None:
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
