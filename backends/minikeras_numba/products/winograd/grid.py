"""Winograd convolutions: fewer products for square filters of 3 or 5 at stride 1.

The tiles of a block are transformed, multiplied position by position with the
transformed filters, and transformed back, before the next block: all of it fits a
core's own cache. The filters are transformed once a step. `MINIKERAS_WINOGRAD=0`,
looked at when a step is prepared, keeps every convolution direct.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from minikeras_numpy.windows import Geometry

from minikeras_numba.ir.job import Job
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.team import get_threads
from minikeras_numba.products.winograd.fields import TilesOut
from minikeras_numba.products.winograd.kernels import tiles_out
from minikeras_numba.products.winograd.phases import (
    ITEM,
    Filters,
    Inner,
    Intake,
    Products,
    Strip,
    shelve,
)
from minikeras_numba.products.winograd.transforms import POSITIONS, SIZE
from minikeras_numba.tiles.blocking import chunks
from minikeras_numba.tiles.jobs import Epilogue, JobRange, Phase, Tables
from minikeras_numba.tiles.panels import Packed
from minikeras_numba.tiles.scratch import Base, scratch

# Tiles and products of a block: a part of a core's second-level cache.
BLOCK_BYTES = 384 << 10
# Filters too large for that cache are read again for every block, so each takes a tile
# more for so many bytes of them, up to a limit.
SHARE_BYTES = 96 << 10
MOST_TILES = 192
# Blocks of all threads together.
MOST_BYTES = 32 << 20

# What transforms cost, in multiply-adds: of a tile's vector of channels, there or
# back, and of a vector of filters, in the cache or, where there are so many bytes of
# them, in memory.
TRANSFORM = 330
FILTERS, FAR_FILTERS = 250, 600
FAR_BYTES = 4 << 20


class Grid(NamedTuple):
    """A convolution of stride 1 cut into tiles of outputs."""

    batch: int
    rows: int
    columns: int
    channels: int
    out_rows: int
    out_columns: int
    filters: int
    taps: int
    top: int
    left: int

    @property
    def step(self) -> int:
        """Outputs along each side of a tile."""
        return SIZE + 1 - self.taps

    @property
    def down(self) -> int:
        return -(-self.out_rows // self.step)

    @property
    def across(self) -> int:
        return -(-self.out_columns // self.step)

    @property
    def vectors(self) -> int:
        return -(-self.filters // host().lanes(ITEM))

    @property
    def products(self) -> int:
        """How many multiplications the direct way takes."""
        outputs = self.batch * self.out_rows * self.out_columns * self.filters
        return outputs * self.channels * self.taps**2

    @property
    def tiles(self) -> int:
        """How many there are in an image."""
        return self.down * self.across

    def intake(self, room: int) -> Intake:
        """The images' way into tiles, at the start of the workspace."""
        made = Intake(
            self.rows,
            self.columns,
            self.channels,
            SIZE,
            self.step,
            self.top,
            self.left,
            self.across,
            room,
            0,
            0,
        )
        return made._replace(tiles=made.strip_bytes)

    def gradient(self, room: int, start: int) -> Intake:
        """The way of the result's gradient into the same tiles, from byte `start` on."""
        made = Intake(
            self.out_rows,
            self.out_columns,
            self.filters,
            self.step,
            self.step,
            0,
            0,
            self.across,
            room,
            start,
            0,
        )
        return made._replace(tiles=start + made.strip_bytes)


def grid(geometry: Geometry, dtype: str) -> Grid | None:
    """The tiles of a convolution, or None where it should be done directly."""
    g = geometry
    if os.environ.get("MINIKERAS_WINOGRAD") == "0" or dtype != "float32":
        return None
    if g.window not in ((3, 3), (5, 5)) or g.groups != 1 or 0 in (g.batch, *g.out):
        return None
    if {*g.strides, *g.dilation} != {1}:
        return None
    (top, bottom), (left, right) = g.padding
    if min(top, bottom, left, right) < 0:
        return None  # a gradient's, where images are padded beyond the window's reach
    (rows, columns), (out_rows, out_columns), taps = g.spatial, g.out, g.window[0]
    sizes = g.batch, rows, columns, g.channels, out_rows, out_columns
    made = Grid(*sizes, g.filters, taps, top, left)
    return made if pays(made) else None


def pays(work: Grid) -> bool:
    """Whether the tiles' transforms cost less than the products they save.

    Counted in multiply-adds of vectors, as one core was seen to spend them.
    """
    outputs = work.batch * work.out_rows * work.out_columns
    pairs = work.channels * work.vectors
    sides = -(-work.channels // host().lanes(ITEM)) + work.vectors
    tiles = work.batch * work.tiles
    direct = outputs * work.taps**2 * pairs
    # Transformed, filters are 36 numbers for 9 or 25: large ones no longer fit the cache.
    far = POSITIONS * pairs * host().vector_bytes > FAR_BYTES
    fewer = tiles * (POSITIONS * pairs + TRANSFORM * sides)
    fewer += (FAR_FILTERS if far else FILTERS) * pairs
    return direct > fewer


class Blocks(NamedTuple):
    """The cut of a batch: for each unit its blocks, of so many tiles at most.

    A block is the number of its first image and its strips.
    """

    units: list[list[tuple[int, tuple[Strip, ...]]]]
    room: int


def room(per_tile: int, filters: int) -> int:
    """How many tiles a block should have: a few bytes each, beside filters of so many."""
    shared = min(MOST_TILES, filters // SHARE_BYTES)
    affordable = MOST_BYTES // get_threads() // per_tile
    return max(1, BLOCK_BYTES // per_tile, min(shared, affordable))


def cut(work: Grid, most: int, together: bool = False) -> Blocks:
    """Blocks of some `most` tiles: several images, or a part of one.

    With `together` a unit gets all blocks of an image, in order.
    """
    threads, each = get_threads(), work.tiles
    if work.batch >= threads and each <= most:
        # As many blocks for every thread: with one more for some, the others would wait.
        count = -(-work.batch * each // most)
        count = -(-count // threads) * threads
        blocks = [
            (
                low,
                tuple(Strip(n, i) for n in range(high - low) for i in range(work.down)),
            )
            for low, high in chunks(work.batch, count)
        ]
    else:
        # An image at a time, cut between strips; further where threads outnumber images.
        count = max(-(-each // most), -(-threads // work.batch))
        blocks = [
            (n, tuple(Strip(0, i) for i in range(low, high)))
            for n in range(work.batch)
            for low, high in chunks(work.down, count)
        ]
    largest = max(len(strips) for _, strips in blocks) * work.across
    units = [blocks[low:high] for low, high in chunks(len(blocks), threads)]
    if together:
        parts = chunks(work.batch, threads)
        units = [[b for b in blocks if low <= b[0] < high] for low, high in parts]
    return Blocks(units, largest)


def phases(
    work: Grid,
    source: Base,
    right: Packed,
    target: Base,
    epilogue: Epilogue | None = None,
) -> list[Phase]:
    """Pack and transform the filters, then go over the blocks.

    Args:
        work: The tiles.
        source: The images.
        right: The filters in panels, one tap's rows under the other's.
        target: The result.
        epilogue: What to run on its rows.
    """
    one = Products(work.intake(1), right, 0)
    filters = POSITIONS * one.pitch
    per_tile = POSITIONS * (one.tiles.tile_bytes + one.width)
    blocks = cut(work, room(per_tile, filters))
    images = work.intake(blocks.room)
    products = Products(images, right, images.tiles + images.tiles_bytes)
    kept = shelve(products, work.products, len(blocks.units), products.end)
    base = scratch(kept.total)
    before = kept.phases(work.taps, base)
    tables, inner = Tables(source, base, target, base), Inner()
    tables.work = work.products
    forward = _Forward(work, images, kept)
    clear = inner.clear(tables, images.strip, images.strip_bytes)
    known: dict[tuple[Strip, ...], tuple[int, int]] = {}
    for number, unit in enumerate(blocks.units):
        own = kept.workspace(number)
        ranges = [JobRange(0, own, 0, *clear)]
        for image, strips in unit:
            # Blocks cut alike share their jobs: places are told from the range's image on.
            if strips not in known:
                known[strips] = tables.add_jobs(forward.jobs(strips, inner))
            ranges.append(_range(work, image, strips, own, known[strips]))
        tables.add_unit(ranges)
    last = Phase(tables, epilogue)
    last.keep = (*last.keep, inner.tables)
    return [*before, last]


def _range(
    work: Grid,
    image: int,
    strips: Sequence[Strip],
    own: int,
    jobs: tuple[int, int],
) -> JobRange:
    """One block: its images, the workspace at `own`, and the rows it finishes."""
    a = image * work.rows * work.columns * work.channels * ITEM
    first = image * work.out_rows * work.out_columns
    begin, end = (
        (s.image * work.out_rows + min(work.out_rows, n * work.step)) * work.out_columns
        for s, n in ((strips[0], strips[0].number), (strips[-1], strips[-1].number + 1))
    )
    c = first * work.filters * ITEM
    return JobRange(a, own, c, *jobs, first + begin, first + end)


class _Forward(NamedTuple):
    """The jobs of a block."""

    work: Grid
    images: Intake
    filters: Filters

    @property
    def products(self) -> Products:
        return self.filters.products

    def jobs(self, strips: Sequence[Strip], inner: Inner) -> Iterator[Job]:
        """All of a block."""
        across = self.work.across
        for i, strip in enumerate(strips):
            yield from self.images.jobs(strip, i * across)
        yield self.filters.job(inner, len(strips) * across)
        for i, strip in enumerate(strips):
            yield from self._out(strip, i * across)

    def _out(self, strip: Strip, first: int) -> Iterator[Job]:
        """Back to outputs; the last tile of a strip may stick out of the image."""
        work, lanes = self.work, host().lanes(ITEM)
        pixel = work.filters * ITEM
        row = work.out_columns * pixel
        top = strip.number * work.step
        tail = work.filters - (work.vectors - 1) * lanes
        rows = min(work.step, work.out_rows - top)
        columns = work.out_columns - (work.across - 1) * work.step
        parts = [(0, work.across, work.step)]
        if columns < work.step:
            parts = [(0, work.across - 1, work.step), (work.across - 1, 1, columns)]
        for at, count, wide in parts:
            if not count:
                continue
            full = rows == wide == work.step
            yield Job(
                tiles_out(work.step, full, tail < lanes),
                b=self.products.start + (first + at) * self.products.width,
                c=(strip.image * work.out_rows + top) * row + at * work.step * pixel,
                fields=TilesOut(
                    times=count,
                    vectors=work.vectors,
                    tail=tail,
                    position=self.products.position,
                    step=self.products.width,
                    pitch=row,
                    column=pixel,
                    to_step=work.step * pixel,
                    rows=rows,
                    columns=wide,
                ),
            )
