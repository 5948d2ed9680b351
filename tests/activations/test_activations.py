"""Activations by name and config, and relu's options."""

import inspect

import numpy as np
import pytest

from minikeras import activations, ops
from tests.goldens.oracle import keras

NAMES = sorted(set(activations.__all__) - {"get", "serialize", "deserialize"})
EXTRA = {"threshold": (0.5, -1.0)}


def test_all_are_here():
    assert len(NAMES) == 32


@pytest.mark.parametrize("name", NAMES)
def test_names_and_configs(name):
    function = getattr(activations, name)
    assert activations.get(name) is function
    config = activations.serialize(function)
    assert config == {"swish": "silu", "hard_swish": "hard_silu"}.get(name, name)
    x = ops.array([[-1.0, 0.5], [2.0, -3.0]])
    again = activations.get(config)(x, *EXTRA.get(name, ()))
    np.testing.assert_array_equal(
        again.numpy(), function(x, *EXTRA.get(name, ())).numpy()
    )


def test_get():
    assert activations.get(None) is activations.linear
    assert activations.get(np.tanh) is np.tanh
    for bad in ("reluu", 3, {"a": 1}):
        with pytest.raises(ValueError, match=r"activations\.get"):
            activations.get(bad)


RELU = [
    {}, {"negative_slope": 0.3}, {"max_value": 6.0}, {"max_value": 2.0}, {"threshold": 0.5},
    {"threshold": -0.5, "max_value": 1.0}, {"negative_slope": 0.3, "threshold": 0.5},
    {"negative_slope": 0.3, "max_value": 2.0, "threshold": 0.5},
    {"negative_slope": 0.1, "max_value": 6.0},
]  # fmt: skip


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    above = x if max_value is None else np.clip(x, 0, max_value)
    return np.where(x > threshold, above, negative_slope * (x - threshold))


@pytest.mark.parametrize("options", RELU, ids=str)
def test_relu(options):
    x = np.array([-3.0, -0.25, 0.0, 0.25, 1.0, 7.0], "float32")
    np.testing.assert_allclose(
        activations.relu(x, **options).numpy(), relu(x, **options), atol=1e-6
    )


@pytest.mark.oracle
@pytest.mark.parametrize("name", NAMES)
def test_signatures_and_values_are_those_of_keras(name):
    theirs, ours = getattr(keras().activations, name), getattr(activations, name)
    assert [
        (p.name, p.default) for p in inspect.signature(ours).parameters.values()
    ] == [(p.name, p.default) for p in inspect.signature(theirs).parameters.values()]
    x = np.linspace(-4, 4, 12, dtype="float32").reshape(3, 4)
    extra = EXTRA.get(name, ())
    np.testing.assert_allclose(
        ours(x, *extra).numpy(), theirs(x, *extra), rtol=1e-5, atol=1e-6
    )
