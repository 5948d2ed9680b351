"""Matmul that skips zeros: whatever A holds, the result is the dense one's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minikeras_numba.machine.jit import host
from minikeras_numba.machine.team import get_threads, set_threads
from minikeras_numba.products.matmul import lower_matmul
from minikeras_numba.products.matmul_sizes import describe, flat
from minikeras_numba.products.matmul_sparse import ROWS, row_blocks, skips_zeros

pytestmark = pytest.mark.skipif(
    host().vector_bytes != 64, reason="zeros are skipped on AVX-512 only"
)
SHAPES = [
    (128, 784, 512),
    (64, 257, 256),
    (65, 100, 1024),
    (784, 128, 512),
    (1000, 65, 272),
]


def sparse(rng, m, k, density):
    a = rng.standard_normal((m, k)).astype("float32")
    a[rng.random((m, k)) >= density] = 0
    return a


def multiply(run_node, a, b, ta=False, tb=False):
    """The lowered product of a and b, each stored transposed if so asked."""
    left = np.ascontiguousarray(a.T) if ta else a
    right = np.ascontiguousarray(b.T) if tb else b
    static = {"transpose_a": ta, "transpose_b": tb}
    spec = describe(left.shape, right.shape, "float32", static)
    assert skips_zeros(spec)
    return run_node(lower_matmul, "matmul", [left, right], **static)[0]


def close(out, a, b):
    expected = a.astype("float64") @ b.astype("float64")
    np.testing.assert_allclose(out, expected, rtol=0, atol=2e-6 * (a.shape[1] + 1))


@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("tb", [False, True])
def test_any_share_of_zeros(run_node, threads, m, k, n, ta, tb):
    rng = np.random.default_rng(m)
    b = rng.standard_normal((k, n)).astype("float32")
    for density in (0, 0.01, 0.2, 0.45, 0.55, 1):
        a = sparse(rng, m, k, density)
        close(multiply(run_node, a, b, ta, tb), a, b)


@settings(max_examples=25)
@given(data=st.data())
def test_dense_and_sparse_rows_side_by_side(run_node_anywhere, data):
    m, k = (data.draw(st.integers(ROWS, 3 * ROWS)) for _ in range(2))
    n = 16 * data.draw(st.integers(64, 70))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    a = sparse(rng, m, k, 0.1)
    for _ in range(data.draw(st.integers(0, 3))):
        row = data.draw(st.integers(0, m - 1))
        a[row : row + data.draw(st.integers(1, 40))] = 1.5
    if data.draw(st.booleans()):
        a[:, : data.draw(st.integers(1, k))] = -0.0
    b = rng.standard_normal((k, n)).astype("float32")
    ta, tb = data.draw(st.booleans()), data.draw(st.booleans())
    close(multiply(run_node_anywhere, a, b, ta, tb), a, b)


@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_zero_times_what_is_not_finite_is_nan(run_node, ta, bad):
    rng = np.random.default_rng(0)
    a = sparse(rng, 128, 200, 0.2)
    b = rng.standard_normal((200, 512)).astype("float32")
    b[199, 3] = b[70, 500] = bad
    out = multiply(run_node, a, b, ta)
    with np.errstate(invalid="ignore"):
        expected = a @ b
    np.testing.assert_array_equal(np.isnan(out), np.isnan(expected))
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)
    b[199, 3] = b[70, 500] = 1  # and the next run has forgotten it
    close(multiply(run_node, a, b, ta), a, b)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_in_a_stays_in_its_row(run_node, bad):
    rng = np.random.default_rng(0)
    a = sparse(rng, 128, 200, 0.2)
    a[5, 7], a[100, 199] = bad, bad
    out = multiply(run_node, a, rng.standard_normal((200, 512)).astype("float32"))
    assert not np.isfinite(out[[5, 100]]).any()
    assert np.isfinite(np.delete(out, [5, 100], 0)).all()


@pytest.mark.parametrize(("m", "k", "n"), [(128, 784, 512), (784, 128, 512)])
def test_same_bits_on_any_number_of_threads(run_node, m, k, n):
    rng = np.random.default_rng(0)
    a = sparse(rng, m, k, 0.3)
    a[: m // 3] = 1.25
    b = rng.standard_normal((k, n)).astype("float32")
    before, results = get_threads(), []
    for count in (1, 2, 3, 5):
        set_threads(count)
        results.append(multiply(run_node, a, b))
    set_threads(before)
    assert all(np.array_equal(results[0], r) for r in results)


def test_blocks_cover_all_rows():
    for ta in (False, True):
        for m in (64, 65, 127, 784):
            blocks = row_blocks(flat("float32", m, 512, 256, ta, False))
            assert [i for low, high in blocks for i in range(low, high)] == [*range(m)]


def test_small_and_other_products_are_left_alone():
    assert skips_zeros(flat("float32", 128, 512, 784, False, False))
    assert not skips_zeros(flat("float64", 128, 512, 784, False, False))
    assert not skips_zeros(flat("float32", 32, 512, 784, False, False))
    assert not skips_zeros(flat("float32", 128, 520, 784, False, False))
    assert not skips_zeros(flat("float32", 128, 10, 784, False, False))
    assert not skips_zeros(flat("float32", 4096, 512, 784, False, False))
