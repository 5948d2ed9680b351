"""The greatest elements of rows, and places in a sorted line.

`top_k` goes over each row once, and has them in descending order. The best so far stand in
the result. An element that beats the last of them takes its place among them: after what is
as good, so the first of equals comes first. NaN beats all numbers.
"""

from __future__ import annotations

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.elementwise import is_signed
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import Target
from minikeras_kernels.values import Kind, Val, const

KINDS = {
    "float32": Kind.F32,
    "float64": Kind.F64,
    "int32": Kind.I32,
    "uint32": Kind.I32,
    "int64": Kind.I64,
    "uint64": Kind.I64,
}
_BYTES = {Kind.F32: 4, Kind.I32: 4, Kind.F64: 8, Kind.I64: 8}
_ZERO, _ONE = const(Kind.I64, 0), const(Kind.I64, 1)


def _beats(f: KernelWriter, dtype: str, a: Val, b: Val) -> Val:
    if a.kind not in (Kind.F32, Kind.F64):
        return f.icmp(Rel.SGT if is_signed(dtype) else Rel.UGT, a, b)
    nan, number = f.fcmp(Rel.UNO, a, a), f.fcmp(Rel.ORD, b, b)
    return f.bin(Op.OR, f.fcmp(Rel.OGT, a, b), f.bin(Op.AND, nan, number))


def top_k(dtype: str, target: Target) -> Code:
    """The kernel over rows. Words: width, k, and the arrays: rows, values, indices."""
    f = KernelWriter("top_k", target)
    kind = KINDS[dtype]
    lanes = target.lanes(_BYTES[kind])
    width, k, *registers = f.words(5)
    x, values, indices = map(f.array, registers, (kind, kind, Kind.I32))
    last = f.sub(k, 1)
    with f.loop(f.start, f.stop) as row:
        source = f.at(x, f.mul(row, width))
        best, places = (f.at(a, f.mul(row, k)) for a in (values, indices))
        held = f.variable(_ZERO)  # how many there are so far

        def take(at: Val) -> None:
            """Put an element where it belongs; the last one goes, if there are k."""
            value, count = f.load(f.at(source, at)), f.get(held)
            rank = f.variable(_ZERO)
            with f.loop(_ZERO, count) as number:
                other = f.load(f.at(best, number))
                ahead = f.invert(_beats(f, dtype, value, other))
                f.put(rank, f.add(f.get(rank), f.convert(Op.ZEXT, ahead, Kind.I64)))
            here = f.get(rank)
            full = f.icmp(Rel.EQ, count, k)
            end = f.select(full, last, count)
            with f.loop(here, end) as number:
                to = f.sub(f.add(end, here), f.add(number, _ZERO))
                came = f.sub(to, 1)
                f.store(f.load(f.at(best, came)), f.at(best, to))
                f.store(f.load(f.at(places, came)), f.at(places, to))
            f.store(value, f.at(best, here))
            f.store(f.convert(Op.TRUNC, at, Kind.I32), f.at(places, here))
            f.put(held, f.select(full, count, f.add(count, 1)))

        with f.loop(_ZERO, k) as at:
            take(at)

        def look(at: Val, mask: Val | None) -> None:
            """Of so many neighbours most often none is good enough."""
            least = f.load(f.at(best, last))
            good = _beats(
                f, dtype, f.load(f.at(source, at), lanes, mask), f.splat(least, lanes)
            )
            if mask is not None:
                good = f.bin(Op.AND, good, mask)
            with f.when(f.any_lane(good)):
                stop = f.add(at, lanes)
                stop = f.select(f.icmp(Rel.SLT, stop, width), stop, width)
                with f.loop(at, stop) as one:
                    value, worst = f.load(f.at(source, one)), f.load(f.at(best, last))
                    with f.when(_beats(f, dtype, value, worst)):
                        take(one)

        f.sweep(k, width, lanes, look)
    return f.code


def searchsorted(dtype: str, right: bool, target: Target) -> Code:
    """The kernel over numbers. Words: how long the line is, the greatest power of two up to
    that, and the arrays: line, numbers, result.

    A vector of numbers halves the line at once: each looks at an element of its own.
    """
    f = KernelWriter("searchsorted", target)
    kind = KINDS[dtype]
    lanes = target.lanes(8)
    length, greatest, *registers = f.words(5)
    line, x, out = map(f.array, registers, (kind, kind, Kind.I32))
    none, one = const(Kind.I64, 0, lanes), const(Kind.I64, 1, lanes)
    end = f.splat(length, lanes)
    found, half = f.slot(Kind.I64, lanes), f.slot(Kind.I64)

    def below(a: Val, b: Val) -> Val:
        if kind in (Kind.F32, Kind.F64):
            return f.fcmp(Rel.OLE if right else Rel.OLT, a, b)
        if is_signed(dtype):
            return f.icmp(Rel.SLE if right else Rel.SLT, a, b)
        return f.icmp(Rel.ULE if right else Rel.ULT, a, b)

    def search(at: Val, mask: Val | None) -> None:
        value = f.load(f.at(x, at), lanes, mask)
        f.put(found, none)
        f.put(half, greatest)
        with f.loop(_ZERO, f.word(5)):
            there = f.add(f.get(found), f.splat(f.get(half), lanes))
            inside = f.icmp(Rel.SLE, there, end)
            last = f.select(inside, f.sub(there, one), none)
            more = f.bin(Op.AND, inside, below(f.gather(line, last), value))
            f.put(found, f.select(more, there, f.get(found)))
            f.put(half, f.bin(Op.LSHR, f.get(half), _ONE))
        f.store(f.convert(Op.TRUNC, f.get(found), Kind.I32), f.at(out, at), mask)

    f.sweep(f.start, f.stop, lanes, search)
    return f.code
