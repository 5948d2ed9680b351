"""Sorts that are faster than NumPy's stable ones, and give what those give, bit by bit."""

import numpy as np
import pytest
from minikeras_numpy.sorting import sorted_order, sorted_values

SPECIAL = [
    0.0,
    -0.0,
    np.inf,
    -np.inf,
    np.nan,
    -np.nan,
    1e-45,
    -1e-45,
    3e38,
    -3e38,
    1,
    1,
]
DTYPES = ("float16", "float32", "float64", "int8", "uint8", "int16", "int32", "uint32",
          "int64", "uint64", "bool")  # fmt: skip


def drawn(dtype, shape, rng):
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if np.dtype(dtype).kind == "f":
        x = np.round(rng.standard_normal(shape), 1).astype(dtype)  # many are equal
        few = rng.random(shape) < 0.1
        with np.errstate(over="ignore"):
            x[few] = rng.choice(SPECIAL, few.sum()).astype(dtype)
        return x
    limits = np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    x[rng.random(shape) < 0.5] = 3
    return x


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(3000,), (40, 50), (5, 30, 20), (0, 4), (1,)], ids=str
)
def test_as_numpys_stable_sort(dtype, shape):
    rng = np.random.default_rng(0)
    for axis in range(len(shape)):
        x = drawn(dtype, shape, rng)
        before = x.copy()
        order = np.argsort(x, axis=axis, kind="stable")
        np.testing.assert_array_equal(sorted_order(x, axis), order)
        values, wanted = sorted_values(x, axis), np.sort(x, axis=axis, kind="stable")
        np.testing.assert_array_equal(values, wanted)
        if x.dtype.kind == "f":  # of NaN the bits may differ
            real = ~np.isnan(wanted)
            signs = np.signbit(values), np.signbit(wanted)
            np.testing.assert_array_equal(signs[0][real], signs[1][real])
        np.testing.assert_array_equal(x.view("u1"), before.view("u1"))


def test_without_mixed_zeros_it_is_the_fast_sort(monkeypatch):
    kinds = []
    plain = np.sort
    monkeypatch.setattr(
        np, "sort", lambda x, **k: kinds.append(k["kind"]) or plain(x, **k)
    )
    x = np.array([3.0, 0.0, np.nan, 1.0, 0.0])
    for given in (
        x,
        -x,
        np.array([0.0, -0.0]),
        x[:2].astype("int64"),
        x[:2].astype("int8"),
    ):
        sorted_values(given, 0)
    assert kinds == [None, None, "stable", None, "stable"]
