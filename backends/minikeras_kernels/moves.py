"""Moves: transposes, repeats, slices, borders, joins, as boxes of the result.

A result is made of pieces. A piece is a box of it, every `step`th element along each axis,
and says where in its source the elements stand. Later pieces lie over earlier ones. All
pieces are one kernel: each element of the result asks whose box it is in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minikeras_kernels.code import Code, Op, Rel
from minikeras_kernels.elements import Elements, is_wide
from minikeras_kernels.target import Target
from minikeras_kernels.values import Kind, Val

Array = np.ndarray[Any, Any]
Moves = list[tuple[int, Any, Any]]
Static = Mapping[str, Any]
KINDS = {1: Kind.I8, 2: Kind.I16, 4: Kind.I32, 8: Kind.I64}
MOST_WORDS = 400  # of a kernel's table


# --- which parts go where: number of the input (-1: zeros), the part of it, that of the result


def slices(static: Static) -> Any:
    """The index that the static starts, stops and steps are; a stop of -1 is before the start."""
    rows = zip(static["starts"], static["stops"], static["steps"], strict=True)
    found = [
        slice(a, None if b < 0 else b, s) if len(range(a, b, s)) else slice(0, 0)
        for a, b, s in rows
    ]
    return (*found, ...)


def _pad(static: Static, xs: Sequence[Array], out: Array) -> Moves:
    x, value = xs
    sizes = zip(x.shape, static["widths"], strict=True)
    inner: Any = (*(slice(low, low + d) for d, (low, _) in sizes), ...)
    return [(1, np.broadcast_to(value, out.shape), out), (0, x, out[inner])]


def _concat(static: Static, xs: Sequence[Array], out: Array) -> Moves:
    axis, at = static["axis"], 0
    moves: Moves = []
    for number, x in enumerate(xs):
        place: Any = (slice(None),) * axis + (slice(at, at + x.shape[axis]),)
        moves.append((number, x, out[place]))
        at += x.shape[axis]
    return moves


MOVES: dict[str, Callable[[Static, Sequence[Array], Array], Moves]] = {
    "transpose": lambda s, xs, out: [(0, xs[0].transpose(s["perm"]), out)],
    "broadcast_to": lambda s, xs, out: [(0, np.broadcast_to(xs[0], out.shape), out)],
    "flip": lambda s, xs, out: [(0, np.flip(xs[0], s["axes"]), out)],
    "slice": lambda s, xs, out: [(0, xs[0][slices(s)], out)],
    "pad_strided": lambda s, xs, out: [(-1, None, out), (0, xs[0], out[slices(s)])],
    "pad": _pad,
    "concat": _concat,
}


# --- pieces -----------------------------------------------------------------------------------


class PieceAxis(NamedTuple):
    """A piece along one axis of the result: its box, and a step in the source."""

    low: int
    size: int
    step: int
    stride: int


class Piece(NamedTuple):
    """A box; the source's number, and its first element there. -1 stands for zeros."""

    source: int
    first: int
    axes: tuple[PieceAxis, ...]


class Boxes(NamedTuple):
    """The sizes of the result's axes, as few as they can be, and its pieces."""

    sizes: tuple[int, ...]
    pieces: tuple[Piece, ...]

    def whole(self, piece: Piece) -> bool:
        """Whether a piece is all of the result."""
        return all(
            (a.low, a.size, a.step) == (0, n, 1)
            for a, n in zip(piece.axes, self.sizes, strict=True)
        )


def _virtual(shape: Sequence[int]) -> Array:
    """An array of bytes with the strides of one in C order, and no memory."""
    shape = tuple(shape)
    steps = [math.prod(shape[d + 1 :]) for d in range(len(shape))]
    return np.lib.stride_tricks.as_strided(np.empty(1, np.uint8), shape, steps)


def _first(whole: Array, part: Array) -> int:
    start, place = (a.__array_interface__["data"][0] for a in (whole, part))
    return int(place - start)


def layout(
    name: str, static: Static, shapes: Sequence[Sequence[int]], out: Sequence[int]
) -> Boxes:
    """The pieces of a movement row; those without elements are left out."""
    arrays, target = [_virtual(s) for s in shapes], _virtual(out)
    pieces = []
    for number, seen, place in MOVES[name](static, arrays, target):
        if not place.size:
            continue
        first = _first(target, place)
        begin = 0 if seen is None else _first(arrays[number], seen)
        axes = []
        for d, size in enumerate(target.shape):
            unit, count = math.prod(target.shape[d + 1 :]), place.shape[d]
            step = place.strides[d] // unit if count > 1 else 1
            stride = 0 if seen is None or count < 2 else seen.strides[d]
            low = first // unit % size
            if step < 0:  # from its other end
                low += (count - 1) * step
                begin += (count - 1) * stride
                step, stride = -step, -stride
            axes.append(PieceAxis(low, count, step, stride))
        pieces.append(Piece(number, begin, tuple(axes)))
    return _merged(Boxes(target.shape, tuple(pieces)))


def _merged(given: Boxes) -> Boxes:
    """Neighbouring axes that all pieces see as one are one."""
    sizes: list[int] = []
    columns: list[list[PieceAxis]] = []  # for each axis, the pieces'
    for d, size in enumerate(given.sizes):
        here = [p.axes[d] for p in given.pieces]
        if size == 1:
            continue
        if sizes and all(
            _joins(a, b, size) for a, b in zip(columns[-1], here, strict=True)
        ):
            sizes[-1] *= size
            columns[-1] = [
                PieceAxis(a.low * size, a.size * size, 1, b.stride)
                for a, b in zip(columns[-1], here, strict=True)
            ]
            continue
        sizes.append(size)
        columns.append(here)
    if not sizes:
        sizes, columns = [1], [[PieceAxis(0, 1, 1, 0)] * len(given.pieces)]
    pieces = [
        Piece(p.source, p.first, tuple(column[i] for column in columns))
        for i, p in enumerate(given.pieces)
    ]
    return Boxes(tuple(sizes), tuple(pieces))


def _joins(a: PieceAxis, b: PieceAxis, size: int) -> bool:
    whole = (b.low, b.size, b.step) == (0, size, 1) and a.step == 1
    return whole and (a.stride == b.stride * size or a.size == 1)


# --- the kernel ---------------------------------------------------------------------------------


class Form(NamedTuple):
    """What the text of a kernel depends on: one serves all sizes of a form.

    For each piece: whether it has a source, and whether it is all of the result.
    """

    item: int
    rank: int
    wide: bool
    steps: bool
    pieces: tuple[tuple[bool, bool], ...]


def form(item: int, given: Boxes, largest: int) -> Form:
    """The form of a layout; `largest` is the count of elements of the largest array."""
    pieces = tuple((p.source >= 0, given.whole(p)) for p in given.pieces)
    steps = any(a.step > 1 for p in given.pieces for a in p.axes)
    wide = is_wide(math.prod(given.sizes), largest)
    return Form(item, len(given.sizes), wide, steps, pieces)


def numbers(given: Boxes, steps: bool) -> tuple[list[int], list[list[int]]]:
    """The table's numbers: sizes, and for each piece those behind its source's word."""
    rows = []
    for piece in given.pieces:
        row = [piece.first]
        for axis in piece.axes:
            row += axis if steps else (axis.low, axis.size, axis.stride)
        rows.append(row)
    return list(given.sizes), rows


def parts(given: Boxes) -> list[Boxes]:
    """The layout in as many as fit a table each."""
    most = max(1, (MOST_WORDS - len(given.sizes)) // (2 + 4 * len(given.sizes)))
    pieces = given.pieces
    return [
        Boxes(given.sizes, pieces[i : i + most]) for i in range(0, len(pieces), most)
    ]


def moving(how: Form, target: Target) -> Code:
    """The kernel of a form.

    Its table: the count of elements, the sizes, for each piece its source and numbers (those
    of zeros have none of a source), the result.
    """
    return _Move(how, target).write()


class _Move:
    def __init__(self, how: Form, target: Target) -> None:
        self.how = how
        self.f = Elements("move", target, how.wide)
        self.kind = KINDS[how.item]
        self.taken = 0

    def word(self) -> Val:
        self.taken += 1
        return self.f.word(self.taken - 1)

    def write(self) -> Code:
        f, how = self.f, self.how
        count = self.word()
        sizes = [f.number(self.word()) for _ in range(how.rank)]
        names = (
            ("low", "size", "step", "stride")
            if how.steps
            else ("low", "size", "stride")
        )
        pieces = []
        for sourced, whole in how.pieces:
            source = f.array(self.word(), self.kind) if sourced else None
            first = f.number(self.word())
            axes = [
                {name: f.number(self.word()) for name in names} for _ in range(how.rank)
            ]
            pieces.append((source, whole, first, axes))
        out = f.array(self.word(), self.kind)

        def body(index: Val, at: Val, mask: Val | None) -> None:
            place = f.coordinates(index, sizes)
            made, known = f.nothing(self.kind), None
            covered = any(whole for _, whole in how.pieces)
            for number, (source, whole, first, axes) in enumerate(pieces):
                here, inside = f.everywhere(first), mask
                for x, axis in zip(place, axes, strict=True):
                    if not whole:
                        x = f.less(x, axis["low"])
                        if how.steps:
                            step = f.everywhere(axis["step"])
                            rest = f.bin(Op.UREM, x, step)
                            fits = f.icmp(Rel.EQ, rest, f.like(rest, 0))
                            # a negative one is no multiple that counts
                            x, low = f.bin(Op.UDIV, x, step), f.icmp(Rel.SGE, x, 0)
                            inside = f.both(inside, fits, low)
                        inside = f.both(inside, f.below(x, axis["size"]))
                    here = f.add(here, f.times(x, axis["stride"]))
                if source is None:
                    continue
                value = f.gather(source, here, inside)
                if number and inside is not None:
                    made = f.select(inside, value, made)
                else:
                    made = value
                known = (
                    inside
                    if known is None or inside is None
                    else f.bin(Op.OR, known, inside)
                )
            f.put_at(made, out, at, mask if covered else known)

        f.each(count, body)
        return f.code
