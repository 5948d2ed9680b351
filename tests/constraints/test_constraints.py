"""Projections: values, names and configs."""

import numpy as np
import pytest

from minikeras import constraints, ops
from tests.goldens.oracle import keras

W = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]], "float32")
MADE = [
    ("MaxNorm", {"max_value": 1.5}),
    ("MaxNorm", {"max_value": 1.5, "axis": 1}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": (0, 1)}),
    ("MinMaxNorm", {"min_value": 1.2, "max_value": 2.0}),
    ("MinMaxNorm", {"min_value": 1.2, "max_value": 2.0, "rate": 0.3, "axis": 1}),
]


def test_values():
    norms = np.linalg.norm(constraints.MaxNorm(1.5)(W).numpy(), axis=0)
    np.testing.assert_allclose(norms, [1.0, 1.5, np.sqrt(1.25)], rtol=1e-5)
    np.testing.assert_array_equal(constraints.NonNeg()(W).numpy(), np.maximum(W, 0))
    norms = np.linalg.norm(constraints.UnitNorm(axis=1)(W).numpy(), axis=1)
    np.testing.assert_allclose(norms, 1.0, rtol=1e-5)
    norms = np.linalg.norm(constraints.MinMaxNorm(1.2, 2.0)(W).numpy(), axis=0)
    np.testing.assert_allclose(norms, [1.2, 2.0, 1.2], rtol=1e-5)


@pytest.mark.parametrize(("name", "options"), MADE)
def test_configs(name, options):
    made = getattr(constraints, name)(**options)
    copy = constraints.deserialize(constraints.serialize(made))
    assert type(copy) is type(made) and copy.get_config() == made.get_config()
    np.testing.assert_array_equal(
        copy(ops.array(W)).numpy(), made(ops.array(W)).numpy()
    )


def test_get():
    for name in ("max_norm", "non_neg", "unit_norm", "min_max_norm", "MaxNorm"):
        assert isinstance(constraints.get(name), constraints.Constraint)
    assert constraints.get(None) is None
    for bad in ("max", 3, {"a": 1}):
        with pytest.raises(ValueError, match=r"constraints\.get"):
            constraints.get(bad)


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "options"), MADE)
def test_values_are_those_of_keras(name, options):
    ours = getattr(constraints, name)(**options)(ops.array(W)).numpy()
    theirs = getattr(keras().constraints, name)(**options)(keras().ops.array(W))
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-5, atol=1e-6)
