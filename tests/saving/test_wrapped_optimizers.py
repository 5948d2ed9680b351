"""Files of models whose optimizer stands in a `LossScaleOptimizer`.

Keras lists none of what the inner one keeps in attributes alone then: the product of decays of
Nadam, and the scalars that stand in for rows and columns of vectors in Adafactor.
"""

import numpy as np
import pytest

import minikeras
from tests.goldens.oracle import keras as real_keras
from tests.goldens.oracle import oracle
from tests.saving import both_ways

X = np.linspace(-1.0, 1.0, 12, dtype="float32").reshape(4, 3)
Y = X[:, :2] ** 2
# The shapes that Keras 3.15.1 lists for a Dense(2) on 3 numbers, after the four of the scale.
STORED = {
    "Nadam": [(), (), (3, 2), (3, 2), (2,), (2,)],
    "Adafactor": [(), (), (3,), (2,), (3, 2), (2,)],
}


def _made(keras, name, wrap):
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, activation="tanh")]
    )
    made = getattr(keras.optimizers, name)(0.05)
    wrapper = keras.optimizers.LossScaleOptimizer
    model.compile(wrapper(made, initial_scale=8.0) if wrap else made, "mse")
    model.set_weights([np.arange(6.0).reshape(3, 2) / 10, np.zeros(2)])
    both_ways.learnt(model, X, Y, 2)
    return model


@pytest.mark.parametrize("name", sorted(STORED))
def test_what_is_stored_is_what_keras_lists(name):
    optimizer = _made(minikeras, name, True).optimizer
    for found, more in ((optimizer, 4), (optimizer.inner_optimizer, 0)):
        stored: dict[str, np.ndarray] = {}
        found.save_own_variables(stored)
        shapes = [stored[str(i)].shape for i in range(len(stored))]
        assert shapes[more:] == STORED[name]
    assert len(_made(minikeras, name, False).optimizer.variables) > len(STORED[name])


@pytest.mark.parametrize("name", sorted(STORED))
@pytest.mark.parametrize("ending", ["m.keras", "m.h5"])
def test_training_goes_on_from_the_file(name, ending, tmp_path):
    model = _made(minikeras, name, True)
    model.save(tmp_path / ending)
    loaded = minikeras.saving.load_model(tmp_path / ending)
    if ending == "m.keras":  # where the product has a place beside
        assert both_ways.learnt(loaded, X, Y) == both_ways.learnt(model, X, Y)
    assert int(loaded.optimizer.iterations) >= 2


@pytest.mark.parametrize("name", sorted(STORED))
def test_a_store_of_all_variables_is_taken_too(name):
    """As our files were before, and those of optimizers outside of a wrapper are."""
    model, other = _made(minikeras, name, True), _made(minikeras, name, True)
    both_ways.learnt(model, X, Y)
    for found, into in (
        (model.optimizer.inner_optimizer, other.optimizer.inner_optimizer),
        (model.optimizer, other.optimizer),
    ):
        everything = {str(i): v.numpy() for i, v in enumerate(found.variables)}
        into.load_own_variables(everything)
    for mine, theirs in zip(
        other.optimizer.variables, model.optimizer.variables, strict=True
    ):
        assert np.array_equal(mine.numpy(), theirs.numpy())


@oracle
@pytest.mark.parametrize("name", sorted(STORED))
def test_keras_takes_the_state_of_our_file(name, tmp_path):
    model = _made(minikeras, name, True)
    model.save(tmp_path / "m.keras")
    loaded = real_keras().models.load_model(tmp_path / "m.keras")
    assert int(np.asarray(loaded.optimizer.inner_optimizer.iterations)) == 2
    inner = loaded.optimizer.inner_optimizer.variables
    stored = model.optimizer.inner_optimizer.stored_variables
    for theirs, mine in zip(inner, stored, strict=True):
        np.testing.assert_array_equal(np.asarray(theirs), mine.numpy())
