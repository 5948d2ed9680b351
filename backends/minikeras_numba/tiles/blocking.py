"""How work is cut: panels of columns, tiles of rows, runs of positions with one window.

Nothing here touches arrays; all sizes are in elements.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

from minikeras_numpy.windows import Geometry

from minikeras_numba.tiles.tile import max_rows, max_vectors


class Panel(NamedTuple):
    """Columns [start, start + width) of a matrix, in `vectors` registers."""

    start: int
    vectors: int
    tail: int  # real lanes of the last vector

    def masked(self, lanes: int) -> bool:
        return self.tail < lanes


def panels(columns: int, lanes: int, widest: int | None = None) -> list[Panel]:
    """Cut columns into panels of nearly equal numbers of vectors."""
    total = -(-columns // lanes)
    result, done = [], 0
    for vectors in even(total, widest or max_vectors()):
        start = done * lanes
        done += vectors
        missing = max(0, done * lanes - columns)
        result.append(Panel(start, vectors, lanes - missing))
    return result


def even(total: int, most: int) -> list[int]:
    """`total` as a sum of as few numbers up to `most` as do, differing by 1 at most."""
    if total == 0:
        return []
    count = -(-total // most)
    base, extra = divmod(total, count)
    return [base + 1] * extra + [base] * (count - extra)


def row_tiles(rows: int, vectors: int) -> list[tuple[int, int, int]]:
    """Cut rows into tiles: (first row, rows of a tile, how many such tiles follow)."""
    sizes = even(rows, max_rows(vectors))
    result: list[tuple[int, int, int]] = []
    at = 0
    for size in dict.fromkeys(sizes):
        count = sizes.count(size)
        result.append((at, size, count))
        at += size * count
    return result


def chunks(total: int, parts: int) -> list[tuple[int, int]]:
    """[0, total) in at most `parts` ranges of nearly equal length, none empty."""
    parts = max(1, min(parts, total))
    bounds = [total * i // parts for i in range(parts + 1)]
    return [(a, b) for a, b in pairwise(bounds) if a < b]


class Segment(NamedTuple):
    """A run of output positions along one axis that read the same taps of the window.

    Output `start + i*step` (i < length) reads input `origin + i*stride + j*gap` through
    tap `tap + j` (j < taps).
    """

    start: int
    step: int
    length: int
    origin: int
    stride: int
    tap: int
    taps: int
    gap: int

    def clipped(self, low: int, high: int) -> Segment | None:
        """The part whose outputs are in [low, high)."""
        first = max(0, -(-(low - self.start) // self.step))
        last = min(self.length, -(-(high - self.start) // self.step))
        if first >= last:
            return None
        return self._replace(
            start=self.start + first * self.step,
            origin=self.origin + first * self.stride,
            length=last - first,
        )


def segments(size: int, whole: Segment) -> list[Segment]:
    """Cut `whole`, which pretends the input has no end, at the edges of an input of `size`.

    Most outputs see the whole window; those near an edge lose taps, and outputs that
    lose the same ones form a run.
    """

    def window(i: int) -> tuple[int, int]:
        # The taps [low, high) of output i that fall on the input: those before it and
        # those behind it are cut off.
        first = whole.origin + i * whole.stride
        low = min(whole.taps, max(0, -(first // whole.gap)))
        high = max(low, min(whole.taps, -(-(size - first) // whole.gap)))
        return low, high

    # Outputs [inner, outer) see every tap, so they are one run whatever their number;
    # only the few at the edges are looked at one by one.
    reach = (whole.taps - 1) * whole.gap
    inner = min(whole.length, max(0, -(whole.origin // whole.stride)))
    outer = (size - 1 - reach - whole.origin) // whole.stride + 1
    outer = max(inner, min(whole.length, outer))
    runs = [(i, i + 1, window(i)) for i in range(inner)]
    runs += [(inner, outer, (0, whole.taps))] if inner < outer else []
    runs += [(i, i + 1, window(i)) for i in range(outer, whole.length)]
    result: list[Segment] = []
    for first, last, (low, high) in runs:
        # A window wider than the input meets the same taps at both edges.
        previous = result[-1] if result else None
        if previous and (previous.tap - whole.tap, previous.taps) == (low, high - low):
            result[-1] = previous._replace(length=previous.length + last - first)
            continue
        result.append(
            whole._replace(
                start=whole.start + first * whole.step,
                length=last - first,
                origin=whole.origin + first * whole.stride + low * whole.gap,
                tap=whole.tap + low,
                taps=high - low,
            )
        )
    return result


class WindowAxis(NamedTuple):
    """A spatial axis of a windowed op."""

    size: int  # of the input
    out: int
    kernel: int
    stride: int
    low: int  # padding in front
    dilation: int


def forward_segments(axis: WindowAxis) -> list[Segment]:
    """Outputs of a convolution or pooling, and the input each reads."""
    whole = Segment(
        0, 1, axis.out, -axis.low, axis.stride, 0, axis.kernel, axis.dilation
    )
    return segments(axis.size, whole) if axis.out else []


def tap_order(axis: WindowAxis) -> list[int]:
    """The order of the taps that lets `backward_segments` name runs of them.

    Backwards, an input position meets every `cycle`-th tap only, and later taps come
    from earlier outputs.
    """
    cycle = axis.stride // math.gcd(axis.stride, axis.dilation)
    return sorted(range(axis.kernel), key=lambda t: (t % cycle, -t))


def backward_segments(axis: WindowAxis) -> list[Segment]:
    """Input positions, and the outputs each was read by; taps count in `tap_order`."""
    # Output o reads input o * stride - low + t * dilation through tap t. So position p met
    # tap t only where p + low - t * dilation is a multiple of the stride: positions of
    # one residue meet the same taps, and form segments of their own, `stride` apart.
    result: list[Segment] = []
    order = tap_order(axis)
    shared = math.gcd(axis.stride, axis.dilation)
    for first in range(min(axis.stride, axis.size)):
        place = first + axis.low
        taps = [t for t in order if (place - t * axis.dilation) % axis.stride == 0]
        origin = (place - taps[0] * axis.dilation) // axis.stride if taps else 0
        whole = Segment(
            start=first,
            step=axis.stride,
            length=-(-(axis.size - first) // axis.stride),
            origin=origin,
            stride=1,
            tap=order.index(taps[0]) if taps else 0,
            taps=len(taps),
            gap=axis.dilation // shared,
        )
        result += segments(axis.out, whole) if taps else [whole]
    return result


def axes_of(geometry: Geometry) -> list[WindowAxis]:
    """The axes of a convolution or pooling, filled up in front to three."""
    g = geometry
    real = [
        WindowAxis(size, out, k, s, low, d)
        for size, out, k, s, (low, _), d in zip(
            g.spatial, g.out, g.window, g.strides, g.padding, g.dilation, strict=True
        )
    ]
    return [WindowAxis(1, 1, 1, 1, 0, 1)] * (3 - len(real)) + real
