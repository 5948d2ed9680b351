"""Tables of jobs: how a contraction is planned in Python and run by one small kernel.

A lowered matmul, convolution or pooling is a few *phases*. A phase is a number of
*units*, shared out to the threads; a unit is a list of *ranges*; one moves the
three base addresses A, B and C and runs a range of *jobs*: calls of a tile, a packer
or a pooling kernel, with the strides and offsets in the job's row (`ir/job.py`). Everything about
shapes, edges and padding is decided when the tables are made; running them
allocates nothing, and which thread runs a unit never changes a result.

After a range that finishes rows of the result, the phase may call an epilogue on
them, while they are in the cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.values import Val

from minikeras.extend import Step
from minikeras_numba.ir.compile import compile_contract
from minikeras_numba.ir.contract import ITEMSIZE, Contract
from minikeras_numba.ir.job import HEAD, WORDS, Job, job_table
from minikeras_numba.machine.jit import Address, host
from minikeras_numba.machine.team import Registers, get_threads, run
from minikeras_numba.tiles.scratch import Base
from minikeras_numba.tiles.tile import Sums, tile

Table = npt.NDArray[np.int64]
_BASES = 3  # the meta's first words: units, ranges, jobs
_EPILOGUE = _BASES + 4 * 2
_ZEROS: Any = np.zeros(4096, np.uint8)

# Below this many multiply-adds waking another thread costs more than it brings.
SERIAL_WORK = 1 << 20


def zeros_address() -> int:
    """A row of zeros wide enough for any tile: the S of a sum that starts from nothing."""
    return int(_ZEROS.ctypes.data)


class JobRange(NamedTuple):
    """Byte offsets for A, B, C; the jobs to run; the rows of the result then done."""

    a: int
    b: int
    c: int
    first: int
    last: int
    row: int = 0
    end: int = 0


RANGE = JobRange._fields


def clearing(dtype: str, nbytes: int) -> Iterator[Job]:
    """Jobs that fill C with zeros: tiles that reduce over nothing, C as one column."""
    item = ITEMSIZE[dtype]
    lanes = host().lanes(item)
    row = lanes * item
    whole, rest = divmod(nbytes // item, lanes)
    if whole:
        fn = tile(dtype, 1, 1, False, False)
        fields = Sums(times=whole, dc=row, r=0, k=0)
        yield Job(fn, s=zeros_address(), fields=fields)
    if rest:
        fn = tile(dtype, 1, 1, True, False)
        fields = Sums(r=0, k=0, tail=rest)
        yield Job(fn, c=whole * row, s=zeros_address(), fields=fields)


_NOWHERE = Base()


@dataclass(slots=True)
class Tables:
    """The tables of one phase, while they are made."""

    a: Base
    b: Base
    c: Base
    s: Base = _NOWHERE
    jobs: list[Job] = field(default_factory=list)
    ranges: list[JobRange] = field(default_factory=list)
    units: list[int] = field(default_factory=lambda: [0])
    work: int = 0
    # Arrays that the jobs know by address: nothing else would keep them alive.
    keep: list[Any] = field(default_factory=list)

    def add_jobs(self, jobs: Iterable[Job]) -> tuple[int, int]:
        """Append jobs; the range they take in the table."""
        first = len(self.jobs)
        self.jobs.extend(jobs)
        return first, len(self.jobs)

    def add_unit(self, ranges: Iterable[JobRange]) -> None:
        """A unit: what one thread does in one go."""
        self.ranges.extend(ranges)
        self.units.append(len(self.ranges))


class Epilogue(NamedTuple):
    """A kernel over rows of the finished result, its meta, and what both need alive."""

    fn: Address
    meta: Any
    keep: Any = None


class Phase:
    """Tables made final: the address of the driver, and of what it reads.

    What it makes `lasts` from run to run, or not.
    """

    __slots__ = ("count", "fn", "grain", "keep", "lasts", "meta")

    def __init__(
        self, tables: Tables, epilogue: Epilogue | None = None, lasts: bool = False
    ) -> None:
        self.lasts = lasts
        made = (
            np.array(tables.units, np.int64),
            np.array(tables.ranges, np.int64).reshape(-1, len(RANGE)),
            job_table(tables.jobs),
        )
        words = [int(t.ctypes.data) for t in made]
        bases = tables.a, tables.b, tables.c, tables.s
        for base in bases:
            address = 0 if base.array is None else int(base.array.ctypes.data)
            words += [base.register, address]
        words += [epilogue.fn, int(epilogue.meta.ctypes.data)] if epilogue else [0, 0]
        meta = np.array(words, np.int64)
        self.fn = driver()
        self.meta = int(meta.ctypes.data)
        self.count = len(tables.units) - 1
        # A grain as long as the launch keeps it on one thread: waking others costs more.
        self.grain = max(1, self.count) if tables.work < SERIAL_WORK else 1
        self.keep: tuple[Any, ...] = (
            *(made, meta, bases, epilogue),
            *tables.keep,
        )


def finishing(rows: int, out: Base, work: int, epilogue: Epilogue) -> Phase:
    """The epilogue by itself, for rows that were finished in pieces."""
    tables = Tables(out, out, out)
    tables.work = work
    count = max(1, min(2 * get_threads(), rows))
    for i in range(count):
        tables.add_unit(
            [JobRange(0, 0, 0, 0, 0, rows * i // count, rows * (i + 1) // count)]
        )
    return Phase(tables, epilogue)


class Closure(Step):
    """A lowered node: its phases, one after the other.

    Those that make what lasts are its `preparation`, which whoever runs it runs before.
    """

    __slots__ = ("phases", "preparation")

    def __init__(self, phases: Sequence[Phase], whole: bool = False) -> None:
        there = [p for p in phases if p.count]
        lasting = [] if whole else [p for p in there if p.lasts]
        self.phases = [p for p in there if p not in lasting]
        self.preparation = Closure(lasting, whole=True) if lasting else None

    def __call__(self, registers: Registers) -> None:
        for p in self.phases:
            run(p.fn, registers.address, p.meta, p.count, p.grain)


Lowered = Step


def driver() -> int:
    """The address of the kernel that runs tables."""
    return compile_contract("jobs", _emit_driver, f"jobs {HEAD} {WORDS} {RANGE}")


def _emit_driver() -> Code:
    c = Contract("jobs", "float32", 6)
    registers, meta, start, stop, _, _ = c.parameters
    units, ranges, _ = (c.word(meta, i) for i in range(_BASES))
    bases = [_emit_base(c, registers, meta, _BASES + 2 * i) for i in range(4)]
    with c.repeat(stop, start=start) as unit:
        at = c.add(units, c.mul(c.get(unit), 8))
        with c.repeat(c.word(at, 1), start=c.word(at, 0)) as number:
            place = c.add(ranges, c.mul(c.get(number), 8 * len(RANGE)))
            _emit_range(c, meta, place, bases)
            _emit_epilogue(c, place)
    return c.code


def _emit_base(c: Contract, registers: Val, meta: Val, index: int) -> Val:
    """The address in a register, or, where the register number is negative, the meta's own."""
    number = c.word(meta, index)
    own = c.add(meta, c.const(8 * (index + 1)))
    shared = c.add(registers, c.mul(number, 8))
    is_own = c.icmp(Rel.SLT, number, c.const(0))
    return c.peek(c.select(is_own, own, shared))


def _emit_range(c: Contract, meta: Val, place: Val, bases: list[Val]) -> None:
    """Run the jobs of one range."""
    places = [c.add(base, c.word(place, i)) for i, base in enumerate(bases[:3])]
    places.append(bases[3])
    emit_jobs(c, c.word(meta, 2), c.word(place, 3), c.word(place, 4), places)


def emit_jobs(
    c: Contract, jobs: Val, first: Val, last: Val, bases: Sequence[Val]
) -> None:
    """Run rows [first, last) of a table: each is a call through the pointer in it.

    Args:
        c: The kernel.
        jobs: Address of the table.
        first: The first row.
        last: Behind the last row.
        bases: A, B, C and, if jobs lie `behind` it, S.
    """
    with c.repeat(last, start=first) as number:
        row = c.add(jobs, c.mul(c.get(number), 8 * WORDS))
        places = [c.add(x, c.word(row, i + 1)) for i, x in enumerate(bases[:3])]
        begin = c.word(row, HEAD.index("s"))
        for base in bases[3:]:
            relative = c.icmp(Rel.SLT, begin, c.const(0))
            begin = c.select(relative, c.sub(base, c.add(begin, 1)), begin)
        nothing = c.icmp(Rel.EQ, begin, c.const(0))
        begin = c.select(nothing, places[2], begin)
        c.call(c.word(row, 0), [*places, begin, row])


def _emit_epilogue(c: Contract, place: Val) -> None:
    """Call the epilogue on the rows that the range finished."""
    registers, meta, _, _, thread, threads = c.parameters
    row, end = c.word(place, 5), c.word(place, 6)
    fn = c.word(meta, _EPILOGUE)
    wanted = c.icmp(Rel.NE, fn, c.const(0))
    with c.when(c.bin(Op.AND, wanted, c.icmp(Rel.SLT, row, end))):
        own = c.word(meta, _EPILOGUE + 1)
        c.call(fn, [registers, own, row, end, thread, threads])
