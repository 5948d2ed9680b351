"""Matmul of few rows: what a prediction of one sample, or a small batch, is made of.

It is bound by the reading of B, which is used once. B is read where it lies, columns are
shared out to the threads, and 16 bit weights are widened on the way. See `few_rows`.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikeras_numba.ir.job import Job
from minikeras_numba.machine.team import get_threads
from minikeras_numba.products.few_rows import Few, sweeper, turner
from minikeras_numba.products.matmul_sizes import Matmul
from minikeras_numba.tiles.jobs import (
    SERIAL_WORK,
    Epilogue,
    JobRange,
    Phase,
    Tables,
    finishing,
)
from minikeras_numba.tiles.scratch import Base, owned

# More rows than this use what they have read often enough to pack it.
FEW_ROWS = 16
# Bytes of B below which tiles do as well.
LEAST = 1 << 14
# Bytes of B that are worth waking another thread.
SHARED = 1 << 18
# Rows of B in a block: so many streams of memory, as many again asked for ahead. Fewer for
# 2 to 4 rows of A, whose sums take the place of streams in the first cache.
DEEP, DEEP_FEW = 8, 4
# Bytes of the sums, that stay in the first cache, and columns of one stretch of a row.
SUMS, STRETCH = 1 << 13, 1024


def is_few(spec: Matmul) -> bool:
    """Whether this is the better plan for a product."""
    large = spec.k * spec.n * spec.item >= LEAST or spec.item == 2
    return not spec.transpose_a and 0 < spec.m <= FEW_ROWS and spec.n > 0 and large


def few_phases(
    spec: Matmul, a: Base, b: Base, out: Base, epilogue: Epilogue | None
) -> list[Phase]:
    """The product, and its tail on the finished rows."""
    tables = Tables(a, b, out)
    shared = spec.k * spec.n * spec.item * len(spec.a_batch) >= SHARED
    tables.work = SERIAL_WORK if shared else 0
    jobs = _turning if spec.transpose_b else _sweeping
    for i, (a_i, b_i) in enumerate(zip(spec.a_batch, spec.b_batch, strict=True)):
        places = spec.a.starts[a_i], spec.b.starts[b_i], spec.c.starts[i]
        for columns in _stretches(spec):
            tables.add_unit(
                [JobRange(*places, *tables.add_jobs(jobs(spec, columns, tables)))]
            )
    if epilogue is None:
        return [Phase(tables)]
    rows = spec.m * len(spec.a_batch)
    return [Phase(tables), finishing(rows, out, spec.n * rows, epilogue)]


def _vectors(rows: int) -> int:
    """Vectors of a group: their sums, for so many rows, fit into registers."""
    return 4 if rows <= 4 else 2 if rows <= 8 else 1


def _stretches(spec: Matmul) -> Iterator[range]:
    """The columns of each unit: long stretches of memory, some for each thread."""
    step = spec.lanes * (1 if spec.transpose_b else _vectors(spec.m))
    most = max(step, min(STRETCH, SUMS * 4 // (spec.m * max(4, spec.item))))
    threads = 1 if len(spec.a_batch) >= 2 * get_threads() else get_threads()
    count = -(-spec.n // most)
    count = -(-count // threads) * threads  # as long as can be, and as many for each
    width = min(most // step, -(-spec.n // (count * step))) * step
    return (range(at, min(at + width, spec.n)) for at in range(0, spec.n, width))


def _fields(spec: Matmul) -> Few:
    return Few(k=spec.k, sap=spec.a.pitch, sbk=spec.b.pitch, ldc=spec.c.pitch)


def _sweeping(spec: Matmul, columns: range, tables: Tables) -> Iterator[Job]:
    """Whole groups of the stretch, and what is left of it."""
    wide = _vectors(spec.m)
    groups, rest = divmod(len(columns), wide * spec.lanes)
    last = -(-rest // spec.lanes)
    tail = rest - (last - 1) * spec.lanes
    deep = DEEP_FEW if 2 <= spec.m <= 4 else DEEP
    sums = max(groups * wide, last) * spec.lanes + deep
    sums_at = owned(spec.m * sums * max(4, spec.item))
    tables.keep.append(sums_at)
    place, fields = int(sums_at.ctypes.data), _fields(spec)._replace(deep=deep)
    if groups:
        at = columns.start * spec.item
        fn = sweeper(spec.dtype, spec.m, wide, False)
        yield Job(fn, b=at, c=at, s=place, fields=fields._replace(times=groups))
    if last:
        at = (columns.stop - rest) * spec.item
        fn = sweeper(spec.dtype, spec.m, last, tail < spec.lanes)
        yield Job(fn, b=at, c=at, s=place, fields=fields._replace(tail=tail))


def _turning(spec: Matmul, columns: range, tables: Tables) -> Iterator[Job]:
    """Whole vectors of the stretch, and what is left of it."""
    whole, rest = divmod(len(columns), spec.lanes)
    for first, count, tail in (
        (columns.start, whole, 0),
        (columns.stop - rest, min(rest, 1), rest),
    ):
        if count:
            yield Job(
                turner(spec.dtype, spec.m, tail > 0),
                b=first * spec.b.pitch,
                c=first * spec.item,
                fields=_fields(spec)._replace(times=count, tail=tail),
            )
