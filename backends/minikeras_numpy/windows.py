"""Sliding windows over the spatial axes of (batch, *spatial, channels) arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from minikeras_numpy.common import Array

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]


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


def interior(padding: Pads, spatial: Ints) -> tuple[slice, ...]:
    """Where the unpadded array lies in the padded one."""
    inner = (slice(lo, lo + n) for (lo, _), n in zip(padding, spatial, strict=True))
    return (slice(None), *inner)
