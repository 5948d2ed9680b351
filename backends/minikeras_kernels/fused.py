"""From a fused group to the IR of one kernel, and the table of integers it reads.

The kernel is known by the structure of the group alone: sizes, strides and places
are in the table, so one kernel serves every shape with the same pattern. Vectors
are written explicitly; the end of a strip is one step with masked loads and stores.
In each step all loads come before all stores: an output may share its buffer with
an input of the same shape.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from minikeras_kernels.code import Code, Op
from minikeras_kernels.elementwise import (
    MEMORY_KIND,
    REGISTER_KIND,
    emit_op,
    from_memory,
    to_memory,
)
from minikeras_kernels.folds import across, combine, identity
from minikeras_kernels.group import Apply, Flags, Fold, Group, Layout, Place, Source
from minikeras_kernels.philox import buffer_size, fill, word_of
from minikeras_kernels.signature import KernelWriter
from minikeras_kernels.target import Target
from minikeras_kernels.values import Address, Kind, Val, const, counting, rounded

_HEADER = ("run_rows", "block", "blocks", "strip", "strips", "inner")
_ZERO = const(Kind.I64, 0)
# Reductions that no order changes, in how many chains they go, and beside how little.
_UNORDERED, _CHAINS, _FEW_VALUES = frozenset(("max", "min")), 4, 6


# Numbers that say what a function is, not how large its arrays are: the compiler sees
# them. All others stand in the table, so that 1 / batch is no kernel of its own.
_WRITTEN = frozenset((0, 1, -1, 2, -2, 3, 0.5, -0.5, math.inf, -math.inf))
# Code for these depends on a literal's value.
_LOOKING = frozenset(("maximum", "minimum", "pow"))


def tabled(group: Group) -> set[int]:
    """The literals of a group that its kernel reads from the table."""
    # What the writer itself looks at (an exponent that is 2) has to stand in the text.
    looked_at = {
        i
        for value in group.values
        if isinstance(value, Apply) and value.name in _LOOKING
        for i in value.args
    }
    return {
        i
        for i, value in enumerate(group.values)
        if isinstance(value, Source)
        and value.literal is not None
        and i not in looked_at
        and not isinstance(value.literal, bool)
        and REGISTER_KIND[value.dtype] is not Kind.I1
        and value.literal == value.literal
        and value.literal not in _WRITTEN
    }


def _bits(value: Source) -> int:
    """A literal as a word of the table; floats stand there as doubles."""
    assert value.literal is not None
    number = rounded(REGISTER_KIND[value.dtype], value.literal)
    if isinstance(number, float):
        return int(struct.unpack("<q", struct.pack("<d", number))[0])
    word = int(number) & (1 << 64) - 1
    return word - (1 << 64) if word >> 63 else word


def table(group: Group, layout: Layout) -> list[int | Place]:
    """The words of the kernel's table, in the order the writer expects.

    A place stands for what the machine's kernels find arrays by.
    """
    words: list[int | Place] = [getattr(layout, name) for name in _HEADER]
    words += layout.sizes[:-1]
    numbers = tabled(group)
    for i, (value, flags) in enumerate(zip(group.values, layout.flags, strict=True)):
        if isinstance(value, Source) and i in numbers:
            words.append(_bits(value))
        elif isinstance(value, Source) and value.place is not None:
            words += (
                [0] * len(layout.sizes[:-1]) if value.random else layout.strides(flags)
            )
            words.append(value.place)
    words += [place for _, _, place in group.stores]
    words += [fold.place for fold in group.folds]
    return words


def structure(group: Group, layout: Layout, lanes: int) -> str:
    """The key of the kernel: all its text depends on."""
    # No size and no number of the table is part of it, so one kernel serves every batch.
    how = f"{layout.plain_rows} {layout.by_column}"
    parts = [f"fused {lanes} {len(layout.sizes)} {how}"]
    numbers = tabled(group)
    for i, (value, flags) in enumerate(zip(group.values, layout.flags, strict=True)):
        if isinstance(value, Apply):
            parts.append(f"{value.name} {value.args} {value.dtypes} {value.static}")
        elif value.place is None:
            written = "" if i in numbers else repr(value.literal)
            parts.append(f"literal {value.dtype} {written}")
        else:
            owned = value.place.array is not None
            parts.append(f"{value.dtype} {owned} {value.random} {value.start} {flags}")
    for number, dtype, place in group.stores:
        parts.append(f"store {number} {dtype} {place.array is not None}")
    for fold, kept in zip(group.folds, layout.kept, strict=True):
        owned = fold.place.array is not None
        parts.append(f"{fold.how} {fold.value} {kept} {fold.dtype} {owned}")
    return "\n".join(parts)


class GroupKernel:
    """Writes the text of one kernel."""

    def __init__(
        self,
        group: Group,
        layout: Layout,
        target: Target,
        shared: KernelWriter | None = None,
        first: int = 0,
    ) -> None:
        self.f = KernelWriter("fused", target) if shared is None else shared
        lanes = target.lanes()
        self.group, self.layout, self.lanes = group, layout, lanes
        self.outer = len(layout.sizes) - 1
        self.index = first
        self.known: dict[int, Val] = {}  # values made before the innermost loop
        self.base: dict[int, Address] = {}  # source -> address of its row
        self.levels = self._levels()

    def _levels(self) -> list[int]:
        """0: constant, 1: one value a row, 2: varies along the inner axis."""
        levels: list[int] = []
        for value, flags in zip(self.group.values, self.layout.flags, strict=True):
            if isinstance(value, Apply):
                levels.append(max((levels[i] for i in value.args), default=0))
            elif not flags or not any(flags):
                levels.append(0)
            else:
                levels.append(2 if flags[-1] else 1)
        return levels

    def word(self) -> Val:
        """The next word of the table."""
        self.index += 1
        return self.f.word(self.index - 1)

    def address(self, owned: bool, kind: Kind) -> Address:
        """The address of an array whose word comes next."""
        word = self.word()
        return self.f.pointer(word, kind) if owned else self.f.array(word, kind)

    def number(self, kind: Kind) -> Val:
        """A literal whose word comes next; floats stand there as doubles."""
        f, word = self.f, self.word()
        if kind.is_float:
            wide = f.bitcast(word, Kind.F64)
            return wide if kind is Kind.F64 else f.convert(Op.FPTRUNC, wide, kind)
        return word if kind is Kind.I64 else f.convert(Op.TRUNC, word, kind)

    def write(self) -> Code:
        """The whole kernel."""
        f = self.f
        self.prepare()
        with f.loop(f.start, f.stop) as unit:
            self.write_unit(unit)
        return f.code

    def prepare(self) -> None:
        """What stands before the units: words of the table, and what never varies."""
        f = self.f
        self.header = {name: self.word() for name in _HEADER}
        self.sizes = [self.word() for _ in range(self.outer)]
        self.arrays: dict[int, tuple[Address, list[Val]]] = {}
        self.numbers: dict[int, Val] = {}
        numbers = tabled(self.group)
        for i, value in enumerate(self.group.values):
            if isinstance(value, Source) and i in numbers:
                self.numbers[i] = self.number(REGISTER_KIND[value.dtype])
            elif isinstance(value, Source) and value.place is not None:
                strides = [self.word() for _ in range(self.outer)]
                kind = MEMORY_KIND[value.dtype]
                owned = value.place.array is not None
                self.arrays[i] = self.address(owned, kind), strides
        self.targets = [
            self.address(p.array is not None, MEMORY_KIND[dtype])
            for _, dtype, p in self.group.stores
        ]
        self.results = [
            self.address(x.place.array is not None, MEMORY_KIND[x.dtype])
            for x in self.group.folds
        ]
        self.make_level(0)
        # Random words come four at a time: a vector's machine makes a strip of them into a
        # buffer first, a thread of a warp computes the word of its own element.
        self.buffers = (
            {}
            if f.target.warp
            else {
                i: f.slot(Kind.I32, 1, buffer_size(1024, max(2, self.lanes)))
                for i, v in enumerate(self.group.values)
                if isinstance(v, Source) and v.random
            }
        )
        self.by_column = self.layout.by_column
        # A fold that keeps columns adds vectors up and needs no other lanes in the end; one
        # that keeps rows keeps as many partial results as there are lanes.
        self.turns = [self.make_cells()]
        if self.spreads():
            self.turns += [self.make_cells() for _ in range(_CHAINS - 1)]
        self.cells = self.turns[0]

    def make_cells(self) -> list[Address]:
        return [
            self.f.slot(
                REGISTER_KIND[x.dtype],
                self.lanes if self.by_column or not k[-1] else 1,
            )
            for x, k in zip(self.group.folds, self.layout.kept, strict=True)
        ]

    def spreads(self) -> bool:
        """Whether folds go in several chains, since none waits for the one before then.

        Their order must not matter: a maximum, whose steps take three times as long as a
        sum's, since NaN is handed on.
        """
        folds = self.folds()
        small = len(self.group.values) <= _FEW_VALUES
        free = all(x.how in _UNORDERED and not kept[-1] for x, kept in folds)
        return (
            bool(folds)
            and free
            and small
            and not (self.by_column or self.f.target.warp or self.buffers)
        )

    def make_level(self, level: int) -> None:
        """Load and compute, once, the values of a level as scalars."""
        for i, value in enumerate(self.group.values):
            if self.levels[i] != level:
                continue
            if isinstance(value, Apply):
                self.known[i] = self.op(value, self.known, 1)
            elif i in self.numbers:
                self.known[i] = self.numbers[i]
            elif value.place is None:
                assert value.literal is not None
                self.known[i] = const(REGISTER_KIND[value.dtype], value.literal)
            else:
                base = self.base[i] if level else self.arrays[i][0]
                raw = self.f.load(base)
                self.known[i] = from_memory(self.f, raw, value.dtype)

    def op(self, value: Apply, made: dict[int, Val], lanes: int) -> Val:
        args = [self.get(i, made, lanes) for i in value.args]
        return emit_op(self.f, value.name, args, list(value.dtypes), dict(value.static))

    def get(self, i: int, made: dict[int, Val], lanes: int) -> Val:
        """Value i in a given width."""
        if i in made:
            return made[i]
        known = self.known[i]
        if lanes == 1 or known.lanes == lanes:
            return known
        # A constant vector is folded by the compiler, a splat of a register is not.
        source = self.group.values[i]
        if isinstance(source, Source) and i not in self.numbers:
            if source.literal is not None:
                return const(known.kind, source.literal, lanes)
        return self.f.splat(known, lanes)

    # loops ------------------------------------------------------------------------

    def write_unit(self, unit: Val) -> None:
        f, h = self.f, self.header
        if self.layout.plain_rows:
            self.left, self.right, self.strip_number = _ZERO, h["inner"], _ZERO
            self.write_row(unit)
            return
        # A unit is a block of rows by a strip of columns. Blocks do not cross runs, so that
        # a fold over some axes finds all its rows in the blocks of one run.
        strip = f.bin(Op.UREM, unit, h["strips"])
        rest = f.bin(Op.UDIV, unit, h["strips"])
        block = f.bin(Op.UREM, rest, h["blocks"])
        run = f.bin(Op.UDIV, rest, h["blocks"])
        run_start = f.mul(run, h["run_rows"])
        first = f.add(run_start, f.mul(block, h["block"]))
        last = f.one(Op.SMIN, f.add(first, h["block"]), f.add(run_start, h["run_rows"]))
        self.left = f.mul(strip, h["strip"])
        self.right = f.one(Op.SMIN, f.add(self.left, h["strip"]), h["inner"])
        self.strip_number = strip
        self.column_bases: dict[int, Address] = {}
        for n, (fold, kept) in enumerate(self.folds()):
            if kept[-1]:
                # Every block has a row of partial results of its own; they are added after.
                offset = f.mul(rest, h["inner"])
                self.column_bases[n] = f.at(self.results[n], offset)
            elif not any(kept):
                self.reset(n, fold)
        if self.by_column:
            self.strip_loop(lambda at, mask: self.write_columns(at, mask, first, last))
            return
        # Too many columns for registers: their totals lie in memory while rows go by.
        if self.column_bases:
            self.strip_loop(self.clear_columns)
        with f.loop(first, last) as row:
            self.write_row(row)
        for n, (fold, kept) in enumerate(self.folds()):
            if not any(kept):
                self.finish(n, fold, unit)

    def write_columns(self, at: Val, mask: Val | None, first: Val, last: Val) -> None:
        """One vector of columns, down all rows of the unit, its folds in registers."""
        f = self.f
        for n, fold in enumerate(self.group.folds):
            self.reset(n, fold)
        with f.loop(first, last) as row:
            self.start_row(row)
            self.write_step(at, mask)
        for n, base in self.column_bases.items():
            total = f.get(self.cells[n])
            self.put(total, base, self.group.folds[n].dtype, at, mask)

    def folds(self) -> list[tuple[Fold, Flags]]:
        return list(zip(self.group.folds, self.layout.kept, strict=True))

    def write_row(self, row: Val) -> None:
        f = self.f
        self.start_row(row)
        self.words = {
            i: fill(
                f,
                self.arrays[i][0],
                self.stream_place(i, self.left),
                f.sub(self.right, self.left),
                buffer,
                max(2, self.lanes),
            )
            for i, buffer in self.buffers.items()
        }
        rows = [(n, x) for n, (x, k) in enumerate(self.folds()) if any(k) and not k[-1]]
        for n, fold in rows:
            self.reset(n, fold)
        self.fold_loop()
        place = f.add(f.mul(row, self.header["strips"]), self.strip_number)
        for n, fold in rows:
            self.finish(n, fold, place)

    def stream_place(self, number: int, at: Val) -> Val:
        """The element of the stream of a source of random words for place `at`."""
        here = self.f.add(self.row_start, at)
        start = self.group.values[number].start  # type: ignore[union-attr]  # a fold has a start
        return self.f.add(here, const(Kind.I64, start)) if start else here

    def start_row(self, row: Val) -> None:
        """Where the row's values are, and those that are one a row."""
        self.locate(row)
        self.make_level(1)
        self.row_start = self.f.mul(row, self.header["inner"])

    def locate(self, row: Val) -> None:
        """The address of each source's part of a row."""
        f = self.f
        coordinates: list[Val] = []
        rest = row
        for size in reversed(self.sizes[1:]):
            coordinates.append(f.bin(Op.UREM, rest, size))
            rest = f.bin(Op.UDIV, rest, size)
        coordinates = [*([rest] if self.outer else []), *reversed(coordinates)]
        for i, (base, strides) in self.arrays.items():
            value, flags = self.group.values[i], self.layout.flags[i]
            assert isinstance(value, Source)
            if not value.random:
                offset = _ZERO
                # An axis that a source is broadcast along adds nothing to its address.
                for at, stride, used in zip(coordinates, strides, flags, strict=False):
                    if used:
                        offset = f.add(offset, f.mul(at, stride))
                self.base[i] = f.at(base, offset) if any(flags[:-1]) else base

    def strip_loop(self, step: Callable[[Val, Val | None], None]) -> None:
        self.f.sweep(self.left, self.right, self.lanes, step)

    def fold_loop(self) -> None:
        """The strip, in as many chains as there are."""
        f, left = self.f, self.left
        if len(self.turns) > 1:
            step = self.lanes * len(self.turns)
            whole = f.bin(Op.AND, f.sub(self.right, left), -step)
            left = f.add(left, whole)
            with f.loop(self.left, left, step) as at:
                for i, cells in enumerate(self.turns):
                    self.cells = cells
                    self.write_step(f.add(at, i * self.lanes), None)
            self.cells = self.turns[0]
        f.sweep(left, self.right, self.lanes, self.write_step)

    # one step along the inner axis ------------------------------------------------

    def read(self, base: Address, dtype: str, at: Val, mask: Val | None) -> Val:
        raw = self.f.load(self.f.at(base, at), self.lanes, mask)
        return from_memory(self.f, raw, dtype)

    def put(
        self, value: Val, base: Address, dtype: str, at: Val, mask: Val | None
    ) -> None:
        place = self.f.at(base, at)
        self.f.store(to_memory(self.f, value, dtype), place, mask)

    def clear_columns(self, at: Val, mask: Val | None) -> None:
        for n, base in self.column_bases.items():
            fold = self.group.folds[n]
            kind = REGISTER_KIND[fold.dtype]
            start = const(kind, identity(fold.how, fold.dtype), self.lanes)
            self.put(start, base, fold.dtype, at, mask)

    def write_step(self, at: Val, mask: Val | None) -> None:
        f = self.f
        made: dict[int, Val] = {}
        lane = counting(Kind.I64, self.lanes)
        for i, value in enumerate(self.group.values):
            if self.levels[i] == 2 and isinstance(value, Source):
                if value.random and f.target.warp:
                    here = self.stream_place(i, at)
                    place = f.add(f.splat(here, self.lanes), lane)
                    made[i] = word_of(f, self.arrays[i][0], place)
                elif value.random:
                    made[i] = self.read(
                        self.words[i], "uint32", f.sub(at, self.left), mask
                    )
                else:
                    made[i] = self.read(self.base[i], value.dtype, at, mask)
        for i, value in enumerate(self.group.values):
            if self.levels[i] == 2 and isinstance(value, Apply):
                made[i] = self.op(value, made, self.lanes)
        flat = f.add(self.row_start, at)
        for (i, dtype, _), target in zip(self.group.stores, self.targets, strict=True):
            self.put(self.get(i, made, self.lanes), target, dtype, flat, mask)
        for n, (fold, kept) in enumerate(self.folds()):
            value_now = self.get(fold.value, made, self.lanes)
            if kept[-1] and not self.by_column:
                base = self.column_bases[n]
                so_far = self.read(base, fold.dtype, at, mask)
                new = combine(f, fold.how, so_far, value_now, fold.dtype)
                self.put(new, base, fold.dtype, at, mask)
                continue
            so_far = f.get(self.cells[n])
            # Lanes off the mask hold zeros, which would spoil a product or a maximum.
            if mask is not None:
                start = f.like(value_now, identity(fold.how, fold.dtype))
                value_now = f.select(mask, value_now, start)
            new = combine(f, fold.how, so_far, value_now, fold.dtype)
            f.put(self.cells[n], new)

    def reset(self, n: int, fold: Fold) -> None:
        kind = REGISTER_KIND[fold.dtype]
        start = const(kind, identity(fold.how, fold.dtype), self.lanes)
        for cells in self.turns:
            self.f.put(cells[n], start)

    def finish(self, n: int, fold: Fold, at: Val) -> None:
        """Fold the lanes, and store the result as element `at`."""
        f = self.f
        lanes = f.get(self.cells[n])
        for cells in self.turns[1:]:
            lanes = combine(f, fold.how, lanes, f.get(cells[n]), fold.dtype)
        result = to_memory(f, across(f, fold.how, lanes, fold.dtype), fold.dtype)
        f.store(result, f.at(self.results[n], at))
