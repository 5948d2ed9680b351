"""The greatest of rows by one pass, as sorting gives them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minikeras_numba.rows.ranking import (
    _MOST,
    lower_searchsorted,
    lower_top_k,
    numpys_searchsorted,
    sorted_top_k,
)

import minikeras as keras
from minikeras import ops
from minikeras.engine.compile import jit
from minikeras.extend import Aval, Node, Value, lookup

DTYPES = ("float32", "float64", "int32", "uint32", "int64", "uint64")


def drawn(dtype, shape, rng):
    """Many equal numbers; of floats NaN, infinities and zeros of both signs."""
    if not dtype.startswith("float"):
        low = 0 if dtype.startswith("u") else -4
        return rng.integers(low, 5, shape).astype(dtype)
    x = np.round(rng.standard_normal(shape), 1).astype(dtype)
    few = rng.random(shape) < 0.2
    x[few] = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0], few.sum())
    return x


def wanted(x, k):
    key = np.where(np.isnan(x), np.inf, x) if x.dtype.kind == "f" else x
    nan = np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.shape, bool)
    rows = []
    for row, lost in zip(key.reshape(-1, x.shape[-1]), nan.reshape(-1, x.shape[-1])):
        rows.append(
            sorted(range(len(row)), key=lambda i: (not lost[i], -float(row[i]), i))[:k]
        )
    at = np.array(rows, "int32").reshape(*x.shape[:-1], k)
    return np.take_along_axis(x, at, -1), at


@settings(max_examples=60)
@given(
    rows=st.lists(st.integers(1, 4), max_size=2),
    width=st.integers(1, 70),
    share=st.floats(0, 1),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 9),
)
def test_as_sorting_gives_them(rows, width, share, dtype, seed):
    before = keras.config.backend()
    keras.config.set_backend("numba")
    try:
        x = drawn(dtype, (*rows, width), np.random.default_rng(seed))
        k = max(1, round(share * width))
        values, at = wanted(x, k)
        sorting = sorted_top_k(x, k=k)
        compiled = jit(lambda x: ops.top_k(x, k))(x)
        for found in (ops.top_k(x, k), compiled, sorting):
            np.testing.assert_array_equal(found[1], at)
            np.testing.assert_array_equal(found[0], values)
    finally:
        keras.config.set_backend(before)


@pytest.mark.parametrize("width", [5, 300, 5000])
def test_the_greatest_come_last_or_first(threads, width):
    x = np.arange(3 * width, dtype="float32").reshape(3, width)
    for given_ in (x, x[:, ::-1]):
        values, at = lookup("top_k")(ops.convert_to_tensor(given_), k=5)
        np.testing.assert_array_equal(values, np.sort(given_, 1)[:, ::-1][:, :5])
        np.testing.assert_array_equal(np.take_along_axis(given_, at.numpy(), 1), values)


def test_what_is_sorted_instead():
    def step(shape, dtype, k):
        row, x = lookup("top_k"), Value(Aval(shape, dtype))
        outs = [Value(a) for a in row.infer(x.aval, k=k)]
        return lower_top_k(
            Node(row, [x], outs, {"k": k}), {x: 0, outs[0]: 1, outs[1]: 2}
        )

    assert step((3, 500), "float32", 4) is not None
    assert step((3, 500), "float32", _MOST + 1) is None
    assert step((3, 500), "float16", 4) is None
    assert step((3, 500), "float32", 0) is None
    assert step((0, 500), "float32", 4) is None


@settings(max_examples=60)
@given(
    length=st.integers(1, 40),
    shape=st.lists(st.integers(1, 20), min_size=1, max_size=2),
    dtype=st.sampled_from(DTYPES),
    right=st.booleans(),
    seed=st.integers(0, 9),
)
def test_places_in_a_line(run_node_anywhere, length, shape, dtype, right, seed):
    rng = np.random.default_rng(seed)
    line, x = np.sort(drawn(dtype, (length,), rng)), drawn(dtype, tuple(shape), rng)
    below = np.less_equal if right else np.less
    places = below(line, x[..., None]).sum(-1)  # NaN is below nothing
    out, _, _ = run_node_anywhere(
        lower_searchsorted, "searchsorted", [line, x], right=right
    )
    np.testing.assert_array_equal(out, places)
    np.testing.assert_array_equal(numpys_searchsorted(line, x, right=right), places)
