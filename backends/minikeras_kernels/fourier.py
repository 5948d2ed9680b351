"""Fourier transforms of many lines: a lane for each line.

Stockham's form of the fast transform (Van Loan, Computational Frameworks for the Fast
Fourier Transform, 1992, section 1.7): stages of radix r, each from one buffer to the
other, after which everything is in order. Lines lie along the last axis; a group of them
is turned so that element j of each of its lines is one vector, and turned back at the end.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import Target
from minikeras_kernels.turning import transposed
from minikeras_kernels.values import Address, Kind, Val, const

KINDS = {"float32": Kind.F32, "float64": Kind.F64}
RADICES = (4, 2, 3, 5, 7)
HEAD = 12  # words of the table before the stages, and
STAGE = 4  # of each stage: radix, turns, stride, first of its factors
_Pair = tuple[Val, Val]
_ZERO = const(Kind.I64, 0)


def radices(n: int) -> tuple[int, ...] | None:
    """The radices of the stages for lines of `n`; None where other primes divide it."""
    found = []
    for radix in RADICES:
        while n % radix == 0:
            found.append(radix)
            n //= radix
    return tuple(found) if n == 1 else None


def stages(
    n: int,
) -> tuple[list[int], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """The words of all stages, and their factors: (real, imaginary) in a row."""
    words: list[int] = []
    factors: list[complex] = []
    stride, left = 1, n
    for radix in radices(n) or ():
        turns = left // radix
        words += [radix, turns, stride, 2 * len(factors)]
        factors += [
            cmath.exp(-2j * math.pi * (p * k % left) / left)
            for p in range(turns)
            for k in range(1, radix)
        ]
        stride, left = stride * radix, turns
    return words, np.array([(z.real, z.imag) for z in factors]).reshape(-1)


def transform(dtype: str, used: Sequence[int], target: Target) -> Code:
    """The kernel: a unit is some groups of lines, with two buffers of its own.

    The table holds lines, length, groups, units, stages, four registers (real and
    imaginary parts in, and out), the register of the buffers, or, where that is negative,
    their address, and the address of the factors.
    """
    f = KernelWriter("fourier", target)
    kind = KINDS[dtype]
    lanes = target.lanes(kind.nbytes)
    lines, length, groups, units, count, *registers, room, own, factors = f.words(HEAD)
    real, imag, out_real, out_imag = (f.array(r, kind) for r in registers)
    lent = f.load(f.at(f.regs, f.select(f.icmp(Rel.SLT, room, 0), _ZERO, room)))
    buffers = f.select(f.icmp(Rel.SLT, room, 0), own, lent)
    table = f.pointer(factors, kind)
    # Elements of a buffer: whole squares are written, also where a line ends within one.
    size = f.mul(f.bin(Op.AND, f.add(length, lanes - 1), -lanes), 2 * lanes)
    source, goal = f.slot(Kind.I64), f.slot(Kind.I64)
    wide = kind.nbytes

    with f.loop(f.start, f.stop) as unit:
        mine = f.add(buffers, f.mul(f.mul(unit, size), 2 * wide))
        begin = f.bin(Op.SDIV, f.mul(groups, unit), units)
        end = f.bin(Op.SDIV, f.mul(groups, f.add(unit, 1)), units)
        with f.loop(begin, end) as group:
            first = f.mul(group, lanes)
            here = f.one(Op.SMIN, f.sub(lines, first), const(Kind.I64, lanes))
            start = f.mul(first, length)
            f.put(source, mine)
            f.put(goal, f.add(mine, f.mul(size, wide)))
            buffer = f.pointer(mine, kind)
            # Lanes without a line do the last one once more.
            last = f.sub(here, 1)
            lines_at = [
                f.add(start, f.mul(f.one(Op.SMIN, const(Kind.I64, i), last), length))
                for i in range(lanes)
            ]
            turn = _Turn(f, lanes, lines_at, buffer)
            f.sweep(_ZERO, length, lanes, partial(turn.into, (real, imag)))
            with f.loop(_ZERO, count) as number:
                _stage(f, table, number, (source, goal), used, lanes)
                before = f.get(source)
                f.put(source, f.get(goal))
                f.put(goal, before)
            turn = turn._replace(buffer=f.pointer(f.get(source), kind))
            f.sweep(_ZERO, length, lanes, partial(turn.out, (out_real, out_imag)))
    return f.code


class _Turn(NamedTuple):
    """Squares of elements between lines, where they lie one after the other, and a buffer.

    There a vector has the same element of all lines, so that a butterfly is one operation
    for `lanes` of them.
    """

    f: KernelWriter
    lanes: int
    lines: Sequence[Val]
    buffer: Address

    def into(self, arrays: tuple[Address, Address], at: Val, mask: Val | None) -> None:
        f = self.f
        for half, array in enumerate(arrays):
            square = [
                f.load(f.at(array, f.add(line, at)), self.lanes, mask)
                for line in self.lines
            ]
            for i, vector in enumerate(transposed(f, square)):
                f.store(vector, self.pair(f.add(at, i))[half])

    def out(self, arrays: tuple[Address, Address], at: Val, mask: Val | None) -> None:
        f = self.f
        for half, array in enumerate(arrays):
            square = [
                f.load(self.pair(f.add(at, i))[half], self.lanes)
                for i in range(self.lanes)
            ]
            for line, vector in zip(self.lines, transposed(f, square), strict=True):
                f.store(vector, f.at(array, f.add(line, at)), mask)

    def pair(self, item: Val) -> tuple[Address, Address]:
        """Where the two vectors of an element are."""
        f, place = self.f, self.f.mul(item, 2 * self.lanes)
        return f.at(self.buffer, place), f.at(self.buffer, f.add(place, self.lanes))


def _stage(
    f: KernelWriter,
    table: Address,
    number: Val,
    buffers: tuple[Address, Address],
    used: Sequence[int],
    lanes: int,
) -> None:
    """A stage: the butterflies of its radix, each with its factors."""
    at = f.add(f.mul(number, STAGE), HEAD)
    radix, turns, stride, first = (
        f.load(f.at(f.meta, f.add(at, i))) for i in range(STAGE)
    )
    source, goal = (f.pointer(f.get(b), table.kind) for b in buffers)
    apart = f.mul(f.mul(turns, stride), 2 * lanes)  # between what one butterfly reads
    along = f.mul(stride, 2 * lanes)  # and between what it writes
    for r in used:
        with f.when(f.icmp(Rel.EQ, radix, r)), f.loop(_ZERO, turns) as p:
            place = f.at(table, f.add(first, f.mul(p, 2 * (r - 1))))
            turned = [
                (
                    f.splat(f.load(f.at(place, const(Kind.I64, 2 * k))), lanes),
                    f.splat(f.load(f.at(place, const(Kind.I64, 2 * k + 1))), lanes),
                )
                for k in range(r - 1)
            ]
            begin = f.mul(p, along)
            end = f.mul(begin, r)
            with f.loop(_ZERO, along, 2 * lanes) as q:
                read, write = f.add(begin, q), f.add(end, q)
                given = []
                for _ in range(r):
                    given.append(_load(f, source, read, lanes))
                    read = f.add(read, apart)
                for k, value in enumerate(_butterfly(f, given)):
                    made = _times(f, value, turned[k - 1]) if k else value
                    for half, part in enumerate(made):
                        f.store(part, f.at(goal, f.add(write, half * lanes)))
                    write = f.add(write, along)


def _load(f: KernelWriter, buffer: Address, place: Val, lanes: int) -> _Pair:
    one, two = f.at(buffer, place), f.at(buffer, f.add(place, lanes))
    return f.load(one, lanes), f.load(two, lanes)


def _times(f: KernelWriter, z: _Pair, w: _Pair) -> _Pair:
    (x, y), (c, s) = z, w
    return f.fnma(y, s, f.fmul(x, c)), f.fma(y, c, f.fmul(x, s))


def _plus(f: KernelWriter, a: _Pair, b: _Pair) -> _Pair:
    return f.fadd(a[0], b[0]), f.fadd(a[1], b[1])


def _minus(f: KernelWriter, a: _Pair, b: _Pair) -> _Pair:
    return f.fsub(a[0], b[0]), f.fsub(a[1], b[1])


def _turned(f: KernelWriter, a: _Pair, b: _Pair) -> tuple[_Pair, _Pair]:
    """a - i b and a + i b."""
    (ar, ai), (br, bi) = a, b
    return (f.fadd(ar, bi), f.fsub(ai, br)), (f.fsub(ar, bi), f.fadd(ai, br))


def _butterfly(f: KernelWriter, z: list[_Pair]) -> list[_Pair]:
    """The transform of a few elements."""
    if len(z) == 2:
        return [_plus(f, *z), _minus(f, *z)]
    if len(z) == 4:
        even, odd = _plus(f, z[0], z[2]), _plus(f, z[1], z[3])
        one, three = _turned(f, _minus(f, z[0], z[2]), _minus(f, z[1], z[3]))
        return [_plus(f, even, odd), one, _minus(f, even, odd), three]
    r, half = len(z), len(z) // 2
    sums = [_plus(f, z[i], z[r - i]) for i in range(1, half + 1)]
    gaps = [_minus(f, z[i], z[r - i]) for i in range(1, half + 1)]
    total = z[0]
    for s in sums:
        total = _plus(f, total, s)
    found = [total] * r
    for k in range(1, half + 1):
        angles = [2 * math.pi * (i * k % r) / r for i in range(1, half + 1)]
        alike: _Pair = z[0]
        across: _Pair | None = None
        for angle, s, g in zip(angles, sums, gaps, strict=True):
            cos, sin = math.cos(angle), math.sin(angle)
            alike = _scaled(f, s, cos, alike)
            across = _scaled(f, g, sin, across)
        assert across is not None
        found[k], found[r - k] = _turned(f, alike, across)
    return found


def _scaled(f: KernelWriter, z: _Pair, by: float, more: _Pair | None) -> _Pair:
    """`by` times z, and more."""
    factor = f.like(z[0], by)
    if more is None:
        return f.fmul(z[0], factor), f.fmul(z[1], factor)
    return f.fma(z[0], factor, more[0]), f.fma(z[1], factor, more[1])
