"""Compiled elementwise code gives the bits of eager calls.

One exception: which zero is the larger one, of 0.0 and -0.0, is NumPy's to say eagerly,
and it depends on the processor. In 16 bits a group of several functions is computed in
float32 and rounded at its end, so only single functions are promised there.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minikeras.ops as ops
from minikeras import config
from minikeras.engine import prims as p
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.compile import jit
from minikeras.engine.interpret import bind
from minikeras.engine.tensor import from_numpy
from minikeras.testing.cases import CASES
from tests.conftest import BACKENDS

SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, 2.0, 3.0, 1e-30, 1e-42,
           88.5, -103.5, 1e5, 3e5]  # fmt: skip
ROWS = {}
for case in CASES:
    if case.row.kind == "elementwise":
        for dtype in case.dtypes:
            ROWS.setdefault((case.name, dtype, str(case.static)), case)


def same(a, b, what=""):
    """Equal bits, but that one NaN is like another."""
    a, b = np.asarray(a), np.asarray(b)
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    if a.dtype.kind in "biu":
        np.testing.assert_array_equal(a, b)
        return
    if a.dtype.kind == "c":
        a, b = (np.stack([x.real, x.imag]) for x in (a, b))
    a, b = a.astype("float64"), b.astype("float64")
    equal = (a == b) & (np.signbit(a) == np.signbit(b)) | np.isnan(a) & np.isnan(b)
    assert equal.all(), f"{what}: eager {a[~equal][:3]}, compiled {b[~equal][:3]}"


def column(rng, dtype, size=401):
    """Values of all magnitudes, and special ones."""
    if dtype == "bool":
        return rng.random(size) < 0.5
    if "complex" in dtype:
        parts = [column(rng, "float64", size) for _ in range(2)]
        with np.errstate(all="ignore"):
            return (parts[0] + 1j * parts[1]).astype(dtype)
    if "float" not in dtype:
        return rng.integers(0 if dtype[0] == "u" else -100, 100, size).astype(dtype)
    usual = rng.standard_normal(size - 160) * rng.choice([1e-3, 1, 10, 100], size - 160)
    special = rng.permutation(np.repeat(SPECIAL, 10))
    with np.errstate(all="ignore"):
        return np.concatenate([usual, special]).astype(config_dtype(dtype))


def config_dtype(dtype):
    from minikeras.engine.dtypes import numpy_dtype

    return numpy_dtype(dtype)


@pytest.mark.parametrize("key", ROWS, ids=lambda key: "-".join(key[:2]))
def test_a_function_alone(backend, key):
    case = ROWS[key]
    rng = np.random.default_rng(0)
    arrays = [column(rng, a.dtype.name) for a in case.draw(key[1])]
    if case.name in ("maximum", "minimum"):
        arrays = [
            np.where(a == 0, 0, a).astype(a.dtype) + a.dtype.type(0) for a in arrays
        ]
    given = [from_numpy(a) for a in arrays]
    function = lambda *t: bind(case.row, t, case.static)  # noqa: E731
    with np.errstate(all="ignore"):
        same(function(*given), jit(function)(*given), case.name)


SHAPES = [(7, 13), (1, 13), (7, 1), (13,), ()]
UNARY = ["exp", "tanh", "sin", "sqrt", "neg", "abs", "floor", "erf", "square", "log1p"]
BINARY = ["add", "sub", "mul", "div"]


@st.composite
def programs(draw):
    """A list of steps: names, operands as numbers of earlier values, constants."""
    steps = []
    for i in range(draw(st.integers(2, 14))):
        operand = st.integers(0, 4 + i)
        if draw(st.integers(0, 3)) == 0:
            steps.append((draw(st.sampled_from(UNARY)), draw(operand), None))
            continue
        other = draw(
            st.one_of(
                operand, operand, st.sampled_from([0.0, -0.0, 1.0, 0.1, -3.0, 2.0])
            )
        )
        steps.append(
            (draw(st.sampled_from([*BINARY, "pow", "where"])), draw(operand), other)
        )
    return steps


def run(steps, arrays):
    values = list(arrays)
    for name, a, b in steps:
        x = values[a]
        y = None if b is None else b if isinstance(b, float) else values[b]
        if name == "pow":
            y = y if isinstance(y, float) else 2.0
        if y is None:
            values.append(getattr(ops, {"neg": "negative"}.get(name, name))(x))
        elif name == "where":
            values.append(ops.where(ops.greater(x, y), x, ops.multiply(x, y)))
        else:
            values.append(getattr(ops, {"sub": "subtract", "mul": "multiply",
                "div": "divide", "pow": "power"}.get(name, name))(x, y))  # fmt: skip
    return values[-3:]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=40)
@given(programs(), st.integers(0, 3))
def test_any_group(name, dtype, steps, seed):
    before = config.backend()
    config.set_backend(name)
    try:
        rng = np.random.default_rng(seed)
        arrays = [from_numpy(rng.standard_normal(s).astype(dtype)) for s in SHAPES]
        with np.errstate(all="ignore"):
            eager = run(steps, arrays)
            compiled = jit(lambda *t: run(steps, t))(*arrays)
        for a, b in zip(eager, compiled, strict=True):
            same(a, b, steps)
    finally:
        config.set_backend(before)


def test_multiply_and_add_are_rounded_apart(backend):
    """Zeros fall into their own bin, and a*a - a*a is 0."""
    zeros = from_numpy(np.zeros(6, "float32"))
    histogram = jit(lambda t: ops.histogram(t, bins=10, range=(-2.0, 2.0))[0])
    assert histogram(zeros).numpy().tolist() == [0, 0, 0, 0, 0, 6, 0, 0, 0, 0]
    one = from_numpy(np.float32([0.1234567]))
    spread = jit(lambda a: ops.sum(a * a) - ops.sum(a) * ops.sum(a))
    assert spread(one).item() == 0.0


def test_powers_by_literals_and_by_values(backend):
    x = from_numpy(np.random.default_rng(0).uniform(0.1, 30, 997).astype("float32"))
    for exponent in (1.0, 2.0, 3.0, -1.0, 0.5):
        y = from_numpy(np.full(997, exponent, "float32"))
        for power in (ops.power, lambda x, y, e=exponent: ops.power(x, e)):
            same(power(x, y), jit(power)(x, y), exponent)
        if backend == "numba":  # NumPy squares by itself, and calls pow for the rest
            same(ops.power(x, y), ops.power(x, exponent), exponent)


def test_signed_zeros_are_values_of_their_own(backend):
    f = jit(lambda x, s: x / s)
    x = from_numpy(np.float32([1, -2]))
    assert f(x, 0.0).numpy().tolist() == [np.inf, -np.inf]
    assert f(x, -0.0).numpy().tolist() == [-np.inf, np.inf]
    f(x, float("nan"))
    f(x, float("nan"))
    assert f.traces == 3
    minus = from_numpy(np.float32([-0.0]))
    for function in (
        lambda x: 1.0 / (x + 0.0),
        lambda x: 1.0 / (0.0 + x),
        lambda x: 1.0 / (x - (-0.0)),
        lambda x: 1.0 / (x + -0.0),
        lambda x: 1.0 / (x - 0.0),
    ):
        same(function(minus), jit(function)(minus))
    both = jit(lambda x: (x / p.full(shape=(), dtype="float32", value=0.0),
                          x / p.full(shape=(), dtype="float32", value=-0.0)))  # fmt: skip
    assert [t.numpy().tolist() for t in both(x)] == [
        [np.inf, -np.inf],
        [-np.inf, np.inf],
    ]


def probabilities(name, x):
    return ops.softmax(x) if name == "softmax" else ops.sigmoid(x)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("name", ["softmax", "sigmoid", "complement"])
def test_logarithms_of_saturated_probabilities(backend, name, clip):
    """Eager and compiled: the stable value, and the stable gradient."""

    def loss(x):
        q = probabilities(name, x)
        q = ops.clip(q, 1e-7, 1 - 1e-7) if clip else q
        return ops.log(1.0 - q if name == "complement" else q)

    def gradient(x):
        with GradientTape() as tape:
            tape.watch(x)
            y = ops.sum(loss(x))
        return y, tape.gradient(y, x)

    x = from_numpy(np.float32([[60, 0], [-40, 3]]))
    wide = x.numpy().astype("float64")
    want = {
        "softmax": wide - np.logaddexp(wide[:, :1], wide[:, 1:]),
        "sigmoid": -np.logaddexp(0, -wide),
        "complement": -np.logaddexp(0, wide),
    }[name]
    np.testing.assert_allclose(loss(x), want, rtol=1e-6)
    np.testing.assert_allclose(jit(loss)(x), want, rtol=1e-6)
    (value, eager), (other, compiled) = gradient(x), jit(gradient)(x)
    np.testing.assert_allclose(value, other, rtol=1e-6)
    np.testing.assert_allclose(eager, compiled, rtol=1e-6, atol=1e-30)
    assert np.abs(compiled.numpy()).max() > 0.9


def test_a_loop_does_not_remember_all_its_past():
    h = ops.sigmoid(from_numpy(np.float32([0.3])))
    for _ in range(50):
        h = ops.maximum(h - 0.01, 0.0)
    depth = 0
    while h.origin is not None:
        h, depth = h.origin.inputs[0], depth + 1
    assert depth < 10


def test_zeros_of_both_signs_are_not_one_number():
    """As a constant: of -0.0 alone a sum is its other operand, of 0.0 it is not."""
    x = from_numpy(np.float32([-0.0, -0.0, 0.0, 0.0]))
    for zeros in (
        [-0.0, 0.0, -0.0, 0.0],
        [0.0, -0.0, 0.0, -0.0],
        [-0.0] * 4,
        [0.0] * 4,
    ):
        held = np.float32(zeros)
        for function in (ops.add, ops.subtract, ops.multiply):
            got = jit(lambda x, f=function, c=held: f(x, c))(x).numpy()
            want = function(x, held).numpy()
            assert got.tobytes() == want.tobytes(), (zeros, function)
