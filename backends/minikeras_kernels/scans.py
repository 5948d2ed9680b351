"""Running sums and products along an axis, in order, as the reference adds them.

One kernel serves every axis: arrays are `(outer, steps, inner)`. Where `inner` is 1 some
rows go side by side, since one addition waits for the one before; else vectors of `inner`.
"""

from __future__ import annotations

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import Target
from minikeras_kernels.values import Address, Kind, Val, const

KINDS = {
    "float32": Kind.F32,
    "float64": Kind.F64,
    "int32": Kind.I32,
    "uint32": Kind.I32,
    "int64": Kind.I64,
    "uint64": Kind.I64,
}
_BYTES = {Kind.F32: 4, Kind.I32: 4, Kind.F64: 8, Kind.I64: 8}
ROWS = 8  # side by side
_ZERO, _ONE = const(Kind.I64, 0), const(Kind.I64, 1)


def _smaller(f: KernelWriter, a: Val, b: Val) -> Val:
    return f.select(f.icmp(Rel.SLT, a, b), a, b)


def _larger(f: KernelWriter, a: Val, b: Val) -> Val:
    return f.select(f.icmp(Rel.SGT, a, b), a, b)


def _combine(f: KernelWriter, name: str, a: Val, b: Val) -> Val:
    if a.kind in (Kind.F32, Kind.F64):
        return f.fadd(a, b) if name == "cumsum" else f.fmul(a, b)
    return f.add(a, b) if name == "cumsum" else f.mul(a, b)


def rows_scan(name: str, dtype: str, target: Target) -> Code:
    """Along the last axis. Words: rows, steps, first index, step, the two arrays.

    A unit is `ROWS` rows; the last one may have fewer.
    """
    f = KernelWriter("scan_rows", target)
    kind = KINDS[dtype]
    rows, steps, first, step, *registers = f.words(6)
    x, out = (f.array(number, kind) for number in registers)

    def together(base: Val, count: int) -> None:
        starts = [f.mul(f.add(base, i), steps) for i in range(count)]
        ends = [(f.at(x, s), f.at(out, s)) for s in starts]
        totals = [f.slot(kind) for _ in range(count)]
        for total, (source, place) in zip(totals, ends):
            value = f.load(f.at(source, first))
            f.store(value, f.at(place, first))
            f.put(total, value)
        with f.loop(_ONE, steps) as number:
            at = f.add(first, f.mul(number, step))
            values = [f.load(f.at(source, at)) for source, _ in ends]
            for total, value, (_, place) in zip(totals, values, ends):
                made = _combine(f, name, f.get(total), value)
                f.store(made, f.at(place, at))
                f.put(total, made)

    whole = f.bin(Op.UDIV, rows, ROWS)
    with f.loop(f.start, _smaller(f, f.stop, whole)) as unit:
        together(f.mul(unit, ROWS), ROWS)
    low = _larger(f, f.mul(f.start, ROWS), f.mul(whole, ROWS))
    with f.loop(low, _smaller(f, f.mul(f.stop, ROWS), rows)) as row:
        together(row, 1)
    return f.code


def planes_scan(name: str, dtype: str, target: Target) -> Code:
    """Along another axis. Words: blocks, their width, inner, steps, first, step, arrays.

    A unit is a block of `inner` in one of `outer`: it goes through all steps.
    """
    f = KernelWriter("scan_planes", target)
    kind, lanes = KINDS[dtype], target.lanes(_BYTES[KINDS[dtype]])
    blocks, width, inner, steps, first, step, *registers = f.words(8)
    x, out = (f.array(number, kind) for number in registers)

    def place(base: Address, outer: Val, number: Val) -> Address:
        at = f.add(f.mul(outer, steps), first, f.mul(number, step))
        return f.at(base, f.mul(at, inner))

    with f.loop(f.start, f.stop) as unit:
        outer = f.bin(Op.UDIV, unit, blocks)
        low = f.mul(f.sub(unit, f.mul(outer, blocks)), width)
        high = _smaller(f, f.add(low, width), inner)
        source, target_row = place(x, outer, _ZERO), place(out, outer, _ZERO)

        def begin(at: Val, mask: Val | None) -> None:
            f.store(f.load(f.at(source, at), lanes, mask), f.at(target_row, at), mask)

        f.sweep(low, high, lanes, begin)
        with f.loop(_ONE, steps) as number:
            values = place(x, outer, number)
            before = place(out, outer, f.sub(number, 1))
            now = place(out, outer, number)

            def go_on(at: Val, mask: Val | None) -> None:
                total = f.load(f.at(before, at), lanes, mask)
                value = f.load(f.at(values, at), lanes, mask)
                f.store(_combine(f, name, total, value), f.at(now, at), mask)

            f.sweep(low, high, lanes, go_on)
    return f.code
