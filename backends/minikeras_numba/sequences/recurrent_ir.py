"""The kernels of the recurrent rows: a thread walks its batch rows through all steps.

Rows of a batch never meet, so no step waits for another thread. In each step tiles
multiply the state by the packed recurrent kernel, and the cell, vector by vector, turns
their result into gates and the next state while it is in the cache; backwards the cell
comes first. A unit of work is a run of batch rows: (first row, end, first job, end).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras_kernels import mathlib
from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.signature import Kernel
from minikeras_kernels.values import Address, Kind, Val, const

from minikeras_numba.ir.compile import target
from minikeras_numba.machine.jit import host
from minikeras_numba.tiles.tile import FIELD, JOB

SIZES = ("units_table", "jobs", "packed", "space", "batch", "time", "width", "p0", "p1")
ARRAYS = {
    "lstm": ("x", "h0", "c0", "hs", "last", "cs", "gates"),
    "lstm_grad": ("g", "gc", "cs", "gates", "c0", "dx", "dh", "dc"),
    "gru": ("x", "h0", "b", "hs", "gates"),
    "gru_grad": ("g", "hs", "gates", "h0", "dx", "da", "dh"),
    "simple_rnn": ("x", "h0", "hs"),
    "simple_rnn_grad": ("g", "hs", "dx", "dh"),
}
_BLOCKS = {"lstm": 4, "gru": 3, "simple_rnn": 1}
_ONE, _ZERO = const(Kind.I64, 1), const(Kind.I64, 0)
KIND = {"float32": Kind.F32, "float64": Kind.F64}


class CellKernel:
    """Writes one kernel; `cell` is the method that does one row of one step."""

    def __init__(self, name: str, dtype: str, masked: bool, activation: str) -> None:
        self.f = Kernel("recurrent", target())
        self.name, self.kind = name, KIND[dtype]
        self.masked, self.activation = masked, activation
        self.lanes = host().lanes(4 if dtype == "float32" else 8)
        self.item = 4 if dtype == "float32" else 8
        self.back = name.endswith("_grad")
        self.row = name.removesuffix("_grad")
        self.blocks = _BLOCKS[self.row]

    # addresses ----------------------------------------------------------------------

    def words(self) -> None:
        f = self.f
        names = [*SIZES, *ARRAYS[self.name], *(("mask",) if self.masked else ())]
        words = f.words(len(names))
        self.n = dict(zip(SIZES, words, strict=False))
        self.arrays = {
            name: f.array(word, Kind.I8 if name == "mask" else self.kind)
            for name, word in zip(names[len(SIZES) :], words[len(SIZES) :], strict=True)
        }
        self.arrays["space"] = f.pointer(self.n["space"], self.kind)

    def times(self, x: Val, n: int) -> Val:
        return x if n == 1 else self.f.mul(x, const(Kind.I64, n))

    def rows(self, array: str, row: Val, blocks: int = 1) -> Address:
        """The address of a row of `blocks` times the width."""
        width = self.times(self.n["width"], blocks)
        return self.f.at(self.arrays[array], self.f.mul(row, width))

    def by_batch(self, array: str, b: Val, at: Val, blocks: int = 1) -> Address:
        row = self.f.add(self.f.mul(b, self.n["time"]), at)
        return self.rows(array, row, blocks)

    def by_time(self, array: str, b: Val, at: Val, blocks: int = 1) -> Address:
        row = self.f.add(self.f.mul(at, self.n["batch"]), b)
        return self.rows(array, row, blocks)

    def earlier(
        self, start: str, array: str, b: Val, by: Callable[..., Address]
    ) -> Address:
        """The row of the step before: at the first step that of `start`."""
        f = self.f
        first = f.icmp(Rel.EQ, self.step, _ZERO)
        before = f.sub(
            self.step, f.convert(Op.ZEXT, f.icmp(Rel.NE, self.step, _ZERO), Kind.I64)
        )
        begin, other = self.rows(start, b), by(array, b, before)
        return begin._replace(base=f.select(first, begin.base, other.base))

    # vectors ------------------------------------------------------------------------

    def get(self, base: Address, block: int = 0) -> Val:
        f = self.f
        at = f.add(self.at, self.times(self.n["width"], block)) if block else self.at
        return f.load(f.at(base, at), self.lanes, self.tail)

    def put(self, x: Val, base: Address, block: int = 0) -> None:
        f = self.f
        at = f.add(self.at, self.times(self.n["width"], block)) if block else self.at
        f.store(x, f.at(base, at), self.tail)

    def kept(self, new: Val, old: Val | None = None) -> Val:
        """`new` where the step is real, else `old`, or zero."""
        if not self.masked:
            return new
        return self.f.select(
            self.real, new, self.f.like(new, 0.0) if old is None else old
        )

    def sweep(self, body: Callable[[], None]) -> None:
        def step(at: Val, mask: Val | None) -> None:
            self.at, self.tail = at, mask
            body()

        self.f.sweep(_ZERO, self.n["width"], self.lanes, step)

    def copy(self, source: Address | None, target: Address) -> None:
        """A row, or zeros."""

        def body() -> None:
            x = (
                const(self.kind, 0.0, self.lanes)
                if source is None
                else self.get(source)
            )
            self.put(x, target)

        self.sweep(body)

    # the walk -----------------------------------------------------------------------

    def write(self) -> Code:
        f = self.f
        self.words()
        table = f.pointer(self.n["units_table"], Kind.I64)
        with f.loop(f.start, f.stop) as unit:
            at = f.mul(unit, 4)
            four = [f.load(f.at(table, f.add(at, i))) for i in range(4)]
            self.low, self.high, self.first, self.end = four
            self.each_row(self.begin)
            with f.loop(_ZERO, self.n["time"]) as turn:
                last = f.sub(self.n["time"], _ONE)
                self.step = f.sub(last, turn) if self.back else turn
                self.place = f.add(self.n["p0"], f.mul(self.n["p1"], self.step))
                if self.back:
                    self.each_row(self.whole_row)
                    self.tiles()
                else:
                    self.tiles()
                    self.each_row(self.whole_row)
            if self.name == "lstm":
                self.step = self.n["time"]
                self.each_row(
                    lambda b: self.copy(
                        self.earlier("c0", "cs", b, self.by_time), self.rows("last", b)
                    )
                )
        return f.code

    def each_row(self, body: Callable[[Val], None]) -> None:
        with self.f.loop(self.low, self.high) as b:
            body(b)

    def begin(self, b: Val) -> None:
        if not self.back:
            self.copy(self.rows("h0", b), self.rows("space", b))
            return
        self.copy(None, self.rows("dh", b))
        if self.row == "lstm":
            self.copy(self.rows("gc", b), self.rows("dc", b))

    def tiles(self) -> None:
        """Run the unit's jobs on the state, or on the gradients of the gates."""
        f, low = self.f, self.low
        if self.back:
            a = self.rows("space", low, self.blocks)
            out = start = self.rows("dh", low)
        else:
            a = self.rows("space", low)
            if self.row == "simple_rnn":
                out = self.rows("space", f.add(low, self.n["batch"]))
            else:
                out = self.by_time("gates", low, self.step, 4)
            if self.row == "gru":
                start = self.arrays["b"]
            else:
                start = self.by_batch("x", low, self.place, self.blocks)
        bases = [f.convert(Op.PTRTOINT, x.base, Kind.I64) for x in (a, out, start)]
        bases.insert(1, self.n["packed"])
        with f.loop(self.first, self.end) as number:
            job = f.add(self.n["jobs"], f.mul(number, 8 * len(JOB)))
            row = f.pointer(job, Kind.I64)
            given = []
            for base, name in zip(bases, ("a", "b", "c", "s"), strict=True):
                offset = f.load(f.at(row, const(Kind.I64, FIELD[name])))
                given.append(f.add(base, offset))
            f.call(f.load(row), [*given, job])

    def whole_row(self, b: Val) -> None:
        f = self.f
        if self.masked:
            index = f.add(f.mul(b, self.n["time"]), self.place)
            byte = f.load(f.at(self.arrays["mask"], index))
            self.real = f.splat(f.icmp(Rel.NE, byte, 0), self.lanes)
        self.sweep(getattr(self, f"_{self.name}")(b))

    # cells --------------------------------------------------------------------------

    def _lstm(self, b: Val) -> Callable[[], None]:
        f = self.f
        z, c_now = (
            self.by_time("gates", b, self.step, 4),
            self.by_time("cs", b, self.step),
        )
        c_old = self.earlier("c0", "cs", b, self.by_time)
        state, hs = self.rows("space", b), self.by_batch("hs", b, self.step)

        def body() -> None:
            i, g, o = (mathlib.logistic(f, self.get(z, k)) for k in (0, 1, 3))
            n, old = mathlib.tanh(f, self.get(z, 2)), self.get(c_old)
            c = self.kept(f.fma(g, old, f.fmul(i, n)), old)
            h = f.fmul(o, mathlib.tanh(f, c))
            h = self.kept(h, self.get(state)) if self.masked else h
            for k, gate in enumerate((i, g, n, o)):
                self.put(self.kept(gate), z, k)
            self.put(c, c_now)
            self.put(h, state)
            self.put(h, hs)

        return body

    def _lstm_grad(self, b: Val) -> Callable[[], None]:
        f = self.f
        g, z = self.by_batch("g", b, self.step), self.by_time("gates", b, self.step, 4)
        c_now, c_old = (
            self.by_time("cs", b, self.step),
            self.earlier("c0", "cs", b, self.by_time),
        )
        dh, dc = self.rows("dh", b), self.rows("dc", b)
        dz, dx = self.rows("space", b, 4), self.by_batch("dx", b, self.place, 4)

        def body() -> None:
            i, forget, n, o = (self.get(z, k) for k in range(4))
            one = f.like(i, 1.0)
            total, later = f.fadd(self.get(dh), self.get(g)), self.get(dc)
            t = mathlib.tanh(f, self.get(c_now))
            inner = f.fma(f.fmul(total, o), f.fnma(t, t, one), later)
            grads = (
                f.fmul(f.fmul(inner, n), self.slope(i)),
                f.fmul(f.fmul(inner, self.get(c_old)), self.slope(forget)),
                f.fmul(f.fmul(inner, i), f.fnma(n, n, one)),
                f.fmul(f.fmul(total, t), self.slope(o)),
            )
            for k, grad in enumerate(grads):
                self.put(self.kept(grad), dz, k)
                self.put(self.kept(grad), dx, k)
            self.put(self.kept(f.fmul(inner, forget), later), dc)
            self.put(self.kept(f.like(total, 0.0), total), dh)

        return body

    def slope(self, y: Val) -> Val:
        return self.f.fmul(y, self.f.fsub(self.f.like(y, 1.0), y))

    def _gru(self, b: Val) -> Callable[[], None]:
        f = self.f
        s, x = (
            self.by_time("gates", b, self.step, 4),
            self.by_batch("x", b, self.place, 3),
        )
        state, hs = self.rows("space", b), self.by_batch("hs", b, self.step)

        def body() -> None:
            z = mathlib.logistic(f, f.fadd(self.get(s, 0), self.get(x, 0)))
            r = mathlib.logistic(f, f.fadd(self.get(s, 1), self.get(x, 1)))
            n, old = self.get(s, 2), self.get(state)
            new = mathlib.tanh(f, f.fma(r, n, self.get(x, 2)))
            h = self.kept(f.fma(z, f.fsub(old, new), new), old)
            for k, part in enumerate((z, r, n, new)):
                self.put(self.kept(part), s, k)
            self.put(h, state)
            self.put(h, hs)

        return body

    def _gru_grad(self, b: Val) -> Callable[[], None]:
        f = self.f
        g, s = self.by_batch("g", b, self.step), self.by_time("gates", b, self.step, 4)
        before = self.earlier("h0", "hs", b, self.by_batch)
        dh, space = self.rows("dh", b), self.rows("space", b, 3)
        dx, da = (self.by_batch(name, b, self.place, 3) for name in ("dx", "da"))

        def body() -> None:
            z, r, n, new = (self.get(s, k) for k in range(4))
            one = f.like(z, 1.0)
            total = f.fadd(self.get(dh), self.get(g))
            curve = f.fnma(new, new, one)
            dn = f.fmul(f.fmul(f.fsub(one, z), total), curve)
            dz = f.fmul(f.fmul(f.fsub(self.get(before), new), total), self.slope(z))
            dr = f.fmul(f.fmul(dn, n), self.slope(r))
            inner = f.fmul(dn, r)
            for k, (outer, own) in enumerate(((dz, dz), (dr, dr), (dn, inner))):
                self.put(self.kept(outer), dx, k)
                self.put(self.kept(own), da, k)
                self.put(self.kept(own), space, k)
            self.put(self.kept(f.fmul(total, z), total), dh)

        return body

    def _simple_rnn(self, b: Val) -> Callable[[], None]:
        f = self.f
        z = self.rows("space", f.add(b, self.n["batch"]))
        state, hs = self.rows("space", b), self.by_batch("hs", b, self.step)

        def body() -> None:
            h = self.get(z)
            if self.activation == "tanh":
                h = mathlib.tanh(f, h)
            elif self.activation == "relu":
                h = f.one(Op.MAXIMUM, h, f.like(h, 0.0))
            h = self.kept(h, self.get(state)) if self.masked else h
            self.put(h, state)
            self.put(h, hs)

        return body

    def _simple_rnn_grad(self, b: Val) -> Callable[[], None]:
        f = self.f
        g, y = self.by_batch("g", b, self.step), self.by_batch("hs", b, self.step)
        dh, space = self.rows("dh", b), self.rows("space", b)
        dx = self.by_batch("dx", b, self.place)

        def body() -> None:
            total = dz = f.fadd(self.get(dh), self.get(g))
            h = self.get(y)
            if self.activation == "tanh":
                dz = f.fmul(total, f.fnma(h, h, f.like(h, 1.0)))
            elif self.activation == "relu":
                zero = f.like(h, 0.0)
                dz = f.select(f.fcmp(Rel.OGT, h, zero), total, zero)
            self.put(self.kept(dz), dx)
            self.put(self.kept(dz), space)
            self.put(self.kept(f.like(total, 0.0), total), dh)

        return body


def key(name: str, dtype: str, masked: bool, activation: str) -> str:
    """All that the kernel's text depends on."""
    parts: tuple[Any, ...] = (name, dtype, masked, activation, host().vector_bytes)
    return f"recurrent {parts}"
