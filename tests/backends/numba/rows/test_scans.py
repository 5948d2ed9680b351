"""Running sums and products, with the bits of NumPy's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minikeras_kernels.scans import KINDS, ROWS
from minikeras_numba.rows.scans import SCANS, lower_scan

import minikeras as keras
from minikeras import ops
from minikeras.engine.compile import jit


def wanted(name, x, axis, reverse):
    seen = np.flip(x, axis) if reverse else x
    made = getattr(np, name)(seen, axis=axis, dtype=x.dtype)
    return np.flip(made, axis) if reverse else made


@settings(max_examples=60)
@given(
    shape=st.lists(st.integers(1, 2 * ROWS + 3), min_size=1, max_size=3),
    axis=st.integers(0, 2),
    dtype=st.sampled_from(sorted(KINDS)),
    name=st.sampled_from(SCANS),
    reverse=st.booleans(),
)
def test_bits_of_numpy(run_node_anywhere, shape, axis, dtype, name, reverse):
    axis %= len(shape)
    x = np.random.default_rng(0).integers(0, 4, shape).astype(dtype)
    if dtype.startswith("float"):
        x += np.random.default_rng(1).standard_normal(shape).astype(dtype)
    out, _, _ = run_node_anywhere(lower_scan, name, [x], axis=axis, reverse=reverse)
    np.testing.assert_array_equal(out, wanted(name, x, axis, reverse))


@pytest.mark.parametrize("shape", [(3, 2000), (2000, 3), (2, 50, 1025)], ids=str)
def test_many_threads_and_blocks(run_node, threads, shape):
    x = np.random.default_rng(0).standard_normal(shape).astype("float32")
    x[0, 1] = np.nan
    for axis in range(len(shape)):
        out, _, _ = run_node(lower_scan, "cumsum", [x], axis=axis)
        np.testing.assert_array_equal(out, wanted("cumsum", x, axis, False))


def test_in_a_step_and_eagerly():
    before = keras.config.backend()
    keras.config.set_backend("numba")
    try:
        x = np.random.default_rng(0).standard_normal((9, 70)).astype("float32")
        f = jit(lambda x: ops.cumsum(ops.tanh(x), axis=1) * 2)
        f(x)
        assert f.programs[0].allocating_steps == 0 and f.programs[0]._routine.at_once
        np.testing.assert_array_equal(f(x), 2 * ops.cumsum(ops.tanh(x), axis=1).numpy())
        half = ops.cumsum(ops.cast(x, "float16"), axis=1)  # NumPy's, in float32
        np.testing.assert_allclose(half, x.cumsum(1), rtol=0.01, atol=0.05)
        assert ops.cumsum(x[:0], axis=0).shape == (0, 70)
    finally:
        keras.config.set_backend(before)
