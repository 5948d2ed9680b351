"""Packing: a matrix copied into panels as wide as a tile, zeros where columns run out.

A tile that walks down a matrix of wide rows touches a new cache set, or the same one,
at every step; in a panel it walks through consecutive lines. A packer is called like a
tile: `pack(src, _, dst, _, job)`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from minikeras_numba.ir.contract import I32, Code
from minikeras_numba.machine.jit import compile_ir
from minikeras_numba.tiles.tile import FIELD


def copier(dtype: str, vectors: int) -> int:
    """Copy `k` rows of V vectors; `tail` lanes of the last are real, the rest zero.

    Fields: sak and ldc are the bytes between rows of the source and of the panel.
    """

    def build(module: ir.Module) -> None:
        c = Code(module, "pack", dtype, 5)
        source, _, target, _, job = c.arguments
        mask = c.first_lanes(c.word(job, FIELD["tail"]))
        a, d = c.slot(source.type, source), c.slot(target.type, target)
        moves = [(a, c.word(job, FIELD["sak"])), (d, c.word(job, FIELD["ldc"]))]
        with c.loop(c.word(job, FIELD["k"]), moves):
            for v in range(vectors):
                offset = c.const(v * c.lanes * c.itemsize)
                value = c.vload(
                    c.add(c.get(a), offset), mask if v == vectors - 1 else None
                )
                c.vstore(value, c.add(c.get(d), offset))
        c.finish()

    return compile_ir("pack", build, f"copier {dtype} {vectors}")


def transposer(dtype: str, full: bool) -> int:
    """Transpose `count` blocks of L x L: rows of the source become lanes of the panel.

    Fields: sap is the bytes between rows of the source, da and dc move on to the next
    block, `extra` rows and, in each, `tail` elements are real unless `full`. All L rows
    of the panel are written: jobs go up the panel, so that the next ones mend what the
    last rows spoiled, and the panel has L spare rows.
    """

    def build(module: ir.Module) -> None:
        c = Code(module, "pack", dtype, 5)
        source, _, target, _, job = c.arguments
        sap, ldc = c.word(job, FIELD["sap"]), c.word(job, FIELD["ldc"])
        tail, extra = c.word(job, FIELD["tail"]), c.word(job, FIELD["extra"])
        a, d = c.slot(source.type, source), c.slot(target.type, target)
        moves = [(a, c.word(job, FIELD["da"])), (d, c.word(job, FIELD["dc"]))]
        with c.loop(c.word(job, FIELD["count"]), moves):
            rows = []
            for i in range(c.lanes):
                place = c.add(c.get(a), c.mul(sap, i))
                inside = c.b.icmp_signed("<", c.const(i), extra)
                real = c.b.select(inside, tail, c.const(0))
                rows.append(c.vload(place, None if full else c.first_lanes(real)))
            for i, row in enumerate(_transposed(c, rows)):
                c.vstore(row, c.add(c.get(d), c.mul(ldc, i)))
        c.finish()

    return compile_ir("pack", build, f"transposer {dtype} full={full}")


def _transposed(c: Code, rows: list[Any]) -> list[Any]:
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


def _shuffle(c: Code, a: Any, b: Any, order: list[int]) -> Any:
    return c.b.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, c.lanes), order))


def checker(dtype: str, vectors: int) -> int:
    """Look for infinities and NaN in `k` rows of V vectors at C, `ldc` bytes apart.

    The vector `dc` bytes behind C gets a NaN if there is one, and keeps what it had
    unless `extra`: the sum of all values times zero.
    """

    def build(module: ir.Module) -> None:
        c = Code(module, "pack", dtype, 5)
        _, _, rows, _, job = c.arguments
        zero = c.vec_constant(0.0)
        flag = c.add(rows, c.word(job, FIELD["dc"]))
        first = c.b.icmp_signed("!=", c.word(job, FIELD["extra"]), c.const(0))
        old = c.b.select(first, zero, c.vload(flag))
        sums = [c.slot(c.vector, old if v == 0 else zero) for v in range(vectors)]
        at = c.slot(rows.type, rows)
        with c.loop(c.word(job, FIELD["k"]), [(at, c.word(job, FIELD["ldc"]))]):
            for v, total in enumerate(sums):
                x = c.vload(c.add(c.get(at), c.const(v * c.lanes * c.itemsize)))
                c.put(total, c.b.fadd(c.get(total, c.vector), c.b.fmul(x, zero)))
        result = c.get(sums[0], c.vector)
        for total in sums[1:]:
            result = c.b.fadd(result, c.get(total, c.vector))
        c.vstore(result, flag)
        c.finish()

    return compile_ir("pack", build, f"checker {dtype} {vectors}")


def zeroer(dtype: str) -> int:
    """Fill `count` elements with zeros."""

    def build(module: ir.Module) -> None:
        c = Code(module, "pack", dtype, 5)
        at = c.slot(c.arguments[2].type, c.arguments[2])
        zero = ir.Constant(c.scalar, 0.0)
        with c.loop(
            c.word(c.arguments[4], FIELD["count"]), [(at, c.const(c.itemsize))]
        ):
            c.store(zero, c.get(at))
        c.finish()

    return compile_ir("pack", build, f"zeroer {dtype}")


def adder(dtype: str, full: bool) -> int:
    """C = the sum of `k` rows of vectors, `sak` bytes apart, in order.

    There are `count` vectors; unless `full` only `tail` lanes of each are real.
    """

    def build(module: ir.Module) -> None:
        c = Code(module, "pack", dtype, 5)
        source, _, target, _, job = c.arguments
        a, d = c.slot(source.type, source), c.slot(target.type, target)
        step = c.const(c.lanes * c.itemsize)
        mask = None if full else c.first_lanes(c.word(job, FIELD["tail"]))
        sak, rows = c.word(job, FIELD["sak"]), c.word(job, FIELD["k"])
        with c.loop(c.word(job, FIELD["count"]), [(a, step), (d, step)]):
            total = c.slot(c.vector, c.vec_constant(0.0))
            part = c.slot(source.type, c.get(a))
            with c.loop(rows, [(part, sak)]):
                old = c.get(total, c.vector)
                c.put(total, c.b.fadd(old, c.vload(c.get(part), mask)))
            c.vstore(c.get(total, c.vector), c.get(d), mask)
        c.finish()

    return compile_ir("pack", build, f"adder {dtype} full={full}")
