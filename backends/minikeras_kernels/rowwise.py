"""Softmax, log-softmax and softmax cross-entropy over the last axis, one kernel each.

A row is read for its maximum, then for the sum of exponentials, then written. Rows
are short beside the caches, so each is read from memory once.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from minikeras_kernels import mathlib
from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.elementwise import (
    MEMORY_KIND,
    REGISTER_KIND,
    from_memory,
    to_memory,
)
from minikeras_kernels.folds import combine
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import Target
from minikeras_kernels.values import Address, Kind, Val, const

ROWWISE = ("softmax", "log_softmax", "softmax_cross_entropy_with_logits")
_BESIDE = 4  # rows at a time, where a unit has so many


class _Row:
    """One row that is worked on: where it is, and what it has summed up so far."""

    def __init__(self, kernel: RowKernel, number: Val, cells: list[Address]) -> None:
        f, arrays = kernel.f, kernel.arrays
        offset = f.mul(number, kernel.width)
        self.x = f.at(arrays[0], offset)
        self.second = f.at(arrays[1], offset)
        self.out = f.at(arrays[2], number if kernel.loses else offset)
        self.cells = cells


class RowKernel:
    """Writes one of the kernels.

    Several rows are worked on side by side: of one alone each step would wait for the
    one before, the folds across its lanes most of all.
    """

    def __init__(self, name: str, dtype: str, target: Target) -> None:
        self.f = KernelWriter("rowwise", target)
        self.name, self.dtype, self.kind = name, dtype, REGISTER_KIND[dtype]
        self.lanes = target.lanes()
        self.loses = name == ROWWISE[2]

    def write(self) -> Code:
        f = self.f
        self.width, *registers = f.words(4)
        memory = MEMORY_KIND[self.dtype]
        self.arrays = [f.array(number, memory) for number in registers]
        beside = 1 if self.loses or f.target.warp else _BESIDE
        cells = [
            [f.slot(self.kind, self.lanes) for _ in range(3)] for _ in range(beside)
        ]
        start, stop = f.start, f.stop
        if beside > 1:
            whole = f.bin(Op.AND, f.sub(stop, start), const(Kind.I64, -beside))
            middle = f.add(start, whole)
            with f.loop(start, middle, beside) as at:
                numbers = [f.add(at, const(Kind.I64, i)) for i in range(beside)]
                self.softmax(list(map(_Row, [self] * beside, numbers, cells)))
            start = middle
        with f.loop(start, stop) as number:
            row = _Row(self, number, cells[0])
            if self.loses:
                self.loss(row)
            else:
                self.softmax([row])
        return f.code

    def read(self, base: Address, at: Val, mask: Val | None) -> Val:
        raw = self.f.load(self.f.at(base, at), self.lanes, mask)
        return from_memory(self.f, raw, self.dtype)

    def put(self, x: Val, row: _Row, at: Val, mask: Val | None) -> None:
        self.f.store(to_memory(self.f, x, self.dtype), self.f.at(row.out, at), mask)

    def fold(
        self, cell: Address, how: str, x: Val, mask: Val | None, start: float
    ) -> None:
        f = self.f
        if mask is not None:
            x = f.select(mask, x, f.like(x, start))
        so_far = f.get(cell)
        f.put(cell, combine(f, how, so_far, x, self.dtype))

    def reset(self, cell: Address, start: float) -> None:
        self.f.put(cell, const(self.kind, start, self.lanes))

    def totals(self, cells: list[Address], how: str) -> list[Val]:
        """The folds across lanes, half by half, of all rows at each step."""
        f = self.f
        values = [f.get(cell) for cell in cells]
        while values[0].lanes > 1:
            half = values[0].lanes // 2
            values = [
                combine(f, how, f.part(v, 0, half), f.part(v, half, half), self.dtype)
                for v in values
            ]
        return values

    def sweep(self, step: Callable[[Val, Val | None], None]) -> None:
        self.f.sweep(const(Kind.I64, 0), self.width, self.lanes, step)

    def largest(self, rows: list[_Row]) -> list[Val]:
        """The maximum of each row, in every lane."""
        for row in rows:
            self.reset(row.cells[0], -math.inf)

        def step(at: Val, mask: Val | None) -> None:
            for row in rows:
                x = self.read(row.x, at, mask)
                self.fold(row.cells[0], "max", x, mask, -math.inf)

        self.sweep(step)
        tops = self.totals([row.cells[0] for row in rows], "max")
        return [self.f.splat(top, self.lanes) for top in tops]

    def softmax(self, rows: list[_Row]) -> None:
        f = self.f
        tops = self.largest(rows)
        for row in rows:
            self.reset(row.cells[1], 0.0)
        softmax = self.name == "softmax"
        # the result holds the exponentials meanwhile, unless it would round them
        keep = softmax and self.kind is MEMORY_KIND[self.dtype]

        def add(at: Val, mask: Val | None) -> None:
            for row, top in zip(rows, tops, strict=True):
                e = mathlib.exp(f, f.fsub(self.read(row.x, at, mask), top))
                if keep:
                    self.put(e, row, at, mask)
                self.fold(row.cells[1], "sum", e, mask, 0.0)

        self.sweep(add)
        scales = []
        for total in self.totals([row.cells[1] for row in rows], "sum"):
            one = f.like(total, 1.0)
            scale = f.fdiv(one, total) if softmax else mathlib.log(f, total)
            scales.append(f.splat(scale, self.lanes))

        def finish(at: Val, mask: Val | None) -> None:
            for row, top, scale in zip(rows, tops, scales, strict=True):
                if keep:
                    y = f.fmul(self.read(row.out, at, mask), scale)
                else:
                    y = f.fsub(self.read(row.x, at, mask), top)
                    y = (
                        f.fmul(mathlib.exp(f, y), scale)
                        if softmax
                        else f.fsub(y, scale)
                    )
                self.put(y, row, at, mask)

        self.sweep(finish)

    def loss(self, row: _Row) -> None:
        """sum(p) log(sum(exp(x - top))) - sum(p (x - top))."""
        f = self.f
        (top,) = self.largest([row])
        exponentials, weights, products = row.cells
        for cell in row.cells:
            self.reset(cell, 0.0)

        def add(at: Val, mask: Val | None) -> None:
            x = f.fsub(self.read(row.x, at, mask), top)
            p = self.read(row.second, at, mask)
            self.fold(exponentials, "sum", mathlib.exp(f, x), mask, 0.0)
            self.fold(weights, "sum", p, mask, 0.0)
            x = f.select(
                f.fcmp(Rel.OEQ, p, f.like(p, 0.0)), p, x
            )  # none of infinity is 0
            self.fold(products, "sum", f.fmul(p, x), mask, 0.0)

        self.sweep(add)
        sums = self.totals([exponentials, weights, products], "sum")
        log_sum = mathlib.log(f, sums[0])
        loss = f.fma(sums[1], log_sum, f.fneg(sums[2]))
        f.store(to_memory(f, loss, self.dtype), row.out)
