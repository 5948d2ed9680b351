"""Jacobians by a tape, beside formulas."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops

rng = np.random.default_rng(0)
X = rng.normal(size=(4, 3)).astype("float32")
W = rng.normal(size=(3, 2)).astype("float32")


def tensor(values):
    return ops.convert_to_tensor(values)


def recorded(function, *values, **options):
    with keras.GradientTape(**options) as tape:
        for value in values:
            if not isinstance(value, keras.Variable):
                tape.watch(value)
        return tape, function(*values)


def test_of_a_product():
    x, w = tensor(X), keras.Variable(W)
    tape, y = recorded(lambda x, w: x @ w, x, w)
    by_x, by_w = tape.jacobian(y, [x, w])
    wanted = np.einsum("ik,lj->ijkl", np.eye(4), W)
    np.testing.assert_allclose(by_x, wanted, rtol=1e-6)
    np.testing.assert_allclose(by_w, np.einsum("ik,jl->ijkl", X, np.eye(2)), rtol=1e-6)
    with pytest.raises(RuntimeError, match="nothing is recorded"):
        tape.gradient(y, x)


def test_of_samples_by_themselves():
    x = tensor(X)
    tape, y = recorded(lambda x: ops.tanh(x @ W), x, persistent=True)
    own = tape.batch_jacobian(y, x)
    whole = np.asarray(tape.jacobian(y, x))
    np.testing.assert_allclose(own, np.einsum("ijik->ijk", whole), rtol=1e-6)
    assert own.shape == (4, 2, 3)
    with pytest.raises(ValueError, match="the same first axis"):
        tape.batch_jacobian(y, tensor(W))


def test_second_order_and_scalars():
    x = tensor(X[0])
    with keras.GradientTape() as outer:
        outer.watch(x)
        tape, y = recorded(lambda x: ops.sum(x**3), x)
        gradient = tape.gradient(y, x)
    np.testing.assert_allclose(
        outer.jacobian(gradient, x), np.diag(6 * X[0]), rtol=1e-5
    )
    v = keras.Variable(2.0)
    tape, y = recorded(lambda v: v * v, v)
    assert float(tape.jacobian(y, v)) == 4


def test_compiled():
    @keras.function
    def jacobian(x):
        tape, y = recorded(ops.sin, x)
        return tape.jacobian(y, x)

    np.testing.assert_allclose(jacobian(tensor(X[0])), np.diag(np.cos(X[0])), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_dtypes(dtype):
    x = ops.cast(X[0], dtype)
    tape, y = recorded(lambda x: 2 * x, x)
    found = tape.jacobian(y, x)
    assert found.dtype == dtype
    np.testing.assert_array_equal(ops.cast(found, "float32"), 2 * np.eye(3))


def test_what_nothing_depends_on():
    x, other = tensor(X[0]), tensor(W)
    tape, y = recorded(lambda x, o: 2 * x, x, other, persistent=True)
    assert tape.jacobian(y, [x, other])[1] is None
    assert tape.jacobian(y, other, unconnected_gradients="zero").shape == (3, 3, 2)
    empty = tensor(np.ones((0, 3), "float32"))
    tape, y = recorded(lambda x: 2 * x, empty)
    assert tape.batch_jacobian(y, empty).shape == (0, 3, 3)
