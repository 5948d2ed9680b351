"""Images in tiles: where the pieces of a Winograd convolution lie, and who fills them.

A *strip* is a row of tiles of one image, a *block* some strips that are transformed,
multiplied and finished while they are in the cache. The thread that works on a block
has a *workspace* of its own: six transformed rows of the strip at hand, the tiles of
the block position by position, and their products.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from minikeras_numba.ir.job import Job, behind, job_table
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.team import get_threads
from minikeras_numba.products.winograd.fields import FiltersIn, Relayed, RowsIn, TilesIn
from minikeras_numba.products.winograd.filters import filters_in
from minikeras_numba.products.winograd.kernels import (
    relay,
    rows_in,
    tiles_in,
)
from minikeras_numba.products.winograd.transforms import POSITIONS, SIZE
from minikeras_numba.tiles.blocking import chunks, row_tiles
from minikeras_numba.tiles.jobs import (
    SERIAL_WORK,
    JobRange,
    Phase,
    Table,
    Tables,
    clearing,
    zeros_address,
)
from minikeras_numba.tiles.panels import Packed
from minikeras_numba.tiles.scratch import Base
from minikeras_numba.tiles.tile import Sums, tile

LINE = 64
ITEM = 4  # bytes of a float32
# Transformed filters of so many bytes are made by each thread for itself.
OWN_BYTES = 640 << 10


class Strip(NamedTuple):
    """A row of tiles: the number of its image in the block, and its own in the image."""

    image: int
    number: int


class Intake(NamedTuple):
    """How images become tiles; sizes in elements, places in bytes of the workspace."""

    rows: int
    columns: int
    channels: int
    side: int  # rows and columns that make a tile: 6, or a gradient's m
    step: int  # from tile to tile
    top: int  # rows of padding
    left: int
    across: int  # tiles in a strip
    room: int  # tiles in a block
    strip: int  # where the six transformed rows of a strip are
    tiles: int  # where the tiles of a block are

    @property
    def pixel(self) -> int:
        return self.channels * ITEM

    @property
    def vectors(self) -> int:
        return -(-self.channels // host().lanes(ITEM))

    @property
    def pitch(self) -> int:
        """Bytes of a transformed row; the last vector may read past its columns."""
        wide = (self.across - 1) * self.step + self.side
        return whole_lines(wide * self.pixel + host().vector_bytes)

    @property
    def strip_bytes(self) -> int:
        """Six rows, and one of zeros as long as the image's."""
        return SIZE * self.pitch + whole_lines(self.columns * self.pixel)

    @property
    def tile_bytes(self) -> int:
        return self.vectors * host().vector_bytes

    @property
    def position_bytes(self) -> int:
        # one line more: powers of two would fall on the same sets of the cache
        return whole_lines(self.room * self.tile_bytes) + LINE

    @property
    def tiles_bytes(self) -> int:
        return POSITIONS * self.position_bytes

    def jobs(self, strip: Strip, first: int) -> list[Job]:
        """The transforms of a strip, whose tiles are `first` and following of the block."""
        top = strip.number * self.step - self.top
        row = self.columns * self.pixel
        whole, rest = divmod(self.columns * self.channels, host().lanes(ITEM))
        place = (strip.image * self.rows + top) * row
        down = Job(
            rows_in(self.side),
            a=place,
            b=self.strip,
            c=place,
            fields=RowsIn(
                vectors=whole,
                tail=rest,
                first=max(0, -top),
                last=min(self.side, self.rows - top),
                pitch=row,
                target=self.left * self.pixel,
                to_pitch=self.pitch,
                zeros=SIZE * self.pitch,
            ),
        )
        along = Job(
            tiles_in(self.side),
            b=self.strip,
            fields=TilesIn(
                times=self.across,
                vectors=self.vectors,
                rows=SIZE,
                step=self.step * self.pixel,
                column=self.pixel,
                pitch=self.pitch,
                to_step=self.tile_bytes,
                position=self.position_bytes,
                target=self.tiles + first * self.tile_bytes - self.strip,
            ),
        )
        return [down, along]


def whole_lines(nbytes: int) -> int:
    """Rounded up to whole cache lines."""
    return -(-nbytes // LINE) * LINE


class Products(NamedTuple):
    """Tiles times filters, position by position; places in bytes of the workspace."""

    tiles: Intake
    right: Packed
    start: int

    @property
    def width(self) -> int:
        """Bytes of a tile at one position."""
        return sum(self.right.row_bytes)

    @property
    def position(self) -> int:
        return self.tiles.room * self.width + LINE

    @property
    def end(self) -> int:
        return self.start + POSITIONS * self.position

    @property
    def pitch(self) -> int:
        """Bytes of a position of the filters."""
        return self.tiles.channels * self.width + LINE

    def jobs(self, tiles: int, filters: int) -> Iterator[Job]:
        """For the first `tiles` of a block, with the filters at B and so many bytes."""
        row = self.tiles.tile_bytes
        for position in range(POSITIONS):
            a = self.tiles.tiles + position * self.tiles.position_bytes
            b = filters + position * self.pitch
            c = self.start + position * self.position
            for panel, pitch in zip(
                self.right.panels, self.right.row_bytes, strict=True
            ):
                for at, size, count in row_tiles(tiles, panel.vectors):
                    yield Job(
                        tile("float32", size, panel.vectors, False, False),
                        a=a + at * row,
                        b=b,
                        c=c + at * self.width,
                        s=zeros_address(),
                        fields=Sums(
                            times=count,
                            da=size * row,
                            dc=size * self.width,
                            k=self.tiles.channels,
                            sap=row,
                            sak=ITEM,
                            sbk=pitch,
                            ldc=self.width,
                        ),
                    )
                b += self.tiles.channels * pitch
                c += pitch


class Filters(NamedTuple):
    """Where the transformed filters are: before all workspaces, or a copy in each.

    They are read for every block. What another core wrote may have to be fetched from it
    each time, from one chip to another at many times the price of the own cache: 15 % of
    a convolution of 32 to 64 channels on two chips, against nothing for two copies.
    """

    products: Products
    own: bool
    units: int
    end: int  # of a workspace without them

    @property
    def nbytes(self) -> int:
        return POSITIONS * self.products.pitch

    @property
    def each(self) -> int:
        """Bytes of a unit's workspace."""
        return self.end + self.nbytes if self.own else self.end

    def workspace(self, unit: int) -> int:
        """Where a unit's begins."""
        return unit * self.each + (0 if self.own else self.nbytes)

    @property
    def total(self) -> int:
        return self.workspace(self.units)

    def job(self, inner: Inner, tiles: int) -> Job:
        """The products of a block."""
        start = self.end if self.own else 0
        return inner.job(self.own, self.products.jobs(tiles, start))

    def phases(self, taps: int, base: Base) -> list[Phase]:
        """Pack the filters and transform the panels, a part of each for every unit."""
        right, channels = self.products.right, self.products.tiles.channels
        tables, place = Tables(right.base, Base(), base), 0
        tables.work = POSITIONS * channels * self.products.width // ITEM
        targets, parts = [0], 4 * get_threads()
        if self.own:
            targets = [self.workspace(u) + self.end for u in range(self.units)]
            tables.work, parts = SERIAL_WORK, 1
        fn, vector = filters_in(taps), host().vector_bytes
        rows: dict[tuple[int, int], list[Job]] = {}
        for offset, row in zip(right.offsets, right.row_bytes, strict=True):
            size = channels * row
            for low, high in chunks(size // vector, parts):
                fields = FiltersIn(high - low, size, self.products.pitch)
                a, c = offset + low * vector, place + low * vector
                made = Job(fn, a=a, c=c, fields=fields)
                rows.setdefault((0, 0) if self.own else (place, low), []).append(made)
            place += size
        for group in rows.values():
            jobs = tables.add_jobs(group)
            for target in targets:
                tables.add_unit([JobRange(0, 0, target, *jobs)])
        before = [] if right.phase is None else [right.phase]
        return [*before, Phase(tables)]


def shelve(products: Products, work: int, units: int, end: int) -> Filters:
    """The filters' place for a convolution of `work` multiply-adds in so many units."""
    shared = Filters(products, False, units, end)
    alone = units == 1 or work < SERIAL_WORK
    return shared._replace(own=not alone and shared.nbytes <= OWN_BYTES)


class Inner:
    """Tables of the jobs that a relay runs; they must live as long as those of the phase."""

    def __init__(self) -> None:
        self.tables: list[Table] = []

    def job(self, own: bool, jobs: Iterable[Job]) -> Job:
        """One job that runs others in the workspace, with their B there, or at S."""
        table = job_table(jobs)
        self.tables.append(table)
        fields = Relayed(len(table), int(table.ctypes.data))
        return Job(relay(own), s=0 if own else behind(0), fields=fields)

    def clear(self, tables: Tables, start: int, nbytes: int) -> tuple[int, int]:
        """The range of a job that fills a part of the workspace with zeros."""
        jobs = (j._replace(c=j.c + start) for j in clearing("float32", nbytes))
        return tables.add_jobs([self.job(True, jobs)])
