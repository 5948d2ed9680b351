"""Every elementwise op at special points: on each backend as in keras on JAX.

Left out, since keras's results there mean nothing: integers divided by zero (ours: 0),
integers to a negative power (ours: cut off to 0), and float functions of integers that
keras computes in the integers first, where they overflow. The sign of a zero is compared
for the functions in `SIGNED`.
"""

import functools

import numpy as np
import pytest

from minikeras import ops
from minikeras.engine.compile import jit
from tests.goldens.make import load
from tests.goldens.oracle import keras, oracle
from tests.ops.cases_special import ROWS
from tests.ops.goldens_special import of_row, unpacked

TOLERANCE = {"float16": 2e-3}
ROUNDED = {"logaddexp2": 1e-7}  # where the terms of a sum cancel
SIGNED = {
    "negative", "abs", "multiply", "divide", "floor", "ceil", "round", "trunc", "sqrt",
    "cbrt", "sin", "tan", "arctan", "arctan2", "tanh", "sinh", "arcsinh", "expm1",
    "log1p", "reciprocal",
}  # fmt: skip
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
# Compiled half floats are rounded once, at the end, and so differ where float16 overflows.
compiled_rows = pytest.mark.parametrize(
    "row", [r for r in ROWS if r.dtype != "float16"], ids=lambda row: row.label
)


@functools.cache
def golden():
    return unpacked(load("ops_special"))


def compare(row, result):
    ours, theirs = result.numpy().astype("float64"), golden()[row.label]
    with np.errstate(all="ignore"):
        rtol, atol = TOLERANCE.get(row.dtype, 2e-5), ROUNDED.get(row.name, 1e-37)
        near = np.isclose(ours, theirs, rtol, atol, equal_nan=True)
    if row.dtype == "float32" and row.name in SIGNED:
        near &= (theirs != 0) | (np.signbit(ours) == np.signbit(theirs))
    points = list(zip(*(a[~near] for a in row.arrays()), strict=True))
    assert not points, (points, ours[~near], theirs[~near])


@every_row
def test_eager(row, backend):
    compare(row, getattr(ops, row.name)(*row.arrays()))


@compiled_rows
def test_compiled(row, backend):
    function = jit(lambda *arrays: getattr(ops, row.name)(*arrays))
    compare(row, function(*row.arrays()))


@oracle
@pytest.mark.parametrize("row", ROWS[::12], ids=lambda row: row.label)
def test_the_golden_is_what_keras_gives_now(row):
    now = of_row(keras(), row)
    np.testing.assert_allclose(golden()[row.label], now, 1e-5)


def test_the_golden_has_every_row():
    assert list(golden()) == [row.label for row in ROWS]
