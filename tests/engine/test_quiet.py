"""Floating point warnings: off inside kernels and calls of layers, on again outside."""

import numpy as np
import pytest

import minikeras as keras
from minikeras.engine.quiet import is_quiet, quiet


class Overflowing(keras.layers.Layer):
    def call(self, x):
        assert is_quiet()
        return keras.ops.exp(x * 1e30) - keras.ops.exp(x * 1e30)


def test_kernels_never_warn():
    x = np.full((2, 3), 1e30, "float32")
    assert np.isinf(keras.ops.multiply(x, x)).all()  # alone
    assert np.isnan(Overflowing()(x)).all()  # inside a call


def test_warnings_are_as_before_afterwards():
    layer = Overflowing()
    layer(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError):
        keras.layers.Dense(2)(np.ones((), "float32"))  # a call that fails
    assert not is_quiet()
    with pytest.raises(FloatingPointError), np.errstate(divide="raise"):
        np.float32(1) / np.float32(0)


def test_blocks_nest():
    with quiet():
        with quiet():
            assert is_quiet()
        assert is_quiet()
    assert not is_quiet()
