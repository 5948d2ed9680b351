"""The backend object: eager kernels by lowering, captured steps, what stays NumPy's."""

import numpy as np
import pytest
from minikeras_numba import backend
from minikeras_numba.eager import LoweredKernel
from minikeras_numba.machine import team
from minikeras_numpy import build_table

import minikeras.engine.prims  # noqa: F401
from minikeras.extend import Aval, Node, Value, lookup

NUMPY = build_table(np)
CONV = {"strides": (1,), "padding": ((1, 1),), "dilation": (1,), "groups": 1}


@pytest.fixture(scope="module")
def numba():
    return backend()


def test_eager_contractions_take_strided_inputs(numba):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 20)).astype("f4").transpose(0, 2, 1)
    w = rng.standard_normal((3, 3, 5)).astype("f4")
    assert isinstance(numba.kernels["conv"], LoweredKernel)
    before = x.copy()
    for _ in range(2):
        got = numba.kernels["conv"](x, w, **CONV)
        np.testing.assert_allclose(
            got, NUMPY["conv"](x, w, **CONV), rtol=1e-5, atol=1e-5
        )
    np.testing.assert_array_equal(x, before)


def test_eager_results_are_fresh(numba):
    x, w = np.ones((1, 4, 1), "f4"), np.ones((3, 1, 1), "f4")
    first = numba.kernels["conv"](x, w, **CONV)
    kept = first.copy()
    numba.kernels["conv"](5 * x, w, **CONV)
    np.testing.assert_array_equal(first, kept)


def test_kernels_without_tiles_fall_back(numba):
    x, w = np.ones((1, 4, 1), "f2"), np.ones((3, 1, 1), "f2")
    got = numba.kernels["conv"](x, w, **CONV)
    np.testing.assert_array_equal(got, NUMPY["conv"](x, w, **CONV))


def test_capture_joins_native_steps(numba):
    values = [Value(Aval((9,), "float32")) for _ in range(4)]
    regs = {v: i for i, v in enumerate(values)}
    names = ("exp", "neg", "lgamma")
    steps = [
        numba.lower(Node(lookup(n), [values[i]], [values[i + 1]], {}), regs)
        for i, n in enumerate(names)
    ]
    registers = numba.registers(4)
    for i in range(4):
        registers[i] = np.linspace(-1.5, 1.5, 9, dtype="f4")
    assert numba.capture(steps[1:]) is None
    assert isinstance(numba.capture(steps[:2]), team.Sequence)
    numba.capture(steps)(registers)
    np.testing.assert_allclose(registers[2], -np.exp(registers[0]), rtol=1e-6)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(
            registers[3], NUMPY["lgamma"](registers[2]), rtol=1e-6
        )


def test_large_weights_begin_at_a_cache_line(numba):
    """A copy is made once, of those that lie elsewhere; small ones stay where they are."""
    raw = np.zeros(1 << 17, np.uint8)
    at = -raw.ctypes.data % 64
    assert numba.suits(raw[at : at + (1 << 16)])
    assert not numba.suits(raw[at + 16 : at + 16 + (1 << 16)])
    assert numba.suits(raw[at + 16 : at + 32])
    for size in (3, 1 << 16, 1 << 18):
        odd = np.arange(size + 4, dtype=np.uint8)[4:]
        copied = numba.copy(odd)
        assert numba.suits(copied)
        np.testing.assert_array_equal(copied, odd)
