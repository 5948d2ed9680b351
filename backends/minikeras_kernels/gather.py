"""Gather of rows: the look-up of an embedding."""

from __future__ import annotations

import math

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import Target
from minikeras_kernels.values import Kind, Val, const

FLOATS = {"float32": Kind.F32, "float64": Kind.F64}
INDICES = {"int32": Kind.I32, "int64": Kind.I64}
_ZERO = const(Kind.I64, 0)


def gather(dtype: str, index: str, target: Target) -> Code:
    """The kernel over indices: its table has the count of rows, the width, three arrays.

    An index out of range gives NaN.
    """
    f = KernelWriter("gather", target)
    kind = FLOATS[dtype]
    lanes = target.lanes(kind.nbytes)
    rows, width, *registers = f.words(5)
    kinds = kind, INDICES[index], kind
    table, indices, out = map(f.array, registers, kinds)
    with f.loop(f.start, f.stop) as number:
        row = f.load(f.at(indices, number))
        row = f.convert(Op.SEXT, row, Kind.I64) if index == "int32" else row
        exists = f.icmp(Rel.ULT, row, rows)  # a negative one is huge without its sign
        row = f.select(exists, row, _ZERO)
        exists = f.splat(exists, lanes)
        source = f.at(table, f.mul(row, width))
        target_row = f.at(out, f.mul(number, width))

        def move(at: Val, mask: Val | None) -> None:
            x = f.load(f.at(source, at), lanes, mask)
            x = f.select(exists, x, const(kind, math.nan, lanes))
            f.store(x, f.at(target_row, at), mask)

        f.sweep(_ZERO, width, lanes, move)
    return f.code
