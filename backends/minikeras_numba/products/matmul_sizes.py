"""What a matmul is: its sizes, and where in memory its matrices lie."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minikeras.extend import numpy_dtype
from minikeras_numba.machine.jit import host

FLOATS = ("float32", "float64")


class Where(NamedTuple):
    """Where the matrices of one operand lie: bytes to each, bytes between its rows."""

    starts: Sequence[int]
    pitch: int


class Matmul(NamedTuple):
    """The sizes of a matmul of rank 2, repeated over batches."""

    dtype: str
    m: int
    n: int
    k: int
    transpose_a: bool
    transpose_b: bool
    a_batch: Sequence[int]  # for each result matrix, the number of its A
    b_batch: Sequence[int]
    a: Where
    b: Where
    c: Where

    @property
    def item(self) -> int:
        return numpy_dtype(self.dtype).itemsize

    @property
    def lanes(self) -> int:
        """Sums in a vector; those of 16 bit values are of float32."""
        return host().lanes(max(4, self.item))


def describe(
    a: Sequence[int], b: Sequence[int], dtype: str, static: Mapping[str, Any]
) -> Matmul | None:
    """The sizes of a matmul, or None where no tile is for its dtype."""
    if dtype not in (*FLOATS, "bfloat16", *(["float16"] if host().has_half else [])):
        return None
    ta, tb = bool(static.get("transpose_a")), bool(static.get("transpose_b"))
    item = numpy_dtype(dtype).itemsize
    left, a = _layout(a, static.get("perm_a"), item)
    right, b = _layout(b, static.get("perm_b"), item)
    k, m = (a[-2], a[-1]) if ta else (a[-1], a[-2])
    n = b[-2] if tb else b[-1]
    batch = np.broadcast_shapes(tuple(a[:-2]), tuple(b[:-2]))
    moved = static.get("perm_a") or static.get("perm_out")
    if math.prod(b[:-2]) == 1 and not ta and not moved:
        # all batches meet the same B: they are one tall matrix
        m *= math.prod(batch)
        return flat(dtype, m, n, k, ta, tb, right.pitch)
    out = _result(batch, m, n, static.get("perm_out"), item)
    numbers = _numbers(a[:-2], batch), _numbers(b[:-2], batch)
    return Matmul(dtype, m, n, k, ta, tb, *numbers, left, right, out)


def flat(
    dtype: str, m: int, n: int, k: int, ta: bool, tb: bool, b_pitch: int = 0
) -> Matmul:
    """One matmul of two matrices, their rows one after the other."""
    item = numpy_dtype(dtype).itemsize
    a = Where([0], (m if ta else k) * item)
    b = Where([0], b_pitch or (k if tb else n) * item)
    return Matmul(dtype, m, n, k, ta, tb, [0], [0], a, b, Where([0], n * item))


def _layout(
    shape: Sequence[int], perm: Sequence[int] | None, item: int
) -> tuple[Where, Sequence[int]]:
    """The matrices of an operand as it is stored, and its shape as the matmul sees it."""
    perm = range(len(shape)) if perm is None else perm
    strides = [math.prod(shape[i + 1 :]) * item for i in range(len(shape))]
    seen = [shape[p] for p in perm]
    moved = [strides[p] for p in perm]
    return Where(_starts(seen[:-2], moved[:-2]), moved[-2]), seen


def _result(
    batch: Sequence[int], m: int, n: int, perm: Sequence[int] | None, item: int
) -> Where:
    """Where the result's matrices go, if `perm` is how it is transposed afterwards."""
    shape = (*batch, m, n)
    perm = range(len(shape)) if perm is None else perm
    stored = [shape[p] for p in perm]
    strides = [0] * len(shape)
    for i, p in enumerate(perm):
        strides[p] = math.prod(stored[i + 1 :]) * item
    return Where(_starts(batch, strides[:-2]), strides[-2])


def _starts(batch: Sequence[int], strides: Sequence[int]) -> list[int]:
    """Bytes to each matrix of a batch, the last axis counting fastest."""
    places = np.zeros((1,), np.int64)
    for size, stride in zip(batch, strides, strict=True):
        places = (places[:, None] + np.arange(size) * stride).ravel()
    return [int(p) for p in places]


def _numbers(own: Sequence[int], batch: Sequence[int]) -> list[int]:
    """For each matrix of the broadcast batch, its number in an operand."""
    count = np.arange(math.prod(own)).reshape(tuple(own))
    return [int(i) for i in np.broadcast_to(count, tuple(batch)).ravel()]
