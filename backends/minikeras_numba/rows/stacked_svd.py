"""Singular values and vectors of stacks of small matrices."""

from __future__ import annotations

from collections.abc import Mapping

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.values import Kind, Val, const

from minikeras.extend import Node, Value
from minikeras_numba.machine.launch import Native
from minikeras_numba.rows.rotations import MOST, Rotations
from minikeras_numba.rows.stacks import ZERO, launched, suits

_NOTHING = {Kind.F32: 1e-30, Kind.F64: 1e-280}  # squares of vectors that are none


class _Singular(Rotations):
    """count and length of the vectors that are rotated, places, registers: x, u, s, v.

    The vectors are the columns of a tall matrix, the rows of a wide one. Places: turns
    (the other factor), values, of int32 the order, a spare vector, coefficients.
    """

    def __init__(self, dtype: str, tall: bool) -> None:
        super().__init__("svd", dtype, 11)
        self.tall = tall
        self.count, self.length, *rest = self.given
        self.turns, self.values, self.places, self.spare, self.shares = rest[:5]
        self.x, *self.outs = (self.array(r, self.kind) for r in rest[5:])
        self.aa, self.bb, self.ab = (self.slot(self.kind, self.lanes) for _ in "aab")

    def line(self, i: Val) -> Val:
        return self.mul(i, self.length)

    def write(self) -> Code:
        count, length, none = self.count, self.length, 8 * self.epsilon
        size = self.mul(count, length)
        with self.each_group():
            self.enter(size)
            most = self.greatest(ZERO, size)
            with self.loop(ZERO, size) as i:
                self.keep(i, self.fdiv(self.item(i), most))
            self.identity(self.turns, count, count)
            with self.sweeps(count) as (p, q):
                one, two = self.line(p), self.line(q)
                self.products(one, two)
                across = self.get(self.ab)
                bound = self.one(
                    Op.SQRT, self.fmul(self.get(self.aa), self.get(self.bb))
                )
                left = self.fnma(bound, self.wide(none), self.one(Op.FABS, across))
                self.put(self.worst, self.one(Op.MAXIMUM, self.get(self.worst), left))
                more = self.fcmp(Rel.OGT, left, self.wide(0.0))
                with self.when(self.any_lane(more)):
                    _, sine, half = self.angle(
                        self.get(self.aa), self.get(self.bb), across
                    )
                    with self.loop(ZERO, length) as j:
                        self.rotate(self.add(one, j), self.add(two, j), sine, half)
                    one, two = (
                        self.add(self.turns, self.mul(r, count)) for r in (p, q)
                    )
                    with self.loop(ZERO, count) as j:
                        self.rotate(self.add(one, j), self.add(two, j), sine, half)
            self.measure()
            self.order(self.values, count, self.places)
            self.leave(most)
        return self.code

    def enter(self, size: Val) -> None:
        """The vectors from the array."""
        if not self.tall:
            self.turn_in(self.x, size, ZERO, size, ZERO)
            return
        self.turn_in(self.x, size, ZERO, size, self.turns)
        with self.loop(ZERO, self.length) as i, self.loop(ZERO, self.count) as j:
            at = self.add(self.turns, self.mul(i, self.count), j)
            self.keep(self.add(self.line(j), i), self.item(at))

    def products(self, one: Val, two: Val) -> None:
        """The products of two vectors with themselves and each other."""
        sums = self.aa, self.bb, self.ab
        for total in sums:
            self.put(total, self.wide(0.0))
        with self.loop(ZERO, self.length) as j:
            x, y = self.item(self.add(one, j)), self.item(self.add(two, j))
            for total, (a, b) in zip(sums, ((x, x), (y, y), (x, y)), strict=True):
                self.put(total, self.fma(a, b, self.get(total)))

    def measure(self) -> None:
        """Lengths of the vectors (below 0, so that the longest comes first), then unit ones."""
        with self.loop(ZERO, self.count) as i:
            line = self.line(i)
            self.scale(line)
            self.keep(self.add(self.values, i), self.fneg(self.get(self.ab)))
        with self.loop(ZERO, self.count) as i:
            value = self.item(self.add(self.values, i))
            none = self.fcmp(Rel.OEQ, value, self.wide(0.0))
            with self.when(self.any_lane(none)):
                self.complete(i, none)

    def scale(self, line: Val) -> None:
        """A vector by its length, which is left in `ab`; 0 and no vector where there is none."""
        self.put(self.aa, self.wide(0.0))
        with self.loop(ZERO, self.length) as j:
            x = self.item(self.add(line, j))
            self.put(self.aa, self.fma(x, x, self.get(self.aa)))
        square = self.get(self.aa)
        none = self.fcmp(Rel.OLT, square, self.wide(_NOTHING[self.kind]))
        length = self.one(Op.SQRT, square)
        self.put(self.ab, self.select(none, self.wide(0.0), length))
        with self.loop(ZERO, self.length) as j:
            at = self.add(line, j)
            value = self.fdiv(self.item(at), length)
            self.keep(at, self.select(none, self.wide(0.0), value))

    def complete(self, i: Val, where: Val) -> None:
        """A unit vector at right angles to all others, in the lanes that have none."""
        # Of the axes that which the others reach least.
        self.put(self.bb, self.wide(4.0))
        self.put(self.chosen, const(Kind.I32, 0, self.lanes))
        with self.loop(ZERO, self.length) as r:
            self.put(self.aa, self.wide(0.0))
            with self.loop(ZERO, self.count) as j:
                x = self.item(self.add(self.line(j), r))
                self.put(self.aa, self.fma(x, x, self.get(self.aa)))
            less = self.fcmp(Rel.OLT, self.get(self.aa), self.get(self.bb))
            self.put(self.bb, self.select(less, self.get(self.aa), self.get(self.bb)))
            self.put(
                self.chosen, self.select(less, self.number(r), self.get(self.chosen))
            )
        chosen = self.get(self.chosen)
        with self.loop(ZERO, self.length) as c:
            mine = self.icmp(Rel.EQ, chosen, self.number(c))
            value = self.select(mine, self.wide(1.0), self.wide(0.0))
            self.keep(self.add(self.spare, c), value)
        for _ in range(2):  # once more for what rounding left
            with self.loop(ZERO, self.count) as j:
                self.put(self.aa, self.wide(0.0))
                with self.loop(ZERO, self.length) as c:
                    x = self.item(self.add(self.line(j), c))
                    y = self.item(self.add(self.spare, c))
                    self.put(self.aa, self.fma(x, y, self.get(self.aa)))
                self.keep(self.add(self.shares, j), self.get(self.aa))
            with self.loop(ZERO, self.count) as j:
                share = self.item(self.add(self.shares, j))
                with self.loop(ZERO, self.length) as c:
                    at = self.add(self.spare, c)
                    x = self.item(self.add(self.line(j), c))
                    self.keep(at, self.fnma(share, x, self.item(at)))
        self.scale(self.spare)
        with self.loop(ZERO, self.length) as c:
            at = self.add(self.line(i), c)
            value = self.item(self.add(self.spare, c))
            self.keep(at, self.select(where, value, self.item(at)))

    def leave(self, most: Val) -> None:
        """The results, the greatest singular value first."""
        u, s, v = self.outs
        count, length, first = self.count, self.length, self.shares
        mine = ZERO, length, self.places
        other = self.turns, count, self.places
        left, right = (mine, other) if self.tall else (other, mine)
        rows, columns = (length, count) if self.tall else (count, length)
        self.give(u, rows, count, first, lambda i, j: self.ordered(*left, j, i))
        self.give(v, count, columns, first, lambda i, j: self.ordered(*right, i, j))
        one = const(Kind.I64, 1)

        def value(i: Val, j: Val) -> Val:
            least = self.ordered(self.values, one, self.places, i, None)
            return self.fmul(self.one(Op.FABS, least), most)

        self.give(s, count, one, first, value)


def lower_svd(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `svd`, or None: NumPy does it."""
    x = node.inputs[0].aval
    *_, rows, columns = x.shape
    count, length = min(rows, columns), max(rows, columns)
    turns = count * length
    values = turns + max(count * count, count * length) + 16
    order = values + count
    spare = order + 2 * count
    shares = spare + length
    size = shares + max(count, count * length)
    whole = node.static["full"] and rows != columns
    if whole or count > MOST or not suits(x.shape, x.dtype, size):
        return None
    itemsize = 8 if x.dtype == "float64" else 4
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    places = [turns, values, order * itemsize // 4, spare, shares]
    tall = rows >= columns
    return launched(
        "svd", lambda: _Singular(x.dtype, tall).write(), f"tall {tall}", x.shape,
        x.dtype, size, [count, length, *places, *slots],
    )  # fmt: skip
