"""QR of stacks of small matrices by Householder's reflections.

Golub and Van Loan, Matrix Computations, 5.1 and 5.2; signs are those of LAPACK.
"""

from __future__ import annotations

from collections.abc import Mapping

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.values import Val

from minikeras.extend import Node, Value
from minikeras_numba.machine.launch import Native
from minikeras_numba.rows.stacks import ZERO, Stack, launched, suits


class _Reflections(Stack):
    """rows, columns, steps, columns of q, four places, and registers: x, q, r.

    The places are of the reflections' vectors, one a row, of their factors, of q, and of a
    spare row; x becomes r where it is.
    """

    def __init__(self, dtype: str) -> None:
        super().__init__("qr", dtype, 11)
        self.rows, self.columns, self.steps, self.wide_q, *rest = self.given
        self.vectors, self.factors, self.q, self.spare = rest[:4]
        self.x, self.out_q, self.out_r = (self.array(r, self.kind) for r in rest[4:])
        self.tail = self.slot(self.kind, self.lanes)
        self.total = self.slot(self.kind, self.lanes)

    def write(self) -> Code:
        size = self.mul(self.rows, self.columns)
        with self.each_group():
            self.turn_in(self.x, size, ZERO, size, ZERO)
            with self.loop(ZERO, self.steps) as j:
                self.reflect(j)
                self.apply(j, ZERO, self.columns, self.add(j, 1))
            with self.loop(ZERO, self.rows) as i:
                with self.loop(ZERO, self.wide_q) as j:
                    at = self.add(self.q, self.mul(i, self.wide_q), j)
                    self.keep(at, self.wide(0.0))
                with self.when(self.icmp(Rel.SLT, i, self.wide_q)):
                    at = self.add(self.q, self.mul(i, self.wide_q), i)
                    self.keep(at, self.wide(1.0))
            with self.loop(ZERO, self.steps) as turn:
                j = self.sub(self.sub(self.steps, turn), 1)
                self.apply(j, self.q, self.wide_q, j)
            self.turn_out(self.out_q, self.mul(self.rows, self.wide_q), self.q)
            self.turn_out(self.out_r, self.mul(self.wide_q, self.columns), ZERO)
        return self.code

    def reflect(self, j: Val) -> None:
        """The reflection that leaves of column j nothing below its diagonal."""

        def entry(i: Val) -> Val:
            return self.add(self.mul(i, self.columns), j)

        alpha, below = self.item(entry(j)), self.add(j, 1)
        self.put(self.tail, self.wide(0.0))
        with self.loop(below, self.rows) as i:
            size = self.one(Op.FABS, self.item(entry(i)))
            self.put(self.tail, self.one(Op.MAXIMUM, self.get(self.tail), size))
        tail = self.get(self.tail)
        none = self.fcmp(Rel.OEQ, tail, self.wide(0.0))  # the column is done
        # Squares of what is divided by the greatest do not overflow.
        most = self.one(Op.MAXIMUM, tail, self.one(Op.FABS, alpha))
        most = self.select(none, self.wide(1.0), most)
        alpha = self.fdiv(alpha, most)
        self.put(self.total, self.fmul(alpha, alpha))
        with self.loop(below, self.rows) as i:
            part = self.fdiv(self.item(entry(i)), most)
            self.keep(entry(i), part)
            self.put(self.total, self.fma(part, part, self.get(self.total)))
        norm = self.one(Op.SQRT, self.get(self.total))
        beta = self.fneg(self.one(Op.COPYSIGN, norm, alpha))
        factor = self.fdiv(self.fsub(beta, alpha), beta)
        divisor = self.select(none, self.wide(1.0), self.fsub(alpha, beta))
        self.keep(self.add(self.factors, j), self.select(none, self.wide(0.0), factor))
        line = self.add(self.vectors, self.mul(j, self.rows))
        self.keep(self.add(line, j), self.wide(1.0))
        self.keep(entry(j), self.fmul(self.select(none, alpha, beta), most))
        with self.loop(below, self.rows) as i:
            value = self.fdiv(self.item(entry(i)), divisor)
            self.keep(self.add(line, i), value)
            self.keep(entry(i), self.wide(0.0))

    def apply(self, j: Val, place: Val, width: Val, first: Val) -> None:
        """Reflection j of the columns from `first` on of a matrix."""
        line = self.add(self.vectors, self.mul(j, self.rows))
        factor = self.item(self.add(self.factors, j))
        with self.loop(first, width) as c:
            self.keep(self.add(self.spare, c), self.wide(0.0))
        with self.loop(j, self.rows) as i:
            value = self.item(self.add(line, i))
            row = self.add(place, self.mul(i, width))
            with self.loop(first, width) as c:
                at = self.add(self.spare, c)
                mine = self.item(self.add(row, c))
                self.keep(at, self.fma(value, mine, self.item(at)))
        with self.loop(j, self.rows) as i:
            value = self.fmul(factor, self.item(self.add(line, i)))
            row = self.add(place, self.mul(i, width))
            with self.loop(first, width) as c:
                at = self.add(row, c)
                share = self.item(self.add(self.spare, c))
                self.keep(at, self.fnma(value, share, self.item(at)))


def lower_qr(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `qr`, or None: NumPy does it."""
    x = node.inputs[0].aval
    *_, rows, columns = x.shape
    steps = min(rows, columns)
    wide = rows if node.static["full"] else steps
    vectors = rows * columns
    factors = vectors + steps * rows
    q = factors + steps
    spare = q + rows * wide
    size = spare + max(wide, columns)
    if not suits(x.shape, x.dtype, size):
        return None
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    words = [rows, columns, steps, wide, vectors, factors, q, spare, *slots]
    return launched(
        "qr", lambda: _Reflections(x.dtype).write(), "", x.shape, x.dtype, size, words
    )
