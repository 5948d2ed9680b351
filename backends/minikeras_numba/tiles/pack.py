"""Packing: a matrix copied into panels as wide as a tile, zeros where columns run out.

A tile that walks down a matrix of wide rows touches a new cache set, or the same one,
at every step; in a panel it walks through consecutive lines. A packer is called like a
tile: `pack(src, _, dst, _, job)`.
"""

from __future__ import annotations

from typing import NamedTuple

from minikeras_kernels.code import Code, Rel
from minikeras_kernels.turning import transposed

from minikeras_numba.ir.compile import compile_contract
from minikeras_numba.ir.contract import Contract


class Copied(NamedTuple):
    """The fields of a copier: so many rows, and the bytes from one to the next."""

    rows: int
    pitch: int
    to_pitch: int
    tail: int  # lanes of the last vector that are there


class Turned(NamedTuple):
    """The fields of a transposer: so many squares, and the bytes from one to the next."""

    times: int
    step: int
    to_step: int
    pitch: int  # from row to row of the source
    to_pitch: int
    rows: int  # of the last square's rows those that are there
    tail: int  # and of the elements of each


class Checked(NamedTuple):
    """The fields of a checker: rows of a panel, and where what was found is noted."""

    rows: int
    pitch: int
    flag: int  # bytes behind C
    first: int  # whether this is the first look, so that nothing is noted yet


class Added(NamedTuple):
    """The fields of an adder: so many vectors of so many parts."""

    times: int
    parts: int
    pitch: int  # bytes from part to part
    tail: int = 0


def copier(dtype: str, vectors: int) -> int:
    """Copy rows of V vectors; `tail` lanes of the last are real, the rest zero."""

    def build() -> Code:
        c = Contract("pack", dtype, 5)
        source, _, target, _, _ = c.parameters
        mask = c.head(c.field(Copied, "tail"))
        a, d = c.variable(source), c.variable(target)
        moves = [(a, c.field(Copied, "pitch")), (d, c.field(Copied, "to_pitch"))]
        with c.repeat(c.field(Copied, "rows"), moves):
            for v in range(vectors):
                offset = c.const(v * c.lanes * c.itemsize)
                value = c.vload(
                    c.add(c.get(a), offset), mask if v == vectors - 1 else None
                )
                c.vstore(value, c.add(c.get(d), offset))
        return c.code

    return compile_contract("pack", build, f"copier {dtype} {vectors}")


def transposer(dtype: str, full: bool) -> int:
    """Transpose squares of L x L: rows of the source become lanes of the panel.

    `rows` rows and, in each, `tail` elements are real unless `full`. All L rows
    of the panel are written: jobs go up the panel, so that the next ones mend what the
    last rows spoiled, and the panel has L spare rows.
    """

    def build() -> Code:
        c = Contract("pack", dtype, 5)
        source, _, target, _, _ = c.parameters
        pitch, to_pitch = c.field(Turned, "pitch"), c.field(Turned, "to_pitch")
        tail, there = c.field(Turned, "tail"), c.field(Turned, "rows")
        a, d = c.variable(source), c.variable(target)
        moves = [(a, c.field(Turned, "step")), (d, c.field(Turned, "to_step"))]
        with c.repeat(c.field(Turned, "times"), moves):
            rows = []
            for i in range(c.lanes):
                place = c.add(c.get(a), c.mul(pitch, i))
                inside = c.icmp(Rel.SLT, c.const(i), there)
                real = c.select(inside, tail, c.const(0))
                rows.append(c.vload(place, None if full else c.head(real)))
            for i, row in enumerate(transposed(c, rows)):
                c.vstore(row, c.add(c.get(d), c.mul(to_pitch, i)))
        return c.code

    return compile_contract("pack", build, f"transposer {dtype} full={full}")


def checker(dtype: str, vectors: int) -> int:
    """Look for infinities and NaN in rows of V vectors at C.

    The vector at `flag` gets a NaN if there is one, and keeps what it had
    unless `first`: the sum of all values times zero.
    """

    def build() -> Code:
        c = Contract("pack", dtype, 5)
        _, _, rows, _, _ = c.parameters
        zero = c.number(0.0)
        flag = c.add(rows, c.field(Checked, "flag"))
        first = c.icmp(Rel.NE, c.field(Checked, "first"), c.const(0))
        old = c.select(first, zero, c.vload(flag))
        sums = [c.variable(old if v == 0 else zero) for v in range(vectors)]
        at = c.variable(rows)
        with c.repeat(c.field(Checked, "rows"), [(at, c.field(Checked, "pitch"))]):
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
    """C = the sum of the parts of A, in order.

    Unless `full` only `tail` lanes of each vector are real.
    """

    def build() -> Code:
        c = Contract("pack", dtype, 5)
        source, _, target, _, _ = c.parameters
        a, d = c.variable(source), c.variable(target)
        step = c.const(c.lanes * c.itemsize)
        mask = None if full else c.head(c.field(Added, "tail"))
        pitch, parts = c.field(Added, "pitch"), c.field(Added, "parts")
        with c.repeat(c.field(Added, "times"), [(a, step), (d, step)]):
            total = c.variable(c.number(0.0))
            part = c.variable(c.get(a))
            with c.repeat(parts, [(part, pitch)]):
                old = c.get(total)
                c.put(total, c.fadd(old, c.vload(c.get(part), mask)))
            c.vstore(c.get(total), c.get(d), mask)
        return c.code

    return compile_contract("pack", build, f"adder {dtype} full={full}")
