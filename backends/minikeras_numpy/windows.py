"""Sliding windows over the spatial axes of (batch, *spatial, channels) arrays."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from minikeras_numpy.common import Array

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]


class Geometry(NamedTuple):
    """The sizes of a convolution or a pooling, whichever way it is gone through.

    Shapes: x (batch, *spatial, channels), w (*window, channels // groups, filters), y
    (batch, *out, filters). A pooling has neither filters nor groups.
    """

    batch: int
    spatial: Ints
    channels: int
    window: Ints
    strides: Ints
    padding: Pads
    dilation: Ints
    filters: int = 0
    groups: int = 1

    @classmethod
    def of_conv(
        cls, x: Sequence[int], w: Sequence[int], static: Mapping[str, Any]
    ) -> Self:
        """That of a convolution, from the shapes of images and kernel."""
        return cls(
            x[0],
            tuple(x[1:-1]),
            x[-1],
            tuple(w[:-2]),
            static["strides"],
            static["padding"],
            static["dilation"],
            w[-1],
            static["groups"],
        )

    @classmethod
    def of_pool(cls, x: Sequence[int], static: Mapping[str, Any]) -> Self:
        """That of a pooling, from the shape of the images."""
        window = static["window"]
        sizes = x[0], tuple(x[1:-1]), x[-1], window
        return cls(*sizes, static["strides"], static["padding"], (1,) * len(window))

    @property
    def out(self) -> Ints:
        """How many windows fit along each axis."""
        sizes = out_sizes(
            self.spatial, self.window, self.strides, self.padding, self.dilation
        )
        return tuple(max(n, 0) for n in sizes)

    @property
    def depth(self) -> int:
        """Channels that a filter sees: those of its group."""
        return self.channels // self.groups

    @property
    def padded(self) -> bool:
        """Whether there is a border, or one cut off."""
        return any(lo or hi for lo, hi in self.padding)


def out_sizes(
    spatial: Ints, kernel: Ints, strides: Ints, padding: Pads, dilation: Ints
) -> Ints:
    """How many windows fit along each axis."""
    return tuple(
        (n + lo + hi - d * (k - 1) - 1) // s + 1
        for n, k, s, (lo, hi), d in zip(
            spatial, kernel, strides, padding, dilation, strict=True
        )
    )


def taps(
    kernel: Ints, out: Ints, strides: Ints, dilation: Ints
) -> Iterator[tuple[Ints, tuple[slice, ...]]]:
    """Each place in the window, row-major, with the slices that read it everywhere."""
    for tap in itertools.product(*map(range, kernel)):
        spatial = tuple(
            slice(t * d, t * d + (n - 1) * s + 1, s)
            for t, d, n, s in zip(tap, dilation, out, strides, strict=True)
        )
        yield tap, (slice(None), *spatial)


def view(
    xp: Any, x: Array, kernel: Ints, out: Ints, strides: Ints, dilation: Ints
) -> Array:
    """All windows as a read-only view: (batch, *out, *kernel, channels)."""
    steps = x.strides[1:-1]
    between = tuple(a * b for a, b in zip(steps, strides, strict=True))
    within = tuple(a * b for a, b in zip(steps, dilation, strict=True))
    return xp.lib.stride_tricks.as_strided(
        x,
        shape=(x.shape[0], *out, *kernel, x.shape[-1]),
        strides=(x.strides[0], *between, *within, x.strides[-1]),
    )


@functools.cache
def _item(size: int) -> np.dtype[Any]:
    return np.dtype((np.void, size))


def copy_runs(xp: Any, target: Array, source: Array) -> None:
    """`target[...] = source`, the last axis as one item each where that is quicker.

    NumPy starts a loop for each run of a strided array, which takes as long as copying 30
    numbers; an item of any size it moves in one instruction. Both must have their runs in
    one piece for that.
    """
    if xp is np and target.size and target.shape == source.shape:
        runs = [target.strides[-1], source.strides[-1]]
        if target.dtype == source.dtype and runs == [target.itemsize] * 2:
            item = _item(target.shape[-1] * target.itemsize)
            target, source = target.view(item), source.view(item)
    target[...] = source


def interior(padding: Pads, spatial: Ints) -> tuple[slice, ...]:
    """Where the unpadded array lies in the padded one."""
    inner = (slice(lo, lo + n) for (lo, _), n in zip(padding, spatial, strict=True))
    return (slice(None), *inner)
