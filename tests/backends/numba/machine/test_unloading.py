"""Machine code goes when nobody uses it, and not before."""

import gc
import itertools

import numpy as np
import pytest
from minikeras_numba.machine import jit as machine

import minikeras as keras
from minikeras import ops
from minikeras.engine import backend as registry
from minikeras.engine.compile import jit

FUNCTIONS = (ops.tanh, ops.sin, ops.abs, ops.square, ops.sigmoid)
X = np.linspace(-2, 2, 9, dtype="float32")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    with registry.using("numba"):
        gc.collect()
        monkeypatch.setattr(machine, "SPARE", 4)
        monkeypatch.setattr(machine, "_sweep_at", 0)
        yield


def chained(functions):
    def call(x):
        for function in functions:
            x = function(x)
        return x

    return call


def test_kernels_of_functions_that_are_gone_are_unloaded():
    most = machine.loaded() + 12
    for functions in itertools.product(FUNCTIONS[:3], repeat=3):
        made = jit(chained(functions))
        np.testing.assert_array_equal(made(X), chained(functions)(X))
        del made
        gc.collect()
        assert machine.loaded() <= most


def test_kernels_that_are_used_stay():
    kept = [jit(chained(f)) for f in itertools.product(FUNCTIONS[:3], repeat=2)]
    right = [made(X).numpy() for made in kept]
    model = keras.Sequential(
        [keras.Input((6, 5)), keras.layers.LSTM(7), keras.layers.Dense(3, "softmax")]
    )
    model.compile("adam", "mse")
    layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.MaxPooling2D()]
    picture = keras.Sequential([keras.Input((6, 6, 2)), *layers])
    x = np.linspace(-1, 1, 120, dtype="float32").reshape(4, 6, 5)
    y = np.full((4, 3), 0.5, "float32")
    shown = np.linspace(-1, 1, 288, dtype="float32").reshape(4, 6, 6, 2)
    losses = [model.train_on_batch(x, y)]
    seen = picture.predict_on_batch(shown)
    for functions in itertools.product(FUNCTIONS[2:], repeat=3):
        jit(chained(functions))(X)
        gc.collect()
    for made, values in zip(kept, right, strict=True):
        np.testing.assert_array_equal(made(X), values)
    for _ in range(20):
        losses.append(model.train_on_batch(x, y))
    assert losses[-1] < losses[0]
    np.testing.assert_array_equal(picture.predict_on_batch(shown), seen)


def test_what_was_unloaded_comes_back():
    first = jit(chained(FUNCTIONS))
    right = first(X).numpy()
    keys = set(machine._linked)
    del first
    gc.collect()
    for functions in itertools.product(FUNCTIONS[:4], repeat=2):
        jit(chained(functions))(X)
        gc.collect()
    assert keys - set(machine._linked)
    np.testing.assert_array_equal(jit(chained(FUNCTIONS))(X), right)


def test_an_address_holds_its_code():
    text = "define i64 @f(i64 %x) {\n %y = add i64 %x, 41\n ret i64 %y\n}"
    address = machine.compile_ir("f", text, "test an address")
    for key in list(machine._linked):
        if not machine._linked[key].stays and machine._linked[key].held() is None:
            del machine._linked[key]
    assert ("f", "test an address") in machine._linked
    import ctypes

    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)(1) == 42
    again = machine.compile_ir("f", text, "test an address")
    assert again == address and again.library is address.library
