"""Where a program's time goes: its prepared steps, timed one by one.

`Program.profile(arrays)` runs a program that is not captured into one native call, on
copies of the states, so nothing changes. With `MINIKERAS_PROFILE=1` every program
times its steps as it goes, and a table of each is printed when the process ends.
"""

from __future__ import annotations

import atexit
import math
import os
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from minikeras.engine import backend as registry
from minikeras.engine.graph import Graph, Node
from minikeras.engine.primitive import Primitive, lookup

_SHOWN = 20  # steps of each program in the table at the end
_programs: list[Profile] = []


class Row(NamedTuple):
    """One step: what it is, and what it took."""

    name: str
    layer: str
    seconds: float
    flops: int
    nbytes: int


class Profile:
    """A table of steps; `str()` prints it.

    Attributes:
        nodes: What the steps do.
        calls: How often they ran.
        least: Least seconds of each.
        total: Seconds of all runs of each.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = tuple(nodes)
        self.calls = 0
        self.least = [math.inf] * len(nodes)
        self.total = [0.0] * len(nodes)

    @property
    def rows(self) -> list[Row]:
        """The steps in order of execution."""
        return [
            Row(label(n), n.source, s if self.calls else 0.0, flops(n), nbytes(n))
            for n, s in zip(self.nodes, self.least, strict=True)
        ]

    def add(self, number: int, seconds: float) -> None:
        """One run of one step."""
        self.total[number] += seconds
        self.least[number] = min(self.least[number], seconds)

    def table(self, longest: int | None = None) -> str:
        """The table, in order of execution; of `longest`, only so many, slowest first."""
        rows = self.rows
        whole = sum(r.seconds for r in rows)
        if longest is not None:
            rows = sorted(rows, key=lambda r: -r.seconds)[:longest]
        head = ("step", "layer", "ms", "GFLOP/s", "MB", "share")
        cells = [head, *(_cells(r, whole) for r in rows)]
        widths = [max(len(c[i]) for c in cells) for i in range(len(head))]
        lines = [
            "  ".join(
                c.ljust(w) if i < 2 else c.rjust(w)
                for i, (c, w) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in cells
        ]
        total_flops = sum(flops(n) for n in self.nodes)
        rate = total_flops / whole / 1e9 if whole else 0.0
        last = f"{len(self.nodes)} steps, {1e3 * whole:.3f} ms, {rate:.1f} GFLOP/s"
        return "\n".join([*lines, last])

    def __str__(self) -> str:
        return self.table()


def _cells(row: Row, whole: float) -> tuple[str, ...]:
    rate = row.flops / row.seconds / 1e9 if row.seconds else 0.0
    share = row.seconds / whole if whole else 0.0
    return (
        row.name,
        row.layer,
        f"{1e3 * row.seconds:.3f}",
        f"{rate:.1f}",
        f"{row.nbytes / 1e6:.2f}",
        f"{share:.1%}",
    )


def label(node: Node) -> str:
    """What a step does, in a few words; a fused group names its operations."""
    body = node.static.get("body")
    name = str(node.static.get("core", node.prim.name))
    if isinstance(body, Graph):
        inner = list(dict.fromkeys(n.prim.name for n in body.nodes))
        more = "+..." if len(inner) > 4 else ""
        name += f"[{'+'.join(inner[:4])}{more}]"
    shape = "x".join(map(str, node.outputs[0].aval.shape)) or "scalar"
    return f"{name} {shape}"


def flops(node: Node) -> int:
    """Additions and multiplications; of anything else, one a result element."""
    row, body = node.prim, node.static.get("body")
    if "core" in node.static and isinstance(body, Graph):
        core, static = lookup(node.static["core"]), dict(node.static["core_static"])
        return _row_flops(core, node, static) + len(body.nodes) * _size(node, 0)
    if row.kind == "control" and isinstance(body, Graph):
        # A loop that ends on a value: what one of its steps takes.
        return int(node.static.get("length", 1)) * sum(flops(n) for n in body.nodes)
    if "slices" in node.static and isinstance(body, Graph):
        return int(node.static["slices"]) * sum(flops(n) for n in body.nodes)
    if isinstance(body, Graph):
        space: tuple[int, ...] = node.static["space"]
        return len(body.nodes) * math.prod(space)
    if row.kind in ("create", "movement"):
        return 0
    return _row_flops(row, node, node.static)


def _row_flops(row: Primitive, node: Node, static: dict[str, Any]) -> int:
    if row.facets.flops is None:
        return sum(_size(node, i) for i in range(len(node.outputs)))
    shapes = [v.aval.shape for v in node.inputs]
    return row.facets.flops(shapes, _size(node, 0), static)


def _size(node: Node, output: int) -> int:
    return math.prod(node.outputs[output].aval.shape)


def nbytes(node: Node) -> int:
    """Bytes of all operands and results."""
    return sum(v.aval.nbytes for v in (*node.inputs, *node.outputs))


def enabled() -> bool:
    """Whether programs time their steps as they go."""
    return os.environ.get("MINIKERAS_PROFILE") == "1"


def watch(
    nodes: Sequence[Node], steps: Sequence[registry.Step], backend: registry.Backend
) -> list[registry.Step]:
    """The steps, timed; their table is printed when the process ends."""
    if not _programs:
        atexit.register(_print_all)
    result = Profile(nodes)
    _programs.append(result)
    return watched(steps, result, backend)


def watched(
    steps: Sequence[registry.Step], result: Profile, backend: registry.Backend
) -> list[registry.Step]:
    """The steps, timed into `result`."""
    return [_timed(step, i, result, backend) for i, step in enumerate(steps)]


def _timed(
    step: registry.Step, number: int, result: Profile, backend: registry.Backend
) -> registry.Step:
    def run(registers: list[Any]) -> None:
        start = time.perf_counter()
        step(registers)
        backend.synchronize()
        result.add(number, time.perf_counter() - start)

    return run


def _print_all() -> None:
    for number, result in enumerate(_programs):
        ran = [s for s in result.least if s < math.inf]
        if ran and len(ran) == len(result.nodes):
            result.calls = 1
            print(f"program {number}", result.table(_SHOWN), sep="\n", file=sys.stderr)
