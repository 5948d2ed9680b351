"""Argmax and argmin along rows."""

from __future__ import annotations

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import Target
from minikeras_kernels.values import Kind, Val, const, counting

FLOATS = {"float32": Kind.F32, "float64": Kind.F64}
_ONE, _ZERO = const(Kind.I64, 1), const(Kind.I64, 0)


def argreduce(name: str, dtype: str, target: Target, wide: bool = False) -> Code:
    """The kernel over rows: its table has the width and two arrays.

    The first of equals wins, and the first NaN over all. One element after the other, for
    short rows; in lanes for wide ones, and where a warp has them anyway.
    """
    if target.warp or wide:
        return _in_lanes(name, dtype, target)
    f = KernelWriter("argreduce", target)
    kind = FLOATS[dtype]
    width, *registers = f.words(3)
    x, out = map(f.array, registers, (kind, Kind.I32))
    best, place = f.slot(kind), f.slot(Kind.I64)
    with f.loop(f.start, f.stop) as row:
        base = f.at(x, f.mul(row, width))
        f.put(best, f.load(base))
        f.put(place, _ZERO)
        with f.loop(_ONE, width) as at:
            value, so_far = f.load(f.at(base, at)), f.get(best)
            beyond = f.fcmp(Rel.UGT if name == "argmax" else Rel.ULT, value, so_far)
            wins = f.bin(Op.AND, beyond, f.fcmp(Rel.ORD, so_far, so_far))
            f.put(best, f.select(wins, value, so_far))
            f.put(place, f.select(wins, at, f.get(place)))
        index = f.convert(Op.TRUNC, f.get(place), Kind.I32)
        f.store(index, f.at(out, row))
    return f.code


def _in_lanes(name: str, dtype: str, target: Target) -> Code:
    """The same with a share of the row for each lane."""
    f = KernelWriter("argreduce", target)
    kind = FLOATS[dtype]
    lanes = target.lanes() if target.warp else target.lanes(kind.nbytes)
    more = Rel.UGT if name == "argmax" else Rel.ULT
    width, *numbers = f.words(3)
    x, out = map(f.array, numbers, (kind, Kind.I32))
    best, place = f.slot(kind, lanes), f.slot(Kind.I64, lanes)

    def beyond(a: Val, b: Val) -> Val:
        return f.bin(Op.AND, f.fcmp(more, a, b), f.fcmp(Rel.ORD, b, b))

    with f.loop(f.start, f.stop) as row:
        base = f.at(x, f.mul(row, width))
        f.put(best, f.splat(f.load(base), lanes))
        f.put(place, const(Kind.I64, 0, lanes))

        def step(at: Val, mask: Val | None) -> None:
            value, so_far = f.load(f.at(base, at), lanes, mask), f.get(best)
            wins = beyond(value, so_far)
            if mask is not None:
                wins = f.bin(Op.AND, wins, mask)
            index = f.add(f.splat(at, lanes), counting(Kind.I64, lanes))
            f.put(best, f.select(wins, value, so_far))
            f.put(place, f.select(wins, index, f.get(place)))

        f.sweep(_ZERO, width, lanes, step)
        top, first = f.get(best), f.get(place)
        while top.lanes > 1:
            half = top.lanes // 2
            (a, b), (i, j) = (
                (f.part(v, 0, half), f.part(v, half, half)) for v in (top, first)
            )
            # of two that are as good, both NaN among them, the earlier one
            alike = f.invert(f.bin(Op.OR, beyond(a, b), beyond(b, a)))
            sooner = f.bin(Op.AND, alike, f.icmp(Rel.SLT, j, i))
            wins = f.bin(Op.OR, beyond(b, a), sooner)
            top, first = f.select(wins, b, a), f.select(wins, j, i)
        f.store(f.convert(Op.TRUNC, first, Kind.I32), f.at(out, row))
    return f.code
