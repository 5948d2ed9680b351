"""Triangular factors of many matrices, each by one thread.

The arithmetic is that of the reference, in its order: one division, one product and one
difference at a time, so the factors have its bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.values import Address, Kind, Val, const

from minikeras.extend import Node, Value
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.launch import Launch, Native

_KIND = {"float32": Kind.F32, "float64": Kind.F64}
_GRAIN_STEPS = 1 << 14
_ZERO = const(Kind.I64, 0)


class _Factors:
    """Writes the kernel: meta holds rows, columns, the lesser of both, and four registers.

    A unit is a matrix.
    """

    def __init__(self, dtype: str) -> None:
        f = self.f = KernelWriter("lu", target())
        self.kind, self.lanes = _KIND[dtype], host().lanes(np.dtype(dtype).itemsize)
        self.rows, self.columns, self.steps, *registers = f.words(7)
        kinds = self.kind, self.kind, Kind.I32, Kind.I32
        self.x, self.packed, self.pivots, self.order = map(f.array, registers, kinds)
        self.best, self.found = f.slot(self.kind), f.slot(Kind.I64)

    def row(self, matrix: Address, number: Val) -> Address:
        return self.f.at(matrix, self.f.mul(number, self.columns))

    def write(self) -> Code:
        f = self.f
        with f.loop(f.start, f.stop) as number:
            size = f.mul(self.rows, self.columns)
            source = f.at(self.x, f.mul(number, size))
            a = f.at(self.packed, f.mul(number, size))
            swaps = f.at(self.pivots, f.mul(number, self.steps))
            places = f.at(self.order, f.mul(number, self.rows))

            def take(at: Val, mask: Val | None) -> None:
                f.store(f.load(f.at(source, at), self.lanes, mask), f.at(a, at), mask)

            f.sweep(_ZERO, size, self.lanes, take)
            with f.loop(_ZERO, self.rows) as i:
                f.store(f.convert(Op.TRUNC, i, Kind.I32), f.at(places, i))
            with f.loop(_ZERO, self.steps) as k:
                top, below = self.row(a, k), f.add(k, 1)
                pivot = self.find(a, top, k, below)
                f.store(f.convert(Op.TRUNC, pivot, Kind.I32), f.at(swaps, k))
                with f.when(f.icmp(Rel.NE, pivot, k)):
                    self.swap(a, top, pivot)
                    one, two = f.at(places, k), f.at(places, pivot)
                    first, second = f.load(one), f.load(two)
                    f.store(second, one)
                    f.store(first, two)
                self.eliminate(a, top, k, below)
        return f.code

    def find(self, a: Address, top: Address, k: Val, below: Val) -> Val:
        """The pivot's row: of a column's greatest elements, or NaN, the first."""
        f = self.f
        f.put(self.best, f.one(Op.FABS, f.load(f.at(top, k))))
        f.put(self.found, k)
        with f.loop(below, self.rows) as i:
            size_of = f.one(Op.FABS, f.load(f.at(self.row(a, i), k)))
            known = f.get(self.best)
            nan = f.bin(
                Op.AND,
                f.fcmp(Rel.UNO, size_of, size_of),
                f.fcmp(Rel.ORD, known, known),
            )
            with f.when(f.bin(Op.OR, f.fcmp(Rel.OGT, size_of, known), nan)):
                f.put(self.best, size_of)
                f.put(self.found, i)
        return f.get(self.found)

    def swap(self, a: Address, top: Address, pivot: Val) -> None:
        """The pivot's row to the top, the one there to its place."""
        f, lanes, other = self.f, self.lanes, self.row(a, pivot)

        def swap(at: Val, mask: Val | None) -> None:
            one, two = f.at(top, at), f.at(other, at)
            first, second = f.load(one, lanes, mask), f.load(two, lanes, mask)
            f.store(second, one, mask)
            f.store(first, two, mask)

        f.sweep(_ZERO, self.columns, lanes, swap)

    def eliminate(self, a: Address, top: Address, k: Val, below: Val) -> None:
        """Take multiples of the top row from those below; the factors stand in the column."""
        f, lanes = self.f, self.lanes
        divisor = f.load(f.at(top, k))
        # A column of zeros: LAPACK leaves it as it is, where a division would give NaN.
        zero = f.fcmp(Rel.OEQ, divisor, const(self.kind, 0.0))
        divisor = f.select(zero, const(self.kind, 1.0), divisor)
        with f.loop(below, self.rows) as i:
            line = self.row(a, i)
            factor = f.fdiv(f.load(f.at(line, k)), divisor)
            f.store(factor, f.at(line, k))
            wide = f.splat(factor, lanes)

            def reduce(at: Val, mask: Val | None) -> None:
                place = f.at(line, at)
                # No fused multiply and add: the reference rounds the product too.
                product = f.fmul(wide, f.load(f.at(top, at), lanes, mask))
                left = f.fsub(f.load(place, lanes, mask), product)
                f.store(left, place, mask)

            f.sweep(below, self.columns, lanes, reduce)


def _text(dtype: str) -> Code:
    return _Factors(dtype).write()


def lower_lu(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `lu`, or None: NumPy does it."""
    x = node.inputs[0].aval
    *batch, rows, columns = x.shape
    if x.dtype not in _KIND or not x.size:
        return None
    fn = compile_kernel("lu", lambda: _text(x.dtype), f"lu {x.dtype} {target()}")
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    steps = min(rows, columns)
    meta = np.array([rows, columns, steps, *slots], np.int64)
    grain = max(1, _GRAIN_STEPS // (rows * columns * steps))
    return Native([Launch(fn, meta, math.prod(batch), grain)])
