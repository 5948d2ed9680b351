"""Loops over slices in one native call: registers are moved, kernels called, by a driver.

A *move* points a register at an array or at a slice of one, or copies bytes. The driver
makes the moves before the loop, those around the kernels in every step, and those after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

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


class Move(NamedTuple):
    """Bytes to copy, or 0: point a register at what another one shows.

    Attributes:
        nbytes: How many.
        source, outside, stride: A register, whether it is one of the program's, and bytes
            from step to step.
        target, to_outside, to_stride: The same of where it goes.
    """

    nbytes: int
    source: int
    outside: int
    stride: int
    target: int
    to_outside: int = 0
    to_stride: int = 0


class Meta(NamedTuple):
    """What the driver reads: registers, calls, steps, and four tables of moves."""

    inside: int
    sequence: int
    calls: int
    call_count: int
    length: int
    reverse: int
    number: int
    before: int
    before_count: int
    into: int
    into_count: int
    out: int
    out_count: int
    after: int
    after_count: int


def _point(inside: int, source: int, outside: bool, stride: int = 0) -> Move:
    return Move(0, source, int(outside), stride, inside)


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
                known[view] = known[source]._replace(target=view)
                break
        else:
            moves[view] = _point(view, source, False)
    before = [Move(size[outer], outer, 1, 0, own) for outer, own in loop.first]
    out: list[Move] = []
    for outer, own in loop.rows:
        each = size[outer] // length
        out.append(Move(each, own, 0, 0, outer, 1, each))
    held = loop.registers
    out += [Move(held[to].nbytes, own, 0, 0, to) for own, to in loop.carried]
    after = [Move(size[outer], own, 0, 0, outer, 1) for outer, own in loop.last]
    calls = [call for step in loop.steps for call in kernel_calls(step)]
    body = Calls(calls, loop, any(getattr(s, "may_fail", False) for s in loop.steps))
    return _native(
        loop, body, ([*before, *moves.values()], [*into.values()], out, after)
    )


def _native(loop: Loop, body: Calls, moves: Sequence[Sequence[Move]]) -> Native:
    # Copies of nothing go: 0 bytes would mean to point. (Inside, that does no harm.)
    kept = [[m for m in group if m.nbytes or not m.to_outside] for group in moves]
    width = len(Move._fields)
    tables = [np.array(group, np.int64).reshape(-1, width) for group in kept]
    inside: Any = loop.registers
    table, count = body.embed()
    ends = [word for t in tables for word in (int(t.ctypes.data), len(t))]
    own = inside.address, team().sequence_address
    words = Meta(*own, table, count, loop.length, int(loop.reverse), 0, *ends)
    meta = np.array(words, np.int64)
    fn = compile_contract("loop", _emit_driver, f"loop {Meta._fields} {Move._fields}")
    launch = Launch(fn, meta, 1, 1, (tables, body, loop))
    return _Loop(loop.registers, launch) if body.may_fail else Native([launch])


class _Loop(Native):
    """A loop with kernels that may fail, on registers of its own."""

    def __init__(self, inside: Any, launch: Launch) -> None:
        super().__init__([launch], may_fail=True)
        self.inside = inside
        launch.meta[Meta._fields.index("number")] = number_of(self)

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
    word = {name: c.word(meta, i) for i, name in enumerate(Meta._fields)}
    zero = c.const(0)

    def moves(group: str, step: Val) -> None:
        with c.repeat(word[f"{group}_count"]) as number:
            row = c.add(word[group], c.mul(c.get(number), 8 * len(Move._fields)))
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
    nbytes, *ends = (c.word(row, i) for i in range(len(Move._fields)))
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
