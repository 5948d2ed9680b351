"""Kernels over rows: look-ups, arg-reductions, softmax of many and of few rows."""

import numpy as np
import pytest
from minikeras_numba.rows.argreduce import lower_argreduce
from minikeras_numba.rows.gather import lower_gather
from minikeras_numba.rows.rowwise import lower_rowwise

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_first_of_equals_and_first_nan(run_node, threads, name, dtype):
    x = RNG.integers(-2, 3, (200, 7)).astype(dtype)
    x[3, 4:6] = np.nan
    x[5, 0] = np.nan
    x[7] = np.inf
    x[8] = -np.inf
    out, _, _ = run_node(lower_argreduce, name, [x], axis=1)
    np.testing.assert_array_equal(out, getattr(np, name)(x, axis=1))


@pytest.mark.parametrize("width", [1, 15, 16, 31, 32, 33, 70, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_short_rows_and_wide_ones(run_node, threads, name, dtype, width):
    x = np.random.default_rng(width).integers(-3, 4, (50, width)).astype(dtype)
    x[np.random.default_rng(1).random(x.shape) < 0.01] = np.nan
    x[3], x[4], x[5] = np.nan, -np.inf, np.inf
    x[6, width // 2] = -np.inf
    x[7, -1] = np.nan
    x[8], x[8, -1] = 0.0, -0.0
    out, _, _ = run_node(lower_argreduce, name, [x], axis=1)
    np.testing.assert_array_equal(out, getattr(np, name)(x, axis=1))


@pytest.mark.parametrize("width", [8, 16, 50])
@pytest.mark.parametrize("index", ["int32", "int64"])
def test_rows_of_a_table(run_node, threads, width, index):
    table = RNG.standard_normal((30, width)).astype("float32")
    at = RNG.integers(-5, 40, (6, 9)).astype(index)
    out, _, _ = run_node(lower_gather, "take", [table, at], axis=0)
    exists = (at >= 0) & (at < 30)
    expected = np.where(exists[..., None], table[np.where(exists, at, 0)], np.nan)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 1023])
@pytest.mark.parametrize("width", [1, 10, 16, 33])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_rows_side_by_side(run_node, threads, rows, width, name):
    """Whole groups of rows, those left over, and those with an infinity or a NaN."""
    x = RNG.normal(0, 5, (rows, width)).astype("float32")
    x[rows // 2, 0] = -np.inf if width > 1 else 0
    x[-1, -1] = 200.0
    out, _, _ = run_node(lower_rowwise, name, [x], axis=1)
    wide = x.astype("f8")
    wide = wide - wide.max(1, keepdims=True)
    e = np.exp(wide)
    total = e.sum(1, keepdims=True)
    expected = e / total if name == "softmax" else wide - np.log(total)
    np.testing.assert_allclose(out, expected, rtol=3e-6, atol=1e-6)


def test_a_nan_spoils_its_own_row_only(run_node):
    x = RNG.standard_normal((9, 20)).astype("float32")
    x[2, 3] = np.nan
    out, _, _ = run_node(lower_rowwise, "softmax", [x], axis=1)
    assert np.isnan(out[2]).all()
    assert np.isfinite(np.delete(out, 2, 0)).all()
