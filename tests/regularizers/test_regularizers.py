"""Penalties: values, gradients, names and configs."""

import numpy as np
import pytest

from minikeras import Variable, ops, regularizers
from minikeras.engine.autodiff import GradientTape
from tests.goldens.oracle import keras

W = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], "float32")


def test_values():
    assert float(regularizers.L1(0.5)(ops.array(W))) == pytest.approx(
        0.5 * np.abs(W).sum()
    )
    assert float(regularizers.L2(0.5)(ops.array(W))) == pytest.approx(
        0.5 * (W**2).sum()
    )
    both = regularizers.L1L2(0.1, 0.2)(ops.array(W))
    assert float(both) == pytest.approx(0.1 * np.abs(W).sum() + 0.2 * (W**2).sum())
    unit = W / np.linalg.norm(W, axis=1, keepdims=True)
    wanted = 0.5 * abs(unit[0] @ unit[1])
    found = regularizers.OrthogonalRegularizer(0.5)(ops.array(W))
    assert float(found) == pytest.approx(wanted, rel=1e-5)


def test_gradient_of_a_variable():
    v = Variable(W)
    with GradientTape() as tape:
        penalty = regularizers.L2(0.5)(v)
    np.testing.assert_allclose(tape.gradient(penalty, v).numpy(), W)


@pytest.mark.parametrize("name", ["l1", "l2", "l1_l2", "orthogonal_regularizer"])
def test_names_and_configs(name):
    made = regularizers.get(name)
    copy = regularizers.deserialize(regularizers.serialize(made))
    assert type(copy) is type(made) and copy.get_config() == made.get_config()
    assert isinstance(regularizers.get(type(made)), type(made))


def test_bad_arguments():
    for bad in ("l3", 3, {"a": 1}):
        with pytest.raises(ValueError, match=r"regularizers\.get"):
            regularizers.get(bad)
    with pytest.raises(ValueError, match="l1=nan"):
        regularizers.L1(float("nan"))
    with pytest.raises(ValueError, match="mode=diagonals"):
        regularizers.OrthogonalRegularizer(mode="diagonals")
    with pytest.raises(ValueError, match="rank 2"):
        regularizers.OrthogonalRegularizer()(ops.ones((2,)))


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("L1", (0.3,)), ("L2", (0.3,)), ("L1L2", (0.1, 0.2)), ("OrthogonalRegularizer", (0.3,)),
     ("OrthogonalRegularizer", (0.3, "columns"))],
)  # fmt: skip
def test_values_are_those_of_keras(name, arguments):
    ours = getattr(regularizers, name)(*arguments)(ops.array(W))
    theirs = getattr(keras().regularizers, name)(*arguments)(keras().ops.array(W))
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)
