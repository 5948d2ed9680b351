"""The kernels of Winograd convolution: transforms of tiles and filters, and their matrices.

A tile of 6 x 6 inputs and a filter of r x r give m x m outputs, m + r = 7, with 36
products a channel instead of (m r)^2. In one dimension

    y = A^T [(G g) * (B^T d)],

where G evaluates the polynomial of the taps g at six points, A^T sums powers of the
points, and B^T holds the coefficients of Lagrange's polynomials without their
denominators. In two, rows and columns are transformed one after the other.

The points are 0, 2/3, -2/3, 3/2, -3/2 and infinity. Powers of them stay small: float32
loses about one bit against the sum done directly, where the usual 0, 1, -1, 2, -2 lose
three. Points in pairs of opposite sign share their even and odd halves, and 2/3 * 3/2 = 1
leaves B^T with one constant less. The denominators go into whatever is transformed
least often: the filters, or their summed gradient.

Reference: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016);
points: Barabasz et al., "Error analysis and improving the accuracy of Winograd
convolution for deep neural networks" (2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from llvmlite import ir

from minikeras_numba.contract_ir import I32, I64, PTR, Code
from minikeras_numba.jit import compile_ir
from minikeras_numba.jobs import emit_call
from minikeras_numba.tile import FIELD, JOB

SIZE = 6  # points, and inputs along each side of a tile
POSITIONS = SIZE * SIZE
_LOW, _HIGH = 2 / 3, 3 / 2
_CLOSE = 2  # prefetch into the second level of the cache, in LLVM's counting


def _denominators() -> list[float]:
    """For each point the product of its distances to the other finite ones."""
    a, b = _LOW**2, _HIGH**2
    low, high = 2 * a * (a - b), 2 * b * (b - a)
    return [1.0, low, low, high, high, 1.0]


class _Lines:
    """One-dimensional transforms of lists of vectors."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.kind = ir.FunctionType(code.vector, [code.vector] * 3)

    def fma(self, factor: float, x: Any, y: Any) -> Any:
        """factor * x + y."""
        c = self.code
        values = [c.vec_constant(factor), x, y]
        return c.intrinsic(f"llvm.fmuladd.{c.tag()}", self.kind, values)

    def scaled(self, factor: float, x: Any) -> Any:
        return self.code.b.fmul(self.code.vec_constant(factor), x)

    def data(self, d: Sequence[Any]) -> list[Any]:
        """B^T d."""
        b, both = self.code.b, _LOW**2 + _HIGH**2
        result = [self.fma(-both, d[2], b.fadd(d[0], d[4]))]
        for p, q in ((_LOW, _HIGH), (_HIGH, _LOW)):
            even, odd = self.fma(-q * q, d[2], d[4]), self.fma(-q * q, d[1], d[3])
            result += [self.fma(p, odd, even), self.fma(-p, odd, even)]
        return [*result, self.fma(-both, d[3], b.fadd(d[1], d[5]))]

    def evaluated(self, g: Sequence[Any]) -> list[Any]:
        """G g, without the denominators: the polynomial with these coefficients."""
        result = [g[0]]
        for p in (_LOW, _HIGH):
            even, odd = self._horner(g[0::2], p * p), self._horner(g[1::2], p * p)
            result += [self.fma(p, odd, even), self.fma(-p, odd, even)]
        return [*result, g[-1]]

    def _horner(self, coefficients: Sequence[Any], x: float) -> Any:
        total = coefficients[-1]
        for value in reversed(coefficients[:-1]):
            total = self.fma(x, total, value)
        return total

    def summed(self, v: Sequence[Any], count: int) -> list[Any]:
        """A^T v: `count` sums of powers."""
        b = self.code.b
        halves = [
            (b.fadd(v[1], v[2]), b.fadd(v[3], v[4])),
            (b.fsub(v[1], v[2]), b.fsub(v[3], v[4])),
        ]
        result = []
        for i in range(count):
            low, high = halves[i % 2]
            if i == 0:
                total = b.fadd(b.fadd(low, high), v[0])
            else:
                total = self.fma(_LOW**i, low, self.scaled(_HIGH**i, high))
            result.append(b.fadd(total, v[5]) if i == count - 1 else total)
        return result

    def taken_in(self, values: Sequence[Any]) -> list[Any]:
        """To the six points: a whole line of inputs, or the taps of a filter."""
        return self.data(values) if len(values) == SIZE else self.evaluated(values)


def _field(c: Code, name: str) -> Any:
    return c.word(c.arguments[4], FIELD[name])


def _fetch(c: Code, address: Any, written: bool) -> None:
    """Ask for a line that the next strip will need; past the array it does nothing."""
    kind = ir.FunctionType(ir.VoidType(), [PTR, I32, I32, I32])
    how = [ir.Constant(I32, n) for n in (int(written), _CLOSE, 1)]
    c.intrinsic("llvm.prefetch.p0", kind, [c.b.inttoptr(address, PTR), *how])


def _next_rows(count: int) -> range:
    """Which rows, from a strip's first, the strip below is the first to read."""
    return range(count, 2 * count) if count < SIZE else range(SIZE, SIZE + 4)


def rows_in(count: int) -> int:
    """Transform `count` rows of an image, down the columns, into six.

    Rows of A where there are six, of C where there are fewer (a gradient); only rows
    from `k` up to `r` exist, the others are read from the zeros at B + `extra`. Fields:
    sap is the bytes between rows; `count` vectors and `tail` more lanes are in a row;
    the results go to B + `dc`, ldc apart.
    """

    def build(module: ir.Module) -> None:
        c = Code(module, "winograd", "float32", 5)
        source, strip, other, _, _ = c.arguments
        source = source if count == SIZE else other
        target, zeros = (c.add(strip, _field(c, name)) for name in ("dc", "extra"))
        low, high, pitch = _field(c, "k"), _field(c, "r"), _field(c, "sap")
        rows = []
        for i in range(count):
            inside = c.b.and_(
                c.b.icmp_signed("<=", low, c.const(i)),
                c.b.icmp_signed("<", c.const(i), high),
            )
            rows.append(c.b.select(inside, c.add(source, c.mul(pitch, i)), zeros))
        following = [c.add(source, c.mul(pitch, i)) for i in _next_rows(count)]
        outs = [c.add(target, c.mul(_field(c, "ldc"), i)) for i in range(SIZE)]
        at = c.slot(I64, c.const(0))

        def step(mask: Any) -> None:
            offset = c.get(at)
            values = [c.vload(c.add(row, offset), mask) for row in rows]
            for row in following:
                _fetch(c, c.add(row, offset), False)
            for out, value in zip(outs, _Lines(c).taken_in(values), strict=True):
                c.vstore(value, c.add(out, offset), mask)

        with c.loop(_field(c, "count"), [(at, c.const(c.lanes * c.itemsize))]):
            step(None)
        tail = _field(c, "tail")
        with c.when(c.b.icmp_signed(">", tail, c.const(0))):
            step(c.first_lanes(tail))
        c.finish()

    return compile_ir("winograd", build, f"winograd rows {count} {JOB}")


def tiles_in(count: int) -> int:
    """Transform `count` columns of each tile of a strip of six rows into six.

    Fields: `count` tiles, da bytes apart; columns sap and the `r` rows sar apart (were
    r a constant, LLVM would unroll them all); `k` vectors of channels. What belongs to
    one of the 36 positions lies together: the results go to B + `extra`, positions ldc
    and tiles dc apart.
    """

    def build(module: ir.Module) -> None:
        c = Code(module, "winograd", "float32", 5)
        strip = c.arguments[1]
        row, out = (c.slot(I64, x) for x in (strip, c.add(strip, _field(c, "extra"))))
        column, position = _field(c, "sap"), _field(c, "ldc")
        tiles, vectors = _field(c, "count"), _field(c, "k")
        tile_moves = _field(c, "da"), _field(c, "dc")
        row_moves = [(row, _field(c, "sar")), (out, c.mul(position, SIZE))]
        step = c.const(c.lanes * c.itemsize)
        with c.loop(_field(c, "r"), row_moves):
            a, d = c.slot(I64, c.get(row)), c.slot(I64, c.get(out))
            with c.loop(tiles, list(zip((a, d), tile_moves, strict=True))):
                a_v, d_v = c.slot(I64, c.get(a)), c.slot(I64, c.get(d))
                with c.loop(vectors, [(a_v, step), (d_v, step)]):
                    values = [
                        c.vload(c.add(c.get(a_v), c.mul(column, j)))
                        for j in range(count)
                    ]
                    for j, value in enumerate(_Lines(c).taken_in(values)):
                        c.vstore(value, c.add(c.get(d_v), c.mul(position, j)))
        c.finish()

    return compile_ir("winograd", build, f"winograd tiles {count} {JOB}")


def tiles_out(size: int, full: bool, masked: bool) -> int:
    """Sum the positions of tiles into size x size outputs each.

    Fields: positions are sar and tiles da apart in B; `count` tiles of `k` vectors,
    the last with `tail` lanes if `masked`. In C, rows are ldc, columns sap and tiles
    dc apart; unless `full` only `r` rows and `extra` columns are written.
    """

    def build(module: ir.Module) -> None:
        c = Code(module, "winograd", "float32", 5)
        source, target = c.arguments[1:3]
        position, column, row = (_field(c, n) for n in ("sar", "sap", "ldc"))
        vectors, bytes_ = _field(c, "k"), c.lanes * c.itemsize
        rows, columns = _field(c, "r"), _field(c, "extra")
        a, d = c.slot(I64, source), c.slot(I64, target)
        moves = [(a, _field(c, "da")), (d, _field(c, "dc"))]
        tail, lanes = _field(c, "tail"), c.const(c.lanes)
        with c.loop(_field(c, "count"), moves):
            a_v, d_v = c.slot(I64, c.get(a)), c.slot(I64, c.get(d))
            step = c.const(bytes_)
            with c.loop(vectors, [(a_v, step), (d_v, step)]) as number:
                mask = None
                if masked:
                    last = c.b.icmp_signed(
                        "==", c.add(c.get(number), c.const(1)), vectors
                    )
                    mask = c.first_lanes(c.b.select(last, tail, lanes))
                places = [
                    c.add(c.get(a_v), c.mul(position, i)) for i in range(POSITIONS)
                ]
                values = [c.vload(place) for place in places]
                for i, line in enumerate(_square(_Lines(c), values, size)):
                    with nullcontext() if full else _below(c, i, rows):
                        for j, value in enumerate(line):
                            with nullcontext() if full else _below(c, j, columns):
                                place = c.add(
                                    c.get(d_v), c.mul(row, i), c.mul(column, j)
                                )
                                c.vstore(value, place, mask)
                                _fetch(c, c.add(place, c.mul(row, size)), True)
        c.finish()

    key = f"winograd out {size} full={full} masked={masked} {JOB}"
    return compile_ir("winograd", build, key)


def _below(c: Code, i: int, limit: Any) -> AbstractContextManager[None]:
    return c.when(c.b.icmp_signed("<", c.const(i), limit))


def _square(lines: _Lines, values: Sequence[Any], size: int) -> list[list[Any]]:
    """A^T M A of the 36 vectors of M."""
    halves = [lines.summed(values[j::SIZE], size) for j in range(SIZE)]
    return [lines.summed([half[i] for half in halves], size) for i in range(size)]


def filters_in(taps: int) -> int:
    """Transform `count` vectors of filters of taps x taps: G g G^T.

    Fields: taps are sap apart in A, positions ldc apart in C.
    """

    def build(module: ir.Module) -> None:
        c = Code(module, "winograd", "float32", 5)
        lines, step = _Lines(c), c.const(c.lanes * c.itemsize)
        a, d = c.slot(I64, c.arguments[0]), c.slot(I64, c.arguments[2])
        tap, position, by = _field(c, "sap"), _field(c, "ldc"), _denominators()
        with c.loop(_field(c, "count"), [(a, step), (d, step)]):
            halves = []
            for j in range(taps):
                places = [c.mul(tap, i * taps + j) for i in range(taps)]
                column = [c.vload(c.add(c.get(a), p)) for p in places]
                halves.append(lines.evaluated(column))
            for i in range(SIZE):
                for j, value in enumerate(lines.evaluated([h[i] for h in halves])):
                    place = c.add(c.get(d), c.mul(position, i * SIZE + j))
                    c.vstore(lines.scaled(1 / (by[i] * by[j]), value), place)
        c.finish()

    return compile_ir("winograd", build, f"winograd filters in {taps} {JOB}")


def filters_out(taps: int, masked: bool) -> int:
    """Sum the positions of `count` vectors into gradients of taps x taps filters.

    Fields: positions are sap and vectors da apart in A, which holds `k` parts, sak
    apart, to add in order; taps are ldc and vectors dc apart in C; a vector has `tail`
    lanes if `masked`.
    """

    def build(module: ir.Module) -> None:
        c = Code(module, "winograd", "float32", 5)
        a, d = c.slot(I64, c.arguments[0]), c.slot(I64, c.arguments[2])
        tap, parts, part = (_field(c, name) for name in ("ldc", "k", "sak"))
        mask = c.first_lanes(_field(c, "tail")) if masked else None
        with c.loop(_field(c, "count"), [(a, _field(c, "da")), (d, _field(c, "dc"))]):
            totals = _totals(c, c.get(a), _field(c, "sap"), parts, part)
            for i, line in enumerate(_square(_Lines(c), totals, taps)):
                for j, value in enumerate(line):
                    place = c.add(c.get(d), c.mul(tap, i * taps + j))
                    c.vstore(value, place, mask)
        c.finish()

    return compile_ir("winograd", build, f"winograd filters out {taps} {masked} {JOB}")


def _totals(c: Code, source: Any, position: Any, parts: Any, part: Any) -> list[Any]:
    """The 36 vectors `position` apart, summed over parts, over their denominators."""
    zero, at = c.vec_constant(0.0), c.slot(I64, source)
    totals = [c.slot(c.vector, zero) for _ in range(POSITIONS)]
    with c.loop(parts, [(at, part)]):
        for i, total in enumerate(totals):
            value = c.vload(c.add(c.get(at), c.mul(position, i)))
            c.put(total, c.b.fadd(c.get(total, c.vector), value))
    by = _denominators()
    return [
        _Lines(c).scaled(1 / (by[i // SIZE] * by[i % SIZE]), c.get(total, c.vector))
        for i, total in enumerate(totals)
    ]


def relay(own: bool) -> int:
    """Run jobs whose A and C lie in the workspace B, and whose B is S, or there too.

    Fields: `count` jobs in the table at the address `extra`.
    """

    def build(module: ir.Module) -> None:
        c = Code(module, "winograd", "float32", 5)
        _, work, _, start, _ = c.arguments
        row = c.slot(I64, _field(c, "extra"))
        with c.loop(_field(c, "count"), [(row, c.const(8 * len(JOB)))]):
            at = c.get(row)
            bases = (work, work if own else start, work)
            places = [c.add(x, c.word(at, i + 1)) for i, x in enumerate(bases)]
            begin = c.word(at, FIELD["s"])
            nothing = c.b.icmp_signed("==", begin, c.const(0))
            begin = c.b.select(nothing, places[2], begin)
            emit_call(c, c.word(at, 0), [*places, begin, at])
        c.finish()

    return compile_ir("winograd", build, f"winograd relay {own} {JOB}")
