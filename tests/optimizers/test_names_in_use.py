"""Names with an underscore that training code written for Keras looks up."""

import numpy as np
import pytest

import minikeras
from minikeras import optimizers


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"clipnorm": 1.0}, [0.6, 0.8]),
        ({"global_clipnorm": 1.0}, [0.6 / 2**0.5, 0.8 / 2**0.5]),
        ({"clipvalue": 3.5}, [3.0, 3.5]),
        ({}, [3.0, 4.0]),
    ],
)
def test_gradients_can_be_clipped_by_hand(setting, expected):
    """As training loops written for Keras do."""
    given = [np.array([3.0, 4.0]), None, np.array([3.0, 4.0])]
    first, none, second = optimizers.SGD(**setting)._clip_gradients(given)
    assert none is None
    np.testing.assert_allclose(first, expected, rtol=1e-6)
    np.testing.assert_array_equal(first, second)


def test_a_clipping_of_ones_own_is_used():
    class Halves(optimizers.SGD):
        def _clip_gradients(self, grads):
            return [g / 2 for g in grads]

    variable = minikeras.Variable([1.0])
    Halves(1.0).apply([np.ones(1, "float32")], [variable])
    np.testing.assert_array_equal(variable.numpy(), [0.5])


def test_averages_and_sums_are_found_where_keras_has_them():
    variable = minikeras.Variable([1.0])
    optimizer = optimizers.SGD(1.0, use_ema=True, gradient_accumulation_steps=2)
    optimizer.build([variable])
    optimizer.apply([np.ones(1, "float32")], [variable])
    (average,) = optimizer._model_variables_moving_average
    (total,) = optimizer._accumulated_gradients
    assert average in optimizer.variables and total in optimizer.variables
    np.testing.assert_array_equal(total.numpy(), [1.0])
    assert not hasattr(optimizers.SGD(), "_model_variables_moving_average")
