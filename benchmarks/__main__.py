"""The command line: which workloads, on which engines."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from benchmarks import options
from benchmarks.peak import measured
from benchmarks.report import summary
from benchmarks.session import measure
from benchmarks.workloads import WORKLOADS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--workloads", type=options.names(list(WORKLOADS)), default=list(WORKLOADS)
    )
    options.add_engines(parser)
    parser.add_argument("--epochs", type=int, default=6, help="rounds of each engine")
    parser.add_argument("--data", metavar="DIR", help="Fashion-MNIST's IDX files")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Measures, prints tables; 1 if nothing could be measured."""
    given = _parser().parse_args(words)
    pythons = options.interpreters(given.python)
    engines = options.installed(given.engines, pythons)
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
