"""Many kinds of small models on the engines: where is ours slower than a peer?

`python -m benchmarks` looks closely at five workloads; this looks once at each of
some forty models. Every engine has one process for all of them, and they take turns
model by model.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence

from benchmarks import options
from benchmarks.engines import Engine
from benchmarks.report import Results, geomean, number, ratio, ratios, table
from benchmarks.session import Facts, Worker, WorkerError
from benchmarks.variety_models import VARIETIES

OURS = ("minikeras-numba", "minikeras-numpy")
HEAD = ("model", "numba ms", "numpy ms", "fastest peer", "its ms", "ratio")
KINDS = {
    "train_ms": "Training, milliseconds a step",
    "predict_ms": "Prediction, milliseconds a batch",
}
Failures = dict[str, dict[str, str]]  # model -> engine -> why


def start(engine: Engine, python: str) -> Worker:
    """Its process, with the engine imported."""
    worker = Worker(engine, python, ["benchmarks.variety_worker", engine.module])
    try:
        worker.listen()
    except WorkerError:
        worker.close()
        raise
    return worker


def measure(
    models: Sequence[str], engines: Sequence[Engine], pythons: Mapping[str, str]
) -> tuple[dict[str, dict[str, Facts]], Failures]:
    """The models on the engines.

    Args:
        models: Their names.
        engines: Which to compare.
        pythons: Interpreters of the engines that do not share ours.

    Returns:
        What was measured, and why an engine is left out, by model and by engine.
    """
    results: dict[str, dict[str, Facts]] = {}
    failures: Failures = {}
    workers: dict[str, Worker] = {}
    try:
        for model in models:
            for engine in engines:
                name = engine.name
                try:
                    if name not in workers:  # at first, and after a model ended it
                        python = pythons.get(name, sys.executable)
                        workers[name] = start(engine, python)
                    said = workers[name].turn(model)
                except WorkerError as error:
                    said = {"error": str(error)}
                    if name in workers:
                        workers.pop(name).close()
                if "error" in said:
                    failures.setdefault(model, {})[name] = said["error"]
                else:
                    results.setdefault(model, {})[name] = said
    finally:
        for worker in workers.values():
            worker.close()
    return results, failures


def compared(results: Results) -> str | None:
    """Which of our engines the ratios are of: numba, or numpy if it alone has run."""
    ran = {name for engines in results.values() for name in engines}
    return next((name for name in OURS if name in ran), None)


def rows(results: Results, key: str) -> list[list[str]]:
    """Ours beside the fastest peer, model by model."""
    found = []
    engine = compared(results)
    for model, engines in results.items():
        ours = [number(engines[n][key]) if n in engines else "" for n in OURS]
        peers = {n: f[key] for n, f in engines.items() if n not in OURS}
        fastest = min(peers, key=peers.__getitem__, default=None)
        row = [model, *ours, "", "", ""]
        if fastest is not None:
            row[3:5] = fastest, number(peers[fastest])
            if engine is not None and engine in engines:
                row[5] = ratio(peers[fastest], engines[engine][key])
        found.append(row)
    return found


def summary(results: Results) -> str:
    """A table of each kind of work, and under it what its ratios come to."""
    parts = []
    engine = compared(results)
    for key, title in KINDS.items():
        parts += [f"{title}:", table(HEAD, rows(results, key))]
        found = ratios(results, engine, key) if engine else []
        if found:
            parts.append(
                f"{engine}: {geomean(found):.2f} times the fastest peer (geometric mean "
                f"of {len(found)} models), {min(found):.2f} at least, "
                f"{sum(r < 1 for r in found)} under 1."
            )
    return "\n\n".join(parts)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.variety", description=__doc__
    )
    parser.add_argument(
        "--models", type=options.names(list(VARIETIES)), default=list(VARIETIES)
    )
    options.add_engines(parser)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Measures, prints tables; 1 if nothing could be measured."""
    given = _parser().parse_args(words)
    pythons = options.interpreters(given.python)
    engines = options.installed(options.chosen(given), pythons)
    results, failures = measure(given.models, engines, pythons)
    for model, reasons in failures.items():
        for name, why in reasons.items():
            print(f"{model} on {name} is left out: {why}")
    if not results:
        return 1
    print(summary(results))
    if given.json:
        facts = {"models": results, "failures": failures}
        given.json.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
