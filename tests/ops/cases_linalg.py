"""Rows of linear algebra and Fourier transforms, compared with a live keras.

They are no goldens: gradients of factors are worth checking against the library itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.ops.table import Case, F, Fixed, I

_RNG = np.random.default_rng(5)
_SQUARE = _RNG.normal(size=(2, 3, 3)) + 3 * np.eye(3)
_DEFINITE = _SQUARE @ _SQUARE.swapaxes(-1, -2)
SQUARE, DEFINITE = Fixed(_SQUARE.tolist()), Fixed(_DEFINITE.tolist())
ONE = Fixed(_SQUARE[0].tolist())
FACTOR = Fixed(np.linalg.cholesky(_DEFINITE[0]).tolist())
TALL, WIDE = Fixed(_RNG.normal(size=(2, 4, 3))), Fixed(_RNG.normal(size=(2, 3, 4)))
TALL_ONE, WIDE_ONE = Fixed(TALL.values[0]), Fixed(WIDE.values[0])
ZEROS = Fixed(np.zeros((2, 3)))
MIXED = Fixed([[0.0, 1.0, -2.0], [0.0, 0.0, 3.0]])

LINALG: list[Case] = []


def row(name: str, *args: Any, **kwargs: Any) -> None:
    options = {k: kwargs.pop("_" + k) for k in ("grad", "tol") if "_" + k in kwargs}
    number = sum(c.name == name for c in LINALG)
    LINALG.append(Case(name, args, kwargs, f"{name}-{number}", **options))


for upper in (False, True):
    row("cholesky", DEFINITE, upper=upper)
    row("cholesky_inverse", FACTOR, upper=upper)
for name in ("det", "slogdet", "inv", "lu_factor", "eigh"):
    row(name, SQUARE)
row("logdet", DEFINITE)
row("lu_factor", TALL)
row("lu_factor", WIDE)
for matrices in (TALL, WIDE, SQUARE):
    row("qr", matrices)
    row("qr", matrices, mode="complete", _grad=matrices is not TALL)
    row("svd", matrices, full_matrices=False)
    row("svd", matrices, full_matrices=True, _grad=matrices is SQUARE)
    row("svd", matrices, compute_uv=False)
    row("pinv", matrices)
    row("matrix_rank", matrices)
row("svd", ZEROS, compute_uv=False)
row("solve", SQUARE, F(2, 3, 2))
row("solve", ONE, F(3))
for lower in (False, True):
    row("solve_triangular", SQUARE, F(2, 3, 2), lower=lower)
    row("solve_triangular", ONE, F(3), lower=lower)
row("lstsq", TALL_ONE, F(4))
row("lstsq", TALL_ONE, F(4, 2))
row("lstsq", WIDE_ONE, F(3))
row("lstsq", ONE, F(3, 2), rcond=0.01)

for ord in (None, 0, 1, -1, 2, -2, 3, 0.5, math.inf, -math.inf):
    row("norm", F(4), ord=ord)
    row("norm", F(2, 3, 4), ord=ord, axis=-1, keepdims=True)
for ord in (0, 1, 2, 3, math.inf, -math.inf):
    row("norm", ZEROS, ord=ord, axis=1)
    row("norm", MIXED, ord=ord, axis=1)
for ord in (None, "fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf):
    row("norm", TALL_ONE, ord=ord)
    row("norm", TALL, ord=ord, axis=(2, 0), keepdims=True)
for ord in (None, "fro", 1, math.inf):
    row("norm", ZEROS, ord=ord, axis=(0, 1))
row("norm", I(2, 3))

PAIR = (F(2, 3, 6), F(2, 3, 6))
for name in ("fft", "fft2", "ifft2"):
    row(name, PAIR)
for length in (None, 4, 5, 9, 12):
    row("rfft", F(2, 6), fft_length=length)
    row("irfft", (F(2, 6), F(2, 6)), fft_length=length)
FRAMES = (F(2, 9, 6), F(2, 9, 6))
for window in ("hann", "hamming", None):
    for center in (True, False):
        row("stft", F(2, 40), 8, 4, 10, window=window, center=center)
        row("istft", FRAMES, 8, 4, 10, window=window, center=center)
        row("istft", FRAMES, 8, 3, 10, length=20, window=window, center=center)
row("istft", FRAMES, 8, 4, 10, length=60)  # more than there is
row("extract_sequences", F(2, 10), 4, 3)
row("erfinv", F(3, 4, low=-0.99, high=0.99))
row("in_top_k", I(3, low=0, high=5), F(3, 5), 2)
