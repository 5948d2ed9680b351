"""Factors of stacks of small matrices, and systems of equations with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.values import Kind, Val

from minikeras.extend import Node, Value, prims
from minikeras_numba.machine.launch import Native
from minikeras_numba.rows.factors import lower_lu as lower_each_lu
from minikeras_numba.rows.stacks import ZERO, Stack, launched, suits


class _Elimination(Stack):
    """Gauss's elimination with row exchanges: rows, and items from one to the next."""

    rows: Val
    stride: Val
    spare: Val  # items for one row

    def __init__(self, name: str, dtype: str, words: int) -> None:
        super().__init__(name, dtype, words)
        self.best = self.slot(self.kind, self.lanes)
        self.found = self.slot(Kind.I32, self.lanes)

    def entry(self, i: Val, j: Val) -> Val:
        return self.add(self.mul(i, self.stride), j)

    def find(self, k: Val) -> Val:
        """The pivot's row: of a column's greatest elements, or NaN, the first."""
        self.put(self.best, self.one(Op.FABS, self.item(self.entry(k, k))))
        self.put(self.found, self.number(k))
        with self.loop(self.add(k, 1), self.rows) as i:
            size = self.one(Op.FABS, self.item(self.entry(i, k)))
            known = self.get(self.best)
            nan = self.bin(
                Op.AND,
                self.fcmp(Rel.UNO, size, size),
                self.fcmp(Rel.ORD, known, known),
            )
            better = self.bin(Op.OR, self.fcmp(Rel.OGT, size, known), nan)
            self.put(self.best, self.select(better, size, known))
            self.put(
                self.found, self.select(better, self.number(i), self.get(self.found))
            )
        return self.get(self.found)

    def exchange(self, k: Val, pivot: Val, width: Val, order: Val | None) -> None:
        """Each matrix's pivot row to the top, the one there to its place."""
        top = self.mul(k, self.stride)
        with self.when(self.any_lane(self.icmp(Rel.NE, pivot, self.number(k)))):
            begin = self.mul(pivot, self.number(self.stride))
            with self.loop(ZERO, width) as j:
                at = self.add(top, j)
                self.keep(self.add(self.spare, j), self.item(at))
                self.keep(at, self.picked(self.add(begin, self.number(j))))
            moved = None
            if order is not None:
                at = self.add(order, k)
                moved = self.whole(at)
                place = self.add(pivot, self.number(order))
                self.keep_whole(at, self.picked(place, Kind.I32))
            with self.loop(self.add(k, 1), self.rows) as i:
                mine = self.icmp(Rel.EQ, pivot, self.number(i))
                with self.when(self.any_lane(mine)):
                    with self.loop(ZERO, width) as j:
                        at = self.entry(i, j)
                        old = self.item(self.add(self.spare, j))
                        self.keep(at, self.select(mine, old, self.item(at)))
                    if order is not None and moved is not None:
                        at = self.add(order, i)
                        self.keep_whole(at, self.select(mine, moved, self.whole(at)))

    def eliminate(self, k: Val, width: Val) -> None:
        """Take multiples of the top row from those below; the factors stand in the column."""
        divisor, below = self.item(self.entry(k, k)), self.add(k, 1)
        # A column of zeros: LAPACK leaves it as it is, where a division would give NaN.
        zero = self.fcmp(Rel.OEQ, divisor, self.wide(0.0))
        divisor = self.select(zero, self.wide(1.0), divisor)
        with self.loop(below, self.rows) as i:
            at = self.entry(i, k)
            factor = self.fdiv(self.item(at), divisor)
            self.keep(at, factor)
            with self.loop(below, width) as j:
                at = self.entry(i, j)
                # No fused multiply and add: the reference rounds the product too.
                product = self.fmul(factor, self.item(self.entry(k, j)))
                self.keep(at, self.fsub(self.item(at), product))


def _lu(dtype: str) -> Code:
    """rows, columns, steps, the first of three places, and registers: x, factors, pivots, order.

    The places are of a spare row, and, counted in items of 32 bits, of order and pivots.
    """
    f = _Elimination("lu", dtype, 10)
    f.rows, columns, steps, f.spare, order, swaps, *registers = f.given
    f.stride = columns
    x, packed = (f.array(r, f.kind) for r in registers[:2])
    pivots, places = (f.array(r, Kind.I32) for r in registers[2:])
    size = f.mul(f.rows, columns)
    with f.each_group():
        f.turn_in(x, size, ZERO, size, ZERO)
        with f.loop(ZERO, f.rows) as i:
            f.keep_whole(f.add(order, i), f.number(i))
        with f.loop(ZERO, steps) as k:
            pivot = f.find(k)
            f.keep_whole(f.add(swaps, k), pivot)
            f.exchange(k, pivot, columns, order)
            f.eliminate(k, columns)
        f.turn_out(packed, size, ZERO)
        f.turn_out(pivots, steps, swaps)
        f.turn_out(places, f.rows, order)
    return f.code


def lower_lu(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `lu`, or None: NumPy does it. Its bits are the reference's."""
    x = node.inputs[0].aval
    *_, rows, columns = x.shape
    steps = min(rows, columns)
    itemsize = 8 if x.dtype == "float64" else 4
    spare = rows * columns
    order = (spare + columns) * itemsize // 4  # items of 32 bits
    swaps = order + rows
    lanes = 16  # behind both, for what is turned in whole squares
    vectors = spare + columns + rows + steps + lanes
    if not suits(x.shape, x.dtype, vectors):
        return lower_each_lu(node, regs)
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    words = [rows, columns, steps, spare, order, swaps, *slots]
    return launched(
        "lu", lambda: _lu(x.dtype), "stacked", x.shape, x.dtype, vectors, words
    )


def _solve(dtype: str) -> Code:
    """n, columns of b, the place of a spare row, and registers: a, b, x.

    Rows of a and b stand side by side, and are eliminated together.
    """
    f = _Elimination("solve", dtype, 6)
    f.rows, columns, f.spare, *registers = f.given
    a, b, x = (f.array(r, f.kind) for r in registers)
    n, width = f.rows, f.add(f.rows, columns)
    f.stride = width
    with f.each_group():
        with f.loop(ZERO, n) as i:
            at = f.mul(i, width)
            f.turn_in(a, f.mul(n, n), f.mul(i, n), n, at)
            start = f.mul(i, columns)
            f.turn_in(b, f.mul(n, columns), start, columns, f.add(at, n))
        with f.loop(ZERO, n) as k:
            f.exchange(k, f.find(k), width, None)
            f.eliminate(k, width)
            f.fail(f.fcmp(Rel.OEQ, f.item(f.entry(k, k)), f.wide(0.0)))
        with f.loop(ZERO, n) as turn:
            i = f.sub(f.sub(n, turn), 1)
            with f.loop(f.add(i, 1), n) as k:
                factor = f.item(f.entry(i, k))
                with f.loop(n, width) as j:
                    at = f.entry(i, j)
                    f.keep(at, f.fnma(factor, f.item(f.entry(k, j)), f.item(at)))
            divisor = f.item(f.entry(i, i))
            with f.loop(n, width) as j:
                at = f.entry(i, j)
                f.keep(at, f.fdiv(f.item(at), divisor))
        with f.loop(ZERO, n) as i, f.loop(ZERO, columns) as j:
            value = f.item(f.entry(i, f.add(n, j)))
            f.keep(f.add(f.mul(i, columns), j), value)
        size = f.mul(n, columns)
        f.poisoned(ZERO, size)
        f.turn_out(x, size, ZERO)
    return f.code


def _cholesky(dtype: str) -> Code:
    """n, the place of a spare column, and registers: x, factor."""
    f = Stack("cholesky", dtype, 4)
    n, spare, *registers = f.given
    x, factor = (f.array(r, f.kind) for r in registers)
    size = f.mul(n, n)

    def entry(i: Val, j: Val) -> Val:
        return f.add(f.mul(i, n), j)

    with f.each_group():
        f.turn_in(x, size, ZERO, size, ZERO)
        with f.loop(ZERO, n) as i, f.loop(ZERO, f.add(i, 1)) as j:
            both = f.fadd(f.item(entry(i, j)), f.item(entry(j, i)))
            f.keep(entry(i, j), f.fmul(both, f.wide(0.5)))
            with f.when(f.icmp(Rel.NE, i, j)):
                f.keep(entry(j, i), f.wide(0.0))
        with f.loop(ZERO, n) as k:
            pivot, below = f.item(entry(k, k)), f.add(k, 1)
            f.fail(f.invert(f.fcmp(Rel.OGT, pivot, f.wide(0.0))))
            root = f.one(Op.SQRT, pivot)
            f.keep(entry(k, k), root)
            with f.loop(below, n) as i:
                value = f.fdiv(f.item(entry(i, k)), root)
                f.keep(entry(i, k), value)
                f.keep(f.add(spare, i), value)
            with f.loop(below, n) as i:
                value = f.item(f.add(spare, i))
                with f.loop(below, f.add(i, 1)) as j:
                    at = entry(i, j)
                    f.keep(at, f.fnma(value, f.item(f.add(spare, j)), f.item(at)))
        f.poisoned(ZERO, size)
        f.turn_out(factor, size, ZERO)
    return f.code


def _triangular(dtype: str, lower: bool, turned: bool) -> Code:
    """n, columns of b, the place of b, and registers: a, b, x."""
    f = Stack("triangular_solve", dtype, 6)
    n, columns, place, *registers = f.given
    a, b, x = (f.array(r, f.kind) for r in registers)
    forward = lower != turned

    def row(turn: Val) -> Val:
        return turn if forward else f.sub(f.sub(n, turn), 1)

    with f.each_group():
        size, wide = f.mul(n, n), f.mul(n, columns)
        f.turn_in(a, size, ZERO, size, ZERO)
        f.turn_in(b, wide, ZERO, wide, place)
        with f.loop(ZERO, n) as turn:
            i = row(turn)
            here = f.add(place, f.mul(i, columns))
            with f.loop(ZERO, turn) as before:
                k = row(before)
                one, two = (k, i) if turned else (i, k)
                factor = f.item(f.add(f.mul(one, n), two))
                there = f.add(place, f.mul(k, columns))
                with f.loop(ZERO, columns) as j:
                    # No fused multiply and add: the reference rounds the product too.
                    product = f.fmul(factor, f.item(f.add(there, j)))
                    at = f.add(here, j)
                    f.keep(at, f.fsub(f.item(at), product))
            divisor = f.item(f.add(f.mul(i, n), i))
            with f.loop(ZERO, columns) as j:
                at = f.add(here, j)
                f.keep(at, f.fdiv(f.item(at), divisor))
        f.turn_out(x, wide, place)
    return f.code


def lower_system(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `solve` or `triangular_solve`, or None: NumPy does it."""
    a, b = (v.aval for v in node.inputs)
    n, columns = b.shape[-2:]
    if a.shape[:-2] != b.shape[:-2] or not b.size:
        return None
    if node.prim is prims.solve:
        place = n * (n + columns)
        vectors, key = place + n + columns, "solve"
        write: Callable[[], Code] = partial(_solve, a.dtype)
    else:
        lower, turned = node.static["lower"], node.static["transpose_a"]
        place = n * n
        vectors, key = place + n * columns, f"triangular {lower} {turned}"
        write = partial(_triangular, a.dtype, lower, turned)
    if not suits(a.shape, a.dtype, vectors):
        return None
    slots = [regs[v] for v in (*node.inputs, *node.outputs)]
    words = [n, columns, place, *slots]
    return launched(node.prim.name, write, key, a.shape, a.dtype, vectors, words)


def lower_cholesky(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A closure for `cholesky`, or None: NumPy does it."""
    x = node.inputs[0].aval
    n = x.shape[-1]
    if not suits(x.shape, x.dtype, n * n + n):
        return None
    words = [n, n * n, *(regs[v] for v in (*node.inputs, *node.outputs))]
    return launched(
        "cholesky", lambda: _cholesky(x.dtype), "", x.shape, x.dtype, n * n + n, words
    )
