"""Packing: a matrix copied into panels as wide as a tile, zeros where columns run out.

A tile that walks down a matrix of wide rows touches a new cache set, or the same one,
at every step; in a panel it walks through consecutive lines. A packer is called like a
tile: `pack(src, _, dst, _, job)`.
"""

from __future__ import annotations

from minikeras_kernels.code import Code, Rel
from minikeras_kernels.values import Val

from minikeras_numba.ir.compile import compile_contract
from minikeras_numba.ir.contract import Contract
from minikeras_numba.tiles.tile import FIELD


def copier(dtype: str, vectors: int) -> int:
    """Copy `k` rows of V vectors; `tail` lanes of the last are real, the rest zero.

    Fields: sak and ldc are the bytes between rows of the source and of the panel.
    """

    def build() -> Code:
        c = Contract("pack", dtype, 5)
        source, _, target, _, job = c.parameters
        mask = c.head(c.word(job, FIELD["tail"]))
        a, d = c.variable(source), c.variable(target)
        moves = [(a, c.word(job, FIELD["sak"])), (d, c.word(job, FIELD["ldc"]))]
        with c.repeat(c.word(job, FIELD["k"]), moves):
            for v in range(vectors):
                offset = c.const(v * c.lanes * c.itemsize)
                value = c.vload(
                    c.add(c.get(a), offset), mask if v == vectors - 1 else None
                )
                c.vstore(value, c.add(c.get(d), offset))
        return c.code

    return compile_contract("pack", build, f"copier {dtype} {vectors}")


def transposer(dtype: str, full: bool) -> int:
    """Transpose `count` blocks of L x L: rows of the source become lanes of the panel.

    Fields: sap is the bytes between rows of the source, da and dc move on to the next
    block, `extra` rows and, in each, `tail` elements are real unless `full`. All L rows
    of the panel are written: jobs go up the panel, so that the next ones mend what the
    last rows spoiled, and the panel has L spare rows.
    """

    def build() -> Code:
        c = Contract("pack", dtype, 5)
        source, _, target, _, job = c.parameters
        sap, ldc = c.word(job, FIELD["sap"]), c.word(job, FIELD["ldc"])
        tail, extra = c.word(job, FIELD["tail"]), c.word(job, FIELD["extra"])
        a, d = c.variable(source), c.variable(target)
        moves = [(a, c.word(job, FIELD["da"])), (d, c.word(job, FIELD["dc"]))]
        with c.repeat(c.word(job, FIELD["count"]), moves):
            rows = []
            for i in range(c.lanes):
                place = c.add(c.get(a), c.mul(sap, i))
                inside = c.icmp(Rel.SLT, c.const(i), extra)
                real = c.select(inside, tail, c.const(0))
                rows.append(c.vload(place, None if full else c.head(real)))
            for i, row in enumerate(transposed(c, rows)):
                c.vstore(row, c.add(c.get(d), c.mul(ldc, i)))
        return c.code

    return compile_contract("pack", build, f"transposer {dtype} full={full}")


def transposed(c: Contract, rows: list[Val]) -> list[Val]:
    """The L x L block by log2(L) rounds that swap off-diagonal quarters."""
    lanes, rows = c.lanes, list(rows)
    span = lanes // 2
    while span:
        upper = [
            lane if not lane & span else lanes + lane - span for lane in range(lanes)
        ]
        lower = [
            lane + span if not lane & span else lanes + lane for lane in range(lanes)
        ]
        for i in range(lanes):
            if not i & span:
                a, b = rows[i], rows[i + span]
                rows[i] = _shuffle(c, a, b, upper)
                rows[i + span] = _shuffle(c, a, b, lower)
        span //= 2
    return rows


def _shuffle(c: Contract, a: Val, b: Val, order: list[int]) -> Val:
    return c.join(a, b, order)


def checker(dtype: str, vectors: int) -> int:
    """Look for infinities and NaN in `k` rows of V vectors at C, `ldc` bytes apart.

    The vector `dc` bytes behind C gets a NaN if there is one, and keeps what it had
    unless `extra`: the sum of all values times zero.
    """

    def build() -> Code:
        c = Contract("pack", dtype, 5)
        _, _, rows, _, job = c.parameters
        zero = c.number(0.0)
        flag = c.add(rows, c.word(job, FIELD["dc"]))
        first = c.icmp(Rel.NE, c.word(job, FIELD["extra"]), c.const(0))
        old = c.select(first, zero, c.vload(flag))
        sums = [c.variable(old if v == 0 else zero) for v in range(vectors)]
        at = c.variable(rows)
        with c.repeat(c.word(job, FIELD["k"]), [(at, c.word(job, FIELD["ldc"]))]):
            for v, total in enumerate(sums):
                x = c.vload(c.add(c.get(at), c.const(v * c.lanes * c.itemsize)))
                c.put(total, c.fadd(c.get(total), c.fmul(x, zero)))
        result = c.get(sums[0])
        for total in sums[1:]:
            result = c.fadd(result, c.get(total))
        c.vstore(result, flag)
        return c.code

    return compile_contract("pack", build, f"checker {dtype} {vectors}")


def adder(dtype: str, full: bool) -> int:
    """C = the sum of `k` rows of vectors, `sak` bytes apart, in order.

    There are `count` vectors; unless `full` only `tail` lanes of each are real.
    """

    def build() -> Code:
        c = Contract("pack", dtype, 5)
        source, _, target, _, job = c.parameters
        a, d = c.variable(source), c.variable(target)
        step = c.const(c.lanes * c.itemsize)
        mask = None if full else c.head(c.word(job, FIELD["tail"]))
        sak, rows = c.word(job, FIELD["sak"]), c.word(job, FIELD["k"])
        with c.repeat(c.word(job, FIELD["count"]), [(a, step), (d, step)]):
            total = c.variable(c.number(0.0))
            part = c.variable(c.get(a))
            with c.repeat(rows, [(part, sak)]):
                old = c.get(total)
                c.put(total, c.fadd(old, c.vload(c.get(part), mask)))
            c.vstore(c.get(total), c.get(d), mask)
        return c.code

    return compile_contract("pack", build, f"adder {dtype} full={full}")
