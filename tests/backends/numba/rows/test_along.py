"""Elements by indices along an axis, and the sum back, with the bits of NumPy's kernels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minikeras_kernels.along import KINDS
from minikeras_numba.rows.along import lower_along

from minikeras.engine import backend as registry


@settings(max_examples=80)
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    axis=st.integers(0, 2),
    count=st.integers(1, 12),
    dtype=st.sampled_from(sorted(KINDS)),
    index=st.sampled_from(["int32", "int64"]),
    name=st.sampled_from(["take_along_axis", "put_along_axis_add"]),
    seed=st.integers(0, 9),
)
def test_bits_of_numpys(
    run_node_anywhere, shape, axis, count, dtype, index, name, seed
):
    rng, axis = np.random.default_rng(seed), axis % len(shape)
    other = (*shape[:axis], count, *shape[axis + 1 :])
    n = shape[axis]
    low, high = (-2, n + 2) if seed % 2 else (0, n)
    at = rng.integers(low, high, other).astype(index)
    x = rng.integers(0, 9, shape if name.startswith("take") else other).astype(dtype)
    if dtype.startswith("float"):
        x += rng.standard_normal(x.shape).astype(dtype)
    static = {"axis": axis}
    if not name.startswith("take"):
        static["shape"] = tuple(shape)
    out, _, _ = run_node_anywhere(lower_along, name, [x, at], **static)
    plain = registry.load("numpy").kernels[name](x, at, **static)
    np.testing.assert_array_equal(out, plain)


@pytest.mark.parametrize("name", ["take_along_axis", "put_along_axis_add"])
def test_threads(run_node, threads, name):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 64)).astype("float32")
    at = rng.integers(0, 64, (500, 64)).astype("int32")
    static = {"axis": 1} | ({} if name.startswith("take") else {"shape": (500, 64)})
    out, _, _ = run_node(lower_along, name, [x, at], **static)
    plain = registry.load("numpy").kernels[name](x, at, **static)
    np.testing.assert_array_equal(out, plain)
