"""Lowering of convolutions: tiles over runs of positions, without im2col or padding.

A row of the kernel times the channels is contiguous in the image, and moving one
output to the right moves it by `stride * channels`: the rows of A overlap, and the
tile reads them in place. Outputs near an edge see fewer taps; `blocking.segments`
cuts them off as runs of their own, so padding costs nothing and is never written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from minikeras_numpy.windows import Geometry

from minikeras.extend import Node
from minikeras_numba.ir.job import Job
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.team import get_threads
from minikeras_numba.products.depthwise import Sliding, is_depthwise, sliding_phases
from minikeras_numba.products.matmul import matmul_phases
from minikeras_numba.products.matmul_sizes import flat
from minikeras_numba.products.winograd import grid as winograd
from minikeras_numba.tiles.blocking import (
    Panel,
    Segment,
    axes_of,
    chunks,
    forward_segments,
    panels,
    row_tiles,
)
from minikeras_numba.tiles.jobs import (
    Closure,
    Epilogue,
    JobRange,
    Lowered,
    Phase,
    Tables,
    zeros_address,
)
from minikeras_numba.tiles.panels import Block, Packed, in_place, packed
from minikeras_numba.tiles.regions import Image, Region, regions, three
from minikeras_numba.tiles.scratch import Base
from minikeras_numba.tiles.tile import Sums, tile

# A block of results this large is still in L2 when its epilogue runs.
BLOCK_BYTES = 1 << 18
# A panel larger than this is used kernel row by kernel row, to stay in L2.
PANEL_BYTES = 3 << 18


class Correlation(NamedTuple):
    """What forward and input gradient share: images in, weights in panels, images out."""

    dtype: str
    batch: int
    source: Image
    target: Image
    axes: tuple[list[Segment], list[Segment], list[Segment]]
    kernel: tuple[int, int, int]
    inner: int  # channels of a group that are summed over
    outer: int  # channels of a group in the result
    groups: int


def supported(dtype: str, geometry: Geometry) -> bool:
    """Whether there are tiles for a convolution of this dtype over so many axes."""
    return dtype in ("float32", "float64") and 1 <= len(geometry.spatial) <= 3


def is_product(geometry: Geometry) -> bool:
    """Whether all it does is to take every position through one matrix."""
    single = math.prod(geometry.window) == 1 and geometry.groups == 1
    return single and not geometry.padded and geometry.out == geometry.spatial


def images_of(geometry: Geometry, item: int) -> tuple[Image, Image]:
    """Where x and y of a convolution lie, of elements of `item` bytes."""
    x = Image(three(geometry.spatial), geometry.channels, item)
    return x, Image(three(geometry.out), geometry.filters, item)


def serves_conv(node: Node) -> bool:
    """Whether `lower_conv` has tiles for a node."""
    x, w = (v.aval for v in node.inputs[:2])
    return supported(x.dtype, Geometry.of_conv(x.shape, w.shape, node.static))


def lower_conv(node: Any, regs: Mapping[Any, int]) -> Lowered | None:
    """A closure for a conv node, or None where NumPy does it."""
    x, w = (v.aval for v in node.inputs[:2])
    x_reg, w_reg, out_reg = (regs[v] for v in (*node.inputs[:2], node.outputs[0]))
    geometry = Geometry.of_conv(x.shape, w.shape, node.static)
    bases = Base(x_reg), w_reg, Base(out_reg)
    found = conv_phases(geometry, x.dtype, *bases, None)
    return None if found is None else Closure(found)


def conv_phases(
    geometry: Geometry,
    dtype: str,
    source: Base,
    w_register: int,
    target: Base,
    epilogue: Epilogue | None,
) -> list[Phase] | None:
    """The phases of a convolution, or None."""
    if not supported(dtype, geometry):
        return None
    if is_product(geometry):
        rows = geometry.batch * math.prod(geometry.out)
        sizes = rows, geometry.filters, geometry.channels
        spec = flat(dtype, *sizes, False, False)
        return matmul_phases(spec, source, w_register, target, epilogue)
    images = images_of(geometry, np.dtype(dtype).itemsize)
    axes = axes_of(geometry)
    if is_depthwise(geometry):
        sliding = Sliding(dtype, geometry.batch, *images, axes, backward=False)
        return sliding_phases(sliding, source, Base(w_register), target, epilogue)
    d, h, wide = (forward_segments(axis) for axis in axes)
    work = Correlation(
        dtype,
        geometry.batch,
        *images,
        (d, h, wide),
        three(geometry.window),
        geometry.depth,
        geometry.filters // geometry.groups,
        geometry.groups,
    )
    columns = panels(work.outer, host().lanes(work.target.item))
    right = _weights(work, w_register, columns)
    tiles = winograd.grid(geometry, dtype)
    if tiles is not None:
        return winograd.phases(tiles, source, right, target, epilogue)
    return correlation_phases(work, source, right, target, epilogue)


def _weights(work: Correlation, register: int, columns: Sequence[Panel]) -> Packed:
    """The weights in panels, one matrix a group; in place if they are one whole panel."""
    item, lanes = work.target.item, host().lanes(work.target.item)
    pitch = work.outer * work.groups * item
    if work.groups == 1 and len(columns) == 1 and columns[0].tail == lanes:
        return in_place(register, columns, item, pitch)
    rows = math.prod(work.kernel) * work.inner

    def blocks(group: int) -> list[Block]:
        return [Block(group * work.outer * item, rows, pitch)]

    return packed(register, columns, work.dtype, work.groups, False, blocks)


def correlation_phases(
    work: Correlation,
    source: Base,
    right: Packed,
    target: Base,
    epilogue: Epilogue | None = None,
) -> list[Phase]:
    """Pack the weights, then go over images and blocks of their rows."""
    tables = Tables(source, right.base, target)
    size = math.prod(work.target.sizes) * work.batch
    tables.work = size * work.outer * work.groups * math.prod(work.kernel) * work.inner
    ranges = []
    axis, length, row = _blocked_axis(work)
    by_cache = -(-work.target.nbytes // BLOCK_BYTES)
    by_threads = -(-4 * get_threads() // max(1, work.batch))
    for low, high in chunks(length, max(by_cache, by_threads)) if size else []:
        rows = (low * row, high * row)
        ranges.append(
            (rows, tables.add_jobs(_block_jobs(work, right, axis, low, high)))
        )
    image_rows = math.prod(work.target.sizes)
    for n in range(work.batch):
        for (low, high), (first, last) in ranges:
            done = (n * image_rows + low, n * image_rows + high)
            offsets = (n * work.source.nbytes, 0, n * work.target.nbytes)
            tables.add_unit([JobRange(*offsets, first, last, *done)])
    phases = [] if right.phase is None else [right.phase]
    return [*phases, Phase(tables, epilogue)]


def _blocked_axis(work: Correlation) -> tuple[int, int, int]:
    """The outermost spatial axis of more than one position: (axis, length, positions each)."""
    sizes = work.target.sizes
    axis = next((i for i in range(3) if sizes[i] > 1), 2)
    return axis, sizes[axis], math.prod(sizes[axis + 1 :])


def _block_jobs(
    work: Correlation, right: Packed, axis: int, low: int, high: int
) -> Iterator[Job]:
    """The jobs of the results whose position along `axis` is in [low, high)."""
    axes = [list(segments) for segments in work.axes]
    axes[axis] = [
        s for s in (t.clipped(low, high) for t in axes[axis]) if s is not None
    ]
    split = (
        work.kernel[1] * work.kernel[2] * work.inner * max(right.row_bytes, default=0)
    )
    for group in range(work.groups):
        for i, panel in enumerate(right.panels):
            place = group * right.matrix_bytes + right.offsets[i]
            for region in regions(axes):
                yield from _region_jobs(
                    work,
                    region,
                    panel,
                    place,
                    right.row_bytes[i],
                    group,
                    split > PANEL_BYTES,
                )


class Reduction(NamedTuple):
    """One pass of a tile's two loops, and where it starts in A and B (in bytes)."""

    a: int
    b: int
    r: int
    k: int
    sar: int
    sak: int
    sbr: int


def _reductions(
    work: Correlation, region: Region, pitch: int, split: bool
) -> list[Reduction]:
    """The passes over the taps of a region; later ones add to what C holds.

    One is enough where a kernel row times the channels is contiguous in the image;
    with dilation or groups only the channels of a tap are.
    """
    d, h, w = region
    ad, ah, aw = work.source.strides
    _, kh, kw = work.kernel
    tap = work.inner * pitch
    item = work.source.item
    if d.taps * h.taps * w.taps == 0:
        return [Reduction(0, 0, 0, 0, 0, 0, 0)]
    joined = w.taps == 1 or (w.gap == 1 and work.groups == 1)
    passes = []
    for i in range(d.taps):
        depth = (d.tap + i) * kh
        for j in range(1 if joined and not split else h.taps):
            a = i * d.gap * ad + j * h.gap * ah
            b = ((depth + h.tap + j) * kw + w.tap) * tap
            if not joined:
                passes.append(
                    Reduction(a, b, w.taps, work.inner, w.gap * aw, item, tap)
                )
                continue
            rows = 1 if split else h.taps
            k = w.taps * work.inner
            passes.append(Reduction(a, b, rows, k, h.gap * ah, item, kw * tap))
    return passes


def _region_jobs(
    work: Correlation,
    region: Region,
    panel: Panel,
    place: int,
    pitch: int,
    group: int,
    split: bool,
) -> Iterator[Job]:
    """Tiles over a region, along x or, where the region is a narrow column, along y."""
    d, h, w = region
    item, lanes = work.source.item, host().lanes(work.source.item)
    a0 = sum(s.origin * t for s, t in zip(region, work.source.strides, strict=True))
    c0 = sum(s.start * t for s, t in zip(region, work.target.strides, strict=True))
    a0 += group * work.inner * item
    c0 += (group * work.outer + panel.start) * item
    moves_a = [s.stride * t for s, t in zip(region, work.source.strides, strict=True)]
    moves_c = [s.step * t for s, t in zip(region, work.target.strides, strict=True)]
    along, across = (2, 1) if w.length >= min(h.length, 4) else (1, 2)
    for number, part in enumerate(_reductions(work, region, pitch, split)):
        for z in range(d.length):
            for at, size, count in row_tiles(region[along].length, panel.vectors):
                fn = tile(work.dtype, size, panel.vectors, panel.masked(lanes), False)
                for i in range(count):
                    shift = at + i * size
                    dc = moves_c[across]
                    # The first part starts from zeros, the others go on from C.
                    lds, ds = (moves_c[along], dc) if number else (0, 0)
                    yield Job(
                        fn,
                        a=a0 + part.a + z * moves_a[0] + shift * moves_a[along],
                        b=place + part.b,
                        c=c0 + z * moves_c[0] + shift * moves_c[along],
                        s=0 if number else zeros_address(),
                        fields=Sums(
                            times=region[across].length,
                            da=moves_a[across],
                            dc=dc,
                            r=part.r,
                            k=part.k,
                            sar=part.sar,
                            sap=moves_a[along],
                            sak=part.sak,
                            sbr=part.sbr,
                            sbk=pitch,
                            ldc=moves_c[along],
                            tail=panel.tail,
                            lds=lds,
                            ds=ds,
                        ),
                    )
