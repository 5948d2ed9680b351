"""Lowering of the gradients of a convolution.

Towards the input it is a convolution again: of dy, with the taps in reverse and the
weights transposed. With strides, input positions fall into classes by their residue,
and each class meets its own taps only: no zeros are put between the values of dy.

Towards the weights it is, tap by tap, a matmul of shifted images with dy. The threads
take images; each unit has its own partial sum, and the partial sums are added in order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from minikeras_numpy.windows import Geometry

from minikeras_numba.ir.job import Job
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.team import get_threads
from minikeras_numba.products.conv import (
    Correlation,
    correlation_phases,
    images_of,
    is_product,
    supported,
)
from minikeras_numba.products.depthwise import (
    Sliding,
    is_depthwise,
    learning_phases,
    sliding_phases,
)
from minikeras_numba.products.matmul import matmul_phases
from minikeras_numba.products.matmul_sizes import flat
from minikeras_numba.products.winograd import grid as winograd
from minikeras_numba.products.winograd.filter_grad import affordable, filter_grad_phases
from minikeras_numba.products.winograd.input_grad import input_grad_phases, preferred
from minikeras_numba.tiles.blocking import (
    axes_of,
    backward_segments,
    chunks,
    forward_segments,
    panels,
    row_tiles,
    tap_order,
)
from minikeras_numba.tiles.jobs import (
    SERIAL_WORK,
    Closure,
    JobRange,
    Lowered,
    Phase,
    Tables,
    clearing,
)
from minikeras_numba.tiles.panels import Block, Packed, packed
from minikeras_numba.tiles.partial import summing
from minikeras_numba.tiles.regions import Region, three
from minikeras_numba.tiles.scratch import Base, scratch
from minikeras_numba.tiles.tile import Sums, tile


def lower_conv_input_grad(node: Any, regs: Mapping[Any, int]) -> Lowered | None:
    """A closure for conv_input_grad(dy, w), or None where NumPy does it."""
    dy, w, dx = (v.aval for v in (*node.inputs[:2], node.outputs[0]))
    geometry, dtype = Geometry.of_conv(dx.shape, w.shape, node.static), dy.dtype
    if not supported(dtype, geometry):
        return None
    dy_reg, w_reg, out = (regs[v] for v in (*node.inputs[:2], node.outputs[0]))
    if is_product(geometry):
        # one tap at stride 1: pixels do not meet, and dx = dy w^T
        sizes = math.prod(dx.shape[:-1]), geometry.channels, geometry.filters
        spec = flat(dtype, *sizes, False, True)
        return Closure(matmul_phases(spec, Base(dy_reg), w_reg, Base(out), None))
    axes = axes_of(geometry)
    images = images_of(geometry, np.dtype(dtype).itemsize)[::-1]  # from y to x
    if is_depthwise(geometry):
        sliding = Sliding(dtype, geometry.batch, *images, axes, backward=True)
        bases = Base(dy_reg), Base(w_reg), Base(out)
        return Closure(sliding_phases(sliding, *bases, None))
    d, h, wide = (backward_segments(axis) for axis in axes)
    work = Correlation(
        dtype,
        geometry.batch,
        *images,
        (d, h, wide),
        three(geometry.window),
        geometry.filters // geometry.groups,
        geometry.depth,
        geometry.groups,
    )
    # Two ways through tiles: those of dy, turned round, or those of the forward pass.
    tiles = winograd.grid(_turned(geometry), dtype)
    ahead = winograd.grid(geometry, dtype)
    if ahead is not None and tiles is not None and preferred(ahead, tiles):
        right = _transposed(work, w_reg, list(product(*map(range, work.kernel))))
        return Closure(input_grad_phases(ahead, Base(dy_reg), right, Base(out)))
    right = _transposed(work, w_reg, list(product(*map(tap_order, axes))))
    if tiles is not None:
        return Closure(winograd.phases(tiles, Base(dy_reg), right, Base(out)))
    return Closure(correlation_phases(work, Base(dy_reg), right, Base(out)))


def _turned(geometry: Geometry) -> Geometry:
    """The input gradient as a convolution of dy, where windows are one apart.

    dy is padded by what the taps reach beyond the padding of the images.
    """
    padding = tuple(
        (k - 1 - low, k - 1 - high)
        for k, (low, high) in zip(geometry.window, geometry.padding, strict=True)
    )
    return geometry._replace(
        spatial=geometry.out,
        channels=geometry.filters,
        filters=geometry.channels,
        padding=padding,
    )


def _transposed(
    work: Correlation, register: int, taps: Sequence[tuple[int, ...]]
) -> Packed:
    """For each of the taps, in the order given, its matrix transposed."""
    item, lanes = work.target.item, host().lanes(work.target.item)
    pitch = work.inner * work.groups * item
    tap_bytes = work.outer * pitch
    _, kh, kw = work.kernel

    def blocks(group: int) -> list[Block]:
        shift = group * work.inner * item
        return [
            Block(((z * kh + y) * kw + x) * tap_bytes + shift, work.inner, pitch)
            for z, y, x in taps
        ]

    columns = panels(work.outer, lanes)
    return packed(register, columns, work.dtype, work.groups, True, blocks)


def lower_conv_filter_grad(node: Any, regs: Mapping[Any, int]) -> Lowered | None:
    """A closure for conv_filter_grad(x, dy), or None where NumPy does it."""
    x, dy, dw = (v.aval for v in (*node.inputs[:2], node.outputs[0]))
    geometry = Geometry.of_conv(x.shape, dw.shape, node.static)
    dtype, item, batch = x.dtype, np.dtype(x.dtype).itemsize, geometry.batch
    if not supported(dtype, geometry):
        return None
    x_reg, dy_reg, out = (regs[v] for v in (*node.inputs[:2], node.outputs[0]))
    tiles = winograd.grid(geometry, dtype)
    if tiles is not None and affordable(tiles):
        bases = Base(x_reg), Base(dy_reg), Base(out)
        return Closure(filter_grad_phases(tiles, *bases))
    axes = axes_of(geometry)
    images = images_of(geometry, item)
    if is_depthwise(geometry):
        sliding = Sliding(dtype, batch, *images, axes, backward=False)
        return Closure(learning_phases(sliding, Base(x_reg), Base(dy_reg), Base(out)))
    d, h, wide = (forward_segments(axis) for axis in axes)
    work = Correlation(
        dtype,
        batch,
        *images,
        (d, h, wide),
        three(geometry.window),
        geometry.depth,
        geometry.filters // geometry.groups,
        geometry.groups,
    )
    amount = math.prod(dy.shape[:-1]) * math.prod(dw.shape)
    # Every part has a sum of its own, which is then added to the others: small gradients
    # are made by one thread, since that costs more than it brings.
    parts = chunks(batch, get_threads() if amount >= SERIAL_WORK else 1) or [(0, 0)]
    size = math.prod(dw.shape) * item
    sums = scratch(size * len(parts)) if len(parts) > 1 else Base(out)
    tables = Tables(Base(x_reg), Base(dy_reg), sums)
    tables.work = amount
    _add_parts(tables, work, parts, size)
    phases = [Phase(tables)]
    if len(parts) > 1:
        phases.append(Phase(summing(dtype, sums, Base(out), size, len(parts))))
    return Closure(phases)


def _add_parts(
    tables: Tables, work: Correlation, parts: Sequence[tuple[int, int]], size: int
) -> None:
    """A unit for each part of the batch: clear its sum, then add image after image."""
    # A tap that no region has, since it never meets an image, keeps the zeros of `clear`.
    regions = [r for r in product(*work.axes) if all(s.length * s.taps for s in r)]
    clear = tables.add_jobs(clearing(work.dtype, size))
    adding = tables.add_jobs(j for r in regions for j in _region_jobs(work, r))
    for i, (low, high) in enumerate(parts):
        ranges = [JobRange(0, 0, i * size, *clear)]
        ranges += [
            JobRange(n * work.source.nbytes, n * work.target.nbytes, i * size, *adding)
            for n in range(low, high)
        ]
        tables.add_unit(ranges)


def _region_jobs(work: Correlation, region: Region) -> Iterator[Job]:
    """All taps of a region: rows of the tile are channels, or a kernel row of them.

    The reduction runs over the region's positions (y, x); the depth axis adds up.
    """
    d, h, w = region
    # Taps of a kernel row lie side by side in the images where none is left out: then a
    # tile's rows go over taps and channels at once, and images are read once for all.
    joined = w.gap == 1 and work.groups == 1
    for i, j in product(range(d.taps), range(h.taps)):
        for t in range(1 if joined else w.taps):
            tap = (d.tap + i) * work.kernel[1] + h.tap + j
            tap = tap * work.kernel[2] + w.tap + t
            rows = w.taps * work.inner if joined else work.inner
            places = (d.origin + i * d.gap, h.origin + j * h.gap, w.origin + t * w.gap)
            a0 = sum(p * s for p, s in zip(places, work.source.strides, strict=True))
            # A tile reduces over two axes; a third is one job after the other, into the
            # same sums.
            for z, group in product(range(d.length), range(work.groups)):
                shift = a0 + z * d.stride * work.source.strides[0]
                shift += group * work.inner * work.source.item
                b0 = (d.start + z) * work.target.strides[0]
                b0 += (
                    h.start * work.target.strides[1] + w.start * work.target.strides[2]
                )
                yield from _tap_jobs(work, region, tap, rows, shift, b0, group)


def _tap_jobs(
    work: Correlation, region: Region, tap: int, rows: int, a0: int, b0: int, group: int
) -> Iterator[Job]:
    """The tiles of some rows of the weights' gradient that start at a tap."""
    _, h, w = region
    item, lanes = work.source.item, host().lanes(work.source.item)
    pitch = work.outer * work.groups * item
    _, ay, ax = work.source.strides
    _, by, bx = work.target.strides
    c0 = tap * work.inner * pitch
    for panel in panels(work.outer, lanes):
        column = (group * work.outer + panel.start) * item
        for at, size, count in row_tiles(rows, panel.vectors):
            yield Job(
                tile(
                    *(work.dtype, size, panel.vectors, panel.masked(lanes), True),
                    exact=True,  # dy is not packed: behind its last row is no memory of ours
                ),
                a=a0 + at * item,
                b=b0 + column,
                c=c0 + at * pitch + column,
                fields=Sums(
                    times=count,
                    da=size * item,
                    dc=size * pitch,
                    r=h.length,
                    k=w.length,
                    sar=h.stride * ay,
                    sap=item,
                    sak=w.stride * ax,
                    sbr=by,
                    sbk=bx,
                    ldc=pitch,
                    lds=pitch,
                    ds=size * pitch,
                    tail=panel.tail,
                ),
            )
