"""Kernels over integers: addresses in bytes, as they stand in tables of jobs."""

from __future__ import annotations

from typing import Any

from minikeras_kernels.values import Kind, Val, const
from minikeras_kernels.writer import Writer

from minikeras_numba.ir.compile import target
from minikeras_numba.ir.job import place

KINDS = {"float32": Kind.F32, "float64": Kind.F64}
ITEMSIZE = {"float32": 4, "float64": 8}


class Contract(Writer):
    """A function of i64 arguments; `lanes` elements of `dtype` make a vector."""

    def __init__(self, name: str, dtype: str, arguments: int) -> None:
        super().__init__(name, (Kind.I64,) * arguments, target())
        self.kind = KINDS[dtype]
        self.itemsize = ITEMSIZE[dtype]
        self.lanes = self.target.lanes(self.itemsize)

    def const(self, n: int) -> Val:
        return const(Kind.I64, n)

    def number(self, x: float) -> Val:
        """A number in every lane of a vector."""
        return const(self.kind, x, self.lanes)

    def word(self, base: Val, index: int = 0) -> Val:
        """The i64 at `base[index]`."""
        return self.peek(self.add(base, 8 * index))

    def field(self, kind: type[tuple[Any, ...]], name: str) -> Val:
        """A field of the job that the kernel is called for; see `job.Job`."""
        return self.word(self.parameters[4], place(kind, name))

    def peek(self, address: Val, kind: Kind = Kind.I64) -> Val:
        """The element at an address."""
        return self.load(self.pointer(address, kind))

    def poke(self, x: Val, address: Val) -> None:
        """An element to an address."""
        self.store(x, self.pointer(address, x.kind))

    def vload(self, address: Val, mask: Val | None = None) -> Val:
        """A vector from memory; lanes off the mask are not read, and zero."""
        return self.load(self.pointer(address, self.kind), self.lanes, mask)

    def vstore(self, x: Val, address: Val, mask: Val | None = None) -> None:
        """A vector to memory; lanes off the mask are not written."""
        self.store(x, self.pointer(address, x.kind), mask)

    def head(self, count: Val) -> Val:
        """A mask with the first `count` lanes of a vector set."""
        return self.first_lanes(count, self.lanes)

    def wide(self, x: Val) -> Val:
        """A scalar in every lane of a vector."""
        return self.splat(x, self.lanes)
