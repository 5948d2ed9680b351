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


@pytest.mark.parametrize("rows", [1, 127, 128, 1600])
@pytest.mark.parametrize(
    ("depth", "width"), [(9, 32), (144, 16), (288, 64), (576, 64), (147, 61), (5, 512)]
)
def test_pieces_are_small(monkeypatch, rows, depth, width):
    """So small that BLAS takes one thread for each, those at the end too."""
    largest = 0
    matmul = np.matmul

    def spy(a, b, out=None):
        nonlocal largest
        largest = max(largest, a.shape[-2] * a.shape[-1] * b.shape[-1])
        return matmul(a, b) if out is None else matmul(a, b, out=out)

    rng = np.random.default_rng(0)
    a = rng.standard_normal((rows, depth)).astype("float32")
    b = rng.standard_normal((depth, width)).astype("float32")
    g = rng.standard_normal((rows, width)).astype("float32")
    near = {"rtol": 1e-4, "atol": 1e-3}
    monkeypatch.setattr(np, "matmul", spy)
    out, turned = np.empty((rows, width), "f4"), np.empty((depth, width), "f4")
    products.multiply(np, a, b, out)
    count = products.sums_at_once(np, rows, depth, width)
    sums = np.empty((count, depth, width), "f4")
    products.multiply_turned(np, a, g, sums, turned)
    assert 0 < largest <= 1 << 18
    monkeypatch.undo()
    np.testing.assert_allclose(out, a @ b, **near)
    np.testing.assert_allclose(turned, a.T @ g, **near)
    assert products.rows_at_once(np, 256, 257) == 0


@pytest.mark.parametrize("rows", [1, 50, 100, 130, 1600])
@pytest.mark.parametrize(
    ("depth", "width"), [(10, 1600), (128, 10), (1, 3), (500, 500)]
)
@pytest.mark.parametrize("turned", [False, True])
def test_small_products_in_pieces(rows, depth, width, turned):
    rng = np.random.default_rng(0)
    a = (
        rng.standard_normal((depth, rows)).T
        if turned
        else rng.standard_normal((rows, depth))
    )
    b = rng.standard_normal((depth, width))
    out = np.full((rows, width), 7.0)
    products.multiply_some(a, b, out)
    np.testing.assert_allclose(out, a @ b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("rows", [1, 2, 511, 512, 513, 1500])
@pytest.mark.parametrize("width", [1, 3, 16, 9000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_columns(rows, width, dtype):
    x = np.random.default_rng(0).standard_normal((rows, width)).astype(dtype)
    out = np.full(width, 7, dtype)
    products.column_sums(x, out)
    near = {"rtol": 1e-5, "atol": 1e-3} if dtype == "float32" else {"rtol": 1e-9}
    np.testing.assert_allclose(out, x.sum(0, dtype="float64"), **near)
