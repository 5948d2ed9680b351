"""Products of many rows with a small matrix."""

import numpy as np
import pytest
from minikeras_numpy import products


@pytest.mark.parametrize("rows", [0, 1, 15, 512, 513, 5000])
@pytest.mark.parametrize(
    ("depth", "width"), [(9, 32), (144, 16), (1, 4096), (100, 41), (0, 3), (3, 0)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pieces_make_the_product(rows, depth, width, dtype):
    """Whole pieces, the rest of them, and matrices too large or empty."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((rows, depth)).astype(dtype)
    b = rng.standard_normal((depth, width)).astype(dtype)
    g = rng.standard_normal((rows, width)).astype(dtype)
    near = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-10}
    out = np.full((rows, width), 7, dtype)
    products.multiply(np, a, b, out)
    np.testing.assert_allclose(out, a @ b, **near)
    turned = np.full((depth, width), 7, dtype)
    count = products.sums_at_once(np, rows, depth, width)
    sums = np.empty((count, depth, width), dtype)
    products.multiply_turned(np, a, g, sums, turned)
    np.testing.assert_allclose(turned, a.T @ g, **near)


def test_pieces_are_small():
    """So small that BLAS takes one thread for each, and the rows are many."""
    for depth, width in [(9, 32), (27, 16), (144, 16), (64, 64), (4096, 1)]:
        rows = products.rows_at_once(np, depth, width)
        assert rows >= 64
        assert rows * depth * width <= 1 << 18
    assert products.rows_at_once(np, 64, 65) == 0
