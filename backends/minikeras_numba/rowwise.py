"""Softmax, log-softmax and softmax cross-entropy over the last axis, one kernel each.

A row is read for its maximum, then for the sum of exponentials, then written. Rows
are short beside the caches, so each is read from memory once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from minikeras.extend import Node, Value
from minikeras_numba import mathlib
from minikeras_numba.elementwise import REGISTER_KIND
from minikeras_numba.emit import Fn, Val, const
from minikeras_numba.fused import Native, Step
from minikeras_numba.jit import compile_ir, host
from minikeras_numba.kernel import PARAMETERS, across, combine

ROWWISE = ("softmax", "log_softmax", "softmax_cross_entropy_with_logits")
_GRAIN_ELEMENTS = 8192
_ONE = const("i64", 1)


class _RowKernel:
    """Writes one of the kernels."""

    def __init__(self, name: str, dtype: str) -> None:
        self.f = Fn("rowwise", PARAMETERS, host().attributes)
        self.name, self.dtype, self.kind = name, dtype, REGISTER_KIND[dtype]
        self.lanes = host().lanes(4)

    def write(self) -> str:
        f = self.f
        words = []
        for i in range(4):
            at = f.gep("i64", Val("%meta", "ptr"), const("i64", i))
            words.append(f.load(at, "i64"))
        self.width = words[0]
        arrays = []
        for word in words[1:]:
            address = f.load(f.gep("i64", Val("%regs", "ptr"), word), "i64")
            arrays.append(f.convert("inttoptr", address, "ptr"))
        self.cells = [f.alloca(self.kind, self.lanes) for _ in range(3)]
        with f.loop(Val("%start", "i64"), Val("%stop", "i64"), _ONE) as row:
            offset = f.mul(row, self.width)
            self.x = f.gep(self.kind, arrays[0], offset)
            self.second = f.gep(self.kind, arrays[1], offset)
            if self.name == ROWWISE[2]:
                self.loss(f.gep(self.kind, arrays[2], row))
            else:
                self.out = f.gep(self.kind, arrays[2], offset)
                self.softmax()
        return f.text()

    def read(self, base: Val, at: Val, mask: Val | None) -> Val:
        address = self.f.gep(self.kind, base, at)
        if mask is None:
            return self.f.load(address, self.kind, self.lanes)
        return self.f.masked_load(address, self.kind, mask)

    def put(self, x: Val, at: Val, mask: Val | None) -> None:
        address = self.f.gep(self.kind, self.out, at)
        if mask is None:
            self.f.store(x, address)
        else:
            self.f.masked_store(x, address, mask)

    def fold(self, cell: Val, how: str, x: Val, mask: Val | None, start: float) -> None:
        f = self.f
        if mask is not None:
            x = f.select(mask, x, f.like(x, start))
        so_far = f.load(cell, self.kind, self.lanes, 64)
        f.store(combine(f, how, so_far, x, self.dtype), cell, 64)

    def reset(self, cell: Val, start: float) -> None:
        self.f.store(const(self.kind, start, self.lanes), cell, 64)

    def total(self, cell: Val, how: str) -> Val:
        lanes = self.f.load(cell, self.kind, self.lanes, 64)
        return across(self.f, how, lanes, self.dtype)

    def sweep(self, step: Callable[[Val, Val | None], None]) -> None:
        self.f.sweep(const("i64", 0), self.width, self.lanes, step)

    def largest(self) -> Val:
        """The maximum of the row, in every lane."""
        cell = self.cells[0]
        self.reset(cell, -math.inf)
        self.sweep(
            lambda at, mask: self.fold(
                cell, "max", self.read(self.x, at, mask), mask, -math.inf
            )
        )
        return self.f.splat(self.total(cell, "max"), self.lanes)

    def softmax(self) -> None:
        f, cell = self.f, self.cells[1]
        top = self.largest()
        self.reset(cell, 0.0)
        keep = self.name == "softmax"

        def add(at: Val, mask: Val | None) -> None:
            e = mathlib.exp(f, f.fsub(self.read(self.x, at, mask), top))
            if keep:
                self.put(e, at, mask)
            self.fold(cell, "sum", e, mask, 0.0)

        self.sweep(add)
        total = self.total(cell, "sum")
        if keep:
            scale = f.splat(f.fdiv(f.like(total, 1.0), total), self.lanes)
        else:
            scale = f.splat(mathlib.log(f, total), self.lanes)

        def finish(at: Val, mask: Val | None) -> None:
            if keep:
                y = f.fmul(self.read(self.out, at, mask), scale)
            else:
                y = f.fsub(f.fsub(self.read(self.x, at, mask), top), scale)
            self.put(y, at, mask)

        self.sweep(finish)

    def loss(self, place: Val) -> None:
        """sum(p) log(sum(exp(x - top))) - sum(p (x - top))."""
        f = self.f
        top = self.largest()
        exponentials, weights, products = self.cells
        for cell in self.cells:
            self.reset(cell, 0.0)

        def add(at: Val, mask: Val | None) -> None:
            x = f.fsub(self.read(self.x, at, mask), top)
            p = self.read(self.second, at, mask)
            self.fold(exponentials, "sum", mathlib.exp(f, x), mask, 0.0)
            self.fold(weights, "sum", p, mask, 0.0)
            self.fold(products, "sum", f.fmul(p, x), mask, 0.0)

        self.sweep(add)
        log_sum = mathlib.log(f, self.total(exponentials, "sum"))
        left = f.fmul(self.total(weights, "sum"), log_sum)
        f.store(f.fsub(left, self.total(products, "sum")), place)


def lower_rowwise(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for one of `ROWWISE` over the last axis, or None where NumPy does it."""
    aval, name = node.inputs[0].aval, node.prim.name
    if aval.dtype not in ("float32", "float64") or not aval.shape or aval.size == 0:
        return None
    if node.static.get("axis", -1) not in (-1, len(aval.shape) - 1):
        return None
    if any(v.aval != aval for v in node.inputs):
        return None
    dtype, width = aval.dtype, aval.shape[-1]
    fn = compile_ir(
        "rowwise",
        lambda _: _RowKernel(name, dtype).write(),
        f"rowwise {name} {dtype} {host().lanes(4)}",
    )
    slots = [regs[node.inputs[0]], regs[node.inputs[-1]], regs[node.outputs[0]]]
    meta = np.array([width, *slots], np.int64)
    rows = aval.size // width
    return Native([Step(fn, meta, rows, max(1, -(-_GRAIN_ELEMENTS // width)))])
