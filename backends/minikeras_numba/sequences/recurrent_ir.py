"""The kernels of the recurrent rows: a thread walks its batch rows through all steps.

Rows of a batch never meet, so no step waits for another thread. In each step tiles
multiply the state by the packed recurrent kernel, and the cell, vector by vector, turns
their result into gates and the next state while it is in the cache; backwards the cell
comes first. A unit of work is a run of batch rows: (first row, end, first job, end).
Where that would have each thread read a large kernel in every step, or leave threads
without rows, they share out its columns: `ColumnKernel`.
"""

from __future__ import annotations

from collections.abc import Callable

from minikeras_kernels.cells import ARRAYS, Cells
from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.values import Address, Kind, Val, const

from minikeras_numba.ir.compile import target
from minikeras_numba.ir.job import HEAD, WORDS
from minikeras_numba.machine.jit import host

SIZES = (
    *("units_table", "jobs", "packed", "own", "space"),
    *("batch", "time", "width", "p0", "p1", "step", "saved"),
)
_ONE, _ZERO = const(Kind.I64, 1), const(Kind.I64, 0)


class CellKernel(Cells):
    """Writes one kernel: a thread walks its batch rows through all steps."""

    def __init__(self, name: str, dtype: str, masked: bool, activation: str) -> None:
        super().__init__(target(), name, dtype, masked, activation)

    def by_time(self, array: str, b: Val, at: Val, blocks: int = 1) -> Address:
        """As there; steps lie in one place where no gradient wants what they save."""
        f = self.f
        return self.rows(array, f.add(f.mul(at, self.n["saved"]), b), blocks)

    def product(self, b: Val) -> Callable[[int], Val]:
        """Tiles have made it where the gates will be, beginning with what is added."""
        if self.row == "simple_rnn":
            made = self.rows("space", self.f.add(b, self.n["batch"]))
        else:
            made = self.by_time("gates", b, self.step, 4)
        return lambda k: self.get(made, k)

    def gradient(self, b: Val) -> Callable[[], Val]:
        """Tiles have added to it."""
        dh = self.rows("dh", b)
        return lambda: self.get(dh)

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
        # the panels: in a register, or, where its number is negative, of the table's own
        number, own = (
            self.n["packed"],
            f.at(f.meta, const(Kind.I64, SIZES.index("own"))),
        )
        is_own, shared = f.icmp(Rel.SLT, number, _ZERO), f.at(f.regs, number)
        at = own._replace(base=f.select(is_own, own.base, shared.base))
        self.n["packed"] = f.load(at)

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
        low = self.low
        if self.back:
            a = self.rows("space", low, self.blocks)
            self.run_jobs(a, out := self.rows("dh", low), out)
            return
        if self.row == "simple_rnn":
            out = self.rows("space", self.f.add(low, self.n["batch"]))
        else:
            out = self.by_time("gates", low, self.step, 4)
        self.run_jobs(self.states(low)[0], out, self.added(low))

    def added(self, low: Val) -> Address:
        """What the products from row `low` on are added to."""
        if self.row == "gru":
            return self.arrays["b"]
        return self.by_batch("x", low, self.place, self.blocks)

    def run_jobs(self, a: Address, out: Address, start: Address) -> None:
        """Run the unit's jobs from these bases."""
        f = self.f
        bases = [f.convert(Op.PTRTOINT, x.base, Kind.I64) for x in (a, out, start)]
        bases.insert(1, self.n["packed"])
        with f.loop(self.first, self.end) as number:
            job = f.add(self.n["jobs"], f.mul(number, 8 * WORDS))
            row = f.pointer(job, Kind.I64)
            given = []
            for base, name in zip(bases, ("a", "b", "c", "s"), strict=True):
                offset = f.load(f.at(row, const(Kind.I64, HEAD.index(name))))
                given.append(f.add(base, offset))
            f.call(f.load(row), [*given, job])


class ColumnKernel(CellKernel):
    """One step of all batch rows, where threads share out the units of the state.

    Each reads its own columns of the recurrent kernel alone, the same ones in every step,
    and all of the state before, which is another half of `space` than the state after.
    A unit of work is a run of the state's units: (first, end, first job, end).
    """

    def write(self) -> Code:
        f = self.f
        self.words()
        self.step = self.n["step"]
        self.place = f.add(self.n["p0"], f.mul(self.n["p1"], self.step))
        table, self.low = f.pointer(self.n["units_table"], Kind.I64), _ZERO
        last = f.icmp(Rel.EQ, self.step, f.sub(self.n["time"], _ONE))
        with f.loop(f.start, f.stop) as unit:
            at = f.mul(unit, 4)
            four = [f.load(f.at(table, f.add(at, i))) for i in range(4)]
            self.own, (self.first, self.end) = (four[0], four[1]), four[2:]
            if self.row == "simple_rnn":
                out = self.states(_ZERO)[1]
            else:
                out = self.by_time("gates", _ZERO, self.step, 4)
            self.run_jobs(self.states(_ZERO)[0], out, self.added(_ZERO))
            with f.loop(_ZERO, self.n["batch"]) as b:
                self.whole_row(b)
                if self.name == "lstm":
                    with f.when(last):
                        self.copy(
                            self.by_time("cs", b, self.step), self.rows("last", b)
                        )
        return f.code

    def span(self) -> tuple[Val, Val]:
        return self.own

    def states(self, b: Val) -> tuple[Address, Address]:
        f = self.f
        odd = f.bin(Op.AND, self.step, _ONE)
        halves = [
            self.rows("space", f.add(b, f.mul(self.n["batch"], half)))
            for half in (odd, f.sub(_ONE, odd))
        ]
        before, begin = halves[0], self.rows("h0", b)
        first = f.icmp(Rel.EQ, self.step, _ZERO)
        before = before._replace(base=f.select(first, begin.base, before.base))
        return before, halves[1]

    def product(self, b: Val) -> Callable[[int], Val]:
        """Tiles have made it where the gates will be, or the next state."""
        if self.row != "simple_rnn":
            return super().product(b)
        made = self.states(b)[1]
        return lambda k: self.get(made, k)


def key(kernel: str, name: str, dtype: str, masked: bool, activation: str) -> str:
    """All that the kernel's text depends on."""
    parts = (kernel, name, dtype, masked, activation, host().vector_bytes)
    return f"recurrent {parts}"
