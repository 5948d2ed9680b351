"""What was measured, as tables of Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Facts = Mapping[str, Any]
Results = Mapping[str, Mapping[str, Facts]]  # workload -> engine -> facts

SPEED = (
    "workload",
    "engine",
    "ms a step",
    "ratio to the fastest peer",
    "GFLOP/s",
    "of peak",
    "first step s",
    "predict 1,024 ms",
    "ratio",
)
SMALL = (
    "workload",
    "engine",
    "import s",
    "import MB",
    "trained MB",
    "model(x) ms",
    "predict(x) ms",
    "predict_on_batch(x) ms",
)


def fastest_peer(engines: Mapping[str, Facts], key: str) -> float | None:
    """The least figure of an engine that is not ours."""
    values = [f[key] for name, f in engines.items() if not name.startswith("minikeras")]
    return min(values, default=None)


def ratios(results: Results, engine: str, key: str = "step_ms") -> list[float]:
    """How many times faster than the fastest peer, workload by workload."""
    found = []
    for engines in results.values():
        peer = fastest_peer(engines, key)
        if peer is not None and engine in engines:
            found.append(peer / engines[engine][key])
    return found


def geomean(values: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, values)) / len(values))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with columns of even width."""
    cells = [list(head), *map(list, rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = [[c.ljust(w) for c, w in zip(row, widths)] for row in cells]
    lines.insert(1, ["-" * w for w in widths])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def speed_rows(results: Results, peak: float) -> list[list[str]]:
    """Training and prediction of batches."""
    rows = []
    for workload, engines in results.items():
        step, many = (fastest_peer(engines, k) for k in ("step_ms", "predict_1024_ms"))
        for name, f in engines.items():
            gflops = 2 * f["train_macs"] / f["step_ms"] / 1e6
            rows.append(
                [
                    workload,
                    name,
                    number(f["step_ms"]),
                    ratio(step, f["step_ms"]),
                    f"{gflops:.0f}",
                    "" if math.isnan(peak) else f"{gflops / peak:.0%}",
                    f"{f['first_step_s']:.2f}",
                    number(f["predict_1024_ms"]),
                    ratio(many, f["predict_1024_ms"]),
                ]
            )
    return rows


def small_rows(results: Results) -> list[list[str]]:
    """Import, memory and single samples."""
    return [
        [
            workload,
            name,
            f"{f['import_s']:.2f}",
            _memory(f["import_mb"]),
            _memory(f["memory_mb"]),
            *(f"{f[k]:.3f}" for k in ("call_ms", "predict_ms", "predict_on_batch_ms")),
        ]
        for workload, engines in results.items()
        for name, f in engines.items()
    ]


def summary(results: Results, peak: float) -> str:
    """Both tables, and the geometric mean of our ratios."""
    counted = "Multiply-adds are counted as in the direct algorithms."
    if not math.isnan(peak):
        counted = (
            f"Best matmul measured: {peak:.0f} GFLOP/s. Multiply-adds are counted as in the "
            "direct algorithms, so Winograd's can pass it."
        )
    parts = [
        counted,
        table(SPEED, speed_rows(results, peak)),
        table(SMALL, small_rows(results)),
    ]
    ours = {n for engines in results.values() for n in engines if n.startswith("mini")}
    for engine in sorted(ours):
        found = ratios(results, engine)
        if found:
            parts.append(
                f"{engine}: {geomean(found):.2f} times the fastest peer (geometric mean "
                f"of {len(found)} workloads), {min(found):.2f} at least."
            )
    return "\n\n".join(parts)


def number(ms: float) -> str:
    """Milliseconds, as exact as they deserve."""
    return f"{ms:.0f}" if ms >= 100 else f"{ms:.1f}" if ms >= 10 else f"{ms:.2f}"


def ratio(peer: float | None, own: float) -> str:
    """How many times faster than the peer; empty without one."""
    return "" if peer is None else f"{peer / own:.2f}"


def _memory(mb: float | None) -> str:
    return "" if mb is None else f"{mb:.0f}"
