"""Penalties of activities inside a layer that runs for each step."""

import numpy as np
import pytest

import minikeras as keras


@pytest.mark.parametrize("steps", [1, 5])
def test_penalties_of_all_steps_count(steps):
    """As much as without TimeDistributed, where the layer takes all steps at once."""
    x = np.linspace(-1, 1, 3 * steps * 4, dtype="float32").reshape(3, steps, 4)
    inside = keras.layers.Dense(2, activity_regularizer="l1", name="inside")
    i = keras.Input((steps, 4))
    model = keras.Model(i, keras.layers.TimeDistributed(inside)(i))
    model.compile("sgd", "mse")
    y = np.asarray(model(x))
    penalty = 0.01 * np.abs(y).sum() / len(x)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(penalty, rel=1e-5)
    assert model.train_on_batch(x, y) == pytest.approx(penalty, rel=1e-5)
