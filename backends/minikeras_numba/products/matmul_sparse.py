"""Matmul that skips the zeros of A: what relu, dropout and dark pixels leave behind.

After relu and dropout some 40 % of a layer's values are not zero, of a digit's pixels
20 %; the same holds for the gradients by them. Below half a multiplication by A's
nonzeros alone beats the dense tile: each is broadcast against one row of a panel of B,
and a row of the result stays in registers for a block of the reduction.

Three kernels. The *lister* writes, per block of rows of A, the nonzeros of every row
and where their rows of B lie; it gives up, and marks the block as dense, as soon as
there are too many. The *checker* looks for values of B that are not finite, since zero
times those is NaN and must not be skipped. The *gather tile* multiplies, or hands over
to the dense tiles where the block is marked or the panel holds such a value. Blocks and
limits depend on the sizes and the data alone, so neither the choice nor the bits depend
on the threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.values import Address, Kind, Val, counting

from minikeras_numba.ir.compile import compile_contract
from minikeras_numba.ir.contract import Contract
from minikeras_numba.ir.job import WORDS, Job, behind, job_table
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.team import get_threads
from minikeras_numba.products.matmul_sizes import Matmul
from minikeras_numba.tiles.blocking import Panel, chunks, panels
from minikeras_numba.tiles.jobs import (
    Epilogue,
    JobRange,
    Phase,
    Tables,
    emit_jobs,
    finishing,
    zeros_address,
)
from minikeras_numba.tiles.panels import Block, Packed, transposing
from minikeras_numba.tiles.scratch import Base, scratch

# Rows of B that a block of the reduction covers: 32 KB of a panel, the first cache.
DEPTH = 128
# Rows of A in a block: enough to use that part of the panel often.
ROWS = 64
# A's bytes: larger lists leave the cache, and take memory.
LARGEST = 1 << 22
# Fewer multiply-adds than this are done before the lists are.
LEAST_WORK = 1 << 22
# With this many rows of A, or few panels, the threads share the rows, else the panels.
MANY_ROWS = 16 * ROWS
# The lister stops when more than so many sixteenths of what it has seen are not zero, and
# so many rows beside them.
SIXTEENTHS = 9
SLACK_ROWS = 2
_HEAD = 64  # bytes: the mark, 1 where the block is sparse


class Listed(NamedTuple):
    """The fields of the lister: rows of A, and where in a block's part the lists lie."""

    times: int  # rows
    depths: int  # blocks of the reduction
    k: int  # values in a row
    offsets: int  # bytes behind C
    values: int
    slack: int  # nonzeros more than SIXTEENTHS / 16 of what was seen that are let pass
    here: int  # whether the rows are at S, else at A
    pitch: int  # bytes from row to row


class Gathered(NamedTuple):
    """The fields of a tile that gathers; all places are bytes behind S, B and C."""

    times: int  # rows
    depths: int  # blocks of the reduction
    offsets: int  # of the lists at S
    values: int
    panel: int  # in B
    flag: int  # in B: the vector that tells whether all of the panel is finite
    target: int  # in C
    pitch: int  # bytes from row to row of C
    zeros: int  # the address of a row of zeros
    dense: int  # the address of the jobs that do the same without lists
    dense_count: int


DenseJobs = Callable[[tuple[int, int], range], list[Job]]


def skips_zeros(spec: Matmul) -> bool:
    """Whether zeros of A are looked for: on AVX-512, in products worth the while."""
    return (
        host().vector_bytes == 64
        and spec.dtype == "float32"
        and len(spec.a_batch) == 1
        and spec.n % spec.lanes == 0
        and min(spec.m, spec.k) >= ROWS
        and spec.n >= 4 * ROWS
        and spec.m * spec.k * spec.item <= LARGEST
        and spec.m * spec.n * spec.k >= LEAST_WORK
    )


def sparse_phases(
    spec: Matmul,
    a: Base,
    right: Packed,
    out: Base,
    epilogue: Epilogue | None,
    dense: DenseJobs,
) -> list[Phase]:
    """The packing of B, the lists of A, the tiles; `dense` makes the other tiles' jobs."""
    blocks = row_blocks(spec)
    lists = _Lists(spec, blocks)
    tables = Tables(a, right.base, out, lists.base)
    tables.work = spec.m * spec.n * spec.k
    # By rows, a unit has a block of them ready for its epilogue; by panels, it goes on with
    # the panel that is in its cache. Few panels could not be shared out evenly.
    width = len(right.panels)
    whole = epilogue is not None and spec.m >= MANY_ROWS
    by_rows = whole or width < 2 * get_threads()
    groups = [range(width)] if by_rows else [range(i, i + 1) for i in range(width)]
    starts = spec.a.starts[0], 0, spec.c.starts[0]
    for shared in [[b] for b in blocks] if by_rows else [blocks]:
        for group in groups:
            ranges = []
            for rows in shared:
                calls = [
                    _gather(spec, right, lists, rows, i, dense, tables) for i in group
                ]
                done = rows if by_rows else (0, 0)
                ranges.append(JobRange(*starts, *tables.add_jobs(calls), *done))
            tables.add_unit(ranges)
    phases = [p for p in (right.phase, lists.phase(a)) if p is not None]
    if epilogue is None or by_rows:
        return [*phases, Phase(tables, epilogue)]
    return [*phases, Phase(tables), finishing(spec.m, out, tables.work, epilogue)]


def row_blocks(spec: Matmul) -> list[tuple[int, int]]:
    """Blocks of rows of A; of columns, three vectors of them, where it is transposed."""
    if not spec.transpose_a:
        return chunks(spec.m, -(-spec.m // ROWS))
    edges = [p.start for p in panels(spec.m, spec.lanes, 3)]
    return list(pairwise([*edges, spec.m]))


class _Lists:
    """Where the lists of each block of rows lie, in one array.

    A block's part: the mark; where each row's entries begin, block of the reduction by
    block of the reduction; for each nonzero the offset of its row of B (in a panel one
    vector wide); the nonzeros. Behind all, a transposed A's rows.
    """

    def __init__(self, spec: Matmul, blocks: Sequence[tuple[int, int]]) -> None:
        self.spec, self.blocks = spec, blocks
        # As many as the lister may write before it gives up: it looks at its limit once a
        # row and block of the reduction, and writes whole vectors.
        most = max(high - low for low, high in blocks)
        self.depths = -(-spec.k // DEPTH)
        capacity = (
            spec.k * (most * SIXTEENTHS // 16 + 1 + SLACK_ROWS) + DEPTH + spec.lanes
        )
        self.offsets_at = _HEAD + _rounded(8 * (most * self.depths + 1))
        self.values_at = self.offsets_at + _rounded(4 * capacity)
        self.pitch = self.values_at + _rounded(4 * capacity)
        self.row_bytes = _rounded(spec.k * spec.item)
        copy = (most + spec.lanes) * self.row_bytes if spec.transpose_a else 0
        self.copy, self.pitch = self.pitch, self.pitch + copy
        self.base = scratch(self.pitch * len(blocks))

    def place(self, rows: tuple[int, int]) -> int:
        """Where a block's part is, behind the lists' beginning."""
        return self.blocks.index(rows) * self.pitch

    def phase(self, a: Base) -> Phase:
        """One unit a block: its rows, turned if need be, and their lists."""
        spec = self.spec
        tables = Tables(a, Base(), self.base, self.base)
        tables.work = spec.m * spec.k * 4
        for i, (low, high) in enumerate(self.blocks):
            at, calls = i * self.pitch, []
            a_place, place, pitch = low * spec.a.pitch, 0, spec.a.pitch
            if spec.transpose_a:
                width = -(-spec.k // spec.lanes)
                panel = Panel(0, width, spec.k - (width - 1) * spec.lanes)
                block = Block(low * spec.item, high - low, spec.a.pitch)
                calls = transposing(
                    spec.dtype, spec.lanes, panel, block, at + self.copy, self.row_bytes
                )
                place = behind(at + self.copy)
                a_place, pitch = 0, self.row_bytes
            calls.append(
                Job(
                    lister(),
                    c=at,
                    a=a_place,
                    s=place,
                    fields=Listed(
                        times=high - low,
                        depths=self.depths,
                        k=spec.k,
                        offsets=self.offsets_at,
                        values=self.values_at,
                        slack=SLACK_ROWS * spec.k,
                        here=spec.transpose_a,
                        pitch=pitch,
                    ),
                )
            )
            tables.add_unit([JobRange(spec.a.starts[0], 0, 0, *tables.add_jobs(calls))])
        return Phase(tables)


def _rounded(nbytes: int) -> int:
    return -(-nbytes // 64) * 64


def _gather(
    spec: Matmul,
    right: Packed,
    lists: _Lists,
    rows: tuple[int, int],
    number: int,
    dense: DenseJobs,
    tables: Tables,
) -> Job:
    """The job for a block of rows and a panel, with the dense jobs it may run instead."""
    table = job_table(dense(rows, range(number, number + 1)))
    tables.keep.append(table)
    panel = right.panels[number]
    low, high = rows
    return Job(
        gather_tile(panel.vectors),
        s=behind(lists.place(rows)),
        fields=Gathered(
            times=high - low,
            depths=lists.depths,
            offsets=lists.offsets_at,
            values=lists.values_at,
            panel=right.offsets[number],
            flag=right.flags[number],
            target=low * spec.c.pitch + panel.start * spec.item,
            pitch=spec.c.pitch,
            zeros=zeros_address(),
            dense=int(table.ctypes.data),
            dense_count=len(table),
        ),
    )


def lister() -> int:
    """List the nonzeros of some rows of A; C is the block's part (see `_Lists`)."""

    def build() -> Code:
        c = Contract("pack", "float32", 5)
        a, _, out, start, _ = c.parameters
        k, lanes = c.field(Listed, "k"), c.lanes
        here = c.icmp(Rel.NE, c.field(Listed, "here"), c.const(0))
        first = c.select(here, start, a)
        offsets = c.add(out, c.field(Listed, "offsets"))
        values = c.add(out, c.field(Listed, "values"))
        begins = c.variable(c.add(out, c.const(_HEAD)))
        slack = c.field(Listed, "slack")
        n, seen, sparse = (c.variable(c.const(i)) for i in (0, 0, 1))
        numbers = counting(Kind.I32, lanes, 4 * lanes)
        with c.repeat(c.field(Listed, "depths")) as depth:
            low = c.mul(c.get(depth), DEPTH)
            high = _least(c, c.add(low, c.const(DEPTH)), k)
            at = c.variable(first)
            with c.repeat(c.field(Listed, "times"), [(at, c.field(Listed, "pitch"))]):
                c.poke(c.get(n), c.get(begins))
                c.put(begins, c.add(c.get(begins), c.const(8)))
                c.put(seen, c.add(c.get(seen), c.sub(high, low)))
                alive = c.icmp(Rel.NE, c.get(sparse), c.const(0))
                vectors = c.bin(
                    Op.UDIV, c.add(c.sub(high, low), c.const(lanes - 1)), c.const(lanes)
                )
                base = c.variable(low)
                count = c.select(alive, vectors, c.const(0))
                with c.repeat(count, [(base, c.const(lanes))]):
                    column = c.get(base)
                    inside = c.head(c.sub(high, column))
                    x = c.vload(c.add(c.get(at), c.mul(column, 4)), inside)
                    # unordered: NaN is no zero
                    mask = c.fcmp(Rel.UNE, x, c.number(0.0))
                    origin = c.convert(Op.TRUNC, c.mul(column, 4 * lanes), Kind.I32)
                    place = c.mul(c.get(n), 4)
                    where = c.add(c.wide(origin), numbers)
                    # Whole vectors: what is behind the nonzeros is written over by the next.
                    c.vstore(c.compress(x, mask), c.add(values, place))
                    c.vstore(c.compress(where, mask), c.add(offsets, place))
                    more = c.one(Op.CTPOP, c.mask_bits(mask))
                    c.put(n, c.add(c.get(n), more))
                limit = c.add(c.mul(c.get(seen), SIXTEENTHS), c.mul(slack, 16))
                over = c.icmp(Rel.SGT, c.mul(c.get(n), 16), limit)
                with c.when(over):
                    c.put(sparse, c.const(0))
        c.poke(c.get(n), c.get(begins))
        c.poke(c.get(sparse), out)
        return c.code

    return compile_contract("pack", build, f"lister {DEPTH} {_HEAD} {SIXTEENTHS}")


def _least(c: Contract, x: Val, y: Val) -> Val:
    return c.select(c.icmp(Rel.SLT, x, y), x, y)


def gather_tile(vectors: int) -> int:
    """C = A @ B for some rows from their lists at S, or by the dense jobs."""

    def build() -> Code:
        c = Contract("tile", "float32", 5)
        a, b, out, lists, _ = c.parameters
        sparse = c.icmp(Rel.NE, c.peek(lists), c.const(0))
        # What the checker left: NaN in a lane, where a value of the panel is not finite.
        flag = c.vload(c.add(b, c.field(Gathered, "flag")))
        spoiled = c.fcmp(Rel.UNO, flag, flag)
        bad = c.any_lane(spoiled)
        sparse = c.bin(Op.AND, sparse, c.invert(bad))
        with c.when(sparse):
            _emit_gather(c, b, out, lists, vectors)
        with c.when(c.invert(sparse)):
            last = c.field(Gathered, "dense_count")
            emit_jobs(c, c.field(Gathered, "dense"), c.const(0), last, (a, b, out))
        return c.code

    return compile_contract("tile", build, f"gather tile {vectors} {_HEAD} {WORDS}")


def _emit_gather(c: Contract, b: Val, out: Val, lists: Val, vectors: int) -> None:
    """Rows of the result, one block of the reduction after the other."""
    offsets = c.add(lists, c.field(Gathered, "offsets"))
    values = c.add(lists, c.field(Gathered, "values"))
    begins = c.variable(c.add(lists, c.const(_HEAD)))
    panel = c.add(b, c.field(Gathered, "panel"))
    pitch = c.field(Gathered, "pitch")
    top = c.add(out, c.field(Gathered, "target"))
    line = c.lanes * c.itemsize
    zero = c.number(0.0)
    with c.repeat(c.field(Gathered, "depths")) as depth:
        place = c.variable(top)
        fresh = c.icmp(Rel.EQ, c.get(depth), c.const(0))
        moves = [(place, pitch), (begins, c.const(8))]
        with c.repeat(c.field(Gathered, "times"), moves):
            low, high = (c.word(c.get(begins), i) for i in range(2))
            old = c.select(fresh, c.field(Gathered, "zeros"), c.get(place))
            # neighbours add to different sums: twice the chains, enough to keep busy
            even = [
                c.variable(c.vload(c.add(old, c.const(v * line))))
                for v in range(vectors)
            ]
            odd = [c.variable(zero) for _ in range(vectors)]
            size = c.sub(high, low)
            entry = c.variable(c.mul(low, 4))
            with c.repeat(c.bin(Op.LSHR, size, c.const(1)), [(entry, c.const(8))]):
                for i, sums in enumerate((even, odd)):
                    where = c.add(c.get(entry), c.const(4 * i))
                    _emit_entry(c, panel, offsets, values, where, sums)
            with c.when(c.convert(Op.TRUNC, size, Kind.I1)):
                _emit_entry(c, panel, offsets, values, c.get(entry), even)
            for v in range(vectors):
                total = c.fadd(c.get(even[v]), c.get(odd[v]))
                c.vstore(total, c.add(c.get(place), c.const(v * line)))


def _emit_entry(
    c: Contract, panel: Val, offsets: Val, values: Val, where: Val, sums: list[Address]
) -> None:
    """Add one nonzero times its row of the panel."""
    offset = c.convert(Op.ZEXT, c.peek(c.add(offsets, where), Kind.I32), Kind.I64)
    line = c.add(panel, c.mul(offset, len(sums)))
    x = c.pin(c.wide(c.peek(c.add(values, where), c.kind)))
    for v, total in enumerate(sums):
        y = c.vload(c.add(line, c.const(v * c.lanes * c.itemsize)))
        c.put(total, c.fma(x, y, c.get(total)))
