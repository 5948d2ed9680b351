"""The command line: which workloads, on which engines."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence

from benchmarks import options
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
    parser.add_argument("--data", metavar="DIR", help="Fashion-MNIST's IDX files")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Measures, prints tables; 1 if nothing could be measured."""
    given = _parser().parse_args(words)
    pythons = options.interpreters(given.python)
    on_gpu = given.device == "gpu"
    workloads = given.workloads or list(GPU_WORKLOADS if on_gpu else WORKLOADS)
    engines = options.installed(options.chosen(given), pythons)
    results = {}
    peaks = []
    for workload in workloads if engines else ():
        done, failed = measure(workload, engines, given.epochs, pythons, given.data)
        for name, why in failed.items():
            print(f"{workload} on {name} is skipped: {why}")
        if done:
            results[workload] = done
            # in several quiet moments rather than one; a GPU's is not ours to measure
            peaks.append(math.nan if on_gpu else measured())
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
