"""Lowering of matmul: packed panels of B, tiles of rows of A, threads over blocks.

Batch dimensions broadcast by offsets. A transposed B is transposed while it is packed;
a transposed A is packed into panels of columns, which a tile reads as rows that lie
beside each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from minikeras.extend import Node
from minikeras_numba.ir.job import Job
from minikeras_numba.machine.team import get_threads
from minikeras_numba.products.matmul_few import few_phases, is_few
from minikeras_numba.products.matmul_sizes import FLOATS, Matmul, Where, describe
from minikeras_numba.products.matmul_sparse import skips_zeros, sparse_phases
from minikeras_numba.products.matmul_tall import is_tall, tall_phases
from minikeras_numba.tiles.blocking import Panel, chunks, panels, row_tiles
from minikeras_numba.tiles.jobs import (
    Closure,
    Epilogue,
    JobRange,
    Lowered,
    Phase,
    Tables,
    finishing,
    zeros_address,
)
from minikeras_numba.tiles.panels import Block, Packed, in_place, packed
from minikeras_numba.tiles.scratch import Base
from minikeras_numba.tiles.tile import Sums, max_rows, max_vectors, tile

# Rows of B that a tile goes through before the next rows: their panel stays in L2.
DEPTH = 1536
# Fewer rows of A than this use a packed panel too seldom to pay for the packing.
FEW_ROWS = 16
# A transposed A of at most so many bytes is read where it is.
IN_CACHE = 1 << 22
# Rows of B that are packed before they are looked through for what is not finite.
CHECKED_ROWS = 64
# Up to so many rows all meet a panel of B while it is near, and threads share the panels.
SHARED_ROWS = 256
# Result rows of one unit: with an epilogue they should still be in the cache.
ROW_BLOCK = 64


def serves_matmul(node: Node) -> bool:
    """Whether `lower_matmul` has tiles for a node."""
    return _sizes(node) is not None


def _sizes(node: Node) -> Matmul | None:
    a, b = node.inputs[0].aval, node.inputs[1].aval
    spec = describe(a.shape, b.shape, a.dtype, node.static)
    if spec is None or not (spec.dtype in FLOATS or is_few(spec)):
        return None
    return spec


def lower_matmul(node: Any, regs: Mapping[Any, int]) -> Lowered | None:
    """A closure for a matmul node, or None for dtypes that stay with NumPy."""
    spec = _sizes(node)
    if spec is None:
        return None
    a_reg, b_reg, out = (regs[v] for v in (*node.inputs[:2], node.outputs[0]))
    return Closure(matmul_phases(spec, Base(a_reg), b_reg, Base(out), None))


def matmul_phases(
    spec: Matmul, a: Base, b_register: int, out: Base, epilogue: Epilogue | None
) -> list[Phase]:
    """The phases of a matmul: packing where it pays, then the tiles."""
    if epilogue is None and is_tall(spec):
        return tall_phases(spec, a, Base(b_register), out)
    if is_few(spec):
        return few_phases(spec, a, Base(b_register), out, epilogue)
    columns = panels(spec.n, spec.lanes)
    right = _right(spec, b_register, columns)
    left = _left(spec, a) if spec.transpose_a else None
    if skips_zeros(spec):

        def dense(rows: tuple[int, int], group: range) -> list[Job]:
            return _jobs(spec, right, left, rows, group)

        return sparse_phases(spec, a, right, out, epilogue, dense)
    tables = Tables(left.base if left else a, right.base, out)
    tables.work = spec.m * spec.n * spec.k * len(spec.a_batch)
    blocks, groups = _split(spec, len(columns), epilogue is not None)
    a_at = _places(spec.a, left, max(spec.a_batch, default=-1) + 1)
    b_at = _places(spec.b, right, max(spec.b_batch, default=-1) + 1)
    ranges = [
        (rows, tables.add_jobs(_jobs(spec, right, left, rows, group)))
        for rows in blocks
        for group in groups
    ]
    for i, (a_i, b_i) in enumerate(zip(spec.a_batch, spec.b_batch, strict=True)):
        for (low, high), (first, last) in ranges:
            done = (i * spec.m + low, i * spec.m + high)
            step = JobRange(a_at[a_i], b_at[b_i], spec.c.starts[i], first, last, *done)
            tables.add_unit([step])
    phases = [p.phase for p in (right, left) if p is not None and p.phase is not None]
    if epilogue is None or len(groups) == 1:
        return [*phases, Phase(tables, epilogue)]
    rows = spec.m * len(spec.a_batch)
    return [*phases, Phase(tables), finishing(rows, out, tables.work, epilogue)]


def _places(where: Where, packed: Packed | None, count: int) -> Sequence[int]:
    """Bytes to each matrix, packed or where it is."""
    if packed is None or packed.phase is None:
        return where.starts
    return [i * packed.matrix_bytes for i in range(count)]


def _right(spec: Matmul, register: int, columns: Sequence[Panel]) -> Packed:
    """B, packed unless few rows would use it, or it is a panel already."""
    narrow = len(columns) == 1 and columns[0].tail == spec.lanes
    few = spec.m <= FEW_ROWS and all(p.tail == spec.lanes for p in columns)
    if not spec.transpose_b and (narrow or few):
        return in_place(register, columns, spec.item, spec.b.pitch)

    checked = skips_zeros(spec)
    # rows are looked through while they are in the first cache
    parts = chunks(spec.k, -(-spec.k // CHECKED_ROWS) if checked else 1) or [(0, 0)]
    step = spec.item if spec.transpose_b else spec.b.pitch

    def blocks(m: int) -> list[Block]:
        start = spec.b.starts[m]
        return [
            Block(start + low * step, high - low, spec.b.pitch) for low, high in parts
        ]

    count = max(spec.b_batch, default=-1) + 1
    turned = spec.transpose_b
    return packed(register, columns, spec.dtype, count, turned, blocks, checked)


def _left(spec: Matmul, a: Base) -> Packed:
    """A transposed A in panels of columns, each some tiles of the tallest kind wide.

    A small one stays in the cache while tiles walk down it, wherever its columns are.
    """
    size = spec.k * spec.m * spec.item
    columns = panels(spec.m, spec.lanes, 3)
    count = max(spec.a_batch, default=-1) + 1
    if size <= IN_CACHE:
        return in_place(a.register, columns, spec.item, spec.a.pitch)
    return packed(
        a.register,
        columns,
        spec.dtype,
        count,
        False,
        lambda m: [Block(spec.a.starts[m], spec.k, spec.a.pitch)],
    )


def _split(
    spec: Matmul, width: int, whole_rows: bool
) -> tuple[list[tuple[int, int]], list[range]]:
    """Blocks of rows, and groups of panels: enough units for the threads."""
    wanted = -(-4 * get_threads() // max(1, len(spec.a_batch)))
    if spec.transpose_a:
        columns = panels(spec.m, spec.lanes, 3)
        edges = [p.start for p in columns] + [spec.m]
        blocks = list(pairwise(edges))
        return blocks, [range(width)]
    most = max(1, min(-(-spec.m // max_rows(max_vectors())), wanted))
    by_cache = -(-spec.m // ROW_BLOCK) if whole_rows else 1
    if spec.m > FEW_ROWS and (spec.m > SHARED_ROWS or width < wanted):
        return chunks(spec.m, max(most, by_cache)), [range(width)]
    cut = chunks(width, wanted) or [(0, 0)]
    return [(0, spec.m)] if spec.m else [], [range(low, high) for low, high in cut]


def _jobs(
    spec: Matmul,
    right: Packed,
    left: Packed | None,
    rows: tuple[int, int],
    group: range,
) -> list[Job]:
    """The tiles of one block of rows: for each panel, depth by depth, all its rows."""
    result = []
    depths = chunks(spec.k, -(-spec.k // DEPTH)) or [(0, 0)]
    low, high = rows
    for i in group:
        panel, pitch = right.panels[i], right.row_bytes[i]
        for at, size, count in row_tiles(high - low, panel.vectors):
            fn = tile(
                spec.dtype,
                size,
                panel.vectors,
                panel.masked(spec.lanes),
                left is not None,
            )
            for begin, end in depths:
                a = _rows_of(spec, left, low, at, begin)
                result.append(
                    Job(
                        fn,
                        b=right.offsets[i] + begin * pitch,
                        c=(low + at) * spec.c.pitch + panel.start * spec.item,
                        a=a.start,
                        s=0 if begin else zeros_address(),
                        fields=Sums(
                            times=count,
                            dc=size * spec.c.pitch,
                            k=end - begin,
                            sbk=pitch,
                            ldc=spec.c.pitch,
                            tail=panel.tail,
                            da=size * a.apart,
                            sap=a.apart,
                            sak=a.along,
                            lds=spec.c.pitch if begin else 0,
                            ds=size * spec.c.pitch if begin else 0,
                        ),
                    )
                )
    return result


class _Rows(NamedTuple):
    """Where a tile finds its rows of A, in bytes."""

    start: int
    apart: int  # from row to row
    along: int  # from element to element


def _rows_of(spec: Matmul, left: Packed | None, low: int, at: int, begin: int) -> _Rows:
    """Rows of a block from its row `at` on, in A itself or where it is packed."""
    if left is None:
        pitch = spec.a.pitch
        return _Rows((low + at) * pitch + begin * spec.item, pitch, spec.item)
    number = [p.start for p in left.panels].index(low)
    pitch = left.row_bytes[number]
    start = left.offsets[number] + at * spec.item + begin * pitch
    return _Rows(start, spec.item, pitch)
