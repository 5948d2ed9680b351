"""Kernels of products with few rows: the weights go by once, as fast as memory gives them.

A product of some rows of A by a large B is bound by the reading of B. So B is not packed:
`sweeper` walks over whole rows of it, block of rows by block of rows, and keeps the sums of
all its columns in a scratch that stays in the first cache; `turner` walks along the rows
of a transposed B, as many as a vector has lanes, and transposes them in registers. Both add
up in the order of the reduction, one fused multiply-add after the other, as a tile does:
a row's bits are the same in a batch of any size.

Both are called as a tile is. Elements of 16 bits are widened as they are loaded, and the
sums rounded once, as they are stored.
"""

from __future__ import annotations

from typing import NamedTuple

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.elementwise import MEMORY_KIND, from_memory, to_memory
from minikeras_kernels.turning import transposed
from minikeras_kernels.values import Address, Val

from minikeras_numba.ir.compile import compile_contract
from minikeras_numba.ir.contract import Contract

# Blocks of a vector's lanes that a turner asks for ahead.
AHEAD = 4


class Few(NamedTuple):
    """The fields of both: sap, sbk and ldc are the bytes between rows of A, B and C."""

    k: int  # the length of the reduction
    sap: int
    sbk: int
    ldc: int
    times: int = 1  # groups of columns
    deep: int = 1  # rows of B in a block
    tail: int = 0  # columns that are there, where there is a mask


class _Few(Contract):
    """A kernel over P rows; `dtype` is what lies in memory, sums are as wide or float32."""

    def __init__(self, dtype: str, rows: int) -> None:
        super().__init__("few", "float64" if dtype == "float64" else "float32", 5)
        self.dtype, self.rows = dtype, rows
        self.memory = MEMORY_KIND[dtype]
        self.bytes = self.memory.nbytes  # of an element
        self.vector = self.lanes * self.itemsize  # bytes of a vector of sums
        self.line = self.lanes * self.bytes  # bytes of as many elements

    def elements(self, address: Val, lanes: int = 1, mask: Val | None = None) -> Val:
        """Elements from memory, widened."""
        found = self.load(self.pointer(address, self.memory), lanes, mask)
        return from_memory(self, found, self.dtype)

    def give(self, sums: Val, address: Val, mask: Val | None = None) -> None:
        """A vector of sums to memory, rounded."""
        narrow = to_memory(self, sums, self.dtype)
        self.store(narrow, self.pointer(address, self.memory), mask)

    def fetch(self, address: Val, vectors: int) -> None:
        """Ask for the lines that so many vectors of elements take."""
        for at in range(0, vectors * self.line, 64):
            self.prefetch(self.add(address, at), False)


def sweeper(dtype: str, rows: int, vectors: int, masked: bool) -> int:
    """C = A @ B for P rows and `times` groups of V vectors of columns.

    S is scratch: `deep` * P elements, then times * P * V vectors. Only
    `tail` lanes of the last vector are C's where `masked`; then there is one group.
    """

    def build() -> Code:
        c = _Few(dtype, rows)
        a, b, out, scratch, _ = c.parameters
        count, k, deep, sbk = (c.field(Few, n) for n in ("times", "k", "deep", "sbk"))
        mask = c.head(c.field(Few, "tail")) if masked else None
        sums_at = c.add(scratch, c.mul(deep, rows * c.itemsize))
        total = c.mul(count, rows * vectors)
        _clear(c, sums_at, total)
        block = c.mul(sbk, deep)
        a_at, b_at, left = c.variable(a), c.variable(b), c.variable(k)
        moves = [(a_at, c.mul(deep, c.bytes)), (b_at, block), (left, c.mul(deep, -1))]
        blocks = c.bin(Op.SDIV, c.add(k, deep, -1), deep)
        with c.repeat(blocks, moves):
            now = c.bin(Op.SMIN, c.get(left), deep)
            _columns_of(c, c.get(a_at), scratch, now)
            place, group = c.variable(sums_at), c.variable(c.get(b_at))
            steps = [
                (place, c.const(rows * vectors * c.vector)),
                (group, c.const(vectors * c.line)),
            ]
            with c.repeat(count, steps):
                _sweep(
                    c, vectors, c.get(place), (scratch, c.get(group)), now, block, mask
                )
        place, target = c.variable(sums_at), c.variable(out)
        steps = [
            (place, c.const(rows * vectors * c.vector)),
            (target, c.const(vectors * c.line)),
        ]
        with c.repeat(count, steps):
            for p in range(rows):
                for v in range(vectors):
                    found = c.vload(c.add(c.get(place), (p * vectors + v) * c.vector))
                    to = c.add(c.get(target), c.mul(c.field(Few, "ldc"), p), v * c.line)
                    c.give(found, to, mask if v == vectors - 1 else None)
        return c.code

    key = f"sweeper {dtype} {rows}x{vectors} masked={masked}"
    return compile_contract("few", build, key)


def _clear(c: _Few, at: Val, vectors: Val) -> None:
    """Zeros in so many vectors."""
    place = c.variable(at)
    with c.repeat(vectors, [(place, c.const(c.vector))]):
        c.vstore(c.number(0.0), c.get(place))


def _columns_of(c: _Few, a: Val, scratch: Val, count: Val) -> None:
    """Copy the first elements of the rows of A, column by column.

    Where they lie, 2^n bytes apart, they would share lines of the cache with the rows of B.
    """
    sap = c.field(Few, "sap")
    source, target = c.variable(a), c.variable(scratch)
    moves = [(source, c.const(c.bytes)), (target, c.const(c.rows * c.itemsize))]
    with c.repeat(count, moves):
        for p in range(c.rows):
            x = c.elements(c.add(c.get(source), c.mul(sap, p)))
            c.poke(x, c.add(c.get(target), p * c.itemsize))


def _sweep(
    c: _Few,
    vectors: int,
    sums_at: Val,
    starts: tuple[Val, Val],
    count: Val,
    ahead: Val,
    mask: Val | None,
) -> None:
    """Add `count` rows of B, each times its column of A, to the sums of one group."""
    grid = [(p, v) for p in range(c.rows) for v in range(vectors)]
    places = {
        pv: c.add(sums_at, i * c.vector) for i, pv in enumerate(grid)
    }  # fmt: skip
    sums = {pv: c.variable(c.vload(places[pv])) for pv in grid}
    a, b = (c.variable(start) for start in starts)
    moves = [(a, c.const(c.rows * c.itemsize)), (b, c.field(Few, "sbk"))]
    with c.repeat(count, moves):
        lines = [
            c.elements(
                c.add(c.get(b), v * c.line),
                c.lanes,
                mask if v == vectors - 1 else None,
            )
            for v in range(vectors)
        ]
        c.fetch(c.add(c.get(b), ahead), vectors)
        for p in range(c.rows):
            x = c.wide(c.peek(c.add(c.get(a), p * c.itemsize), c.kind))
            if vectors > 1:  # a single use is better folded
                x = c.pin(x)
            for v in range(vectors):
                c.put(sums[p, v], c.fma(x, lines[v], c.get(sums[p, v])))
    for pv in grid:
        c.vstore(c.get(sums[pv]), places[pv])


def turner(dtype: str, rows: int, masked: bool) -> int:
    """C = A @ transpose(B) for P rows and `times` times a vector's lanes of columns.

    Only `tail` of the columns are there where `masked`; then `times` is 1.
    """

    def build() -> Code:
        c = _Few(dtype, rows)
        a, b, out, _, _ = c.parameters
        k, sbk = c.field(Few, "k"), c.field(Few, "sbk")
        tail = c.field(Few, "tail") if masked else None
        whole = c.bin(Op.SDIV, k, c.const(c.lanes))
        rest = c.sub(k, c.mul(whole, c.lanes))
        group, target = c.variable(b), c.variable(out)
        steps = [(group, c.mul(sbk, c.lanes)), (target, c.const(c.line))]
        with c.repeat(c.field(Few, "times"), steps):
            sums = [c.variable(c.number(0.0)) for _ in range(rows)]
            a_at, b_at = c.variable(a), c.variable(c.get(group))
            with c.repeat(whole, [(a_at, c.const(c.line)), (b_at, c.const(c.line))]):
                lines = _lines(c, c.get(b_at), tail, None)
                for i, line in enumerate(lines):
                    _multiply(c, c.add(c.get(a_at), i * c.bytes), line, sums)
            with c.when(c.icmp(Rel.SGT, rest, c.const(0))):
                lines = _lines(c, c.get(b_at), tail, rest)
                for i, line in enumerate(lines[:-1]):
                    with c.when(c.icmp(Rel.SGT, rest, c.const(i))):
                        _multiply(c, c.add(c.get(a_at), i * c.bytes), line, sums)
            mask = c.head(tail) if tail is not None else None
            for p, total in enumerate(sums):
                to = c.add(c.get(target), c.mul(c.field(Few, "ldc"), p))
                c.give(c.get(total), to, mask)
        return c.code

    return compile_contract("few", build, f"turner {dtype} {rows} masked={masked}")


def _lines(c: _Few, b: Val, tail: Val | None, rest: Val | None) -> list[Val]:
    """A square of B, turned: line i has element i of each of its rows.

    There are `tail` rows, and `rest` elements in each, or all where that is None.
    """
    rows = []
    sbk = c.field(Few, "sbk")
    for i in range(c.lanes):
        place = c.add(b, c.mul(sbk, i))
        mask = None
        if tail is not None:
            inside = c.icmp(Rel.SLT, c.const(i), tail)
            real = c.const(c.lanes) if rest is None else rest
            mask = c.head(c.select(inside, real, c.const(0)))
        elif rest is not None:
            mask = c.head(rest)
        rows.append(c.elements(place, c.lanes, mask))
        if rest is None:
            c.prefetch(c.add(place, AHEAD * c.line), False)
    return transposed(c, rows)


def _multiply(c: _Few, a: Val, line: Val, sums: list[Address]) -> None:
    """Add a line, times the element of each row of A, to the sums."""
    sap = c.field(Few, "sap")
    for p, total in enumerate(sums):
        x = c.wide(c.elements(c.add(a, c.mul(sap, p))))
        c.put(total, c.fma(x, line, c.get(total)))
