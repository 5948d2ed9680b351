"""Eigenvalues and eigenvectors of stacks of small symmetric matrices."""

from __future__ import annotations

from collections.abc import Mapping

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.values import Kind, Val, const

from minikeras.extend import Node, Value
from minikeras_numba.machine.launch import Native
from minikeras_numba.rows.rotations import MOST, Rotations
from minikeras_numba.rows.stacks import ZERO, launched, suits


class _Eigen(Rotations):
    """n, three places (vectors, values, and of int32 the order), registers: x, values, vectors.

    Rows are n + 1 items apart: a column would meet few sets of the cache otherwise.
    """

    def write(self) -> Code:
        n, vectors, values, order, *registers = self.given
        x, out_values, out_vectors = (self.array(r, self.kind) for r in registers)
        stride = self.add(n, 1)
        none = self.wide(self.epsilon / 2)

        def entry(i: Val, j: Val) -> Val:
            return self.add(self.mul(i, stride), j)

        with self.each_group():
            with self.loop(ZERO, n) as i:
                size = self.mul(n, n)
                self.turn_in(x, size, self.mul(i, n), n, self.mul(i, stride))
            with self.loop(ZERO, n) as i, self.loop(ZERO, self.add(i, 1)) as j:
                both = self.fadd(self.item(entry(i, j)), self.item(entry(j, i)))
                half = self.fmul(both, self.wide(0.5))
                self.keep(entry(i, j), half)
                self.keep(entry(j, i), half)
            with self.loop(ZERO, n) as i:
                self.keep(entry(i, n), self.wide(0.0))
            whole = self.mul(n, stride)
            most = self.greatest(ZERO, whole)
            with self.loop(ZERO, whole) as i:
                self.keep(i, self.fdiv(self.item(i), most))
            self.identity(vectors, n, stride)
            with self.sweeps(n) as (p, q):
                across = self.item(entry(p, q))
                size = self.one(Op.FABS, across)
                left = self.fsub(size, none)
                self.put(self.worst, self.one(Op.MAXIMUM, self.get(self.worst), left))
                with self.when(self.any_lane(self.fcmp(Rel.OGT, size, none))):
                    self.turn(p, q, across, n, stride, vectors)
            with self.loop(ZERO, n) as i:
                value = self.fmul(self.item(entry(i, i)), most)
                self.keep(self.add(values, i), value)
            self.order(values, n, order)
            one = const(Kind.I64, 1)
            self.give(
                out_vectors, n, n, ZERO,
                lambda i, j: self.ordered(vectors, stride, order, j, i),
            )  # fmt: skip
            self.give(
                out_values, n, one, ZERO,
                lambda i, j: self.ordered(values, one, order, i, None),
            )  # fmt: skip
        return self.code

    def turn(
        self, p: Val, q: Val, across: Val, n: Val, stride: Val, vectors: Val
    ) -> None:
        """The rotation of rows and columns p and q, and of the vectors."""
        row, other = self.mul(p, stride), self.mul(q, stride)
        corners = [self.add(r, c) for r in (row, other) for c in (p, q)]
        one, two = self.item(corners[0]), self.item(corners[3])
        tangent, sine, half = self.angle(one, two, across)
        with self.loop(ZERO, n) as j:
            x, y = self.rotate(self.add(row, j), self.add(other, j), sine, half)
            column = self.mul(j, stride)
            self.keep(self.add(column, p), x)
            self.keep(self.add(column, q), y)
        self.keep(corners[0], self.fnma(tangent, across, one))
        self.keep(corners[3], self.fma(tangent, across, two))
        self.keep(corners[1], self.wide(0.0))
        self.keep(corners[2], self.wide(0.0))
        row, other = self.add(vectors, row), self.add(vectors, other)
        with self.loop(ZERO, n) as j:
            self.rotate(self.add(row, j), self.add(other, j), sine, half)


def lower_eigh(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `eigh`, or None: NumPy does it."""
    x = node.inputs[0].aval
    n = x.shape[-1]
    vectors = n * (n + 1) + 16
    values = vectors + n * (n + 1)
    order = values + n
    if n > MOST or not suits(x.shape, x.dtype, order + 2 * n):
        return None
    itemsize = 8 if x.dtype == "float64" else 4
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    words = [n, vectors, values, order * itemsize // 4, *slots]
    return launched(
        "eigh", lambda: _Eigen("eigh", x.dtype, 7).write(), "", x.shape, x.dtype,
        order + 2 * n, words,
    )  # fmt: skip
