"""Matrix products."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minikeras.extend import Aval
from minikeras_numpy.common import Array, Table, arrays, to, work_dtype


def product(xp: Any, a: Array, b: Array) -> Array:
    """`a @ b`; one flat product where `b` is one matrix for all of a's batch."""
    if b.ndim == 2 and a.ndim > 2 and a.flags.c_contiguous:
        flat = xp.matmul(a.reshape(math.prod(a.shape[:-1]), a.shape[-1]), b)
        return flat.reshape(*a.shape[:-1], b.shape[-1])
    return xp.matmul(a, b)


def of_matrices(
    static: Mapping[str, Any], avals: Sequence[Aval]
) -> Callable[[Array, Array], Array] | None:
    """The product of two matrices as NumPy's own call; None for others."""
    a, b = avals
    moved = any(
        static.get(name) is not None for name in ("perm_a", "perm_b", "perm_out")
    )
    if moved or a.ndim != 2 or b.ndim != 2 or a.dtype not in ("float32", "float64"):
        return None
    turned_a, turned_b = static.get("transpose_a"), static.get("transpose_b")
    if not turned_a and not turned_b:
        return np.matmul
    return lambda a, b: np.matmul(a.T if turned_a else a, b.T if turned_b else b)


def table(xp: Any) -> Table:
    """The kernels of this family over the namespace `xp`."""

    def matmul(
        a: Array,
        b: Array,
        *,
        transpose_a: bool = False,
        transpose_b: bool = False,
        perm_a: Sequence[int] | None = None,
        perm_b: Sequence[int] | None = None,
        perm_out: Sequence[int] | None = None,
    ) -> Array:
        work = work_dtype(a.dtype)
        left, right = to(a, work), to(b, work)
        if perm_a is not None:
            left = left.transpose(perm_a)
        if perm_b is not None:
            right = right.transpose(perm_b)
        if transpose_a:
            left = left.swapaxes(-1, -2)
        if transpose_b:
            right = right.swapaxes(-1, -2)
        result = to(product(xp, left, right), a.dtype)
        return result if perm_out is None else result.transpose(perm_out)

    return {"matmul": arrays(xp, matmul)}
