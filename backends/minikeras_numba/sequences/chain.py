"""Lowering of chains: a thread takes slices of the batch through all nodes, one by one.

The nodes are lowered for one slice, once for each thread; what passes between them, and
their scratch, lives in an arena of the thread's own, a part of the routine's. A small driver
points a table of registers at the slice and calls the kernels. Slices do not meet, so
no bit depends on how many threads there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from minikeras_kernels.code import Code
from minikeras_kernels.values import Address, Val

from minikeras.extend import Graph, Node, Numbers, Value, plan
from minikeras_numba.ir.compile import compile_contract
from minikeras_numba.ir.contract import Contract
from minikeras_numba.machine.launch import Launch, Native
from minikeras_numba.machine.team import get_threads
from minikeras_numba.tiles.blocking import chunks
from minikeras_numba.tiles.jobs import Closure
from minikeras_numba.tiles.scratch import scratch

Lower = Callable[[Node, Mapping[Value, int]], Any]
Table = np.ndarray[Any, np.dtype[np.int64]]


class Worker(NamedTuple):
    """A thread's row of the driver's table: where its tables are, and its slices."""

    registers: int
    binds: int
    bind_count: int
    calls: int
    call_count: int
    first: int
    last: int


class Bind(NamedTuple):
    """A register to fill: which one, from which of the program's.

    Attributes:
        register: Of the worker.
        source: Of the program.
        stride: Bytes to the next slice.
        shift: Bytes behind the beginning of what is there.
    """

    register: int
    source: int
    stride: int
    shift: int


class Call(NamedTuple):
    """A kernel's call for one slice."""

    fn: int
    meta: int
    units: int


def is_native(step: Any) -> bool:
    """Whether a lowered node is kernel calls and nothing else."""
    return isinstance(step, (Native, Closure))


def kernel_calls(step: Any) -> Sequence[tuple[int, int, int, int]]:
    """The kernel calls of a native step: function, meta, units, units a thread at least."""
    if isinstance(step, Native):
        return step.calls
    return [(p.fn, p.meta, p.count, p.grain) for p in step.phases]


def lower_chain(node: Node, regs: Mapping[Value, int], lower: Lower) -> Native:
    """A closure for a `chain` node."""
    static = node.static
    body: Graph = static["body"]
    binds = _binds(node, regs)
    parts = chunks(static["slices"], get_threads())
    workers = [_Worker(body, binds, part, lower) for part in parts]
    table = np.array([w.row for w in workers], np.int64)
    meta = np.array([table.ctypes.data], np.int64)
    fn = compile_contract(
        "chain", _emit_driver, f"chain {Worker._fields} {Bind._fields} {Call._fields}"
    )
    return Native([Launch(fn, meta, len(workers), 1, (table, workers))])


def _binds(node: Node, regs: Mapping[Value, int]) -> list[tuple[Value, int, int]]:
    """For each value of the body that lies outside: its register there, and its stride."""
    body, slices = node.static["body"], node.static["slices"]
    result = [
        (inner, regs[outer], outer.aval.nbytes // slices if cut else 0)
        for inner, outer, cut in zip(
            body.inputs, node.inputs, node.static["cut"], strict=True
        )
    ]
    result += [
        (inner, regs[outer], outer.aval.nbytes // slices)
        for inner, outer in zip(body.outputs, node.outputs, strict=True)
    ]
    return result


class _Worker:
    """One thread's share of the slices: its registers, kernels and memory."""

    def __init__(
        self,
        body: Graph,
        binds: Sequence[tuple[Value, int, int]],
        part: tuple[int, int],
        lower: Lower,
    ) -> None:
        regs = Numbers(body.values())
        self.launches = []
        for regs.node, node in enumerate(body.nodes):
            self.launches.append(lower(node, regs))
        places = plan(body, {}, regs.asked)
        offsets = [(regs[v], offset) for v, offset in places.offsets.items()]
        offsets += [(register, at) for register, (at, _) in places.scratch.items()]
        self.words: Table = np.zeros(regs.count + 1, np.int64)
        self.registers = self.words[1:]  # `Registers` has a word before them too
        arena = scratch(places.arena_bytes)
        self.arena = arena.array
        rows: list[Bind] = []
        if arena.array is None:
            rows += [Bind(register, arena.register, 0, at) for register, at in offsets]
        else:
            for register, at in offsets:
                self.registers[register] = arena.array.ctypes.data + at
        # last: results have a place in the arena too, and lie outside
        rows += [Bind(regs[v], source, stride, 0) for v, source, stride in binds]
        assert all(map(is_native, self.launches)), "a chain of nodes without kernels"
        calls = [
            Call(fn, meta, count)
            for step in self.launches
            for fn, meta, count, _ in kernel_calls(step)
        ]
        self.calls: Table = np.array(calls, np.int64).reshape(-1, len(Call._fields))
        self.binds: Table = np.array(rows, np.int64).reshape(-1, len(Bind._fields))
        self.row = Worker(
            int(self.registers.ctypes.data),
            int(self.binds.ctypes.data),
            len(rows),
            int(self.calls.ctypes.data),
            len(calls),
            *part,
        )


def _row(
    c: Contract, kind: type[Worker | Bind | Call], table: Val, number: Address
) -> list[Val]:
    """The words of a row of a table, in the order of its fields."""
    count = len(kind._fields)
    row = c.add(table, c.mul(c.get(number), 8 * count))
    return [c.word(row, i) for i in range(count)]


def _emit_driver() -> Code:
    """Units are workers; each goes through its slices."""
    c = Contract("chain", "float32", 6)
    outside, meta, start, stop, _, _ = c.parameters
    workers = c.word(meta, 0)
    with c.repeat(stop, start=start) as unit:
        own, binds, n_binds, calls, n_calls, first, last = _row(
            c, Worker, workers, unit
        )
        with c.repeat(last, start=first) as number:
            with c.repeat(n_binds, start=c.const(0)) as bind:
                register, source, stride, shift = _row(c, Bind, binds, bind)
                base = c.peek(c.add(outside, c.mul(source, 8)))
                place = c.add(c.add(base, shift), c.mul(stride, c.get(number)))
                c.poke(place, c.add(own, c.mul(register, 8)))
            with c.repeat(n_calls, start=c.const(0)) as call:
                fn, own_meta, count = _row(c, Call, calls, call)
                zero, one = c.const(0), c.const(1)
                c.call(fn, [own, own_meta, zero, count, zero, one])
    return c.code
