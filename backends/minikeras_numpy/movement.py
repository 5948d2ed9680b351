"""Movement kernels. Results may be views of their argument."""

from __future__ import annotations

from typing import Any

from minikeras_numpy.common import Array, Table

Ints = tuple[int, ...]


def slices(starts: Ints, stops: Ints, steps: Ints) -> tuple[slice, ...]:
    """Index objects for `range(start, stop, step)`; -1 as a stop is before the start."""
    return tuple(
        slice(a, None if b < 0 else b, s) if len(range(a, b, s)) else slice(0, 0)
        for a, b, s in zip(starts, stops, steps, strict=True)
    )


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""

    def reshape(x: Array, *, shape: Ints) -> Array:
        return x.reshape(shape)

    def transpose(x: Array, *, perm: Ints) -> Array:
        return x.transpose(perm)

    def broadcast_to(x: Array, *, shape: Ints) -> Array:
        return xp.broadcast_to(x, shape)

    def pad(x: Array, value: Array, *, widths: tuple[tuple[int, int], ...]) -> Array:
        sizes = zip(x.shape, widths, strict=True)
        out = xp.empty(tuple(d + lo + hi for d, (lo, hi) in sizes), dtype=x.dtype)
        out[...] = value
        sizes = zip(x.shape, widths, strict=True)
        out[tuple(slice(lo, lo + d) for d, (lo, _) in sizes)] = x
        return out

    def slice_(x: Array, *, starts: Ints, stops: Ints, steps: Ints) -> Array:
        return x[slices(starts, stops, steps)] if x.ndim else x

    def pad_strided(
        g: Array, *, shape: Ints, starts: Ints, stops: Ints, steps: Ints
    ) -> Array:
        out = xp.zeros(shape, dtype=g.dtype)
        out[slices(starts, stops, steps)] = g
        return out

    def concat(*xs: Array, axis: int) -> Array:
        return xp.concatenate(xs, axis=axis)

    def flip(x: Array, *, axes: Ints) -> Array:
        return xp.flip(x, axes)

    return {
        "reshape": reshape,
        "transpose": transpose,
        "broadcast_to": broadcast_to,
        "pad": pad,
        "slice": slice_,
        "pad_strided": pad_strided,
        "concat": concat,
        "flip": flip,
    }
