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
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from minikeras.engine import backend as registry
from minikeras.engine.graph import Graph, Node, Value
from minikeras.engine.primitive import Primitive, lookup
from minikeras.engine.step import FunctionStep, Step

_SHOWN = 20  # steps of each program in the table at the end
_programs: list[Profile] = []


class Roofs(NamedTuple):
    """What this machine does at best: a large product, and a sum of large arrays."""

    flops: float  # additions and multiplications a second
    nbytes: float  # bytes a second


class Row(NamedTuple):
    """One step: what it is, what it took, and what bounds it.

    Attributes:
        name: What it does.
        layer: For which layer.
        seconds: The least time of a run.
        flops: Additions and multiplications.
        nbytes: Bytes of all operands and results.
        live: Bytes of intermediate values that exist while it runs.
        bound: The roof that it is nearer to, "flops" or "bytes"; empty without roofs.
        roof: The share of that roof that it reaches: 1 at the machine's best. More is
            seen where operands are in the cache, or multiplications are saved.
    """

    name: str
    layer: str
    seconds: float
    flops: int
    nbytes: int
    live: int = 0
    bound: str = ""
    roof: float = 0.0


class Profile:
    """A table of steps; `str()` prints it.

    Attributes:
        nodes: What the steps do.
        calls: How often they ran.
        least: Least seconds of each.
        total: Seconds of all runs of each.
        roofs: What the machine does at best, where that was measured.
    """

    def __init__(self, nodes: Sequence[Node], results: Iterable[Value] = ()) -> None:
        self.nodes = tuple(nodes)
        self.results = frozenset(results)
        self.roofs: Roofs | None = None
        self.calls = 0
        self.least = [math.inf] * len(nodes)
        self.total = [0.0] * len(nodes)

    @property
    def rows(self) -> list[Row]:
        """The steps in order of execution."""
        live = live_bytes(self.nodes, self.results)
        return [
            self._row(n, s if self.calls else 0.0, held)
            for n, s, held in zip(self.nodes, self.least, live, strict=True)
        ]

    def _row(self, node: Node, seconds: float, live: int) -> Row:
        work, moved = flops(node), nbytes(node)
        row = Row(label(node), node.source, seconds, work, moved, live)
        if self.roofs is None:
            return row
        least = {"flops": work / self.roofs.flops, "bytes": moved / self.roofs.nbytes}
        bound = max(least, key=lambda k: least[k])
        share = least[bound] / seconds if seconds else 0.0
        return row._replace(bound=bound, roof=share)

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
        head: tuple[str, ...] = (
            *("step", "layer", "ms", "GFLOP/s", "GB/s", "MB", "live MB", "share"),
        )
        if self.roofs is not None:
            head += ("bound", "of it")
        cells = [head, *(_cells(r, whole, self.roofs is not None) for r in rows)]
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
        most = max((r.live for r in self.rows), default=0)
        last = (
            f"{len(self.nodes)} steps, {1e3 * whole:.3f} ms, {rate:.1f} GFLOP/s, "
            f"{most / 1e6:.2f} MB live at most"
        )
        lines.append(last)
        if self.roofs is not None:
            lines.append(
                f"roofs: {self.roofs.flops / 1e9:.0f} GFLOP/s of a large product, "
                f"{self.roofs.nbytes / 1e9:.0f} GB/s of a sum of large arrays"
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()


def _cells(row: Row, whole: float, roofs: bool) -> tuple[str, ...]:
    seconds = row.seconds or math.inf
    share = row.seconds / whole if whole else 0.0
    return (
        row.name,
        row.layer,
        f"{1e3 * row.seconds:.3f}",
        f"{row.flops / seconds / 1e9:.1f}",
        f"{row.nbytes / seconds / 1e9:.1f}",
        f"{row.nbytes / 1e6:.2f}",
        f"{row.live / 1e6:.2f}",
        f"{share:.1%}",
        *((row.bound, f"{row.roof:.0%}") if roofs else ()),
    )


def live_bytes(nodes: Sequence[Node], results: Collection[Value] = ()) -> list[int]:
    """For each step, the bytes of intermediate values that exist while it runs.

    A value exists from the step that makes it to the last one that reads it, or to the end
    if it is a result. One that lies in another's memory takes none, and keeps that there.
    """
    last: dict[Value, int] = {}
    made: set[Value] = set()
    owner: dict[Value, Value] = {}
    for i, node in enumerate(nodes):
        made.update(node.outputs)
        if node.prim.facets.alias and node.inputs:
            source = owner.get(node.inputs[0], node.inputs[0])
            owner.update(dict.fromkeys(node.outputs, source))
        for v in (*node.inputs, *node.outputs):
            last[owner.get(v, v)] = i
    for v in results:
        last[owner.get(v, v)] = len(nodes) - 1
    gone: list[list[Value]] = [[] for _ in nodes]
    for v, i in last.items():
        if v in made and v not in owner:
            gone[i].append(v)
    live, result = 0, []
    for node, ending in zip(nodes, gone, strict=True):
        live += sum(v.aval.nbytes for v in node.outputs if v not in owner)
        result.append(live)
        live -= sum(v.aval.nbytes for v in ending)
    return result


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
    nodes: Sequence[Node], steps: Sequence[Step], backend: registry.Backend
) -> list[Step]:
    """The steps, timed; their table is printed when the process ends."""
    if not _programs:
        atexit.register(_print_all)
    result = Profile(nodes)
    _programs.append(result)
    return watched(steps, result, backend)


def watched(
    steps: Sequence[Step], result: Profile, backend: registry.Backend
) -> list[Step]:
    """The steps, timed into `result`."""
    return [_timed(step, i, result, backend) for i, step in enumerate(steps)]


def _timed(step: Step, number: int, result: Profile, backend: registry.Backend) -> Step:
    def run(registers: list[Any]) -> None:
        start = time.perf_counter()
        step(registers)
        backend.synchronize()
        result.add(number, time.perf_counter() - start)

    return FunctionStep(run)


def _print_all() -> None:
    for number, result in enumerate(_programs):
        ran = [s for s in result.least if s < math.inf]
        if ran and len(ran) == len(result.nodes):
            result.calls = 1
            print(f"program {number}", result.table(_SHOWN), sep="\n", file=sys.stderr)
