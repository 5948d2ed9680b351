"""Eigenvalues and singular values of stacks of small matrices by Jacobi's rotations.

Golub and Van Loan, Matrix Computations, 8.5 (cyclic by rows) and 8.6.3 (one-sided). Rows
that are rotated lie in a row, since a lane holds a matrix; sweeps end when no matrix of
the group has anything left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.values import Address, Kind, Val, const

from minikeras.extend import Node, Value
from minikeras_numba.machine.launch import Native
from minikeras_numba.rows.stacks import ZERO, Stack, launched, suits

_SWEEPS = 30  # five to ten are what it takes
_MOST = 64  # rows: beyond, LAPACK's number of operations counts
_NOTHING = {Kind.F32: 1e-30, Kind.F64: 1e-280}  # squares of vectors that are none


class _Rotations(Stack):
    """What both have in common."""

    def __init__(self, name: str, dtype: str, words: int) -> None:
        super().__init__(name, dtype, words)
        self.going = self.slot(Kind.I64)
        self.worst = self.slot(self.kind, self.lanes)
        self.sum = self.slot(self.kind, self.lanes)
        self.chosen = self.slot(Kind.I32, self.lanes)

    def greatest(self, first: Val, count: Val) -> Val:
        """The largest size among items, 1 if all are 0; what is not finite has no result."""
        self.put(self.worst, self.wide(0.0))
        with self.loop(ZERO, count) as i:
            size = self.one(Op.FABS, self.item(self.add(first, i)))
            self.put(self.worst, self.one(Op.MAXIMUM, self.get(self.worst), size))
        most = self.get(self.worst)
        infinite = self.fmul(most, self.wide(0.0))
        strange = self.fcmp(Rel.UNO, infinite, infinite)
        self.fail(strange)
        none = self.fcmp(Rel.OEQ, most, self.wide(0.0))
        either = self.bin(Op.OR, none, strange)
        return self.select(either, self.wide(1.0), most)

    @contextmanager
    def sweeps(self, count: Val) -> Iterator[tuple[Val, Val]]:
        """Pairs p < q below `count`, again and again until `worst` stays at most 0."""
        self.put(self.going, const(Kind.I64, 1))
        with (
            self.loop(ZERO, const(Kind.I64, _SWEEPS)),
            self.when(self.icmp(Rel.NE, self.get(self.going), 0)),
        ):
            self.put(self.worst, self.wide(0.0))
            with (
                self.loop(ZERO, count) as p,
                self.loop(self.add(p, 1), count) as q,
            ):
                yield p, q
            more = self.fcmp(Rel.OGT, self.get(self.worst), self.wide(0.0))
            self.put(self.going, self.convert(Op.ZEXT, self.any_lane(more), Kind.I64))

    def angle(self, one: Val, two: Val, across: Val) -> tuple[Val, Val, Val]:
        """Of the rotation that takes `across` away: tangent, sine, tangent of the half."""
        theta = self.fdiv(self.fsub(two, one), self.fadd(across, across))
        root = self.one(Op.SQRT, self.fma(theta, theta, self.wide(1.0)))
        size = self.fdiv(self.wide(1.0), self.fadd(self.one(Op.FABS, theta), root))
        tangent = self.one(Op.COPYSIGN, size, theta)
        done = self.fcmp(Rel.OEQ, across, self.wide(0.0))
        tangent = self.select(done, self.wide(0.0), tangent)
        square = self.fma(tangent, tangent, self.wide(1.0))
        cosine = self.fdiv(self.wide(1.0), self.one(Op.SQRT, square))
        sine = self.fmul(tangent, cosine)
        return tangent, sine, self.fdiv(sine, self.fadd(cosine, self.wide(1.0)))

    def rotate(self, one: Val, two: Val, sine: Val, half: Val) -> tuple[Val, Val]:
        """Two items after the rotation, as small changes (Rutishauser, 1966)."""
        x, y = self.item(one), self.item(two)
        x, y = (
            self.fnma(sine, self.fma(half, x, y), x),
            self.fma(sine, self.fnma(half, y, x), y),
        )
        self.keep(one, x)
        self.keep(two, y)
        return x, y

    def identity(self, place: Val, n: Val, stride: Val) -> None:
        with self.loop(ZERO, n) as i:
            row = self.add(place, self.mul(i, stride))
            with self.loop(ZERO, n) as j:
                self.keep(self.add(row, j), self.wide(0.0))
            self.keep(self.add(row, i), self.wide(1.0))

    def order(self, keys: Val, count: Val, place: Val) -> None:
        """Which item of the keys comes first, second, ...: int32 items from `place` on."""
        ranks = self.add(place, count)
        with self.loop(ZERO, count) as i:
            key = self.item(self.add(keys, i))
            self.put(self.chosen, const(Kind.I32, 0, self.lanes))
            for first, last, how in (
                (ZERO, i, Rel.OLE),
                (self.add(i, 1), count, Rel.OLT),
            ):
                with self.loop(first, last) as j:
                    before = self.fcmp(how, self.item(self.add(keys, j)), key)
                    one = self.convert(Op.ZEXT, before, Kind.I32)
                    self.put(self.chosen, self.add(self.get(self.chosen), one))
            self.keep_whole(self.add(ranks, i), self.get(self.chosen))
        with self.loop(ZERO, count) as r:
            self.put(self.chosen, const(Kind.I32, 0, self.lanes))
            with self.loop(ZERO, count) as i:
                mine = self.icmp(Rel.EQ, self.whole(self.add(ranks, i)), self.number(r))
                chosen = self.select(mine, self.number(i), self.get(self.chosen))
                self.put(self.chosen, chosen)
            self.keep_whole(self.add(place, r), self.get(self.chosen))

    def ordered(
        self, place: Val, stride: Val, which: Val, i: Val, columns: Val | None
    ) -> Val:
        """Of row number `which[i]` (an item of int32) each lane's own element."""
        line = self.mul(self.whole(self.add(which, i)), self.number(stride))
        begin = self.number(place if columns is None else self.add(place, columns))
        return self.picked(self.add(line, begin))

    def give(
        self, array: Address, rows: Val, columns: Val, first: Val,
        element: Callable[[Val, Val], Val],
    ) -> None:  # fmt: skip
        """A result of elements (row, column), gathered at `first`."""
        with self.loop(ZERO, rows) as i, self.loop(ZERO, columns) as j:
            self.keep(self.add(first, self.mul(i, columns), j), element(i, j))
        size = self.mul(rows, columns)
        self.poisoned(first, size)
        self.turn_out(array, size, first)


class _Eigen(_Rotations):
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
    if n > _MOST or not suits(x.shape, x.dtype, order + 2 * n):
        return None
    itemsize = 8 if x.dtype == "float64" else 4
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    words = [n, vectors, values, order * itemsize // 4, *slots]
    return launched(
        "eigh", lambda: _Eigen("eigh", x.dtype, 7).write(), "", x.shape, x.dtype,
        order + 2 * n, words,
    )  # fmt: skip


class _Singular(_Rotations):
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
    if whole or count > _MOST or not suits(x.shape, x.dtype, size):
        return None
    itemsize = 8 if x.dtype == "float64" else 4
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    places = [turns, values, order * itemsize // 4, spare, shares]
    tall = rows >= columns
    return launched(
        "svd", lambda: _Singular(x.dtype, tall).write(), f"tall {tall}", x.shape,
        x.dtype, size, [count, length, *places, *slots],
    )  # fmt: skip
