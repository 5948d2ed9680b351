"""Linear algebra kernels, and the Fourier transform.

A matrix that has no decomposition gives nan, and leaves the rest of its batch alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras_numpy.common import Array, Table, arrays, quiet, to, work_dtype

_TALL = 1024  # rows from which a matrix may be taken apart, into blocks of
_BLOCKS = 8  # times as many rows as columns
_BLOCK = 48  # rows of a triangular system that are solved at once


def _each(xp: Any, function: Callable[..., Any], *stacks: Array) -> Any:
    """`function` on stacks of matrices; one by one where the whole stack fails."""
    try:
        return function(*stacks)
    except np.linalg.LinAlgError:
        pass
    batch = stacks[0].shape[:-2]
    example = function(*[_harmless(xp, s) for s in stacks])
    outs = [xp.full_like(e, np.nan) for e in _listed(example)]
    for place in np.ndindex(*batch):
        try:
            made = _listed(function(*[s[place] for s in stacks]))
        except np.linalg.LinAlgError:
            continue
        for out, part in zip(outs, made, strict=True):
            out[place] = part
    return tuple(outs) if isinstance(example, tuple) else outs[0]


def _listed(value: Any) -> list[Array]:
    return list(value) if isinstance(value, tuple) else [value]


def _harmless(xp: Any, stack: Array) -> Array:
    """Identity matrices of the shape of a stack, to learn the shapes of results."""
    rows, columns = stack.shape[-2:]
    return xp.broadcast_to(xp.eye(rows, columns, dtype=stack.dtype), stack.shape)


def triangular(xp: Any, a: Array, b: Array, lower: bool) -> Array:
    """The solution by substitution, a block of rows at a time."""
    n = a.shape[-1]
    x = xp.zeros_like(b)
    edges = range(0, n, _BLOCK)
    for start in edges if lower else reversed(edges):
        stop = min(start + _BLOCK, n)
        known = slice(0, start) if lower else slice(stop, n)
        rest = b[..., start:stop, :]
        if known.stop > known.start:
            rest = rest - a[..., start:stop, known] @ x[..., known, :]
        x[..., start:stop, :] = _within(xp, a[..., start:stop, start:stop], rest, lower)
    return x


def _within(xp: Any, a: Array, b: Array, lower: bool) -> Array:
    """One block, row after row."""
    n = a.shape[-1]
    x = xp.array(b)
    for i in range(n) if lower else range(n - 1, -1, -1):
        x[..., i, :] /= a[..., i, i, None]
        rest = slice(i + 1, n) if lower else slice(0, i)
        x[..., rest, :] -= a[..., rest, i, None] * x[..., i, None, :]
    return x


def factor_lu(xp: Any, x: Array) -> tuple[Array, Array, Array]:
    """Packed factors, the row each step swaps with, and the order rows end up in."""
    *batch, m, n = x.shape
    a = xp.array(x).reshape(math.prod(batch), m, n)
    order = xp.tile(xp.arange(m, dtype=np.int32), (a.shape[0], 1))
    each = xp.arange(a.shape[0])
    pivots = xp.zeros((a.shape[0], min(m, n)), dtype=np.int32)
    for k in range(min(m, n)):
        pivot = k + xp.argmax(xp.abs(a[:, k:, k]), axis=1)
        pivots[:, k] = pivot
        moved = a[each, pivot].copy()
        a[each, pivot] = a[:, k]
        a[:, k] = moved
        taken = order[each, pivot].copy()
        order[each, pivot] = order[:, k]
        order[:, k] = taken
        divisor = a[:, k, k, None]
        safe = xp.where(divisor == 0, 1, divisor)
        a[:, k + 1 :, k] = a[:, k + 1 :, k] / safe
        a[:, k + 1 :, k + 1 :] -= a[:, k + 1 :, k, None] * a[:, k, None, k + 1 :]
    return (
        a.reshape(x.shape),
        pivots.reshape(*batch, min(m, n)),
        order.reshape(*batch, m),
    )


def thin_svd(xp: Any, a: Array) -> tuple[Array, Array, Array]:
    """The thin decomposition of a matrix, of a tall one by the triangle of its blocks.

    LAPACK's own way through a tall matrix is one column after the other, which a BLAS with
    threads makes hundreds of small calls of: on a busy machine 100 times as slow.
    """
    *batch, rows, columns = a.shape
    block = _BLOCKS * columns
    if batch or rows < _TALL or rows < 2 * block or not columns:
        made: tuple[Array, Array, Array] = xp.linalg.svd(a, full_matrices=False)
        return made
    count = -(-rows // block)
    padded = xp.zeros((count * block, columns), dtype=a.dtype)
    padded[:rows] = a
    q, r = xp.linalg.qr(padded.reshape(count, block, columns))
    u, s, vh = thin_svd(xp, r.reshape(count * columns, columns))
    u = (q @ u.reshape(count, columns, columns)).reshape(count * block, columns)
    return u[:rows], s, vh


def _split(xp: Any, z: Array, dtype: Any) -> tuple[Array, Array]:
    """The two parts of complex numbers."""
    return xp.ascontiguousarray(z.real, dtype), xp.ascontiguousarray(z.imag, dtype)


def wide(x: Array) -> Array:
    return to(x, work_dtype(x.dtype))


def symmetric(x: Array) -> Array:
    """Half of each triangle, so that both have the gradient."""
    return (wide(x) + wide(x).swapaxes(-1, -2).conj()) / 2


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""
    several = {name: quiet(kernel) for name, kernel in _decompositions(xp).items()}
    return {**_systems(xp), **several}


def _systems(xp: Any) -> Table:
    """Rows with one result."""

    def cholesky(x: Array) -> Array:
        if not x.size:
            return x.copy()
        return to(_each(xp, xp.linalg.cholesky, symmetric(x)), x.dtype)

    def solve(a: Array, b: Array) -> Array:
        if not b.size:
            return b.copy()
        return to(_each(xp, xp.linalg.solve, wide(a), wide(b)), a.dtype)

    def triangular_solve(
        a: Array, b: Array, *, lower: bool, transpose_a: bool
    ) -> Array:
        left = wide(a)
        if transpose_a:
            left, lower = left.swapaxes(-1, -2), not lower
        return to(triangular(xp, left, wide(b), lower), a.dtype)

    return {
        "cholesky": arrays(xp, cholesky),
        "solve": arrays(xp, solve),
        "triangular_solve": arrays(xp, triangular_solve),
    }


def _decompositions(xp: Any) -> Table:
    """Rows with several results."""

    def lu(x: Array) -> tuple[Array, Array, Array]:
        packed, pivots, order = factor_lu(xp, wide(x))
        return to(packed, x.dtype), pivots, order

    def qr(x: Array, *, full: bool) -> tuple[Array, Array]:
        mode = "complete" if full else "reduced"
        q, r = xp.linalg.qr(wide(x), mode=mode)
        return to(q, x.dtype), to(r, x.dtype)

    def svd(x: Array, *, full: bool) -> tuple[Array, Array, Array]:
        def decompose(a: Array) -> Any:
            return xp.linalg.svd(a) if full else thin_svd(xp, a)

        u, s, vh = _each(xp, decompose, wide(x))
        return to(u, x.dtype), to(s, x.real.dtype), to(vh, x.dtype)

    def eigh(x: Array) -> tuple[Array, Array]:
        w, v = _each(xp, xp.linalg.eigh, symmetric(x))
        return to(w, x.real.dtype), to(v, x.dtype)

    def eig(x: Array) -> tuple[Array, Array, Array, Array]:
        w, v = xp.linalg.eig(wide(x))
        dtype = x.real.dtype if x.dtype.kind == "c" else x.dtype
        return (*_split(xp, w, dtype), *_split(xp, v, dtype))

    def fft(real: Array, imag: Array, *, inverse: bool) -> tuple[Array, Array]:
        z = wide(real) + 1j * wide(imag)
        if inverse:
            return _split(xp, xp.fft.ifft(z, norm="forward"), real.dtype)
        return _split(xp, xp.fft.fft(z), real.dtype)

    return {"lu": lu, "qr": qr, "svd": svd, "eigh": eigh, "eig": eig, "fft": fft}
