"""The kernel of `banded` gives the bits of NumPy's, and what a band is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from minikeras_numpy.banded import banded as plain

from minikeras import config, ops
from minikeras.engine import prims
from minikeras.engine.compile import jit
from minikeras.engine.prims.banded import Band
from minikeras.engine.tensor import from_numpy

pytestmark = pytest.mark.usefixtures("on_numba")


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 40), st.integers(1, 40), st.integers(1, 20),
    st.integers(1, 15), st.sampled_from(["float32", "float64"]), st.randoms(),
)  # fmt: skip
def test_bits_of_numpy(outer, n, size, inner, taps, dtype, random):
    rng = np.random.default_rng(random.randrange(1 << 30))
    taps = min(taps, n)
    starts = np.sort(rng.integers(0, n - taps + 1, size))
    band = Band(n, starts, rng.normal(size=(size, taps)).astype(dtype))
    x = rng.normal(size=(outer, n, inner)).astype(dtype)
    wanted = plain(x, band=band, axis=1)
    made = prims.banded(from_numpy(x), band=band, axis=1).numpy()
    assert made.tobytes() == wanted.tobytes()
    compiled = jit(lambda v: prims.banded(v, band=band, axis=1))
    assert compiled(x).numpy().tobytes() == wanted.tobytes()


@settings(max_examples=60, deadline=None)
@given(arrays("float64", st.tuples(st.integers(1, 9), st.integers(0, 9)),
              elements=st.sampled_from([0.0, 0.0, 0.0, 1.5, -2.0])))  # fmt: skip
def test_a_band_is_its_matrix(matrix):
    band = Band.of(matrix)
    np.testing.assert_array_equal(band.matrix(), matrix)
    np.testing.assert_array_equal(band.transposed.matrix(), matrix.T)
    assert band == Band.of(matrix.copy())
    assert hash(band) == hash(Band.of(matrix.copy()))


def test_columns_and_rows_of_zeros():
    matrix = np.array([[0, 1.0, 0, 0], [0, 2.0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 3.0]])
    band = Band.of(matrix)
    np.testing.assert_array_equal(band.matrix(), matrix)
    np.testing.assert_array_equal(band.transposed.matrix(), matrix.T)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_resizing_spreads_no_further_than_it_reaches(backend, odd):
    config.set_backend(backend)
    x = np.ones((1, 8, 8, 1), "float32")
    x[0, 3, 3] = odd
    made = ops.image.resize(x, (16, 16)).numpy()[0, :, :, 0]
    assert np.isfinite(made).sum() == 16 * 16 - 16
    assert not np.isfinite(made[6:8, 6:8]).any()
