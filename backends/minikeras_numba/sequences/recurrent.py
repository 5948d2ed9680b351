"""Lowering of the recurrent rows: the kernel packed once, then one walk per batch row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from minikeras_kernels.cells import ARRAYS

from minikeras_numba.ir.compile import compile_kernel
from minikeras_numba.ir.job import Job, job_table
from minikeras_numba.machine.jit import Address, host
from minikeras_numba.machine.team import get_threads
from minikeras_numba.sequences.recurrent_ir import CellKernel, key
from minikeras_numba.tiles.blocking import chunks, panels, row_tiles
from minikeras_numba.tiles.jobs import SERIAL_WORK, Closure, Lowered
from minikeras_numba.tiles.panels import Block, Packed, packed
from minikeras_numba.tiles.scratch import Base, owned
from minikeras_numba.tiles.tile import Sums, tile

NAMES = tuple(ARRAYS)
# Batch rows that go through a step together: their gates stay in L1 and L2.
_ROWS = 64
# Where the recurrent kernel stands among a row's inputs.
_KERNEL = {
    "lstm": 3, "lstm_grad": 5, "gru": 2, "gru_grad": 4, "simple_rnn": 2,
    "simple_rnn_grad": 2,
}  # fmt: skip


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
    name, first = node.prim.name, node.inputs[0].aval
    at = _KERNEL[name]
    kernel = node.inputs[at]
    inputs = list(node.inputs)
    masked = inputs[-1].aval.dtype == "bool"
    mask = [inputs.pop()] if masked else []
    if first.dtype not in ("float32", "float64") or first.size == 0:
        return None
    batch, time = first.shape[:2]
    units, width = kernel.aval.shape
    back = name.endswith("_grad")
    item = np.dtype(first.dtype).itemsize
    columns = panels(units if back else width, host().lanes(item))
    right = packed(
        regs[kernel],
        columns,
        first.dtype,
        1,
        back,
        lambda _: [Block(0, width if back else units, width * item)],
        make_room=_own,
    )
    runs = chunks(batch, max(min(get_threads(), batch), -(-batch // _ROWS)))
    table, jobs = _tables(name, first.dtype, right, runs, (time, units, width))
    rows = batch * (width // units) if back else 2 * batch
    space = owned(rows * units * item)
    reverse = node.static["reverse"]
    words = [int(table.ctypes.data), int(jobs.ctypes.data)]
    assert right.base.array is not None and right.phase is not None
    words += [int(right.base.array.ctypes.data), int(space.ctypes.data)]
    words += [batch, time, units, *((time - 1, -1) if reverse else (0, 1))]
    del inputs[at]
    words += [regs[v] for v in (*inputs, *node.outputs, *mask)]
    meta = np.array(words, np.int64)
    activation = node.static.get("activation", "")
    fn = compile_kernel(
        "recurrent",
        lambda: CellKernel(name, first.dtype, masked, activation).write(),
        key(name, first.dtype, masked, activation),
        loops=False,
    )
    work = batch * time * units * width
    grain = len(runs) if work < SERIAL_WORK else 1
    keep = (table, jobs, meta, space, right)
    walk: Any = Walk(fn, int(meta.ctypes.data), len(runs), grain, keep)
    return Closure([right.phase, walk])


def _own(source: int, nbytes: int) -> tuple[Base, bool]:
    """The kernel finds its panels by their address."""
    return Base(array=owned(nbytes)), False


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
    name: str, dtype: str, right: Packed, rows: int, sizes: tuple[int, int, int]
) -> list[Job]:
    """Tiles from `rows` states (or gradients of gates) to gates (or to states)."""
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
    for i, panel in enumerate(right.panels):
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
