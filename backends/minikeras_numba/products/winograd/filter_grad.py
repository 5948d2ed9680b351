"""The gradient of a convolution by its filters, in tiles.

It is a correlation of the images with the gradient of the result, so tiles of m x m
gradients take the part of filters and the taps that of outputs: both are brought to
the 36 positions, and there the gradients of the transformed filters add up, over all
tiles of a thread. Transforming them back is linear and comes once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from minikeras_numba.ir.job import Job
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.team import get_threads
from minikeras_numba.products.winograd.fields import FiltersOut
from minikeras_numba.products.winograd.filters import filters_out
from minikeras_numba.products.winograd.grid import Grid, cut, room
from minikeras_numba.products.winograd.phases import (
    ITEM,
    LINE,
    Inner,
    Intake,
    Strip,
    whole_lines,
)
from minikeras_numba.products.winograd.transforms import POSITIONS
from minikeras_numba.tiles.blocking import Panel, chunks, panels, row_tiles
from minikeras_numba.tiles.jobs import JobRange, Phase, Tables
from minikeras_numba.tiles.scratch import Base, scratch
from minikeras_numba.tiles.tile import Sums, tile

# The sums of all threads may take so much; larger ones are left to the direct way.
MOST_BYTES = 256 << 20
# Sums of so many bytes are not there for each thread: to add them up takes longer than to
# transform the images once more, and so does to find the memory.
SHARED_BYTES = 4 << 20


class _Sums(NamedTuple):
    """What a unit adds up, in the workspace: the sums of all panels, or of its own."""

    work: Grid
    images: Intake
    gradients: Intake
    columns: list[Panel]
    start: int
    own: range

    @property
    def width(self) -> int:
        return self.work.vectors * host().vector_bytes

    @property
    def position(self) -> int:
        # A line more: positions a power of two apart would share sets of the cache.
        return self.work.channels * self.width + LINE

    @property
    def nbytes(self) -> int:
        return POSITIONS * self.position

    def places(self) -> Iterator[tuple[Panel, int, int]]:
        """Each own panel, its first byte in a position, and its row's bytes."""
        at = 0
        for i, panel in enumerate(self.columns):
            row = panel.vectors * host().vector_bytes
            if i in self.own:
                yield panel, at, row
            at += self.work.channels * row

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Where the sums lie: first byte, and bytes."""
        if len(self.own) == len(self.columns):
            yield self.start, self.nbytes
            return
        places = [(at, self.work.channels * row) for _, at, row in self.places()]
        for position in range(POSITIONS):
            yield (
                self.start + position * self.position + places[0][0],
                sum(size for _, size in places),
            )

    def products(self, tiles: int) -> Iterator[Job]:
        """Position by position, channels times filters, over the tiles of a block."""
        images, gradients = self.images, self.gradients
        for position in range(POSITIONS):
            a = images.tiles + position * images.position_bytes
            b = gradients.tiles + position * gradients.position_bytes
            c = self.start + position * self.position
            for panel, place, row in self.places():
                for at, size, count in row_tiles(self.work.channels, panel.vectors):
                    # S is C: each block adds to what the unit's earlier blocks left. Never
                    # masked, since the sums are as wide as whole vectors.
                    yield Job(
                        tile("float32", size, panel.vectors, False, True),
                        a=a + at * ITEM,
                        b=b + panel.start * ITEM,
                        c=c + place + at * row,
                        fields=Sums(
                            times=count,
                            da=size * ITEM,
                            dc=size * row,
                            k=tiles,
                            sap=ITEM,
                            sak=images.tile_bytes,
                            sbk=gradients.tile_bytes,
                            ldc=row,
                            lds=row,
                            ds=size * row,
                        ),
                    )

    def jobs(self, strips: tuple[Strip, ...], inner: Inner) -> Iterator[Job]:
        """All of a block."""
        for i, strip in enumerate(strips):
            yield from self.images.jobs(strip, i * self.work.across)
            yield from self.gradients.jobs(strip, i * self.work.across)
        yield inner.job(True, self.products(len(strips) * self.work.across))


def _layout(work: Grid, room: int) -> _Sums:
    """The workspace: images, gradients, sums."""
    images = work.intake(room)
    gradients = work.gradient(room, images.tiles + images.tiles_bytes)
    end = gradients.tiles + gradients.tiles_bytes
    columns = panels(work.filters, host().lanes(ITEM))
    return _Sums(work, images, gradients, columns, end, range(len(columns)))


def affordable(work: Grid) -> bool:
    """Whether there is memory for a sum of each thread."""
    # Sums of their own keep threads apart without atomics, and their order fixed.
    return get_threads() * _layout(work, 1).nbytes <= MOST_BYTES


def filter_grad_phases(
    work: Grid, images: Base, gradients: Base, target: Base
) -> list[Phase]:
    """Sums of each unit, then their total transformed back.

    Large sums are there once: a unit goes over all images, and adds up some filters.
    """
    one = _layout(work, 1)
    per_tile = POSITIONS * (one.images.tile_bytes + one.gradients.tile_bytes)
    blocks = cut(work, room(per_tile, 2 * one.nbytes))
    sums, parts = _layout(work, blocks.room), len(blocks.units)
    if 1 < parts <= len(sums.columns) and sums.nbytes >= SHARED_BYTES:
        every = [block for unit in blocks.units for block in unit]
        each = whole_lines(sums.start)
        # Behind all units' images and gradients.
        units = [
            (sums._replace(start=(parts - i) * each, own=range(*own)), every)
            for i, own in enumerate(chunks(len(sums.columns), parts))
        ]
        base = scratch(parts * each + sums.nbytes)
        total, parts = sums._replace(start=parts * each), 1
    else:
        units = [(sums, unit) for unit in blocks.units]
        each, total = sums.start + sums.nbytes, sums
        base = scratch(parts * each)
    # A is the images, B the workspace, C the gradients of the result
    tables, inner = Tables(images, base, gradients), Inner()
    tables.work = work.products
    strip = [(x.strip, x.strip_bytes) for x in (sums.images, sums.gradients)]
    # Those that add up the same panels share their jobs.
    known: dict[tuple[range, tuple[Strip, ...]], tuple[int, int]] = {}
    cleared: dict[range, list[tuple[int, int]]] = {}
    for number, (adds, unit) in enumerate(units):
        own = number * each
        if adds.own not in cleared:
            pieces = (*strip, *adds.pieces())
            cleared[adds.own] = [inner.clear(tables, *piece) for piece in pieces]
        ranges = [JobRange(0, own, 0, *jobs) for jobs in cleared[adds.own]]
        for image, strips in unit:
            key = adds.own, strips
            if key not in known:
                known[key] = tables.add_jobs(adds.jobs(strips, inner))
            a = image * work.rows * work.columns * work.channels * ITEM
            c = image * work.out_rows * work.out_columns * work.filters * ITEM
            ranges.append(JobRange(a, own, c, *known[key]))
        tables.add_unit(ranges)
    adding = Phase(tables)
    adding.keep = (*adding.keep, inner.tables)
    return [adding, Phase(_back(total, base, target, parts, each))]


def _back(sums: _Sums, base: Base, target: Base, parts: int, each: int) -> Tables:
    """Add the units' sums and transform them: some channels of a panel in each unit."""
    work, lanes = sums.work, host().lanes(ITEM)
    tables = Tables(base, Base(), target)
    tables.work = sums.nbytes // ITEM * (parts + 4)
    pixel = work.filters * ITEM
    for panel, place, row in sums.places():
        whole = panel.tail == lanes
        for low, high in chunks(work.channels, 4 * get_threads()):
            rows = []
            for v in range(panel.vectors):
                at = v * host().vector_bytes
                last = v == panel.vectors - 1
                rows.append(
                    Job(
                        filters_out(work.taps, last and not whole),
                        a=sums.start + place + low * row + at,
                        c=low * pixel + panel.start * ITEM + at,
                        fields=FiltersOut(
                            vectors=high - low,
                            parts=parts,
                            part=each,
                            position=sums.position,
                            step=row,
                            tap=work.channels * pixel,
                            to_step=pixel,
                            tail=panel.tail,
                        ),
                    )
                )
            tables.add_unit([JobRange(0, 0, 0, *tables.add_jobs(rows))])
    return tables
