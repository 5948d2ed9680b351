"""Lowering of the recurrent rows: the kernel packed once, then one walk per batch row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from minikeras_kernels.cells import ARRAYS

from minikeras.extend import Numbers
from minikeras_numba.ir.compile import compile_kernel
from minikeras_numba.ir.job import Job, job_table
from minikeras_numba.machine.jit import Address, host
from minikeras_numba.machine.team import get_threads
from minikeras_numba.sequences.recurrent_ir import (
    SIZES,
    CellKernel,
    ColumnKernel,
    key,
)
from minikeras_numba.tiles.blocking import Panel, chunks, panels, row_tiles
from minikeras_numba.tiles.jobs import SERIAL_WORK, Closure, Lowered
from minikeras_numba.tiles.panels import Block, Packed, packed
from minikeras_numba.tiles.scratch import Base, owned
from minikeras_numba.tiles.tile import Sums, tile

NAMES = tuple(ARRAYS)
# Bytes of a recurrent kernel from which threads share out its columns, and not the rows of
# the batch: where there are fewer rows than threads, and else.
FEW_BYTES, MANY_BYTES = 1 << 19, 1 << 21
# Rows for each thread up to which that pays: with more, products take longer than the
# reading, and all threads fetch what the others made of each row.
MOST_ROWS = 2
# Each step is a launch of its own then.
MOST_STEPS = 4096
# Batch rows that go through a step together: their gates stay in L1 and L2.
_ROWS = 64
# Where the recurrent kernel stands among a row's inputs.
_KERNEL = {
    "lstm": 3, "lstm_grad": 5, "gru": 2, "gru_grad": 4, "simple_rnn": 2,
    "simple_rnn_grad": 2,
}  # fmt: skip
# Which of a row's outputs are for its gradient alone: those from this number on.
_SAVED = {"lstm": 2, "gru": 1}


@dataclass(frozen=True, slots=True)
class Walk:
    """The phase that runs the kernel, with the fields of `jobs.Phase`."""

    fn: Address
    meta: int
    count: int
    grain: int
    keep: Any
    lasts: bool = False


def lower_recurrent(node: Any, regs: Mapping[Any, int]) -> Lowered | None:
    """A closure for a recurrent row, or None where NumPy's kernel does it."""
    first = node.inputs[0].aval
    if first.dtype not in ("float32", "float64") or first.size == 0:
        return None
    plan = _Plan(node, regs)
    return plan.by_columns() if plan.shares_columns() else plan.by_rows()


class _Plan:
    """A recurrent row: its sizes, and the two ways to share it out."""

    def __init__(self, node: Any, regs: Mapping[Any, int]) -> None:
        self.name, first = node.prim.name, node.inputs[0].aval
        self.kernel = node.inputs[_KERNEL[self.name]]
        inputs = [v for i, v in enumerate(node.inputs) if i != _KERNEL[self.name]]
        masked = inputs[-1].aval.dtype == "bool"
        mask = [inputs.pop()] if masked else []
        self.dtype, self.item = first.dtype, np.dtype(first.dtype).itemsize
        self.batch, self.time = first.shape[:2]
        self.units, self.width = self.kernel.aval.shape
        self.back = self.name.endswith("_grad")
        self.sizes = self.time, self.units, self.width
        self.walk = (self.time - 1, -1) if node.static["reverse"] else (0, 1)
        self.source = regs[self.kernel]
        self.registers = [regs[v] for v in (*inputs, *node.outputs, *mask)]
        self.kind = self.name, self.dtype, masked, node.static.get("activation", "")
        self.lanes = host().lanes(self.item)
        unread = regs.unread if isinstance(regs, Numbers) else set()
        saved = node.outputs[_SAVED.get(self.name, len(node.outputs)) :]
        # Rows from step to step of what is saved: none where nobody reads it, so that
        # each step writes over the last one, in the cache.
        self.saved = 0 if saved and unread.issuperset(saved) else self.batch

    def packed(self, columns: Sequence[Panel]) -> Packed:
        """The recurrent kernel in panels, backwards its transpose."""
        width = self.width * self.item
        rows = self.width if self.back else self.units
        block = Block(0, rows, width)
        return packed(self.source, columns, self.dtype, 1, self.back, lambda _: [block])

    def words(self, table: Any, jobs: Any, base: Base, space: Any) -> list[int]:
        """A kernel's table, but for the number of the step."""
        own = 0 if base.array is None else int(base.array.ctypes.data)
        places = [int(x.ctypes.data) for x in (table, jobs)]
        return [
            *places, base.register, own, int(space.ctypes.data),
            self.batch, self.time, self.units, *self.walk, 0, self.saved,
            *self.registers,
        ]  # fmt: skip

    def by_rows(self) -> Lowered:
        """Each thread takes its rows of the batch through all steps."""
        right = self.packed(panels(self.units if self.back else self.width, self.lanes))
        batch = self.batch
        runs = chunks(batch, max(min(get_threads(), batch), -(-batch // _ROWS)))
        table, jobs = _tables(self.name, self.dtype, right, runs, self.sizes)
        rows = batch * (self.width // self.units) if self.back else 2 * batch
        space = owned(rows * self.units * self.item)
        meta = np.array(self.words(table, jobs, right.base, space), np.int64)
        fn = compile_kernel(
            "recurrent",
            lambda: CellKernel(*self.kind).write(),
            key("rows", *self.kind),
            loops=False,
        )
        work = batch * self.time * self.units * self.width
        grain = len(runs) if work < SERIAL_WORK else 1
        keep = (table, jobs, meta, space, right)
        walk: Any = Walk(fn, int(meta.ctypes.data), len(runs), grain, keep)
        assert right.phase is not None
        return Closure([right.phase, walk])

    def shares_columns(self) -> bool:
        """Whether threads should keep to columns of the kernel and meet after each step."""
        nbytes = self.units * self.width * self.item
        few = self.batch < get_threads()
        least = FEW_BYTES if few else MANY_BYTES
        return (
            not self.back
            and get_threads() > 1
            and self.batch <= MOST_ROWS * get_threads()
            and nbytes >= least
            and self.time <= MOST_STEPS
            and self.units >= self.lanes * get_threads()
        )

    def by_columns(self) -> Lowered:
        """Each thread takes its units of the state through a step, then all meet."""
        cuts = chunks(-(-self.units // self.lanes), get_threads())
        shares = [
            (low * self.lanes, min(high * self.lanes, self.units)) for low, high in cuts
        ]
        columns: list[Panel] = []
        members: list[range] = []
        for low, high in shares:
            start = len(columns)
            for gate in range(self.width // self.units):
                at = gate * self.units + low
                columns += [
                    p._replace(start=at + p.start)
                    for p in panels(high - low, self.lanes)
                ]
            members.append(range(start, len(columns)))
        right = self.packed(columns)
        jobs: list[Job] = []
        tables: list[Any] = []
        # Every other step goes the other way: it begins with what is still in the cache.
        for turned in (False, True):
            rows = []
            for share, panels_of in zip(shares, members, strict=True):
                order = panels_of[::-1] if turned else panels_of
                start = len(jobs)
                jobs += _jobs(
                    self.name, self.dtype, right, self.batch, self.sizes, order
                )
                rows.append((*share, start, len(jobs)))
            tables.append(np.array(rows, np.int64))
        made, space = job_table(jobs), owned(2 * self.batch * self.units * self.item)
        metas = np.array(
            [self.words(t, made, right.base, space) for t in tables], np.int64
        )
        metas = metas[np.arange(self.time) % 2]
        metas[:, SIZES.index("step")] = np.arange(self.time)
        fn = compile_kernel(
            "recurrent",
            lambda: ColumnKernel(*self.kind).write(),
            key("columns", *self.kind),
            loops=False,
        )
        keep = (tables, made, metas, space, right)
        first, pitch = int(metas.ctypes.data), metas.strides[0]
        steps: list[Any] = [
            Walk(fn, first + t * pitch, len(shares), 1, keep) for t in range(self.time)
        ]
        assert right.phase is not None
        return Closure([right.phase, *steps])


def _tables(
    name: str,
    dtype: str,
    right: Packed,
    runs: list[tuple[int, int]],
    sizes: tuple[int, int, int],
) -> tuple[Any, Any]:
    """The units, and the tiles of one step of each; runs of one length share tiles."""
    known: dict[int, tuple[int, int]] = {}
    table: list[tuple[int, ...]] = []
    jobs: list[Job] = []
    for low, high in runs:
        if high - low not in known:
            start = len(jobs)
            jobs += _jobs(name, dtype, right, high - low, sizes)
            known[high - low] = start, len(jobs)
        table.append((low, high, *known[high - low]))
    return np.array(table, np.int64), job_table(jobs)


def _jobs(
    name: str,
    dtype: str,
    right: Packed,
    rows: int,
    sizes: tuple[int, int, int],
    members: Iterable[int] | None = None,
) -> list[Job]:
    """Tiles from `rows` states (or gradients of gates) to gates (or to states).

    They are those of the panels with these numbers, or of all.
    """
    time, units, width = sizes
    item = np.dtype(dtype).itemsize
    lanes = host().lanes(item)
    back = name.endswith("_grad")
    depth = width if back else units
    a_pitch = depth * item
    # the gru saves four blocks where its kernel has three
    c_pitch = (units if back or name == "simple_rnn" else 4 * units) * item
    s_pitch = {"gru": 0}.get(name, c_pitch if back else time * width * item)
    result = []
    for i in range(len(right.panels)) if members is None else members:
        panel = right.panels[i]
        for at, size, count in row_tiles(rows, panel.vectors):
            fn = tile(dtype, size, panel.vectors, panel.masked(lanes), False)
            column = panel.start * item
            result.append(
                Job(
                    fn,
                    a=at * a_pitch,
                    b=right.offsets[i],
                    c=at * c_pitch + column,
                    s=at * s_pitch + column,
                    fields=Sums(
                        times=count,
                        da=size * a_pitch,
                        dc=size * c_pitch,
                        ds=size * s_pitch,
                        k=depth,
                        sap=a_pitch,
                        sak=item,
                        sbk=right.row_bytes[i],
                        ldc=c_pitch,
                        lds=s_pitch,
                        tail=panel.tail,
                    ),
                )
            )
    return result
