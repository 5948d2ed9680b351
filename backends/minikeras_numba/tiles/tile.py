"""The register-tiled microkernel under every matmul and convolution.

    C[p, v*L + l] = S[p, v*L + l]
                  + sum_{r < R} sum_{k < K} A[r*sar + p*sap + k*sak] * B[r*sbr + k*sbk + v*L + l]

P rows of C by V vectors of L lanes stay in registers over the whole reduction. The
two-level reduction with free strides makes one kernel serve a matmul (R = 1), a
channels-last convolution (R = kernel rows, K = a kernel row times channels: the rows
of A overlap, nothing is copied) and its weight gradient (R, K = the positions of
the output, p = channels). S is C itself to accumulate, a bias row with stride 0, or a
row of zeros.

A tile is called as `tile(A, B, C, S, job)`: the last is the address of a `Job`, in which
the tile finds its `Sums`. It repeats itself `times` times, moving A, C and S each time.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from minikeras_kernels.code import Code
from minikeras_kernels.values import Address, Val

from minikeras_numba.ir.compile import compile_contract
from minikeras_numba.ir.contract import Contract
from minikeras_numba.machine.jit import host


class Sums(NamedTuple):
    """The fields of a tile; strides and moves are in bytes, as in the formula above."""

    times: int = 1
    da: int = 0  # what A moves by from one time to the next
    dc: int = 0
    ds: int = 0
    r: int = 1
    k: int = 1
    sar: int = 0
    sap: int = 0
    sak: int = 0
    sbr: int = 0
    sbk: int = 0
    ldc: int = 0  # from row to row of C
    lds: int = 0  # from row to row of S
    tail: int = 0  # lanes of the last vector that are C's


@functools.cache
def vector_registers() -> int:
    """How many vector registers the processor has: 32 on AVX-512 and Arm, else 16."""
    machine = host()
    arm = machine.triple.startswith(("aarch64", "arm64"))
    return 32 if arm or machine.vector_bytes == 64 else 16


@functools.cache
def max_vectors() -> int:
    """The widest tile, in vectors."""
    return 4 if vector_registers() == 32 else 2


@functools.cache
def max_rows(vectors: int) -> int:
    """The tallest tile of that width: accumulators, B's vectors and a broadcast fit."""
    return min(14, (vector_registers() - vectors - 1) // vectors)


def tile(
    dtype: str, rows: int, vectors: int, masked: bool, dense: bool, exact: bool = False
) -> int:
    """The address of a tile.

    Args:
        dtype: float32 or float64.
        rows: P.
        vectors: V.
        masked: Whether only the job's `tail` lanes of the last vector are C's.
        dense: Whether the rows of A lie beside each other (sap is one element).
        exact: Whether rows of B end where C's do. They go on, where B is packed.
    """
    exact = exact and masked
    key = f"tile {dtype} {rows}x{vectors} masked={masked} dense={dense} exact={exact}"

    def build() -> Code:
        return _Tile(dtype, rows, vectors, masked, dense, exact).emit()

    return compile_contract("tile", build, key)


class _Tile:
    """Emits one tile; each method is one block of it."""

    def __init__(
        self,
        dtype: str,
        rows: int,
        vectors: int,
        masked: bool,
        dense: bool,
        exact: bool,
    ) -> None:
        self.code = Contract("tile", dtype, 5)
        self.rows, self.vectors = rows, vectors
        self.grid = [(p, v) for p in range(rows) for v in range(vectors)]
        self.dense = dense
        self.masked = masked
        self.exact = exact

    def field(self, name: str) -> Val:
        return self.code.field(Sums, name)

    def emit(self) -> Code:
        c = self.code
        a, b, out, start, _ = c.parameters
        self.mask = c.head(self.field("tail")) if self.masked else None
        a_at, c_at, s_at = (c.variable(x) for x in (a, out, start))
        moves = [
            (a_at, self.field("da")),
            (c_at, self.field("dc")),
            (s_at, self.field("ds")),
        ]
        ldc, lds = self.field("ldc"), self.field("lds")
        self.strides = {
            n: self.field(n) for n in ("r", "k", "sar", "sap", "sak", "sbr", "sbk")
        }
        with c.repeat(self.field("times"), moves):
            begin = c.get(s_at)
            sums = {pv: c.variable(self.load(begin, lds, *pv)) for pv in self.grid}
            self.reduce(c.get(a_at), b, sums)
            place = c.get(c_at)
            for p, v in self.grid:
                value = c.get(sums[p, v])
                c.vstore(value, self.at(place, ldc, p, v), self.mask_of(v))
        return c.code

    def at(self, base: Val, stride: Val, p: int, v: int) -> Val:
        c = self.code
        return c.add(base, c.mul(stride, p), c.const(v * c.lanes * c.itemsize))

    def mask_of(self, v: int) -> Val | None:
        return self.mask if v == self.vectors - 1 else None

    def load(self, base: Val, stride: Val, p: int, v: int) -> Val:
        return self.code.vload(self.at(base, stride, p, v), self.mask_of(v))

    def reduce(self, a: Val, b: Val, sums: dict[tuple[int, int], Address]) -> None:
        """The two loops of the reduction."""
        c, s = self.code, self.strides
        a_r, b_r = c.variable(a), c.variable(b)
        with c.repeat(s["r"], [(a_r, s["sar"]), (b_r, s["sbr"])]):
            a_k, b_k = c.variable(c.get(a_r)), c.variable(c.get(b_r))
            with c.repeat(s["k"], [(a_k, s["sak"]), (b_k, s["sbk"])]):
                self.step(c.get(a_k), c.get(b_k), sums)

    def step(self, a: Val, b: Val, sums: dict[tuple[int, int], Address]) -> None:
        """One rank-1 update: V loads of B, P broadcasts of A, P*V multiply-adds."""
        c = self.code
        bytes_ = c.lanes * c.itemsize
        lines = [
            c.vload(
                c.add(b, c.const(v * bytes_)), self.mask_of(v) if self.exact else None
            )
            for v in range(self.vectors)
        ]
        for p in range(self.rows):
            offset = (
                c.const(p * c.itemsize) if self.dense else c.mul(self.strides["sap"], p)
            )
            x = c.wide(c.peek(c.add(a, offset), c.kind))
            if self.vectors > 1:  # a single use is better folded
                x = c.pin(x)
            for v in range(self.vectors):
                old = c.get(sums[p, v])
                c.put(sums[p, v], c.fma(x, lines[v], old))
