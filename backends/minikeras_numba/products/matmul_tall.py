"""Matmul of two tall matrices, transpose(A) @ B: the gradient by the weights of a layer.

The reduction runs over the rows of a batch, thousands of them, and the result is small.
So the rows are cut into parts that have a sum each, and a part is taken block by block:
the rows of a block of A and of B are read once and stay in the cache while all tiles of
the result go over them. Nothing is packed. How many parts there are depends on the sizes
alone, and they are added in order, so the bits are the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikeras_numba.ir.job import Job
from minikeras_numba.products.matmul_sizes import Matmul
from minikeras_numba.tiles.blocking import Panel, chunks, panels, row_tiles
from minikeras_numba.tiles.jobs import JobRange, Phase, Tables, zeros_address
from minikeras_numba.tiles.partial import summing
from minikeras_numba.tiles.scratch import Base, scratch
from minikeras_numba.tiles.tile import Sums, tile

# Fewer rows than this are no tall matrix.
TALL = 1024
# Rows of a block: its A and B, and a tile's share of the result, fit into L2.
BLOCK = 128
# Parts: enough to share among threads, few enough that adding them costs nothing.
PARTS = 8
# Bytes of a result that stays in the cache while blocks pass by.
RESULT = 1 << 18


def is_tall(spec: Matmul) -> bool:
    """Whether this is the better plan for a product."""
    return (
        spec.transpose_a
        and not spec.transpose_b
        and len(spec.a_batch) == 1
        and spec.k >= TALL
        and 0 < spec.m * spec.n * spec.item <= RESULT
        and spec.n % spec.lanes == 0
    )


def tall_phases(spec: Matmul, a: Base, b: Base, out: Base) -> list[Phase]:
    """The parts, and their sum."""
    size = spec.m * spec.n * spec.item
    parts = chunks(spec.k, PARTS)
    sums = scratch(size * len(parts))
    tables = Tables(a, b, sums)
    tables.work = spec.m * spec.n * spec.k
    columns = panels(spec.n, spec.lanes)
    made: dict[tuple[int, bool], tuple[int, int]] = {}
    for i, (low, high) in enumerate(parts):
        ranges = []
        for begin, end in chunks(high - low, -(-(high - low) // BLOCK)):
            kind = (end - begin, begin == 0)
            if kind not in made:
                made[kind] = tables.add_jobs(_block(spec, columns, *kind))
            row = low + begin
            ranges.append(
                JobRange(row * spec.a.pitch, row * spec.b.pitch, i * size, *made[kind])
            )
        tables.add_unit(ranges)
    added = summing(spec.dtype, sums, out, size, len(parts))
    return [Phase(tables), Phase(added)]


def _block(spec: Matmul, columns: list[Panel], rows: int, first: bool) -> Iterator[Job]:
    """All tiles of the result over a block of rows, from zeros or added to what is there."""
    pitch = spec.n * spec.item
    for panel in columns:
        for at, size, count in row_tiles(spec.m, panel.vectors):
            lds, ds = (0, 0) if first else (pitch, size * pitch)
            yield Job(
                tile(spec.dtype, size, panel.vectors, False, True),
                a=at * spec.item,
                b=panel.start * spec.item,
                c=at * pitch + panel.start * spec.item,
                s=zeros_address() if first else 0,
                fields=Sums(
                    times=count,
                    da=size * spec.item,
                    dc=size * pitch,
                    k=rows,
                    sap=spec.item,
                    sak=spec.a.pitch,
                    sbk=spec.b.pitch,
                    ldc=pitch,
                    tail=panel.tail,
                    lds=lds,
                    ds=ds,
                ),
            )
