"""Kernels over the windows of a pooling, vectorised over channels.

Called like a tile, `kernel(A, B, C, S, job)`: some windows in a row, each with the same
taps (`Pooled`). The job cuts taps
that fall into the padding, so a kernel never sees an edge. For small windows the taps
are written out, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.values import Kind, Val, const

from minikeras_numba.ir.compile import compile_contract
from minikeras_numba.ir.contract import Contract

Body = Callable[["Windows", Val, Val, Val], None]
Taps = tuple[int, int, int]


class Pooled(NamedTuple):
    """The fields of a row of windows; moves and strides in bytes."""

    times: int  # windows
    channels: int
    da: int = 0
    dc: int = 0
    planes: int = 0  # taps along each axis
    rows: int = 0
    columns: int = 0
    plane: int = 0  # from tap to tap
    row: int = 0
    column: int = 0


def pool_kernel(dtype: str, kind: str, taps: Taps | None = None) -> int:
    """The address of the kernel `kind`: max, sum, gather, scatter or spread.

    max, sum: C = the maximum or sum of A's window.
    gather: C = B's value where A's window has its first maximum.
    scatter: C at A's first maximum += B; C has the strides of A, B steps by dc.
    spread: the same where windows do not overlap: C = B there, and 0 at other taps.

    Args:
        dtype: float32 or float64.
        kind: See above.
        taps: The taps to write out; None for loops over as many as the job says.
    """

    def build() -> Code:
        scatters = kind in ("scatter", "spread")
        return Windows(dtype, taps).emit(_BODIES[kind], scatters)

    key = f"pool {dtype} {kind} {taps}"
    return compile_contract("windows", build, key, loops=True)


class Windows:
    """Emits the loops all kinds share."""

    def __init__(self, dtype: str, taps: Taps | None) -> None:
        self.code = Contract("windows", dtype, 5)
        self.written = taps
        self.mask: Val | None = None

    def field(self, name: str) -> Val:
        return self.code.field(Pooled, name)

    def emit(self, body: Body, scatter: bool) -> Code:
        """For each window, for each vector of channels: `body`."""
        c = self.code
        a, b, out = (c.variable(x) for x in c.parameters[:3])
        da, dc, channels = self.field("da"), self.field("dc"), self.field("channels")
        names = ("planes", "rows", "columns", "plane", "row", "column")
        self.taps = {name: self.field(name) for name in names}
        # a scatter writes where it reads (A, C), a gather reads both in step (A, B)
        moves = [(a, da), (b, dc if scatter else da), (out, da if scatter else dc)]
        whole = c.bin(Op.SDIV, channels, c.const(c.lanes))
        rest = c.bin(Op.SREM, channels, c.const(c.lanes))
        step = c.const(c.lanes * c.itemsize)
        with c.repeat(self.field("times"), moves):
            offset = c.variable(c.const(0))
            with c.repeat(whole, [(offset, step)]):
                self.mask = None
                body(self, *(c.add(c.get(x), c.get(offset)) for x in (a, b, out)))
            with c.when(c.icmp(Rel.SGT, rest, c.const(0))):
                self.mask = c.head(rest)
                body(self, *(c.add(c.get(x), c.get(offset)) for x in (a, b, out)))
        return c.code

    def each_tap(self, visit: Callable[[Val, Val], None]) -> None:
        """Call `visit(byte offset, number of the tap)` for each tap, in loops or written out."""
        c, t = self.code, self.taps
        if self.written is not None:
            places = product(*map(range, self.written))
            for number, place in enumerate(places):
                parts = zip(place, ("plane", "row", "column"), strict=True)
                offset = c.add(*(c.mul(t[name], i) for i, name in parts))
                visit(offset, const(Kind.I32, number))
            return
        plane, seen = c.variable(c.const(0)), c.variable(const(Kind.I32, 0))
        with c.repeat(t["planes"], [(plane, t["plane"])]):
            row = c.variable(c.get(plane))
            with c.repeat(t["rows"], [(row, t["row"])]):
                at = c.variable(c.get(row))
                with c.repeat(t["columns"], [(at, t["column"])]):
                    visit(c.get(at), c.get(seen))
                    c.put(seen, c.add(c.get(seen), 1))

    def greater(self, x: Val, best: Val) -> Val:
        """x > best, where the first NaN is greater than any number."""
        c = self.code
        return c.bin(Op.AND, c.fcmp(Rel.UGT, x, best), c.fcmp(Rel.ORD, best, best))


def _sum(w: Windows, a: Val, b: Val, out: Val) -> None:
    c = w.code
    total = c.variable(c.number(0.0))

    def visit(offset: Val, number: Val) -> None:
        c.put(total, c.fadd(c.get(total), c.vload(c.add(a, offset), w.mask)))

    w.each_tap(visit)
    c.vstore(c.get(total), out, w.mask)


def _max(w: Windows, a: Val, b: Val, out: Val) -> None:
    c = w.code
    best = c.variable(c.number(float("-inf")))

    def visit(offset: Val, number: Val) -> None:
        x, old = c.vload(c.add(a, offset), w.mask), c.get(best)
        c.put(best, c.select(w.greater(x, old), x, old))

    w.each_tap(visit)
    c.vstore(c.get(best), out, w.mask)


def _gather(w: Windows, a: Val, b: Val, out: Val) -> None:
    c = w.code
    best = c.variable(c.number(float("-inf")))
    # where all are -inf nothing is greater: the first tap stands
    chosen = c.variable(c.vload(b, w.mask))

    def visit(offset: Val, number: Val) -> None:
        x, old = c.vload(c.add(a, offset), w.mask), c.get(best)
        value = c.vload(c.add(b, offset), w.mask)
        take = w.greater(x, old)
        c.put(best, c.select(take, x, old))
        c.put(chosen, c.select(take, value, c.get(chosen)))

    w.each_tap(visit)
    c.vstore(c.get(chosen), out, w.mask)


def _scatter(w: Windows, a: Val, b: Val, out: Val) -> None:
    _give(w, a, b, out, alone=False)


def _give(w: Windows, a: Val, b: Val, out: Val, alone: bool) -> None:
    """Give B to the first maximum; `alone`: no other window writes here."""
    c = w.code
    best = c.variable(c.number(float("-inf")))
    first = c.variable(const(Kind.I32, 0, c.lanes))

    def find(offset: Val, number: Val) -> None:
        x, old = c.vload(c.add(a, offset), w.mask), c.get(best)
        take = w.greater(x, old)
        c.put(best, c.select(take, x, old))
        tap = c.wide(number)
        c.put(first, c.select(take, tap, c.get(first)))

    def give(offset: Val, number: Val) -> None:
        here = c.icmp(Rel.EQ, c.wide(number), c.get(first))
        share = c.select(here, gradient, c.number(0.0))
        place = c.add(out, offset)
        if not alone:
            share = c.fadd(c.vload(place, w.mask), share)
        c.vstore(share, place, w.mask)

    w.each_tap(find)
    gradient = c.vload(b, w.mask)
    w.each_tap(give)


def _spread(w: Windows, a: Val, b: Val, out: Val) -> None:
    _give(w, a, b, out, alone=True)


_BODIES: dict[str, Body] = {
    "sum": _sum,
    "max": _max,
    "gather": _gather,
    "scatter": _scatter,
    "spread": _spread,
}
