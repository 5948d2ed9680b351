"""Lowering of pooling: windows cut at the edges, kernels over channels.

The gradient of a sum is a sum again, over the windows that read a position; the
gradient of a maximum goes through the windows in order and adds to their first maximum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from minikeras_numpy.windows import Geometry

from minikeras.extend import Node, prims
from minikeras_numba.ir.job import Job
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.team import get_threads
from minikeras_numba.pools.kernels import Pooled, pool_kernel
from minikeras_numba.tiles.blocking import (
    Segment,
    axes_of,
    backward_segments,
    chunks,
    forward_segments,
)
from minikeras_numba.tiles.jobs import (
    Closure,
    JobRange,
    Lowered,
    Phase,
    Tables,
    clearing,
)
from minikeras_numba.tiles.regions import Image, Region, regions, three
from minikeras_numba.tiles.scratch import Base


class Pooling(NamedTuple):
    """A pooling from `source` (whose windows are read) to `target`, one value a window."""

    dtype: str
    kind: str
    batch: int
    source: Image
    target: Image
    axes: tuple[list[Segment], list[Segment], list[Segment]]
    window: tuple[int, ...]  # taps of a window that is all inside


# Windows of so few taps have kernels of their own.
_WRITTEN_OUT = 9
KINDS = {
    "max_pool": "max",
    "sum_pool": "sum",
    "max_pool_gather": "gather",
    "max_pool_grad": "scatter",
    "sum_pool_grad": "sum",
}


def serves_pool(node: Node) -> bool:
    """Whether `lower_pool` has a kernel for a node."""
    aval = node.inputs[0].aval
    return aval.dtype in ("float32", "float64") and 3 <= len(aval.shape) <= 5


def lower_pool(node: Any, regs: Mapping[Any, int]) -> Lowered | None:
    """A closure for one of the five pooling nodes, or None where NumPy does it."""
    if not serves_pool(node):
        return None
    row, static = node.prim, node.static
    wide, narrow = node.inputs[0].aval, node.outputs[0].aval  # x and the windows
    if row is prims.max_pool_grad:
        narrow = node.inputs[1].aval
    elif row is prims.sum_pool_grad:
        wide, narrow = narrow, wide
    dtype = wide.dtype
    axes = axes_of(Geometry.of_pool(wide.shape, static))
    item, channels = np.dtype(dtype).itemsize, wide.shape[-1]
    x = Image(three(wide.shape[1:-1]), channels, item)
    y = Image(three(narrow.shape[1:-1]), channels, item)
    backward = row is prims.sum_pool_grad
    d, h, w = (backward_segments(a) if backward else forward_segments(a) for a in axes)
    source, target = (y, x) if backward else (x, y)
    window = tuple(a.kernel for a in axes)
    spec = Pooling(
        dtype, KINDS[row.name], wide.shape[0], source, target, (d, h, w), window
    )
    registers = [regs[v] for v in (*node.inputs, node.outputs[0])]
    a, b, out = registers[0], registers[-2], registers[-1]
    tables = Tables(Base(a), Base(b), Base(out))
    tables.work = 4 * (math.prod(wide.shape) + math.prod(narrow.shape))
    if spec.kind == "scatter":
        apart = all(
            s >= k for s, k in zip(static["strides"], static["window"], strict=True)
        )
        exact = apart and all(
            a.out * a.kernel == a.size and a.stride == a.kernel and a.low == 0
            for a in axes
        )
        spec = spec._replace(kind="spread" if apart else "scatter")
        _scatter_units(tables, spec, clear=not exact)
    else:
        _window_units(tables, spec)
    return Closure([Phase(tables)])


def _window_units(tables: Tables, spec: Pooling) -> None:
    """Units for kinds that write each window once: an image, or some rows of one."""
    axis = next((i for i in range(3) if spec.target.sizes[i] > 1), 2)
    wanted = -(-4 * get_threads() // max(1, spec.batch))
    ranges = []
    for low, high in (
        chunks(spec.target.sizes[axis], wanted) if spec.target.nbytes else []
    ):
        axes = [list(segments) for segments in spec.axes]
        axes[axis] = [
            s for s in (t.clipped(low, high) for t in axes[axis]) if s is not None
        ]
        jobs = (j for r in regions(axes) for j in _region_jobs(spec, r))
        ranges.append(tables.add_jobs(jobs))
    b_step = spec.source.nbytes if spec.kind == "gather" else 0
    for n in range(spec.batch):
        for first, last in ranges:
            offsets = (n * spec.source.nbytes, n * b_step, n * spec.target.nbytes)
            tables.add_unit([JobRange(*offsets, first, last)])


def _scatter_units(tables: Tables, spec: Pooling, clear: bool) -> None:
    """Units for max_pool_grad: an image, cleared, then all its windows in order.

    Windows may overlap, so one thread owns all that write to a channel. Windows that
    lie side by side and cover the image need no clearing.
    """
    size, item = spec.source.nbytes, spec.source.item
    if not size:
        return
    channels = spec.source.channels
    lanes = host().lanes(item)
    parts = -(-get_threads() // max(1, spec.batch)) if channels >= 2 * lanes else 1
    full = [r for r in regions(spec.axes) if all(s.taps for s in r)]
    if parts == 1:
        jobs = [*clearing(spec.dtype, size)] if clear else []
        jobs += [j for r in full for j in _region_jobs(spec, r)]
        ranges = [tables.add_jobs(jobs)]
    else:
        # each part clears and fills channels of its own
        cuts = [(a * lanes, b * lanes) for a, b in chunks(-(-channels // lanes), parts)]
        ranges = [tables.add_jobs(_channel_jobs(spec, full, a, b)) for a, b in cuts]
    for n in range(spec.batch):
        for first, last in ranges:
            tables.add_unit(
                [JobRange(n * size, n * spec.target.nbytes, n * size, first, last)]
            )


def _channel_jobs(
    spec: Pooling, full: list[Region], low: int, high: int
) -> Iterator[Job]:
    """The jobs of max_pool_grad for channels [low, high) only."""
    high = min(high, spec.source.channels)
    pixel, item = spec.source.strides[2], spec.source.item
    # a sum over no taps is zero
    yield Job(
        pool_kernel(spec.dtype, "sum"),
        c=low * item,
        fields=Pooled(math.prod(spec.source.sizes), high - low, dc=pixel),
    )
    for region in full:
        yield from _region_jobs(spec, region, low, high)


def _region_jobs(
    spec: Pooling, region: Region, low: int = 0, high: int | None = None
) -> Iterator[Job]:
    """One job for each row of windows that see the same taps."""
    d, h, w = region
    first = [s.origin * t for s, t in zip(region, spec.source.strides, strict=True)]
    begin = [s.start * t for s, t in zip(region, spec.target.strides, strict=True)]
    moves_a = [s.stride * t for s, t in zip(region, spec.source.strides, strict=True)]
    moves_c = [s.step * t for s, t in zip(region, spec.target.strides, strict=True)]
    empty = d.taps * h.taps * w.taps == 0
    # gather reads its first tap at once: without taps it is the empty sum
    kind = "sum" if empty and spec.kind == "gather" else spec.kind
    taps = (d.taps, h.taps, w.taps)
    written = not empty and math.prod(taps) <= _WRITTEN_OUT and taps == spec.window
    fn = pool_kernel(spec.dtype, kind, taps if written else None)
    channel = low * spec.source.item
    depth, height, width = spec.source.strides
    fields = Pooled(
        times=w.length,
        channels=(high or spec.source.channels) - low,
        da=moves_a[2],
        dc=moves_c[2],
        planes=0 if empty else d.taps,
        rows=h.taps,
        columns=w.taps,
        plane=d.gap * depth,
        row=h.gap * height,
        column=w.gap * width,
    )
    for z, y in product(range(d.length), range(h.length)):
        a = sum(first) + z * moves_a[0] + y * moves_a[1] + channel
        c = sum(begin) + z * moves_c[0] + y * moves_c[1] + channel
        places = {
            "scatter": (a, c, a),
            "spread": (a, c, a),
            "gather": (a, a, c),
        }.get(kind, (a, 0, c))
        yield Job(fn, *places, fields=fields)
