"""Sums of neighbours along an axis, each with weights of its own.

Arrays are `(outer, n, inner)` and `(outer, size, inner)`: where `inner` is small the
elements of one place are written out, else they are swept in vectors.
"""

from __future__ import annotations

from minikeras_kernels.code import Code, Op
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import Target, pieces
from minikeras_kernels.values import Address, Kind, Val, const

KINDS = {"float32": Kind.F32, "float64": Kind.F64}
MOST_INNER = 8  # that are written out
MOST_TAPS = 10  # that are written out
WORDS = 8  # before the first rows of all runs, and then their weights
_ZERO, _ONE = const(Kind.I64, 0), const(Kind.I64, 1)


def banded(dtype: str, inner: int, taps: int, target: Target) -> Code:
    """Words: strips, columns of one, n, size, inner, taps, the two arrays.

    Args:
        dtype: Of both arrays.
        inner: How many elements are at a place; 0: the word says.
        taps: How many places are summed; 0: the word says.
        target: The machine.

    A unit is a strip of the columns of one of `outer`.
    """
    f = KernelWriter("banded", target)
    kind = KINDS[dtype]
    lanes = target.lanes(kind.nbytes)
    strips, columns, n, size, *rest = f.words(WORDS)
    x, out = (f.array(number, kind) for number in rest[2:])
    elements = const(Kind.I64, inner) if inner else rest[0]
    count = const(Kind.I64, taps) if taps else rest[1]
    runs = f.at(f.meta, const(Kind.I64, WORDS))
    words = f.mul(f.add(size, WORDS), 8 // kind.nbytes)
    shares = f.at(Address(f.meta.base, kind), words)
    with f.loop(f.start, f.stop) as unit:
        outer = f.bin(Op.UDIV, unit, strips)
        low = f.mul(f.sub(unit, f.mul(outer, strips)), columns)
        high = f.bin(Op.SMIN, f.add(low, columns), size)
        source = f.at(x, f.mul(f.mul(outer, n), elements))
        target_row = f.at(out, f.mul(f.mul(outer, size), elements))
        with f.loop(low, high) as column:
            run = f.at(source, f.mul(f.load(f.at(runs, column)), elements))
            place = f.at(target_row, f.mul(column, elements))
            weights = f.at(shares, f.mul(column, count))

            def term(tap: Val, at: Val, width: int, mask: Val | None) -> Val:
                value = f.load(f.at(run, f.add(f.mul(tap, elements), at)), width, mask)
                return f.fmul(value, f.splat(f.load(f.at(weights, tap)), width))

            def total(at: Val, width: int, mask: Val | None) -> Val:
                made = term(_ZERO, at, width, mask)
                if taps:
                    for number in range(1, taps):
                        more = term(const(Kind.I64, number), at, width, mask)
                        made = f.fadd(made, more)
                    return made
                kept = f.variable(made)
                with f.loop(_ONE, count) as tap:
                    f.put(kept, f.fadd(f.get(kept), term(tap, at, width, mask)))
                return f.get(kept)

            def swept(at: Val, mask: Val | None) -> None:
                f.store(total(at, lanes, mask), f.at(place, at), mask)

            first = 0
            for width in pieces(inner):
                at = const(Kind.I64, first)
                f.store(total(at, width, None), f.at(place, at))
                first += width
            if not inner:
                f.sweep(_ZERO, elements, lanes, swept)
    return f.code
