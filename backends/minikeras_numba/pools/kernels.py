"""Kernels over the windows of a pooling, vectorised over channels.

Called like a tile, `kernel(A, B, C, S, job)`: `count` windows in a row, each of
`extra` x `r` x `k` taps (strides sbr, sar, sak), `tail` channels. The job cuts taps
that fall into the padding, so a kernel never sees an edge. For small windows the taps
are written out, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from llvmlite import ir

from minikeras_numba.ir.contract import I32, Code
from minikeras_numba.machine.jit import compile_ir
from minikeras_numba.tiles.tile import FIELD

Body = Callable[["Windows", Any, Any, Any], None]
Taps = tuple[int, int, int]


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

    def build(module: ir.Module) -> None:
        Windows(module, dtype, taps).emit(
            _BODIES[kind], scatter=kind in ("scatter", "spread")
        )

    return compile_ir("windows", build, f"pool {dtype} {kind} {taps}")


class Windows:
    """Emits the loops all kinds share."""

    def __init__(self, module: ir.Module, dtype: str, taps: Taps | None) -> None:
        self.code = Code(module, "windows", dtype, 5)
        self.written = taps
        self.mask: Any = None

    def field(self, name: str) -> Any:
        return self.code.word(self.code.arguments[4], FIELD[name])

    def emit(self, body: Body, scatter: bool) -> None:
        """For each window, for each vector of channels: `body`."""
        c = self.code
        a, b, out = (c.slot(x.type, x) for x in c.arguments[:3])
        da, dc, channels = self.field("da"), self.field("dc"), self.field("tail")
        names = ("extra", "r", "k", "sbr", "sar", "sak")
        self.taps = {name: self.field(name) for name in names}
        # a scatter writes where it reads (A, C), a gather reads both in step (A, B)
        moves = [(a, da), (b, dc if scatter else da), (out, da if scatter else dc)]
        whole = c.b.sdiv(channels, c.const(c.lanes))
        rest = c.b.srem(channels, c.const(c.lanes))
        step = c.const(c.lanes * c.itemsize)
        with c.loop(self.field("count"), moves):
            offset = c.slot(step.type, c.const(0))
            with c.loop(whole, [(offset, step)]):
                self.mask = None
                body(self, *(c.add(c.get(x), c.get(offset)) for x in (a, b, out)))
            with c.when(c.b.icmp_signed(">", rest, c.const(0))):
                self.mask = c.first_lanes(rest)
                body(self, *(c.add(c.get(x), c.get(offset)) for x in (a, b, out)))
        c.finish()

    def each_tap(self, visit: Callable[[Any, Any], None]) -> None:
        """Call `visit(byte offset, number of the tap)` for each tap, in loops or written out."""
        c, t = self.code, self.taps
        if self.written is not None:
            places = product(*map(range, self.written))
            for number, place in enumerate(places):
                parts = zip(place, ("sbr", "sar", "sak"), strict=True)
                offset = c.add(*(c.mul(t[name], i) for i, name in parts))
                visit(offset, ir.Constant(I32, number))
            return
        plane, number = (
            c.slot(t["sbr"].type, c.const(0)),
            c.slot(I32, ir.Constant(I32, 0)),
        )
        with c.loop(t["extra"], [(plane, t["sbr"])]):
            row = c.slot(t["sar"].type, c.get(plane))
            with c.loop(t["r"], [(row, t["sar"])]):
                at = c.slot(t["sak"].type, c.get(row))
                with c.loop(t["k"], [(at, t["sak"])]):
                    visit(c.get(at), c.get(number, I32))
                    c.put(number, c.b.add(c.get(number, I32), ir.Constant(I32, 1)))

    def greater(self, x: Any, best: Any) -> Any:
        """x > best, where the first NaN is greater than any number."""
        b = self.code.b
        return b.and_(b.fcmp_unordered(">", x, best), b.fcmp_ordered("ord", best, best))


def _sum(w: Windows, a: Any, b: Any, out: Any) -> None:
    c = w.code
    total = c.slot(c.vector, c.vec_constant(0.0))

    def visit(offset: Any, number: Any) -> None:
        c.put(
            total, c.b.fadd(c.get(total, c.vector), c.vload(c.add(a, offset), w.mask))
        )

    w.each_tap(visit)
    c.vstore(c.get(total, c.vector), out, w.mask)


def _max(w: Windows, a: Any, b: Any, out: Any) -> None:
    c = w.code
    best = c.slot(c.vector, c.vec_constant(float("-inf")))

    def visit(offset: Any, number: Any) -> None:
        x, old = c.vload(c.add(a, offset), w.mask), c.get(best, c.vector)
        c.put(best, c.b.select(w.greater(x, old), x, old))

    w.each_tap(visit)
    c.vstore(c.get(best, c.vector), out, w.mask)


def _gather(w: Windows, a: Any, b: Any, out: Any) -> None:
    c = w.code
    best = c.slot(c.vector, c.vec_constant(float("-inf")))
    # where all are -inf nothing is greater: the first tap stands
    chosen = c.slot(c.vector, c.vload(b, w.mask))

    def visit(offset: Any, number: Any) -> None:
        x, old = c.vload(c.add(a, offset), w.mask), c.get(best, c.vector)
        value = c.vload(c.add(b, offset), w.mask)
        take = w.greater(x, old)
        c.put(best, c.b.select(take, x, old))
        c.put(chosen, c.b.select(take, value, c.get(chosen, c.vector)))

    w.each_tap(visit)
    c.vstore(c.get(chosen, c.vector), out, w.mask)


def _scatter(w: Windows, a: Any, b: Any, out: Any) -> None:
    _give(w, a, b, out, alone=False)


def _give(w: Windows, a: Any, b: Any, out: Any, alone: bool) -> None:
    """Give B to the first maximum; `alone`: no other window writes here."""
    c = w.code
    numbers = ir.VectorType(I32, c.lanes)
    best = c.slot(c.vector, c.vec_constant(float("-inf")))
    first = c.slot(numbers, ir.Constant(numbers, [0] * c.lanes))

    def find(offset: Any, number: Any) -> None:
        x, old = c.vload(c.add(a, offset), w.mask), c.get(best, c.vector)
        take = w.greater(x, old)
        c.put(best, c.b.select(take, x, old))
        tap = c.splat(number, numbers)
        c.put(first, c.b.select(take, tap, c.get(first, numbers)))

    def give(offset: Any, number: Any) -> None:
        here = c.b.icmp_signed("==", c.splat(number, numbers), c.get(first, numbers))
        share = c.b.select(here, gradient, c.vec_constant(0.0))
        place = c.add(out, offset)
        if not alone:
            share = c.b.fadd(c.vload(place, w.mask), share)
        c.vstore(share, place, w.mask)

    w.each_tap(find)
    gradient = c.vload(b, w.mask)
    w.each_tap(give)


def _spread(w: Windows, a: Any, b: Any, out: Any) -> None:
    _give(w, a, b, out, alone=True)


_BODIES: dict[str, Body] = {
    "sum": _sum,
    "max": _max,
    "gather": _gather,
    "scatter": _scatter,
    "spread": _spread,
}
