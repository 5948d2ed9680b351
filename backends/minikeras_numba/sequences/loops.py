"""Loops over slices in one native call: registers are moved, kernels called, by a driver.

A *move* points a register at an array or at a slice of one, or copies bytes. The driver
makes the moves before the loop, those around the kernels in every step, and those after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from minikeras_kernels.code import Code, Rel
from minikeras_kernels.values import Val

from minikeras.extend import Loop
from minikeras_numba.ir.compile import compile_contract
from minikeras_numba.ir.contract import Contract
from minikeras_numba.machine.failures import number_of, raise_failure
from minikeras_numba.machine.launch import Launch, Native
from minikeras_numba.machine.team import Sequence as Calls
from minikeras_numba.machine.team import team
from minikeras_numba.sequences.chain import is_native, kernel_calls

Table = np.ndarray[Any, np.dtype[np.int64]]

# Bytes to copy, or 0: point a register. Register, whether outside, bytes a step; of the
# source, then of the target.
MOVE = ("nbytes", "source", "outside", "stride", "target", "to_outside", "to_stride")
META = (
    ("inside", "sequence", "calls", "call_count", "length", "reverse", "number")
    + ("before", "before_count", "into", "into_count")
    + ("out", "out_count", "after", "after_count")
)  # fmt: skip
Move = tuple[int, int, int, int, int, int, int]


def _point(inside: int, source: int, outside: bool, stride: int = 0) -> Move:
    return 0, source, int(outside), stride, inside, 0, 0


def lower_loop(loop: Loop) -> Native | None:
    """A native step for a loop whose body is kernel calls alone."""
    if not all(map(is_native, loop.steps)):
        return None
    size, length = loop.nbytes, max(1, loop.length)
    # Views come in order: a view of a view finds its source's move before its own.
    moves = {own: _point(own, outer, True) for outer, own in loop.fixed}
    into = {
        own: _point(own, outer, True, size[outer] // length)
        for outer, own in loop.slices
    }
    for source, view in loop.views:
        for known in (moves, into):
            if source in known:
                known[view] = (0, *known[source][1:4], view, 0, 0)
                break
        else:
            moves[view] = _point(view, source, False)
    before = [(size[outer], outer, 1, 0, own, 0, 0) for outer, own in loop.first]
    out: list[Move] = []
    for outer, own in loop.rows:
        each = size[outer] // length
        out.append((each, own, 0, 0, outer, 1, each))
    held = loop.registers
    out += [(held[to].nbytes, own, 0, 0, to, 0, 0) for own, to in loop.carried]
    after = [(size[outer], own, 0, 0, outer, 1, 0) for outer, own in loop.last]
    calls = [call for step in loop.steps for call in kernel_calls(step)]
    body = Calls(calls, loop, any(getattr(s, "may_fail", False) for s in loop.steps))
    return _native(
        loop, body, ([*before, *moves.values()], [*into.values()], out, after)
    )


def _native(loop: Loop, body: Calls, moves: Sequence[Sequence[Move]]) -> Native:
    # Copies of nothing go: 0 bytes would mean to point. (Inside, that does no harm.)
    kept = [[m for m in group if m[0] or not m[5]] for group in moves]
    tables = [np.array(group, np.int64).reshape(-1, len(MOVE)) for group in kept]
    inside: Any = loop.registers
    table, count = body.embed()
    words = [inside.address, team().sequence_address, table, count]
    words += [loop.length, int(loop.reverse), 0]
    for group in tables:
        words += [int(group.ctypes.data), len(group)]
    meta = np.array(words, np.int64)
    fn = compile_contract("loop", _emit_driver, f"loop {META} {MOVE}")
    launch = Launch(fn, meta, 1, 1, (tables, body, loop))
    return _Loop(loop.registers, launch) if body.may_fail else Native([launch])


class _Loop(Native):
    """A loop with kernels that may fail, on registers of its own."""

    def __init__(self, inside: Any, launch: Launch) -> None:
        super().__init__([launch], may_fail=True)
        self.inside = inside
        launch.meta[META.index("number")] = number_of(self)

    def explain(self, registers: Any) -> BaseException:
        """What failed inside."""
        try:
            raise_failure(self.inside)
        except Exception as error:  # what the caller raises
            return error
        return RuntimeError("a loop failed")  # its registers were run on since


def _emit_driver() -> Code:
    """The whole loop, as one unit."""
    c = Contract("loop", "float32", 6)
    outside, meta, _, _, _, _ = c.parameters
    word = {name: c.word(meta, i) for i, name in enumerate(META)}
    zero = c.const(0)

    def moves(group: str, step: Val) -> None:
        with c.repeat(word[f"{group}_count"]) as number:
            row = c.add(word[group], c.mul(c.get(number), 8 * len(MOVE)))
            _emit_move(c, row, outside, word["inside"], step)

    moves("before", zero)
    failed = c.sub(word["inside"], c.const(8))
    c.poke(zero, failed)
    with c.repeat(word["length"]) as number:
        forward = c.get(number)
        back = c.sub(c.sub(word["length"], c.const(1)), forward)
        reverse = c.icmp(Rel.NE, word["reverse"], zero)
        step = c.select(reverse, back, forward)
        moves("into", step)
        c.call(word["sequence"], [word["calls"], word["call_count"], word["inside"]])
        moves("out", step)
    moves("after", zero)
    with c.when(c.icmp(Rel.NE, c.peek(failed), zero)):
        c.poke(word["number"], c.sub(outside, c.const(8)))
    return c.code


def _emit_move(c: Contract, row: Val, outside: Val, inside: Val, step: Val) -> None:
    nbytes, *ends = (c.word(row, i) for i in range(len(MOVE)))
    places = []
    for register, outer, stride in (ends[:3], ends[3:]):
        table = c.select(c.icmp(Rel.NE, outer, c.const(0)), outside, inside)
        entry = c.add(table, c.mul(register, 8))
        places.append((entry, c.mul(stride, step)))
    (source, more), (target, to_more) = places
    address = c.add(c.peek(source), more)
    points = c.icmp(Rel.EQ, nbytes, c.const(0))
    with c.when(points):
        c.poke(address, target)
    with c.when(c.invert(points)):
        place = c.add(c.peek(target), to_more)
        c.copy(place, address, nbytes)
