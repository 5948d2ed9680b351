"""The right-hand matrix of a contraction, in panels: which jobs fill them, where they lie.

All panels of all matrices of one node lie in one piece of memory; `Packed` says where
each begins and how far apart its rows are. Those of weights last from run to run, where
the program that they are for does not train them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from minikeras_numba.ir.job import Job
from minikeras_numba.machine.jit import host
from minikeras_numba.tiles.blocking import Panel
from minikeras_numba.tiles.jobs import JobRange, Phase, Tables
from minikeras_numba.tiles.pack import (
    Checked,
    Copied,
    Turned,
    checker,
    copier,
    transposer,
)
from minikeras_numba.tiles.scratch import LINE, Base, lasting


class Packed(NamedTuple):
    """Where the B of a tile is: base, and for panel i of matrix m an offset and a row size.

    A checked panel has a vector, at `flags`, with a NaN in it if a value is not finite.
    """

    base: Base
    panels: Sequence[Panel]
    offsets: Sequence[int]
    row_bytes: Sequence[int]
    matrix_bytes: int
    phase: Phase | None
    flags: Sequence[int] = ()


class Block(NamedTuple):
    """Rows of a panel with one source: `rows` of them, from byte `source` on.

    `pitch` is the bytes between rows (of columns, where transposed).
    """

    source: int
    rows: int
    pitch: int


def in_place(
    register: int, columns: Sequence[Panel], itemsize: int, pitch: int
) -> Packed:
    """No packing: tiles read the matrix where it is."""
    offsets = [p.start * itemsize for p in columns]
    return Packed(Base(register), columns, offsets, [pitch] * len(columns), 0, None)


def packed(
    register: int,
    columns: Sequence[Panel],
    dtype: str,
    matrices: int,
    transposed: bool,
    blocks: Callable[[int], Sequence[Block]],
    checked: bool = False,
    make_room: Callable[[int, int], tuple[Base, bool]] = lasting,
) -> Packed:
    """A phase that packs `matrices` matrices, each into the given panels.

    `blocks(m)` lists what stands under each other in the panels of matrix m. They are
    looked through for values that are not finite if `checked`. `make_room` says where
    panels lie, and whether they last.
    """
    itemsize, lanes = np.dtype(dtype).itemsize, host().lanes(np.dtype(dtype).itemsize)
    rows = sum(b.rows for b in blocks(0)) if matrices else 0
    row_bytes = [p.vectors * lanes * itemsize for p in columns]
    offsets, flags, at = [], [], 0
    for size in row_bytes:
        offsets.append(at)
        at += (rows + lanes) * size  # the transposer spoils up to L rows past the end
        flags.append(at)
        at += LINE if checked else 0
    room, lasts = make_room(register, at * matrices)
    tables = Tables(Base(register), Base(), room)
    tables.work = rows * sum(row_bytes) // itemsize * matrices * 4
    for m in range(matrices):
        content = blocks(m)
        for panel, offset, flag, size in zip(
            columns, offsets, flags, row_bytes, strict=True
        ):
            target, first = m * at + offset, len(tables.jobs)
            for block in content:
                make = transposing if transposed else _copying
                tables.add_jobs(make(dtype, lanes, panel, block, target, size))
                if checked:
                    place = m * at + flag - target
                    fields = Checked(block.rows, size, place, block is content[0])
                    fn = checker(dtype, panel.vectors)
                    tables.add_jobs([Job(fn, c=target, fields=fields)])
                target += block.rows * size
            tables.add_unit([JobRange(0, 0, 0, first, len(tables.jobs))])
    phase = Phase(tables, lasts=lasts)
    return Packed(tables.c, columns, offsets, row_bytes, at, phase, flags)


def _copying(
    dtype: str, lanes: int, panel: Panel, block: Block, target: int, size: int
) -> list[Job]:
    """One job copies the block's rows."""
    source = block.source + panel.start * np.dtype(dtype).itemsize
    fn = copier(dtype, panel.vectors)
    fields = Copied(block.rows, block.pitch, size, panel.tail)
    return [Job(fn, a=source, c=target, fields=fields)]


def transposing(
    dtype: str, lanes: int, panel: Panel, block: Block, target: int, size: int
) -> list[Job]:
    """Per vector of the panel: a job for the whole L x L squares, one for what is left."""
    item = np.dtype(dtype).itemsize
    whole, rest = divmod(block.rows, lanes)
    result = []
    for part, (begin, count, tail) in enumerate(
        ((0, whole, lanes), (whole * lanes, 1 if rest else 0, rest))
    ):
        for v in range(panel.vectors if count else 0):
            extra = panel.tail if v == panel.vectors - 1 else lanes
            fn = transposer(dtype, full=part == 0 and extra == lanes)
            column = panel.start + v * lanes
            result.append(
                Job(
                    fn,
                    a=block.source + column * block.pitch + begin * item,
                    c=target + begin * size + v * lanes * item,
                    fields=Turned(
                        times=count,
                        step=lanes * item,
                        to_step=lanes * size,
                        pitch=block.pitch,
                        to_pitch=size,
                        rows=extra,
                        tail=tail,
                    ),
                )
            )
    return result
