"""Warnings stand at the user's line, whatever lies between it and the cause."""

import warnings

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers, ops


class _Masked(layers.Layer):
    def call(self, x):
        return x * 2


class _Outer(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(1)

    def call(self, x):
        return self.inner(x)


def _no_gradient():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    unused = keras.Variable([1.0])
    model.optimizer.build([*model.trainable_variables, unused])
    grads = [ops.ones(v.shape) for v in model.trainable_variables]
    model.optimizer.apply([*grads, None], [*model.trainable_variables, unused])


def _mask_dropped():
    x = layers.Masking()(np.zeros((1, 2, 3)))
    _Masked()(x)


def _mask_dropped_in_a_model():
    inputs = keras.Input((2, 3))
    _Masked()(layers.Masking()(inputs))


def _lambda_saved():
    keras.saving.serialize_keras_object(lambda x: x)


def _softmax_in_fit():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1), layers.Softmax()])
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0)


CASES = {
    "softmax": lambda: ops.softmax(np.ones((2, 1))),
    "activation": lambda: keras.activations.get("softmax")(np.ones((2, 1))),
    "layer": lambda: layers.Softmax()(np.ones((2, 1))),
    "fit": _softmax_in_fit,
    "rms": lambda: ops.layer_normalization(
        np.ones((2, 2)), gamma=np.ones(2), rms_scaling=True
    ),
    "gradients": _no_gradient,
    "mask": _mask_dropped,
    "mask_of_a_symbol": _mask_dropped_in_a_model,
    "build": lambda: _Outer().build((1, 2)),
    "lambda": _lambda_saved,
    "tree": lambda: keras.tree.assert_same_structure([1], [1], check_types=True),
}


@pytest.mark.parametrize("case", CASES)
def test_a_warning_names_a_line_of_the_user(case):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        CASES[case]()
    assert found
    assert {w.filename for w in found} <= {__file__}
