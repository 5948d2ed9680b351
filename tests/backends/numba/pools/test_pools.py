"""Lowered pooling against windows walked one by one."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from minikeras_numba.pools.lowering import lower_pool

RNG = np.random.default_rng(0)


def reference(x, dy, g, window, strides, padding):
    """All five results; np.argmax takes the first maximum, and NaN for the largest."""
    found = {n: np.zeros(dy.shape) for n in ("max_pool", "sum_pool", "max_pool_gather")}
    found |= {n: np.zeros(x.shape) for n in ("max_pool_grad", "sum_pool_grad")}
    spatial = x.shape[1:-1]
    for out in product(*map(range, dy.shape[1:-1])):
        here = (slice(None), *out)
        taps = []
        for tap in product(*map(range, window)):
            place = [
                o * s + t - lo
                for o, s, t, (lo, _) in zip(out, strides, tap, padding, strict=True)
            ]
            if all(0 <= p < n for p, n in zip(place, spatial, strict=True)):
                taps.append((slice(None), *place))
        if not taps:
            found["max_pool"][here] = -np.inf
            continue
        stack = np.stack([x[t] for t in taps])
        first = np.argmax(stack, 0)
        found["max_pool"][here] = stack.max(0)
        found["sum_pool"][here] = stack.sum(0)
        gathered = np.stack([g[t] for t in taps])
        chosen = np.take_along_axis(gathered, first[None], 0)[0]
        found["max_pool_gather"][here] = chosen
        for i, t in enumerate(taps):
            found["max_pool_grad"][t] += np.where(first == i, dy[here], 0)
            found["sum_pool_grad"][t] += dy[here]
    return found


def check(run, x, **static):
    outs = [
        (n + sum(p) - k) // s + 1
        for n, p, k, s in zip(
            x.shape[1:-1],
            static["padding"],
            static["window"],
            static["strides"],
            strict=True,
        )
    ]
    g = RNG.standard_normal(x.shape).astype(x.dtype)
    dy = RNG.standard_normal((x.shape[0], *outs, x.shape[-1])).astype(x.dtype)
    expected = reference(x, dy, g, **static)
    given_ = {
        "max_pool": [x],
        "sum_pool": [x],
        "max_pool_gather": [x, g],
        "max_pool_grad": [x, dy],
        "sum_pool_grad": [dy],
    }
    for name, arrays in given_.items():
        shape = {"input_shape": x.shape} if name == "sum_pool_grad" else {}
        result = run(lower_pool, name, arrays, **static, **shape)[0]
        np.testing.assert_allclose(result, expected[name], rtol=1e-5, atol=1e-5)


@settings(max_examples=150)
@given(data=st.data())
def test_any_window(run_node_anywhere, data):
    rank = data.draw(st.integers(1, 3))
    draw = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    window = tuple(draw(1, 4) for _ in range(rank))
    padding = tuple((draw(0, k - 1), draw(0, k - 1)) for k in window)
    spatial = tuple(draw(1, 8) for _ in range(rank))
    assume(
        all(n + sum(p) >= k for n, p, k in zip(spatial, padding, window, strict=True))
    )
    strides = tuple(draw(1, 5) for _ in range(rank))
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    shape = (draw(0, 3), *spatial, draw(1, 40))
    x = RNG.integers(-3, 4, shape).astype(dtype)  # ties abound
    check(run_node_anywhere, x, window=window, strides=strides, padding=padding)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_nan_and_infinities(run_node, threads):
    x = RNG.integers(-3, 4, (2, 9, 9, 21)).astype("float32")
    x[RNG.random(x.shape) < 0.05] = np.nan
    x[RNG.random(x.shape) < 0.5] = -np.inf
    check(run_node, x, window=(3, 2), strides=(2, 1), padding=((1, 1), (0, 1)))


@pytest.mark.parametrize("batch", [1, 5])
def test_overlap_with_threads(run_node, threads, batch):
    x = RNG.standard_normal((batch, 12, 11, 70)).astype("float32")
    check(run_node, x, window=(3, 3), strides=(2, 2), padding=((1, 1), (1, 0)))


def test_first_of_equals_takes_the_gradient(run_node):
    x = np.ones((1, 2, 2, 1), "float32")
    dy = np.full((1, 1, 1, 1), 3, "float32")
    static = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}
    dx = run_node(lower_pool, "max_pool_grad", [x, dy], **static)[0]
    assert dx.ravel().tolist() == [3, 0, 0, 0]
