"""Kernels over the windows of a pooling, vectorised over channels.

Called like a tile, `kernel(A, B, C, S, job)`: `count` windows in a row, each of
`extra` x `r` x `k` taps (strides sbr, sar, sak), `tail` channels. The job cuts taps
that fall into the padding, so a kernel never sees an edge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from minikeras_numba.contract_ir import I32, Code
from minikeras_numba.jit import compile_ir
from minikeras_numba.tile import FIELD

Body = Callable[["Windows", Any, Any, Any], None]


def pool_kernel(dtype: str, kind: str) -> int:
    """The address of the kernel `kind`: max, sum, gather or scatter.

    max, sum: C = the maximum or sum of A's window.
    gather: C = B's value where A's window has its first maximum.
    scatter: C at A's first maximum += B; C has the strides of A, B steps by dc.
    """

    def build(module: ir.Module) -> None:
        Windows(module, dtype).emit(_BODIES[kind], scatter=kind == "scatter")

    return compile_ir("windows", build, f"pool {dtype} {kind}")


class Windows:
    """Emits the loops all kinds share."""

    def __init__(self, module: ir.Module, dtype: str) -> None:
        self.code = Code(module, "windows", dtype, 5)
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
        """Call `visit(byte offset, number of the tap)` inside the loops over taps."""
        c, t = self.code, self.taps
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
        c.vstore(c.b.fadd(c.vload(place, w.mask), share), place, w.mask)

    w.each_tap(find)
    gradient = c.vload(b, w.mask)
    w.each_tap(give)


_BODIES: dict[str, Body] = {
    "sum": _sum,
    "max": _max,
    "gather": _gather,
    "scatter": _scatter,
}
