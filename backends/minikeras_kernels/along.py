"""Elements by indices along an axis, and the sum back: the gradients of sorts and choices.

Arrays are `(outer, size, inner)`, indices `(outer, count, inner)`; a unit is one of `outer`.
"""

from __future__ import annotations

import math

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.elementwise import is_float, is_signed
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
INDICES = {"int32": Kind.I32, "int64": Kind.I64}
_ZERO = const(Kind.I64, 0)


def _missing(dtype: str) -> Val:
    """What stands for an element that does not exist."""
    kind = KINDS[dtype]
    if is_float(dtype):
        return const(kind, math.nan)
    return const(kind, -(2 ** (8 * kind.nbytes - 1)) if is_signed(dtype) else -1)


def _index(f: KernelWriter, place: Address, index: str) -> Val:
    at = f.load(place)
    return f.convert(Op.SEXT, at, Kind.I64) if index == "int32" else at


def take_along(dtype: str, index: str, target: Target) -> Code:
    """Words: size, count, inner, and the arrays: elements, indices, result.

    An index out of range gives NaN, or the far end of the integers.
    """
    f = KernelWriter("take_along_axis", target)
    size, count, inner, *registers = f.words(6)
    kinds = KINDS[dtype], INDICES[index], KINDS[dtype]
    x, indices, out = map(f.array, registers, kinds)
    with f.loop(f.start, f.stop) as unit:
        source = f.at(x, f.mul(f.mul(unit, size), inner))
        begin = f.mul(f.mul(unit, count), inner)
        chosen, made = f.at(indices, begin), f.at(out, begin)
        with f.loop(_ZERO, count) as row:
            base = f.mul(row, inner)
            with f.loop(_ZERO, inner) as column:
                place = f.add(base, column)
                at = _index(f, f.at(chosen, place), index)
                exists = f.icmp(Rel.ULT, at, size)
                at = f.add(f.mul(f.select(exists, at, _ZERO), inner), column)
                value = f.select(exists, f.load(f.at(source, at)), _missing(dtype))
                f.store(value, f.at(made, place))
    return f.code


def take_from_lines(dtype: str, index: str, target: Target) -> Code:
    """The same along the last axis, by vectors; `inner` is 1."""
    f = KernelWriter("take_along_axis", target)
    size, count, _, *registers = f.words(6)
    kinds = KINDS[dtype], INDICES[index], KINDS[dtype]
    x, indices, out = map(f.array, registers, kinds)
    lanes = target.lanes(KINDS[dtype].nbytes)
    with f.loop(f.start, f.stop) as unit:
        source, begin = f.at(x, f.mul(unit, size)), f.mul(unit, count)
        chosen, made = f.at(indices, begin), f.at(out, begin)

        def take(at: Val, mask: Val | None) -> None:
            number = f.load(f.at(chosen, at), lanes, mask)
            if index == "int32":
                number = f.convert(Op.SEXT, number, Kind.I64)
            exists = f.icmp(Rel.ULT, number, f.splat(size, lanes))
            safe = f.select(exists, number, f.like(number, 0))
            missing = f.splat(_missing(dtype), lanes)
            value = f.select(exists, f.gather(source, safe), missing)
            f.store(value, f.at(made, at), mask)

        f.sweep(_ZERO, count, lanes, take)
    return f.code


def put_along(dtype: str, index: str, target: Target) -> Code:
    """Words: size, count, inner, and the arrays: what is added, indices, result.

    An index out of range adds nothing.
    """
    f = KernelWriter("put_along_axis_add", target)
    kind = KINDS[dtype]
    size, count, inner, *registers = f.words(6)
    g, indices, out = map(f.array, registers, (kind, INDICES[index], kind))
    lanes = target.lanes(kind.nbytes)
    with f.loop(f.start, f.stop) as unit:
        begin, whole = f.mul(f.mul(unit, count), inner), f.mul(size, inner)
        given, chosen = f.at(g, begin), f.at(indices, begin)
        made = f.at(out, f.mul(unit, whole))

        def clear(at: Val, mask: Val | None) -> None:
            f.store(const(kind, 0, lanes), f.at(made, at), mask)

        f.sweep(_ZERO, whole, lanes, clear)
        with f.loop(_ZERO, count) as row:
            base = f.mul(row, inner)
            with f.loop(_ZERO, inner) as column:
                place = f.add(base, column)
                at = _index(f, f.at(chosen, place), index)
                with f.when(f.icmp(Rel.ULT, at, size)):
                    to = f.at(made, f.add(f.mul(at, inner), column))
                    total, value = f.load(to), f.load(f.at(given, place))
                    add = f.fadd if is_float(dtype) else f.add
                    f.store(add(total, value), to)
    return f.code
