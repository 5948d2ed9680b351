"""Triangular factors of many matrices, each by one thread.

The arithmetic is that of the reference, in its order: one division, one product and one
difference at a time, so the factors have its bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.signature import Kernel
from minikeras_kernels.values import Address, Kind, Val, const

from minikeras.extend import Node, Value
from minikeras_numba.ir.compile import compile_kernel, target
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.launch import Launch, Native

_KIND = {"float32": Kind.F32, "float64": Kind.F64}
_GRAIN_STEPS = 1 << 14
_ZERO = const(Kind.I64, 0)


def _text(dtype: str) -> Code:
    """The kernel: meta holds rows, columns, the lesser of both, and four registers.

    A unit is a matrix. Of the elements of a column that are the greatest, or are NaN, the
    first is the pivot.
    """
    f = Kernel("lu", target())
    kind, lanes = _KIND[dtype], host().lanes(np.dtype(dtype).itemsize)
    rows, columns, steps, *registers = f.words(7)
    kinds = kind, kind, Kind.I32, Kind.I32
    x, packed, pivots, order = map(f.array, registers, kinds)
    best, found = f.slot(kind), f.slot(Kind.I64)

    def row(matrix: Address, number: Val) -> Address:
        return f.at(matrix, f.mul(number, columns))

    with f.loop(f.start, f.stop) as number:
        size = f.mul(rows, columns)
        source, a = f.at(x, f.mul(number, size)), f.at(packed, f.mul(number, size))
        swaps = f.at(pivots, f.mul(number, steps))
        places = f.at(order, f.mul(number, rows))

        def take(at: Val, mask: Val | None) -> None:
            f.store(f.load(f.at(source, at), lanes, mask), f.at(a, at), mask)

        f.sweep(_ZERO, size, lanes, take)
        with f.loop(_ZERO, rows) as i:
            f.store(f.convert(Op.TRUNC, i, Kind.I32), f.at(places, i))
        with f.loop(_ZERO, steps) as k:
            top, below = row(a, k), f.add(k, 1)
            f.put(best, f.one(Op.FABS, f.load(f.at(top, k))))
            f.put(found, k)
            with f.loop(below, rows) as i:
                size_of = f.one(Op.FABS, f.load(f.at(row(a, i), k)))
                known = f.get(best)
                nan = f.bin(
                    Op.AND,
                    f.fcmp(Rel.UNO, size_of, size_of),
                    f.fcmp(Rel.ORD, known, known),
                )
                with f.when(f.bin(Op.OR, f.fcmp(Rel.OGT, size_of, known), nan)):
                    f.put(best, size_of)
                    f.put(found, i)
            pivot = f.get(found)
            f.store(f.convert(Op.TRUNC, pivot, Kind.I32), f.at(swaps, k))
            with f.when(f.icmp(Rel.NE, pivot, k)):
                other = row(a, pivot)

                def swap(at: Val, mask: Val | None) -> None:
                    one, two = f.at(top, at), f.at(other, at)
                    first, second = f.load(one, lanes, mask), f.load(two, lanes, mask)
                    f.store(second, one, mask)
                    f.store(first, two, mask)

                f.sweep(_ZERO, columns, lanes, swap)
                one, two = f.at(places, k), f.at(places, pivot)
                first, second = f.load(one), f.load(two)
                f.store(second, one)
                f.store(first, two)
            divisor = f.load(f.at(top, k))
            zero = f.fcmp(Rel.OEQ, divisor, const(kind, 0.0))
            divisor = f.select(zero, const(kind, 1.0), divisor)
            with f.loop(below, rows) as i:
                line = row(a, i)
                factor = f.fdiv(f.load(f.at(line, k)), divisor)
                f.store(factor, f.at(line, k))
                wide = f.splat(factor, lanes)

                def reduce(at: Val, mask: Val | None) -> None:
                    place = f.at(line, at)
                    product = f.fmul(wide, f.load(f.at(top, at), lanes, mask))
                    left = f.fsub(f.load(place, lanes, mask), product)
                    f.store(left, place, mask)

                f.sweep(below, columns, lanes, reduce)
    return f.code


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
