"""The kernels of `moving`: rows of elements that go elsewhere, in one of several ways.

A move alters no bits, so that integers travel in vectors of floats of their size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.turning import transposed
from minikeras_kernels.values import Kind, Val

from minikeras_numba.ir.contract import Contract


class Moved(NamedTuple):
    """What a kernel reads of a move; its outer axes lie behind.

    Attributes:
        source: A register; below 0 where `own` is the address.
        own: The address of what lies still.
        offset: Bytes from there to the first element.
        target, to_offset: The same of where it goes.
        axes: How many outer ones there are.
        elements, stride, to_stride: A row: how many elements, and bytes between them.
        run, run_stride, run_to_stride: A run of rows.
    """

    source: int
    own: int
    offset: int
    target: int
    to_offset: int
    axes: int
    elements: int
    stride: int
    to_stride: int
    run: int
    run_stride: int
    run_to_stride: int


class OuterAxis(NamedTuple):
    """An outer axis."""

    size: int
    stride: int
    to_stride: int


Words = Mapping[str, Val]
WHOLE = {1: Kind.I8, 2: Kind.I16, 4: Kind.I32, 8: Kind.I64}
# What stands for items of that size in vectors.
VECTORS = {4: "float32", 8: "float64"}


def emit(item: int, way: str, nbytes: int) -> Code:
    """Rows [start, stop), one run of them after the other."""
    c = Contract("moving", VECTORS.get(item, "float32"), 6)
    registers, meta, start, stop, _, _ = c.parameters
    word = {name: c.word(meta, i) for i, name in enumerate(Moved._fields)}
    known = c.icmp(Rel.SLT, word["source"], c.const(0))
    entry = c.add(registers, c.mul(word["source"], 8))
    entry = c.select(known, c.add(meta, c.const(8 * Moved._fields.index("own"))), entry)
    source = c.add(c.peek(entry), word["offset"])
    entry = c.add(registers, c.mul(word["target"], 8))
    target = c.add(c.peek(entry), word["to_offset"])
    length = word["run"]
    last = c.bin(Op.UDIV, c.add(stop, length, -1), length)
    with c.repeat(last, start=c.bin(Op.UDIV, start, length)) as number:
        rest = c.variable(c.get(number))
        places = [c.variable(source), c.variable(target)]
        with c.repeat(word["axes"]) as done:
            axis = c.sub(c.sub(word["axes"], c.const(1)), c.get(done))
            row = c.add(
                meta,
                c.const(8 * len(Moved._fields)),
                c.mul(axis, 8 * len(OuterAxis._fields)),
            )
            size = c.word(row, 0)
            index = c.bin(Op.UREM, c.get(rest), size)
            c.put(rest, c.bin(Op.UDIV, c.get(rest), size))
            for i, place in enumerate(places, 1):
                c.put(place, c.add(c.get(place), c.mul(index, c.word(row, i))))
        before = c.mul(c.get(number), length)
        low, high = c.sub(start, before), c.sub(stop, before)
        low = c.select(c.icmp(Rel.SGT, low, c.const(0)), low, c.const(0))
        high = c.select(c.icmp(Rel.SLT, high, length), high, length)
        bases = [c.get(place) for place in places]
        if way == "square":
            _squares(c, word, bases, low, high)
        else:
            _rows(c, word, bases, (low, high), item, way, nbytes)
    return c.code


def _rows(
    c: Contract,
    word: Words,
    bases: Sequence[Val],
    span: tuple[Val, Val],
    item: int,
    way: str,
    nbytes: int,
) -> None:
    """Rows of a run, one after the other."""
    low, high = span
    strides = word["run_stride"], word["run_to_stride"]
    with c.repeat(high, start=low) as at:
        ends = [c.add(b, c.mul(c.get(at), s)) for b, s in zip(bases, strides)]
        if way == "flat":
            size = c.const(nbytes) if nbytes else c.mul(word["elements"], item)
            c.copy(ends[1], ends[0], size)
        else:
            _ROWS[way](c, word, ends, item)


def _single(c: Contract, word: Words, ends: Sequence[Val], item: int) -> None:
    """Element by element."""
    _elements(c, word, ends, item, c.const(0))


def _elements(
    c: Contract, word: Words, ends: Sequence[Val], item: int, first: Val
) -> None:
    """From the `first` one on."""
    source, target = ends
    with c.repeat(word["elements"], start=first) as index:
        at = c.get(index)
        value = c.peek(c.add(source, c.mul(at, word["stride"])), WHOLE[item])
        place = c.add(target, c.mul(at, word["to_stride"]))
        c.poke(value, place)


def _filled(c: Contract, word: Words, ends: Sequence[Val], item: int) -> None:
    """One element in all places."""
    source, target = ends
    line = c.wide(c.peek(source, c.kind))
    whole = c.bin(Op.SDIV, word["elements"], c.const(c.lanes))
    place = c.variable(target)
    with c.repeat(whole, [(place, c.const(c.lanes * item))]):
        c.vstore(line, c.get(place))
    rest = c.sub(word["elements"], c.mul(whole, c.lanes))
    with c.when(c.icmp(Rel.SGT, rest, c.const(0))):
        c.vstore(line, c.get(place), c.head(rest))


def _backwards(c: Contract, word: Words, ends: Sequence[Val], item: int) -> None:
    """The elements before the first one, turned round by vectors."""
    source, target = ends
    step = c.lanes * item
    whole = c.bin(Op.SDIV, word["elements"], c.const(c.lanes))
    back = list(range(c.lanes))[::-1]
    a, b = c.variable(c.add(source, item - step)), c.variable(target)
    with c.repeat(whole, [(a, c.const(-step)), (b, c.const(step))]):
        line = c.vload(c.get(a))
        c.vstore(c.join(line, line, back), c.get(b))
    _elements(c, word, ends, item, c.mul(whole, c.lanes))


def _short(c: Contract, word: Words, ends: Sequence[Val], item: int) -> None:
    """Side by side, too few for a call of the function that copies."""
    step = c.const(c.lanes * item)
    whole = c.bin(Op.SDIV, word["elements"], c.const(c.lanes))
    a, b = (c.variable(end) for end in ends)
    with c.repeat(whole, [(a, step), (b, step)]):
        c.vstore(c.vload(c.get(a)), c.get(b))
    rest = c.sub(word["elements"], c.mul(whole, c.lanes))
    with c.when(c.icmp(Rel.SGT, rest, c.const(0))):
        there = c.head(rest)
        c.vstore(c.vload(c.get(a), there), c.get(b), there)


_ROWS = {
    "single": _single,
    "filled": _filled,
    "backwards": _backwards,
    "short": _short,
}


def _squares(
    c: Contract, word: Words, bases: Sequence[Val], low: Val, high: Val
) -> None:
    """Rows [low, high) of a run, in squares of vectors that are turned in registers."""
    item, lanes = c.itemsize, c.lanes
    count, stride, to_stride = word["elements"], word["stride"], word["run_to_stride"]
    step = c.const(lanes)
    runs = c.bin(Op.UDIV, c.add(c.sub(high, low), lanes - 1), step)
    columns = c.bin(Op.UDIV, c.add(count, lanes - 1), step)
    with c.repeat(runs) as across:
        first = c.add(low, c.mul(c.get(across), lanes))
        wide = c.sub(high, first)
        a = c.variable(c.add(bases[0], c.mul(first, item)))
        b = c.variable(c.add(bases[1], c.mul(first, to_stride)))
        moves = [(a, c.mul(stride, lanes)), (b, c.const(lanes * item))]
        with c.repeat(columns, moves) as down:
            deep = c.sub(count, c.mul(c.get(down), lanes))
            least = c.select(c.icmp(Rel.SLT, wide, deep), wide, deep)
            whole = c.icmp(Rel.SGE, least, step)
            ends = c.get(a), c.get(b)
            with c.when(whole):
                _square(c, ends, stride, to_stride, None)
            with c.when(c.invert(whole)):
                _square(c, ends, stride, to_stride, (deep, wide))


def _square(
    c: Contract,
    ends: Sequence[Val],
    stride: Val,
    to_stride: Val,
    sizes: tuple[Val, Val] | None,
) -> None:
    """A square, of which so many lines and elements in each are there, or all."""

    def place(end: Val, step: Val, number: int, of: Val | None) -> Val:
        # A masked access beyond the array is no error, but takes hundreds of cycles.
        at = c.mul(step, number)
        if of is not None:
            at = c.select(c.icmp(Rel.SLT, c.const(number), of), at, c.const(0))
        return c.add(end, at)

    def mask(number: int, of: Val | None, size: Val | None) -> Val | None:
        if of is None or size is None:
            return None
        inside = c.icmp(Rel.SLT, c.const(number), of)
        return c.head(c.select(inside, size, c.const(0)))

    deep, wide = (None, None) if sizes is None else sizes
    lines = [
        c.vload(place(ends[0], stride, i, deep), mask(i, deep, wide))
        for i in range(c.lanes)
    ]
    for i, line in enumerate(transposed(c, lines)):
        c.vstore(line, place(ends[1], to_stride, i, wide), mask(i, wide, deep))
