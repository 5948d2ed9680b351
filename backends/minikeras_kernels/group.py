"""A fused group on its way to a kernel: values, stores, folds, and its loop plan.

A `Group` is elementwise values over one space, some stored, some folded (reduced).
`Layout` merges neighbouring axes that all operands see alike; what remains is an
inner axis, along which operands are contiguous or constant, and outer axes, whose
product is the rows.

Work is cut into units: a block of rows by a strip of the inner axis. Units depend
on shapes alone, so sums do not depend on the number of threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minikeras_kernels.target import Target

Array = np.ndarray[Any, Any]
Flags = tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an array is: a slot's number, or an array of the machine's that the kernel owns."""

    slot: int = -1
    array: Any = None


@dataclass(frozen=True, slots=True)
class Source:
    """A value that comes from outside: an array, a literal, or random words."""

    shape: tuple[int, ...]
    dtype: str
    place: Place | None = None
    literal: float | int | bool | None = None
    random: bool = False
    start: int = 0  # the first element of the stream, of random words


@dataclass(frozen=True, slots=True)
class Apply:
    """A value made by an elementwise primitive from earlier values."""

    name: str
    args: tuple[int, ...]
    dtypes: tuple[str, ...]
    dtype: str
    static: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Fold:
    """A reduction of value `value` over the axes that are not `kept`."""

    value: int
    how: str
    kept: Flags
    dtype: str
    place: Place


@dataclass(slots=True)
class Group:
    """Values over a space; `stores` are (value, dtype, place)."""

    space: tuple[int, ...]
    values: list[Source | Apply] = field(default_factory=list)
    stores: list[tuple[int, str, Place]] = field(default_factory=list)
    folds: list[Fold] = field(default_factory=list)

    def add(self, value: Source | Apply) -> int:
        self.values.append(value)
        return len(self.values) - 1


def presence(shape: tuple[int, ...], space: tuple[int, ...]) -> Flags:
    """For each axis of the space, whether an operand of `shape` varies along it."""
    rank = len(space)
    padded = (1,) * (rank - len(shape)) + tuple(
        shape[len(shape) - min(rank, len(shape)) :]
    )
    return tuple(d != 1 for d in padded)


class Layout:
    """Merged axes, presence of each operand on them, and the cut into units."""

    def __init__(
        self, group: Group, target: Target, rows_as_units: bool = False
    ) -> None:
        self.target = target
        space = group.space
        # A unit is a row and nothing else: no arithmetic to find the row it is in.
        self.plain_rows = rows_as_units and not group.folds
        raw = [
            presence(v.shape, space)
            for v in group.values
            if isinstance(v, Source) and v.place is not None and not v.random
        ]
        raw += [f.kept for f in group.folds]
        axes = [d for d, n in enumerate(space) if n != 1]
        runs: list[list[int]] = []
        for d, before in zip(axes, [-1, *axes], strict=False):
            alone = rows_as_units and d == len(space) - 1
            if before >= 0 and not alone and all(p[d] == p[before] for p in raw):
                runs[-1].append(d)
            else:
                runs.append([d])
        if rows_as_units and (not runs or space[-1] == 1):
            runs.append([])
        self.runs = runs or [[]]
        self.sizes = [math.prod(space[d] for d in run) for run in self.runs]
        self.inner = self.sizes[-1]
        self.rows = math.prod(self.sizes[:-1])
        self.flags = [self._value_flags(v, group) for v in group.values]
        self.kept = [self._merge(f.kept) for f in group.folds]
        self._cut(group, rows_as_units)

    def _merge(self, flags: Flags) -> Flags:
        # an axis of size 1 that stands for nothing counts as present
        return tuple(flags[run[0]] if run else True for run in self.runs)

    def _value_flags(self, value: Source | Apply, group: Group) -> Flags:
        if isinstance(value, Apply) or value.literal is not None:
            return ()
        if value.random:
            return (True,) * len(self.runs)
        return self._merge(presence(value.shape, group.space))

    def strides(self, flags: Flags) -> list[int]:
        """Elements to step along each outer axis."""
        result: list[int] = []
        step = 1
        for size, present in zip(reversed(self.sizes), reversed(flags), strict=True):
            result.append(step if present else 0)
            step *= size if present else 1
        return result[::-1][:-1]

    def _cut(self, group: Group, rows_as_units: bool) -> None:
        """Choose rows to a block, blocks to a run of rows, inner elements to a strip."""
        random = any(isinstance(v, Source) and v.random for v in group.values)
        whole = self.target.strip
        strip = self.target.random_strip if random else whole
        self.strip = strip if self.inner > strip and not rows_as_units else self.inner
        self.run_rows = self.rows
        columns = [k for k in self.kept if k[-1]]
        if columns:
            self.run_rows = min(math.prod(self._reduced_tail(k)) for k in columns)
        if rows_as_units:
            self.block = 1
        elif columns:
            block = -(-2 * whole // max(1, self.strip))
            self.block = max(block, -(-self.run_rows // self.target.most_blocks))
            if self.run_rows * self.strip <= 8 * whole:
                self.block = self.run_rows
        else:
            self.block = max(1, whole // max(1, self.strip))
        self.block = max(1, min(self.block, self.run_rows))
        self.blocks = -(-self.run_rows // self.block)
        self.strips = -(-self.inner // max(1, self.strip))
        self.by_column = bool(columns) and not random and self._narrow(group)
        self.runs_of_rows = self.rows // max(1, self.run_rows)
        self.units = self.runs_of_rows * self.blocks * self.strips

    def _narrow(self, group: Group) -> bool:
        """Whether each vector of columns can go down the rows by itself."""
        widest = max(np.dtype(fold.dtype).itemsize for fold in group.folds)
        return (
            all(kept[-1] for kept in self.kept)
            and self.strips == 1
            and self.inner * widest <= self.target.narrow_bytes
        )

    def _reduced_tail(self, kept: Flags) -> list[int]:
        """Sizes of the outer axes next to the inner one that are all reduced."""
        tail: list[int] = []
        for size, keep in zip(
            reversed(self.sizes[:-1]), reversed(kept[:-1]), strict=True
        ):
            if keep:
                break
            tail.append(size)
        return tail

    def partial_shape(self, kept: Flags) -> tuple[tuple[int, ...], Flags]:
        """Shape of what the kernel leaves of a fold, and which axes of it are kept."""
        if not any(kept):
            return (self.units,), (False,)
        outer = self.sizes[:-1]
        if not kept[-1]:
            return (*outer, self.strips), (*kept[:-1], False)
        before = list(outer)
        left = self.run_rows
        while left > 1:
            left //= before.pop()
        return (*before, self.blocks, self.inner), (*kept[: len(before)], False, True)
