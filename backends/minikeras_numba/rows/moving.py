"""Kernels that move elements: slices, transposes, borders, joins, repeats.

Each is one or two strided copies. Which bytes go where is worked out when the node is
lowered, by taking views of arrays of these shapes; a kernel goes over rows of it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from minikeras_kernels.moves import MOVES

from minikeras.extend import Aval, Node, Value, numpy_dtype
from minikeras_numba.ir.compile import compile_contract, target
from minikeras_numba.machine.launch import Launch, Native
from minikeras_numba.rows.moving_ir import VECTORS, WHOLE, Moved, OuterAxis, emit
from minikeras_numba.tiles.jobs import zeros_address

Array = np.ndarray[Any, Any]
# Fewer bytes than that are not shared out.
_GRAIN_BYTES = 1 << 16
_CALLED_BYTES = 64
_SHORT_BYTES = 1 << 10  # up to which a row goes by vectors of ours
_KEPT_BYTES = 16  # of neighbours that go together, though they are short
_SHORT = 8  # elements of an axis that is no row, and no run, if there is a longer one
_TURNED = 4  # elements side by side that are worth a square of vectors


class End(NamedTuple):
    """One side of a copy: a register, or -1 for an address; first byte and strides."""

    register: int
    offset: int
    strides: tuple[int, ...]
    address: int = 0


def lower_moving(node: Node, regs: Mapping[Value, int]) -> Native | None:
    """A native step for a movement node, or None where its items are too wide."""
    out = node.outputs[0]
    item = numpy_dtype(out.aval.dtype).itemsize
    if item not in WHOLE:
        return None
    arrays = [np.empty(v.aval.shape, f"V{item}") for v in node.inputs]
    made = np.empty(out.aval.shape, f"V{item}")
    copies: list[tuple[End, End, tuple[int, ...]]] = []
    for number, seen, place in MOVES[node.prim.name](node.static, arrays, made):
        source = End(-1, 0, (0,) * made.ndim, zeros_address())
        if number >= 0:
            source = _end(arrays[number], seen, regs[node.inputs[number]])
        copies.append((source, _end(made, place, regs[out]), place.shape))
    shapes = [copy for copy in copies if 0 not in copy[2]]
    return Native([x for copy in shapes for x in _launches(item, *copy)])


def copying(source: int, target: int, aval: Aval) -> Native | None:
    """A native step that copies a whole array between two registers."""
    item = numpy_dtype(aval.dtype).itemsize
    if item not in WHOLE or not aval.size:
        return None
    first, second = End(source, 0, (item,)), End(target, 0, (item,))
    return Native(_launches(item, first, second, (aval.size,)))


def _end(whole: Array, part: Array, register: int) -> End:
    """Where a view of an array lies in it."""
    first, view = (a.__array_interface__["data"][0] for a in (whole, part))
    return End(register, view - first, part.strides)


def _launches(item: int, source: End, goal: End, shape: Sequence[int]) -> list[Launch]:
    """A copy over as few axes as it takes; a long row is cut, for threads to share it."""
    axes: list[list[int]] = []
    for size, a, b in zip(shape, source.strides, goal.strides, strict=True):
        if size == 1:
            continue
        if axes and axes[-1][1] == size * a and axes[-1][2] == size * b:
            axes[-1] = [axes[-1][0] * size, a, b]
        else:
            axes.append([size, a, b])
    if len(axes) != 1 or axes[0][0] * item < 2 * _GRAIN_BYTES:
        return [_launch(item, source, goal, axes)]
    ((count, a, b),) = axes
    part = _GRAIN_BYTES // item
    runs, rest = divmod(count, part)
    launches = [_launch(item, source, goal, [[runs, part * a, part * b], [part, a, b]])]
    if rest:
        source = source._replace(offset=source.offset + runs * part * a)
        goal = goal._replace(offset=goal.offset + runs * part * b)
        launches.append(_launch(item, source, goal, [[rest, a, b]]))
    return launches


def _launch(item: int, source: End, goal: End, axes: list[list[int]]) -> Launch:
    """A copy over axes, of which one is a row and one a run of rows."""
    # To find where a run begins takes a division for each axis: rows and runs are long.
    *outer, row = _turned(axes, item) or _ordered(axes, item) or [[1, item, item]]
    count, stride, to_stride = row
    run = outer.pop() if outer else [1, 0, 0]
    way = _way(item, row, run)
    if way == "square" and run[1] < 0:  # from its other end, so that it goes upwards
        more, to_more = ((run[0] - 1) * step for step in run[1:])
        source = source._replace(offset=source.offset + more)
        goal = goal._replace(offset=goal.offset + to_more)
        run = [run[0], -run[1], -run[2]]
    # Few bytes are moved in place; to call a function for them would take longer.
    known = count * item if way == "flat" and count * item <= _CALLED_BYTES else 0
    ends = source.register, source.address, source.offset, goal.register, goal.offset
    words = Moved(*ends, len(outer), count, stride, to_stride, *run)
    table = (n for axis in outer for n in OuterAxis(*axis))
    meta = np.array([*words, *table], np.int64)
    rows = math.prod(size for size, _, _ in (*outer, run))
    key = f"moving {Moved._fields} {OuterAxis._fields} {item} {way} {known} {target()}"
    build = functools.partial(emit, item=item, way=way, nbytes=known)
    fn = compile_contract("moving", build, key, loops=True)
    return Launch(fn, meta, rows, max(1, _GRAIN_BYTES // (count * item)))


def _way(item: int, row: Sequence[int], run: Sequence[int]) -> str:
    """How rows are moved: at once, an element in all places, backwards, turned in squares
    (what lies side by side in a run of rows), or element by element."""
    count, stride, to_stride = row
    if to_stride != item:
        return "single"
    if stride == item:
        short = item in VECTORS and _CALLED_BYTES < count * item <= _SHORT_BYTES
        return "short" if short else "flat"
    if item not in VECTORS:
        return "single"
    if abs(run[1]) == item:
        return "square"
    return {0: "filled", -item: "backwards"}.get(stride, "single")


def _turned(axes: Sequence[list[int]], item: int) -> list[list[int]] | None:
    """The axes with a row that the result has side by side, and last before it a run that
    the source has so; None where these are not two axes of some length."""
    if item not in VECTORS or len(axes) < 2:
        return None
    row = axes[-1]
    if row[2] != item or abs(row[1]) == item or row[0] < _TURNED:
        return None
    for i, axis in enumerate(axes[:-1]):
        if abs(axis[1]) == item and axis[0] >= _TURNED:
            return [*axes[:i], *axes[i + 1 : -1], axis, row]
    return None


def _ordered(axes: Sequence[list[int]], item: int) -> list[list[int]]:
    """The axes with short ones in front: the last two are rows, and runs of them."""
    last = [axis for axis in axes if axis[0] > _SHORT][-2:]
    if (
        axes
        and axes[-1][1] == axes[-1][2] == item
        and axes[-1][0] * item >= _KEPT_BYTES
    ):
        last = [axis for axis in last if axis is not axes[-1]][-1:] + [axes[-1]]
    short = [axis for axis in axes if not any(axis is kept for kept in last)]
    return [*short, *last]
