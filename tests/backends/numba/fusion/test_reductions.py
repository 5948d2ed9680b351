"""Reductions inside fused groups, kernels over rows, epilogues, against NumPy."""

import math

import numpy as np
import pytest
from minikeras_numba.machine import team
from minikeras_numba.products.epilogue import lower_epilogue
from minikeras_numba.rows.rowwise import lower_rowwise

from minikeras.extend import Aval, Graph, Node, Value, lookup
from tests.backends.numba.bodies import NUMPY, Body, check

PATTERNS = [
    ((100003,), (0,)),
    ((128, 64), (0,)),
    ((20011, 33), (0,)),
    ((20011, 10), (1,)),
    ((3, 20000), (0,)),
    ((3, 20000), (1,)),
    ((40, 3, 700), (0, 2)),
    ((7, 5, 3), (1,)),
    ((4, 6, 5, 3), (0, 1, 2)),
    ((4, 6, 5, 3), (1, 3)),
    ((60, 50, 40), (0, 1)),
    ((9, 40, 31, 7), (0, 2)),
    ((1, 5), (0,)),
    ((4, 1, 3), (1,)),
    ((5, 6), ()),
    ((), ()),
]


@pytest.mark.parametrize("name", ["sum", "max", "min", "prod", "any", "all"])
@pytest.mark.parametrize(("shape", "axes"), PATTERNS)
def test_reductions(shape, axes, name):
    rng = np.random.default_rng(5)
    body = Body()
    array = rng.uniform(0.5, 1.5, shape).astype("f8" if name == "prod" else "f4")
    if name == "prod":
        array = 1 + (array - 1) * 1e-3
    if name in ("any", "all"):
        array = rng.random(shape) < (0.001 if name == "any" else 0.999)
    x = body.input(np.asarray(array))
    outputs = [body(name, x, axes=axes, keepdims=k) for k in (False, True)]
    check(body, shape, outputs, rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 16, 20, 255, 300])
def test_two_sums_of_columns_and_what_is_stored_beside_them(channels):
    """As in batch normalization, narrow and wide, with values that vary by row."""
    rng = np.random.default_rng(9)
    body = Body()
    x = body.input(rng.standard_normal((70, 30, channels)).astype("f4"))
    mean = body.input(rng.standard_normal((1, 1, channels)).astype("f4"))
    rows = body.input(rng.standard_normal((70, 30, 1)).astype("f4"))
    centred = body("sub", x, mean)
    squares = body("mul", centred, centred)
    outputs = [body("sum", v, axes=(0, 1), keepdims=False) for v in (centred, squares)]
    outputs += [body("max", body("mul", squares, rows), axes=(0, 1), keepdims=True)]
    check(body, (70, 30, channels), [*outputs, centred], rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("dtype", ["int32", "int8", "uint8", "int64"])
def test_integer_reductions(dtype):
    body = Body()
    x = body.input(np.random.default_rng(0).integers(1, 100, (50, 70)).astype(dtype))
    outputs = [
        body(name, x, axes=axes, keepdims=False)
        for name in ("sum", "max", "min")
        for axes in ((0,), (1,), (0, 1))
    ]
    check(body, (50, 70), outputs)


def test_reductions_hand_nan_on():
    array = np.ones((3, 40), "f4")
    array[1, 17] = math.nan
    body = Body()
    x = body.input(array)
    outputs = [
        body(n, x, axes=a, keepdims=False)
        for n in ("max", "min")
        for a in ((0,), (1,), (0, 1))
    ]
    check(body, (3, 40), outputs)


def test_half_precision_sums_are_made_in_float32():
    body = Body()
    x = body.input(np.ones(10_000, "f2"))
    (got,) = body.run((10_000,), [body("sum", x, axes=(0,), keepdims=False)])
    assert got == 10_000


def test_sums_are_near_exact():
    array = np.random.default_rng(0).random(3_000_000, np.float32)
    body = Body()
    x = body.input(array)
    (got,) = body.run(array.shape, [body("sum", x, axes=(0,), keepdims=False)])
    assert abs(float(got) / array.sum(dtype="f8") - 1) < 1e-6


def test_several_reductions_share_a_kernel_with_stores():
    rng = np.random.default_rng(0)
    body = Body()
    x = body.input(rng.standard_normal((50, 8, 8, 24)).astype("f4"))
    g = body.input(rng.standard_normal(24).astype("f4"))
    y = body("mul", x, g)
    outputs = [y]
    for axes in ((0, 1, 2), (3,), (0, 1, 2, 3), (1, 2)):
        outputs.append(body("sum", y, axes=axes, keepdims=True))
    check(body, (50, 8, 8, 24), outputs, rtol=1e-4, atol=1e-4)


@pytest.fixture
def threads():
    before = team.get_threads()
    yield team.set_threads
    team.set_threads(before)


def test_bits_do_not_depend_on_threads(threads):
    results = []
    for count in (1, 2, 5):
        threads(count)
        body = Body()
        x = body.input(
            np.random.default_rng(0).standard_normal((3001, 130)).astype("f4")
        )
        outputs = [body("exp", x)]
        for axes in ((0,), (1,), (0, 1)):
            outputs.append(body("sum", outputs[0], axes=axes, keepdims=False))
        results.append([a.tobytes() for a in body.run((3001, 130), outputs)])
    assert results[0] == results[1] == results[2]


ROWS = [(64, 10), (3, 1000), (5, 1), (2, 3, 37), (4,)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", ROWS)
def test_rowwise(shape, dtype):
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(shape) * 30).astype(dtype)
    p = rng.random(shape).astype(dtype)
    for name, arrays, static in (
        ("softmax", [x], {"axis": len(shape) - 1}),
        ("log_softmax", [x], {"axis": -1}),
        ("softmax_cross_entropy_with_logits", [x, p], {}),
    ):
        values = [Value(Aval(a.shape, dtype)) for a in arrays]
        want = NUMPY[name](*arrays, **static)
        out = Value(Aval(want.shape, dtype))
        regs = {v: i for i, v in enumerate([*values, out])}
        registers = team.Registers(3)
        for i, a in enumerate([*arrays, np.empty(want.shape, dtype)]):
            registers[i] = a
        step = lower_rowwise(Node(lookup(name), values, [out], static), regs)
        step(registers)
        np.testing.assert_allclose(registers[len(arrays)], want, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("residual", ["none", "apart", "in the output's buffer"])
def test_epilogue(residual):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((70, 30)), rng.standard_normal((30, 50))
    arrays = [x.astype("f4") for x in (a, b, rng.standard_normal(50))]
    body = Body()
    core = body.input(arrays[0] @ arrays[1])
    y = body("add", core, body.input(arrays[2]))
    if residual != "none":
        arrays.append(rng.standard_normal((70, 50)).astype("f4"))
        y = body("add", y, body.input(arrays[3]))
    y = body("maximum", y, body.constant(0.0))
    inputs = [Value(Aval(x.shape, "float32")) for x in arrays]
    out = Value(y.aval)
    static = {
        "core": "matmul",
        "core_static": (("transpose_a", False), ("transpose_b", False)),
        "n_core": 2,
        "body": Graph(body.inputs, body.constants, body.nodes, [y]),
    }
    regs = {v: i for i, v in enumerate([*inputs, out])}
    registers = team.Registers(len(regs))
    for i, x in enumerate([*arrays, np.empty((70, 50), "f4")]):
        registers[i] = x.copy()
    if residual == "in the output's buffer":
        regs[out] = 3
    lower_epilogue(Node(lookup("epilogue"), inputs, [out], static), regs)(registers)
    np.testing.assert_allclose(
        registers[regs[out]], body.known[y], rtol=1e-4, atol=1e-5
    )
