"""Pooling as a loop over the places in the window, vectorised over all windows."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minikeras_numpy.common import Array, Table, arrays, lowest, to, work_dtype
from minikeras_numpy.windows import Ints, Pads, interior, out_sizes, taps


class Pool:
    """The geometry of one pooling call."""

    def __init__(
        self, x_shape: Ints, window: Ints, strides: Ints, padding: Pads
    ) -> None:
        spatial = x_shape[1:-1]
        self.geometry = spatial, window, strides, padding
        ones = (1,) * len(window)
        self.out = out_sizes(spatial, window, strides, padding, ones)
        self.out_shape = (x_shape[0], *self.out, x_shape[-1])
        self.padded = any(lo or hi for lo, hi in padding)
        sizes = zip(spatial, padding, strict=True)
        self.padded_shape = (
            x_shape[0],
            *(n + lo + hi for n, (lo, hi) in sizes),
            x_shape[-1],
        )
        self.inner = interior(padding, spatial)
        self.places = [at for _, at in taps(window, self.out, strides, ones)]
        self.strides = strides
        # Elements between windows that leave gaps stay as the caller made them, zeros.
        self.disjoint = all(k <= s for k, s in zip(window, strides, strict=True))

    def covers(self, spatial: Ints, window: Ints) -> bool:
        """Whether every element is in a window, and none is border."""
        return not self.padded and all(
            k >= s and n == (o - 1) * s + k
            for n, k, s, o in zip(spatial, window, self.strides, self.out, strict=True)
        )

    def widen(self, xp: Any, x: Array, fill: Any) -> Array:
        """`x` with its border; `x` itself where there is none."""
        if not self.padded:
            return x
        wide = xp.full(self.padded_shape, fill, dtype=x.dtype)
        wide[self.inner] = x
        return wide

    def inside(self, xp: Any) -> list[Array | None]:
        """For each place, which windows have an element there; None where all have.

        A border as low as the lowest element is never the maximum of a window.
        """
        if not self.padded:
            return [None] * len(self.places)
        masks = _inside(*self.geometry)
        return [None if mask is None else xp.asarray(mask) for mask in masks]

    def narrow(self, wide: Array) -> Array:
        """The part of `wide` that is not border."""
        return wide[self.inner] if self.padded else wide


@functools.lru_cache(maxsize=32)
def _inside(
    spatial: Ints, window: Ints, strides: Ints, padding: Pads
) -> tuple[Array | None, ...]:
    """See `Pool.inside`; masks for one sample and one channel, which nobody writes to."""
    wide = np.zeros(
        [n + lo + hi for n, (lo, hi) in zip(spatial, padding, strict=True)], bool
    )
    wide[interior(padding, spatial)[1:]] = True
    ones = (1,) * len(window)
    out = out_sizes(spatial, window, strides, padding, ones)
    found: list[Array | None] = []
    for _, place in taps(window, out, strides, ones):
        mask = wide[place[1:]][None, ..., None].copy()
        mask.flags.writeable = False
        found.append(None if bool(mask.all()) else mask)
    return tuple(found)


def maximum_of(xp: Any, pool: Pool, wide: Array, out: Array) -> Array:
    """The maximum of each window, into `out`."""
    first, *rest = pool.places
    if not rest:
        out[...] = wide[first]
    for number, place in enumerate(rest):
        xp.maximum(wide[first] if number == 0 else out, wide[place], out=out)
    return out


def spread_maximum(
    xp: Any, pool: Pool, wide: Array, peak: Array, dy: Array, target: Array
) -> None:
    """Add `dy` to `target` at the first maximum of each window."""
    # Windows whose maximum was not met yet: of equal numbers the first has the gradient.
    left = xp.ones(peak.shape, dtype=bool)
    hit = xp.empty(peak.shape, dtype=bool)
    # A number is kept or becomes zero by the bits of an integer, all of them or none: NumPy
    # does that with vectors, and `where` without, into new memory.
    bits = np.dtype(f"i{target.dtype.itemsize}")
    mask = xp.empty(peak.shape, dtype=bits)
    kept = None if pool.disjoint else xp.empty(peak.shape, dtype=target.dtype)
    for place, inside in zip(pool.places, pool.inside(xp), strict=True):
        xp.equal(wide[place], peak, out=hit)
        hit &= left
        if inside is not None:
            hit &= inside
        left ^= hit
        xp.negative(hit.view("i1"), out=mask, dtype=bits)
        if kept is None:  # an element is in one window only: nothing to add to
            xp.bitwise_and(dy.view(bits), mask, out=target.view(bits)[place])
        else:
            xp.bitwise_and(dy.view(bits), mask, out=kept.view(bits))
            target[place] += kept


def at_maximum(xp: Any, pool: Pool, wide: Array, g: Array) -> Array:
    """What `g` has where each window of `wide` is largest, both widened."""
    peak = maximum_of(xp, pool, wide, xp.empty(pool.out_shape, dtype=wide.dtype))
    out = xp.zeros(pool.out_shape, dtype=wide.dtype)
    left = xp.ones(peak.shape, dtype=bool)
    for place, inside in zip(pool.places, pool.inside(xp), strict=True):
        hit = (wide[place] == peak) & left
        if inside is not None:
            hit &= inside
        left ^= hit
        out = xp.where(hit, g[place], out)
    return out


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""

    def max_pool(x: Array, *, window: Ints, strides: Ints, padding: Pads) -> Array:
        pool = Pool(x.shape, window, strides, padding)
        wide = pool.widen(xp, x, lowest(x.dtype))
        out = xp.empty(pool.out_shape, dtype=x.dtype)
        return maximum_of(xp, pool, wide, out)

    def max_pool_grad(
        x: Array, dy: Array, *, window: Ints, strides: Ints, padding: Pads
    ) -> Array:
        pool = Pool(x.shape, window, strides, padding)
        wide = pool.widen(xp, x, lowest(x.dtype))
        peak = maximum_of(xp, pool, wide, xp.empty(pool.out_shape, dtype=x.dtype))
        work = work_dtype(x.dtype)
        target = xp.zeros(pool.padded_shape, dtype=work)
        spread_maximum(xp, pool, wide, peak, to(dy, work), target)
        return to(pool.narrow(target), x.dtype)

    def max_pool_gather(
        x: Array, g: Array, *, window: Ints, strides: Ints, padding: Pads
    ) -> Array:
        pool = Pool(x.shape, window, strides, padding)
        wide = pool.widen(xp, x, lowest(x.dtype))
        return at_maximum(xp, pool, wide, pool.widen(xp, g, 0))

    def sum_pool(x: Array, *, window: Ints, strides: Ints, padding: Pads) -> Array:
        pool = Pool(x.shape, window, strides, padding)
        work = work_dtype(x.dtype)
        wide = pool.widen(xp, to(x, work), 0)
        total = xp.array(wide[pool.places[0]])
        for place in pool.places[1:]:
            total += wide[place]
        return to(total, x.dtype)

    def sum_pool_grad(
        dy: Array, *, input_shape: Ints, window: Ints, strides: Ints, padding: Pads
    ) -> Array:
        pool = Pool(input_shape, window, strides, padding)
        work = work_dtype(dy.dtype)
        g = to(dy, work)
        target = xp.zeros(pool.padded_shape, dtype=work)
        for place in pool.places:
            if pool.disjoint:
                target[place] = g
            else:
                target[place] += g
        return to(pool.narrow(target), dy.dtype)

    own: Table = {
        "max_pool": max_pool,
        "max_pool_grad": max_pool_grad,
        "max_pool_gather": max_pool_gather,
        "sum_pool": sum_pool,
        "sum_pool_grad": sum_pool_grad,
    }
    return {name: arrays(xp, kernel) for name, kernel in own.items()}
