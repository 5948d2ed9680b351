"""Products with few rows: every form, the bits of a larger batch, reading once."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from minikeras_numba.machine.team import get_threads, set_threads
from minikeras_numba.products import matmul_few
from minikeras_numba.products.matmul import lower_matmul
from minikeras_numba.products.matmul_few import is_few
from minikeras_numba.products.matmul_sizes import describe

RNG = np.random.default_rng(0)
TYPES = {
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float32": np.float32,
    "float64": np.float64,
}
EPS = {"float16": 2**-11, "bfloat16": 2**-8, "float32": 2**-23, "float64": 2**-52}


def operands(m, k, n, tb, dtype, draw=RNG):
    a = draw.standard_normal((m, k)).astype(TYPES[dtype])
    b = draw.standard_normal((n, k) if tb else (k, n)).astype(TYPES[dtype])
    return a, b


def product(run_node, a, b, tb):
    return run_node(lower_matmul, "matmul", [a, b], transpose_a=False, transpose_b=tb)[
        0
    ]


def check(run_node, a, b, tb):
    spec = describe(a.shape, b.shape, a.dtype.name, {"transpose_b": tb})
    assert is_few(spec)
    wide = "float32" if a.dtype.itemsize == 2 else a.dtype.name
    left, right = a.astype("float64"), b.astype("float64")
    right = right.T if tb else right
    found = product(run_node, a, b, tb).astype("float64")
    sums = np.abs(left) @ np.abs(right)
    limit = EPS[wide] * a.shape[1] * sums + EPS[a.dtype.name] * np.abs(left @ right)
    assert (np.abs(found - left @ right) <= limit + 1e-6 * (wide != a.dtype.name)).all()


@pytest.fixture
def always(monkeypatch):
    """Small products too: their edges are those of large ones."""
    monkeypatch.setattr(matmul_few, "LEAST", 0)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("tb", [False, True])
@pytest.mark.parametrize("m", [1, 3, 6, 16])
def test_every_edge(run_node, always, m, tb, dtype):
    for k in (1, 7, 8, 9, 31, 65):
        for n in (1, 8, 15, 16, 17, 64, 71, 130):
            check(run_node, *operands(m, k, n, tb, dtype), tb)


@given(data=st.data())
def test_sizes(run_node_anywhere, data):
    m, k = data.draw(st.sampled_from((1, 3, 6, 16))), data.draw(st.integers(1, 300))
    n = data.draw(st.integers(1, 3000))
    tb = data.draw(st.booleans())
    a, b = operands(m, k, n, tb, data.draw(st.sampled_from(list(TYPES))))
    if is_few(describe(a.shape, b.shape, a.dtype.name, {"transpose_b": tb})):
        check(run_node_anywhere, a, b, tb)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tb", [False, True])
def test_a_row_has_the_bits_it_has_in_a_large_batch(run_node, tb, dtype):
    a, b = operands(40, 500, 333, tb, dtype)
    whole = product(run_node, a, b, tb)
    for rows in (1, 2, 5, 11, 16):
        np.testing.assert_array_equal(product(run_node, a[:rows], b, tb), whole[:rows])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("tb", [False, True])
def test_the_same_bits_on_any_number_of_threads(run_node, tb, dtype):
    a, b = operands(3, 700, 1100, tb, dtype)
    before, results = get_threads(), []
    for count in (1, 2, 5):
        set_threads(count)
        results.append(product(run_node, a, b, tb))
    set_threads(before)
    assert all(np.array_equal(results[0], r) for r in results)


def test_a_batch_of_matrices(run_node):
    a = RNG.standard_normal((3, 2, 5, 90)).astype("f")
    b = RNG.standard_normal((2, 90, 70)).astype("f")
    np.testing.assert_allclose(product(run_node, a, b, False), a @ b, 2e-5, 2e-5)


def test_what_is_not_finite_stays_where_it_belongs(run_node):
    a, b = operands(4, 300, 200, False, "float32")
    a[2, 5], b[7, 9] = np.inf, np.nan
    with np.errstate(invalid="ignore"):
        wanted = a.astype("f8") @ b.astype("f8")
    found = product(run_node, a, b, False)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(wanted))


def test_nothing_is_packed(run_node):
    """One phase, whose table knows the weights where they lie."""
    for tb in (False, True):
        a, b = operands(1, 600, 500, tb, "float32")
        _, closure, _ = run_node(
            lower_matmul, "matmul", [a, b], transpose_a=False, transpose_b=tb
        )
        assert len(closure.phases) == 1


def test_rounding_to_16_bits_is_to_even(run_node):
    # Draws of its own, and many: where a sum lies near the middle its rounding may differ.
    draw = np.random.default_rng(1)
    for dtype in ("float16", "bfloat16"):
        a, b = operands(2, 64, 1000, False, dtype, draw)
        wanted = (a.astype("f8") @ b.astype("f8")).astype("f").astype(TYPES[dtype])
        found = product(run_node, a, b, False)
        assert (found == wanted).mean() > 0.99
