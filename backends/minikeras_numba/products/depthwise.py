"""Depthwise convolutions: each channel has a filter of its own, so lanes are channels.

Planned as pooling is: windows cut at the edges, a job for each row of positions that
see the same taps. The input's gradient is the same sum over dy, with the taps in
reverse; with strides, each residue class of positions meets its own taps only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from minikeras_numpy.windows import Geometry

from minikeras_numba.ir.job import Job
from minikeras_numba.machine.team import get_threads
from minikeras_numba.products.depthwise_kernels import Depthwise, depthwise_kernel
from minikeras_numba.tiles.blocking import (
    WindowAxis,
    backward_segments,
    chunks,
    forward_segments,
    tap_order,
)
from minikeras_numba.tiles.jobs import (
    SERIAL_WORK,
    Epilogue,
    JobRange,
    Phase,
    Tables,
    clearing,
)
from minikeras_numba.tiles.partial import summing
from minikeras_numba.tiles.regions import Image, Region, regions
from minikeras_numba.tiles.scratch import Base, scratch

# Windows of so few taps are written out: their weights stay in registers.
_MOST_TAPS = 9
# An image is cut into pieces of so many bytes for its epilogue to find them near.
_PIECE_BYTES = 1 << 17


class Sliding(NamedTuple):
    """Weights that slide over `source` and give `target`."""

    dtype: str
    batch: int
    source: Image
    target: Image
    axes: Sequence[WindowAxis]
    backward: bool


def is_depthwise(geometry: Geometry) -> bool:
    """Whether every channel has one filter, its own."""
    groups = geometry.groups
    return groups > 1 and groups == geometry.channels == geometry.filters


def sliding_phases(
    work: Sliding, source: Base, weights: Base, target: Base, tail: Epilogue | None
) -> list[Phase]:
    """The phases of the convolution (or of its gradient by the input)."""
    tables = Tables(source, weights, target)
    tables.work = 2 * _amount(work)
    cut = backward_segments if work.backward else forward_segments
    axes = [cut(axis) for axis in work.axes]
    sizes = work.target.sizes
    along = next((i for i in range(3) if sizes[i] > 1), 2)
    row = math.prod(sizes[along + 1 :])
    wanted = max(
        -(-work.target.nbytes // _PIECE_BYTES),
        -(-4 * get_threads() // max(1, work.batch)),
    )
    ranges = []
    for low, high in chunks(sizes[along], wanted) if work.target.nbytes else []:
        part = list(axes)
        clipped = (s.clipped(low, high) for s in axes[along])
        part[along] = [s for s in clipped if s is not None]
        jobs = (j for r in regions(part) for j in _apply_jobs(work, r))
        ranges.append((low * row, high * row, *tables.add_jobs(jobs)))
    image = math.prod(sizes)
    for n in range(work.batch):
        for low, high, first, last in ranges:
            offsets = (n * work.source.nbytes, 0, n * work.target.nbytes)
            done = (n * image + low, n * image + high)
            tables.add_unit([JobRange(*offsets, first, last, *done)])
    return [Phase(tables, tail)]


def learning_phases(work: Sliding, x: Base, dy: Base, out: Base) -> list[Phase]:
    """The phases of the gradient by the weights: a sum for each part of the batch."""
    item = work.source.item
    size = math.prod(a.kernel for a in work.axes) * work.source.channels * item
    amount = _amount(work)
    parts = chunks(work.batch, get_threads() if amount >= SERIAL_WORK else 1)
    parts = parts or [(0, 0)]
    sums = scratch(size * len(parts)) if len(parts) > 1 else out
    tables = Tables(x, dy, sums)
    tables.work = 2 * amount
    clear = tables.add_jobs(clearing(work.dtype, size))
    axes = [forward_segments(axis) for axis in work.axes]
    full = [r for r in regions(axes) if all(s.length * s.taps for s in r)]
    adding = tables.add_jobs(j for r in full for j in _learn_jobs(work, r))
    for i, (low, high) in enumerate(parts):
        ranges = [JobRange(0, 0, i * size, *clear)]
        ranges += [
            JobRange(n * work.source.nbytes, n * work.target.nbytes, i * size, *adding)
            for n in range(low, high)
        ]
        tables.add_unit(ranges)
    phases = [Phase(tables)]
    if len(parts) > 1:
        phases.append(Phase(summing(work.dtype, sums, out, size, len(parts))))
    return phases


def _amount(work: Sliding) -> int:
    taps = math.prod(axis.kernel for axis in work.axes)
    outputs = math.prod(axis.out for axis in work.axes)
    return work.batch * outputs * taps * work.source.channels


class _Row(NamedTuple):
    """A region's first row: offsets and the strides of its job."""

    source: int
    target: int
    weight: int
    fields: Depthwise
    taps: tuple[int, int, int]


def _row(work: Sliding, region: Region) -> _Row:
    """What the jobs of a region share."""
    d, h, w = region
    depth, height, width = work.source.strides
    taps = (d.taps, h.taps, w.taps)
    empty = math.prod(taps) == 0
    moves, first = _weight_strides(work, region)
    fields = Depthwise(
        times=w.length,
        da=w.stride * width,
        dc=w.step * work.target.strides[2],
        planes=0 if empty else d.taps,
        rows=h.taps,
        columns=w.taps,
        image_plane=d.gap * depth,
        image_row=h.gap * height,
        image_column=w.gap * width,
        weight_plane=moves[0],
        weight_row=moves[1],
        weight_column=moves[2],
        channels=work.source.channels,
    )
    source = sum(s.origin * t for s, t in zip(region, work.source.strides, strict=True))
    target = sum(s.start * t for s, t in zip(region, work.target.strides, strict=True))
    return _Row(0 if empty else source, target, 0 if empty else first, fields, taps)


def _weight_strides(work: Sliding, region: Region) -> tuple[list[int], int]:
    """Bytes from tap to tap along each axis, and to the region's first tap."""
    step = work.source.channels * work.source.item
    moves, first = [0, 0, 0], 0
    for i in (2, 1, 0):
        axis, segment = work.axes[i], region[i]
        order = tap_order(axis) if work.backward else list(range(axis.kernel))
        used = order[segment.tap : segment.tap + segment.taps]
        first += used[0] * step if used else 0
        moves[i] = (used[1] - used[0]) * step if len(used) > 1 else 0
        step *= axis.kernel
    return moves, first


def _rows(work: Sliding, region: Region) -> Iterator[tuple[int, int]]:
    """Offsets in source and target of each row of a region from its first."""
    d, h, _ = region
    source, target = work.source.strides, work.target.strides
    for z, y in product(range(d.length), range(h.length)):
        yield (
            z * d.stride * source[0] + y * h.stride * source[1],
            z * d.step * target[0] + y * h.step * target[1],
        )


def _fixed(taps: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """The taps of a kernel of their own: those of whole windows, which are most."""
    return taps if 1 < math.prod(taps) <= _MOST_TAPS and taps[1] == taps[2] else None


def _apply_jobs(work: Sliding, region: Region) -> Iterator[Job]:
    row = _row(work, region)
    fn = depthwise_kernel(work.dtype, "apply", _fixed(row.taps))
    for a, c in _rows(work, region):
        yield Job(fn, row.source + a, row.weight, row.target + c, fields=row.fields)


def _learn_jobs(work: Sliding, region: Region) -> Iterator[Job]:
    row = _row(work, region)
    fn = depthwise_kernel(work.dtype, "learn", _fixed(row.taps))
    for a, b in _rows(work, region):
        yield Job(fn, row.source + a, row.target + b, row.weight, fields=row.fields)
