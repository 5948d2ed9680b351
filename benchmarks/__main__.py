"""The command line: which workloads, on which engines."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.engines import ENGINES, Engine, missing
from benchmarks.peak import measured
from benchmarks.report import summary
from benchmarks.session import measure
from benchmarks.workloads import WORKLOADS


def _names(known: Sequence[str]):
    def parse(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"{name!r} is unknown; expected some of {','.join(known)}"
                )
        return names

    return parse


def _interpreter(text: str) -> tuple[str, str]:
    name, sign, path = text.partition("=")
    if not sign or not path or name not in ("peers", *ENGINES):
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected ENGINE=PATH, with an engine's name or 'peers'"
        )
    return name, path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--workloads", type=_names(list(WORKLOADS)), default=list(WORKLOADS)
    )
    parser.add_argument("--engines", type=_names(list(ENGINES)), default=list(ENGINES))
    parser.add_argument("--epochs", type=int, default=6, help="rounds of each engine")
    parser.add_argument(
        "--python",
        type=_interpreter,
        action="append",
        default=[],
        metavar="ENGINE=PATH",
        help="the interpreter that has an engine; 'peers=PATH' for all peers",
    )
    parser.add_argument("--data", metavar="DIR", help="Fashion-MNIST's IDX files")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write figures there")
    return parser


def _pythons(given: Sequence[tuple[str, str]]) -> dict[str, str]:
    table: dict[str, str] = {}
    for name, path in given:
        peers = [e.name for e in ENGINES.values() if not e.ours]
        for engine in peers if name == "peers" else [name]:
            table[engine] = path
    return table


def _installed(names: Sequence[str], pythons: dict[str, str]) -> list[Engine]:
    found = []
    for name in names:
        lacking = missing(ENGINES[name], pythons.get(name, sys.executable))
        if lacking:
            print(f"{name} is skipped: not installed: {', '.join(lacking)}")
        else:
            found.append(ENGINES[name])
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Measures, prints tables; 1 if nothing could be measured."""
    given = _parser().parse_args(words)
    pythons = _pythons(given.python)
    engines = _installed(given.engines, pythons)
    results = {}
    peaks = []
    for workload in given.workloads:
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
        facts = {"peak_gflops": peak, "workloads": results}
        given.json.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
