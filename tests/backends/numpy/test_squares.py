"""Maximum pooling by two and two: its gradient by rows and columns is that place by place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from minikeras_numpy.pooling import Pool, maximum_of, spread_maximum
from minikeras_numpy.squares import applies, spread
from minikeras_numpy.writers import Scratch


def place_by_place(x, dy):
    pool = Pool(x.shape, (2, 2), (2, 2), ((0, 0), (0, 0)))
    peak = maximum_of(np, pool, x, np.empty(pool.out_shape, x.dtype))
    target = np.zeros_like(x)
    spread_maximum(np, pool, x, peak, dy, target)
    return target


@given(
    sizes=st.tuples(*[st.integers(1, 3), *[st.integers(2, 7)] * 2, st.integers(1, 4)]),
    dtype=st.sampled_from(["float32", "float64"]),
    spread_of_values=st.integers(0, 3),
    seed=st.integers(0, 2**16),
)
def test_gradients_are_the_same_with_ties_and_infinities(
    sizes, dtype, spread_of_values, seed
):
    rng = np.random.default_rng(seed)
    reach = spread_of_values
    x = rng.integers(-reach, reach + 1, sizes).astype(dtype)
    x[rng.random(sizes) < 0.1] = rng.choice([np.inf, -np.inf])
    shape = (sizes[0], sizes[1] // 2, sizes[2] // 2, sizes[3])
    dy = rng.normal(size=shape).astype(dtype)
    dy[rng.random(shape) < 0.1] = rng.choice([np.inf, -0.0])
    out = np.full(sizes, 7, dtype)
    assert spread(x, dy, out, Scratch())
    np.testing.assert_array_equal(out, place_by_place(x, dy))


def test_a_window_with_nan_is_left_to_the_other_way():
    x = np.zeros((1, 4, 4, 2), "float32")
    x[0, 1, 1, 0] = np.nan
    out = np.full_like(x, 7)
    assert not spread(x, np.ones((1, 2, 2, 2), "float32"), out, Scratch())
    assert (out == 7).all()


@pytest.mark.parametrize(
    "how", [((3, 3), (2, 2), False), ((2, 2), (1, 1), False), ((2, 2), (2, 2), True)]
)
def test_other_windows_do_not_apply(how):
    assert not applies(*how)
    assert applies((2, 2), (2, 2), False)
