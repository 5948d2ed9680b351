"""The gradient of a convolution by its input, through the tiles of the forward pass.

The transpose of each of its steps: gradients of 4 x 4 outputs go to the 36 positions,
meet the filters there, and spread to 6 x 6 inputs, which overlap with those of the
neighbours and are added up. Without padding this takes fewer tiles than the other way,
a convolution of the gradient with the filters turned round, whose result is larger
than the outputs: 9 in place of 16 for an image of 13 x 13.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from minikeras_numba.ir.job import Job
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.team import get_threads
from minikeras_numba.products.winograd.fields import RowsBack, TilesBack
from minikeras_numba.products.winograd.grid import Grid, cut, room
from minikeras_numba.products.winograd.kernels import rows_back, tiles_back
from minikeras_numba.products.winograd.phases import (
    ITEM,
    Filters,
    Inner,
    Products,
    Strip,
    shelve,
    whole_lines,
)
from minikeras_numba.products.winograd.transforms import POSITIONS, SIZE
from minikeras_numba.tiles.jobs import JobRange, Phase, Tables
from minikeras_numba.tiles.panels import Packed
from minikeras_numba.tiles.scratch import Base, scratch

# The overlaps cost something too.
FEWER = 0.85


def preferred(work: Grid, turned: Grid) -> bool:
    """Whether the forward pass's tiles are to be used, not those of `turned`.

    A thread takes whole images here: it carries rows from strip to strip.
    """
    # The kernels carry two rows and columns, the overlap of tiles of three taps.
    if work.taps != 3 or work.batch < get_threads():
        return False
    return work.tiles < FEWER * turned.tiles


class _Back(NamedTuple):
    """The jobs of a block; places in bytes of the workspace."""

    work: Grid
    products: Products
    strip: int  # where six rows of the result are added up

    @property
    def pixel(self) -> int:
        return self.work.channels * ITEM

    @property
    def row(self) -> int:
        """Bytes of a row of images."""
        return self.work.columns * self.pixel

    @property
    def pitch(self) -> int:
        wide = self.work.across * self.work.step + self.work.taps - 1
        return whole_lines(wide * self.pixel)

    @property
    def carried(self) -> int:
        """Behind the strip: two rows for the next one, one to drop, two of zeros."""
        return self.strip + SIZE * self.pitch

    @property
    def zeros(self) -> int:
        return self.carried + 3 * whole_lines(self.row)

    @property
    def end(self) -> int:
        return self.zeros + whole_lines(self.row)

    def jobs(
        self, strips: Sequence[Strip], inner: Inner, filters: Filters
    ) -> Iterator[Job]:
        """All of a block."""
        across, tiles = self.work.across, self.products.tiles
        for i, strip in enumerate(strips):
            yield from tiles.jobs(strip, i * across)
        yield filters.job(inner, len(strips) * across)
        for i, strip in enumerate(strips):
            yield self._along(i * across)
            yield self._down(strip)

    def _along(self, first: int) -> Job:
        """From the tiles of a strip to its six rows."""
        lanes, start = host().lanes(ITEM), self.products.start
        vectors = -(-self.work.channels // lanes)
        tail = self.work.channels - (vectors - 1) * lanes
        b = start + first * self.products.width
        return Job(
            tiles_back(tail < lanes),
            b=b,
            fields=TilesBack(
                target=self.strip - b,
                times=self.work.across,
                vectors=vectors,
                rows=SIZE,
                tail=tail,
                step=self.products.width,
                position=self.products.position,
                column=self.pixel,
                pitch=self.pitch,
            ),
        )

    def _down(self, strip: Strip) -> Job:
        """From the six rows to rows of the result, and to the strip below."""
        # Above an image's first strip is nothing: two rows of zeros, which are one row read
        # twice. The last one has no strip below, and writes the overlap itself.
        work, first = self.work, strip.number == 0
        top = strip.number * work.step - work.top
        last = strip.number == work.down - 1
        whole, rest = divmod(work.columns * work.channels, host().lanes(ITEM))
        b = self.strip + work.left * self.pixel
        return Job(
            rows_back(),
            a=(strip.image * work.rows + top) * self.row,
            b=b,
            fields=RowsBack(
                vectors=whole,
                tail=rest,
                first=max(0, -top),
                last=min(SIZE if last else work.step, work.rows - top),
                pitch=self.pitch,
                to_pitch=self.row,
                carried=self.carried - b,
                carried_pitch=whole_lines(self.row),
                above=(self.zeros if first else self.carried) - b,
                above_pitch=0 if first else whole_lines(self.row),
            ),
        )


def input_grad_phases(
    work: Grid, gradients: Base, right: Packed, target: Base
) -> list[Phase]:
    """Pack and transform the filters, then go over the blocks.

    Args:
        work: The tiles of the forward pass.
        gradients: Of the outputs.
        right: The transposed filters in panels, one tap's rows under the other's.
        target: The gradient of the input.
    """
    one = Products(work.gradient(1, 0), right, 0)
    filters = POSITIONS * one.pitch
    per_tile = POSITIONS * (one.tiles.tile_bytes + one.width)
    # An image's strips in order in one unit, since each hands two rows to the next.
    blocks = cut(work, room(per_tile, filters), together=True)
    tiles = work.gradient(blocks.room, 0)
    products = Products(tiles, right, tiles.tiles + tiles.tiles_bytes)
    back = _Back(work, products, products.end)
    kept = shelve(products, work.products, len(blocks.units), back.end)
    base = scratch(kept.total)
    before = kept.phases(work.taps, base)
    # A is the result, B the workspace, C the gradients, where their transform looks
    tables, inner = Tables(target, base, gradients, base), Inner()
    tables.work = work.products
    # Once for a unit: transforms write the images' columns only, borders stay zero.
    clear = [
        inner.clear(tables, start, size)
        for start, size in (
            (tiles.strip, tiles.strip_bytes),
            (back.zeros, whole_lines(back.row)),
        )
    ]
    known: dict[tuple[Strip, ...], tuple[int, int]] = {}
    for number, unit in enumerate(blocks.units):
        own = kept.workspace(number)
        ranges = [JobRange(0, own, 0, *jobs) for jobs in clear]
        for image, strips in unit:
            if strips not in known:
                known[strips] = tables.add_jobs(back.jobs(strips, inner, kept))
            a = image * work.rows * back.row
            c = image * work.out_rows * work.out_columns * work.filters * ITEM
            ranges.append(JobRange(a, own, c, *known[strips]))
        tables.add_unit(ranges)
    last = Phase(tables)
    last.keep = (*last.keep, inner.tables)
    return [*before, last]
