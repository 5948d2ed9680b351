"""The kernels of Winograd convolution: tiles to their 36 positions and back.

All are called like a tile of a matmul, `kernel(A, B, C, S, job)`; B is the workspace of
the thread. Images are transformed in two passes, down the columns of a whole strip of
tiles and then along the rows of each tile: neighbours share the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.values import Address, Val

from minikeras_numba.ir.compile import compile_contract
from minikeras_numba.ir.contract import Contract
from minikeras_numba.ir.job import HEAD, WORDS
from minikeras_numba.products.winograd.fields import (
    Relayed,
    RowsBack,
    RowsIn,
    TilesBack,
    TilesIn,
    TilesOut,
)
from minikeras_numba.products.winograd.transforms import (
    APART,
    POSITIONS,
    SIZE,
    Lines,
)


def _between(c: Contract, low: Val, i: int, high: Val) -> Val:
    """low <= i < high."""
    here = c.const(i)
    return c.bin(Op.AND, c.icmp(Rel.SLE, low, here), c.icmp(Rel.SLT, here, high))


def _along(
    c: Contract,
    kind: type[tuple[Any, ...]],
    at: Address,
    step: Callable[[Val | None], None],
) -> None:
    """Move `at` by vectors along a row; the last step has a mask."""
    with c.repeat(c.field(kind, "vectors"), [(at, c.const(c.lanes * c.itemsize))]):
        step(None)
    tail = c.field(kind, "tail")
    with c.when(c.icmp(Rel.SGT, tail, c.const(0))):
        step(c.head(tail))


def _last_mask(c: Contract, number: Address, count: Val, tail: Val, lanes: Val) -> Val:
    """All lanes, but only `tail` of the last of `count` vectors."""
    last = c.icmp(Rel.EQ, c.add(c.get(number), c.const(1)), count)
    return c.head(c.select(last, tail, lanes))


def _fetch(c: Contract, address: Val, written: bool) -> None:
    """Ask for a line that the next strip will need; past the array it does nothing."""
    c.prefetch(address, written)


def _next_rows(count: int) -> range:
    """Which rows, from a strip's first, the strip below is the first to read."""
    # Strips of images overlap: their first rows are in the cache already. A gradient's,
    # with fewer rows than points, lie side by side.
    return range(count, 2 * count) if count < SIZE else range(SIZE, SIZE + 4)


def rows_in(count: int) -> int:
    """Transform `count` rows of an image, down the columns, into six.

    Rows of A where there are six, of C where there are fewer (a gradient). Those that do
    not exist are read from zeros.
    """

    def build() -> Code:
        c = Contract("winograd", "float32", 5)
        source, strip, other, _, _ = c.parameters
        # Gradients come from C: the A of their tables is the images, or what comes out.
        source = source if count == SIZE else other
        target, zeros = (
            c.add(strip, c.field(RowsIn, name)) for name in ("target", "zeros")
        )
        low, high, pitch = (
            c.field(RowsIn, "first"),
            c.field(RowsIn, "last"),
            c.field(RowsIn, "pitch"),
        )
        rows = []
        for i in range(count):
            # Padding costs one choice of an address here, and nothing in the loop.
            inside = _between(c, low, i, high)
            rows.append(c.select(inside, c.add(source, c.mul(pitch, i)), zeros))
        following = [c.add(source, c.mul(pitch, i)) for i in _next_rows(count)]
        outs = [
            c.add(target, c.mul(c.field(RowsIn, "to_pitch"), i)) for i in range(SIZE)
        ]
        at = c.variable(c.const(0))

        def step(mask: Val | None) -> None:
            offset = c.get(at)
            values = [c.vload(c.add(row, offset), mask) for row in rows]
            for row in following:
                _fetch(c, c.add(row, offset), False)
            for out, value in zip(outs, Lines(c).taken_in(values), strict=True):
                c.vstore(value, c.add(out, offset), mask)

        _along(c, RowsIn, at, step)
        return c.code

    return compile_contract("winograd", build, f"winograd rows {count} {WORDS}")


def tiles_in(count: int) -> int:
    """Transform `count` columns of each tile of a strip of six rows into six.

    What belongs to one of the 36 positions lies together.
    """

    def build() -> Code:
        c = Contract("winograd", "float32", 5)
        strip = c.parameters[1]
        row, out = (
            c.variable(x) for x in (strip, c.add(strip, c.field(TilesIn, "target")))
        )
        column, position = c.field(TilesIn, "column"), c.field(TilesIn, "position")
        tiles, vectors = c.field(TilesIn, "times"), c.field(TilesIn, "vectors")
        tile_moves = c.field(TilesIn, "step"), c.field(TilesIn, "to_step")
        row_moves = [(row, c.field(TilesIn, "pitch")), (out, c.mul(position, SIZE))]
        step = c.const(c.lanes * c.itemsize)
        with c.repeat(c.field(TilesIn, "rows"), row_moves):
            a, d = c.variable(c.get(row)), c.variable(c.get(out))
            # No masks: lanes behind the last channel hold the next pixel's, and the product,
            # which counts channels, never gets there.
            with c.repeat(tiles, list(zip((a, d), tile_moves, strict=True))):
                a_v, d_v = c.variable(c.get(a)), c.variable(c.get(d))
                with c.repeat(vectors, [(a_v, step), (d_v, step)]):
                    values = [
                        c.vload(c.add(c.get(a_v), c.mul(column, j)))
                        for j in range(count)
                    ]
                    for j, value in enumerate(Lines(c).taken_in(values)):
                        c.vstore(value, c.add(c.get(d_v), c.mul(position, j)))
        return c.code

    return compile_contract("winograd", build, f"winograd tiles {count} {WORDS}")


def tiles_out(size: int, full: bool, masked: bool) -> int:
    """Sum the positions of tiles into size x size outputs each.

    The last vector has `tail` lanes if `masked`; unless `full` only `rows` rows and
    `columns` columns are written.
    """

    def build() -> Code:
        c = Contract("winograd", "float32", 5)
        source, target = c.parameters[1:3]
        position, column, row = (
            c.field(TilesOut, n) for n in ("position", "column", "pitch")
        )
        vectors, bytes_ = c.field(TilesOut, "vectors"), c.lanes * c.itemsize
        rows, columns = c.field(TilesOut, "rows"), c.field(TilesOut, "columns")
        a, d = c.variable(source), c.variable(target)
        moves = [(a, c.field(TilesOut, "step")), (d, c.field(TilesOut, "to_step"))]
        tail, lanes = c.field(TilesOut, "tail"), c.const(c.lanes)
        with c.repeat(c.field(TilesOut, "times"), moves):
            a_v, d_v = c.variable(c.get(a)), c.variable(c.get(d))
            step = c.const(bytes_)
            with c.repeat(vectors, [(a_v, step), (d_v, step)]) as number:
                mask = _last_mask(c, number, vectors, tail, lanes) if masked else None
                places = [
                    c.add(c.get(a_v), c.mul(position, i)) for i in range(POSITIONS)
                ]
                values = [c.vload(place) for place in places]
                # All outputs are computed before any is left out: tiles at the border are
                # few, and the others run a kernel without conditions.
                for i, line in enumerate(square(Lines(c), values, size)):
                    with nullcontext() if full else _below(c, i, rows):
                        for j, value in enumerate(line):
                            with nullcontext() if full else _below(c, j, columns):
                                place = c.add(
                                    c.get(d_v), c.mul(row, i), c.mul(column, j)
                                )
                                c.vstore(value, place, mask)
                                # the strip below writes there, `size` rows further down
                                _fetch(c, c.add(place, c.mul(row, size)), True)
        return c.code

    key = f"winograd out {size} full={full} masked={masked} {WORDS}"
    return compile_contract("winograd", build, key)


def _below(c: Contract, i: int, limit: Val) -> AbstractContextManager[None]:
    return c.when(c.icmp(Rel.SLT, c.const(i), limit))


def square(lines: Lines, values: Sequence[Val], size: int) -> list[list[Val]]:
    """A^T M A of the 36 vectors of M."""
    halves = [lines.summed(values[j::SIZE], size) for j in range(SIZE)]
    return [lines.summed([half[i] for half in halves], size) for i in range(size)]


def tiles_back(masked: bool) -> int:
    """Spread six columns of points of each tile of a strip, and add where tiles overlap.

    Tiles are four columns apart; the last vector has `tail` lanes if `masked`.
    """

    def build() -> Code:
        c = Contract("winograd", "float32", 5)
        source = c.parameters[1]
        row, out = (
            c.variable(source),
            c.variable(c.add(source, c.field(TilesBack, "target"))),
        )
        position, tile_step, column, vectors, tiles = (
            c.field(TilesBack, name)
            for name in ("position", "step", "column", "vectors", "times")
        )
        step, along = c.const(c.lanes * c.itemsize), c.mul(column, APART)
        row_moves = [(row, c.mul(position, SIZE)), (out, c.field(TilesBack, "pitch"))]
        tail, lanes = c.field(TilesBack, "tail"), c.const(c.lanes)
        with c.repeat(c.field(TilesBack, "rows"), row_moves):
            a_v, d_v = c.variable(c.get(row)), c.variable(c.get(out))
            with c.repeat(vectors, [(a_v, step), (d_v, step)]) as number:
                mask = _last_mask(c, number, vectors, tail, lanes) if masked else None
                a, d = c.variable(c.get(a_v)), c.variable(c.get(d_v))
                zero = c.number(0.0)
                # Where two tiles overlap, the sum waits in registers for the second: so
                # every column is stored once, and none is read back.
                carried = [c.variable(zero) for _ in range(SIZE - APART)]
                with c.repeat(tiles, [(a, tile_step), (d, along)]):
                    places = [c.add(c.get(a), c.mul(position, j)) for j in range(SIZE)]
                    values = Lines(c).spread([c.vload(place) for place in places])
                    for j, value in enumerate(values[:APART]):
                        if j < len(carried):
                            value = c.fadd(value, c.get(carried[j]))
                        c.vstore(value, c.add(c.get(d), c.mul(column, j)), mask)
                    for slot, value in zip(carried, values[APART:], strict=True):
                        c.put(slot, value)
                # Behind the last tile nobody adds anything any more.
                for j, slot in enumerate(carried):
                    place = c.add(c.get(d), c.mul(column, j))
                    c.vstore(c.get(slot), place, mask)
        return c.code

    return compile_contract("winograd", build, f"winograd tiles back {masked} {WORDS}")


def rows_back() -> int:
    """Spread the six rows of a strip down the columns; its last two belong to the next.

    Rows that exist go to A. Beside them are two rows to carry to the strip below, and one
    for what lies outside of the image.
    """

    def build() -> Code:
        c = Contract("winograd", "float32", 5)
        target, strip = c.parameters[:2]
        low, high, apart = (
            c.field(RowsBack, "first"),
            c.field(RowsBack, "last"),
            c.field(RowsBack, "carried_pitch"),
        )
        rows = [c.add(strip, c.mul(c.field(RowsBack, "pitch"), i)) for i in range(SIZE)]
        own = c.add(strip, c.field(RowsBack, "carried"))
        above = c.add(strip, c.field(RowsBack, "above"))
        carried = [
            c.add(above, c.mul(c.field(RowsBack, "above_pitch"), i))
            for i in range(SIZE - APART)
        ]
        outs = []
        for i in range(SIZE):
            # What is not the image's goes to the strip below, or where nobody looks: an
            # address that is chosen here, and no condition in the loop.
            inside = _between(c, low, i, high)
            other = c.add(own, c.mul(apart, i - APART if i >= APART else SIZE - APART))
            place = c.add(target, c.mul(c.field(RowsBack, "to_pitch"), i))
            outs.append(c.select(inside, place, other))
        at = c.variable(c.const(0))

        def step(mask: Val | None) -> None:
            offset = c.get(at)
            # All loads come first: what is carried down goes where `carried` was read.
            more = [c.vload(c.add(row, offset), mask) for row in carried]
            values = [c.vload(c.add(row, offset), mask) for row in rows]
            values = Lines(c).spread(values)
            for i, x in enumerate(more):
                values[i] = c.fadd(values[i], x)
            for out, value in zip(outs, values, strict=True):
                c.vstore(value, c.add(out, offset), mask)

        _along(c, RowsBack, at, step)
        return c.code

    return compile_contract("winograd", build, f"winograd rows back {WORDS}")


def relay(own: bool) -> int:
    """Run jobs whose A and C lie in the workspace B, and whose B is S, or there too."""

    def build() -> Code:
        c = Contract("winograd", "float32", 5)
        _, work, _, start, _ = c.parameters
        row = c.variable(c.field(Relayed, "table"))
        with c.repeat(c.field(Relayed, "times"), [(row, c.const(8 * WORDS))]):
            at = c.get(row)
            bases = (work, work if own else start, work)
            places = [c.add(x, c.word(at, i + 1)) for i, x in enumerate(bases)]
            # As the driver does (`tiles/jobs.py`): no S means that sums begin with C.
            begin = c.word(at, HEAD.index("s"))
            nothing = c.icmp(Rel.EQ, begin, c.const(0))
            begin = c.select(nothing, places[2], begin)
            c.call(c.word(at, 0), [*places, begin, at])
        return c.code

    return compile_contract("winograd", build, f"winograd relay {own} {WORDS}")
