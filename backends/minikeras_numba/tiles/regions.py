"""Channels-last images and the runs of positions that see the same taps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from minikeras_numba.tiles.blocking import Segment

Region = tuple[Segment, Segment, Segment]


class Image(NamedTuple):
    """Strides in bytes of a channels-last array with three spatial axes."""

    sizes: tuple[int, int, int]
    channels: int
    item: int

    @property
    def strides(self) -> tuple[int, int, int]:
        _, h, w = self.sizes
        pixel = self.channels * self.item
        return h * w * pixel, w * pixel, pixel

    @property
    def nbytes(self) -> int:
        return math.prod(self.sizes) * self.channels * self.item


def three(values: Sequence[int]) -> tuple[int, int, int]:
    """Spatial numbers, filled up with ones in front."""
    a, b, c = (1,) * (3 - len(values)) + tuple(values)
    return a, b, c


def regions(axes: Sequence[Sequence[Segment]]) -> Iterator[Region]:
    """All combinations of runs along the three axes."""
    yield from product(axes[0], axes[1], axes[2])
