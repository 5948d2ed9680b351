"""The same seed gives the same numbers: on every backend, and from run to run."""

import os
import subprocess
import sys

import numpy as np
import pytest

import minikeras as keras
from minikeras.training.data.order import permutation
from tests.conftest import BACKENDS

INITIALIZERS = (
    "glorot_uniform", "glorot_normal", "he_normal", "he_uniform", "lecun_normal", "random_normal",
    "random_uniform", "truncated_normal", "orthogonal",
)  # fmt: skip


def on_each_backend(function):
    """The results of `function` after the same seed, by backend."""
    before = keras.config.backend()
    results = {}
    try:
        for name in BACKENDS:
            keras.config.set_backend(name)
            keras.utils.set_random_seed(11)
            results[name] = function()
    finally:
        keras.config.set_backend(before)
    return results


def same_everywhere(function):
    """The result, after a check that all backends give the same bits."""
    results = on_each_backend(function)
    first = results[BACKENDS[0]]
    for name, result in results.items():
        for a, b in zip(first, result, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
    return first


def test_shuffled_orders():
    orders = same_everywhere(lambda: [permutation(1000) for _ in range(3)])
    assert (orders[0] != orders[1]).any()
    assert all((np.sort(order) == np.arange(1000)).all() for order in orders)
    # Written down, so that a later version cannot change it unnoticed.
    keras.utils.set_random_seed(7)
    assert permutation(10).tolist() == EXPECTED_ORDER


EXPECTED_ORDER = [8, 9, 3, 2, 6, 4, 1, 5, 0, 7]


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initial_weights(name):
    def weights():
        layer = keras.layers.Dense(16, kernel_initializer=name)
        layer.build((None, 24))
        return layer.get_weights()

    results = on_each_backend(weights)
    for result in results.values():
        np.testing.assert_allclose(
            result[0], results[BACKENDS[0]][0], rtol=1e-5, atol=1e-6
        )


def test_dropout_masks():
    def masks():
        layer = keras.layers.Dropout(0.4)
        x = np.ones((32, 50), "float32")
        return [layer(x, training=True).numpy() for _ in range(2)]

    first, second = same_everywhere(masks)
    assert (first != second).any()
    assert 0.3 < (first == 0).mean() < 0.5


def history(epochs=2):
    """A short training with shuffling and Dropout."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Dense(24, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.RandomState(0)
    x, y = rng.normal(size=(100, 10)).astype("float32"), rng.randint(0, 3, 100)
    losses = model.fit(x, y, batch_size=16, epochs=epochs, verbose=0).history["loss"]
    return losses, model.get_weights()


@pytest.mark.usefixtures("backend")
def test_training_twice_gives_equal_bits():
    (losses, weights), (losses_again, weights_again) = history(), history()
    assert losses == losses_again
    for a, b in zip(weights, weights_again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_is_close_on_every_backend():
    results = on_each_backend(lambda: history()[0])
    for losses in results.values():
        np.testing.assert_allclose(losses, results[BACKENDS[0]], rtol=1e-4)


def test_another_process_gives_equal_bits():
    code = (
        "from tests.oracle.test_reproducible import history; print(repr(history()[0]))"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(
        command, capture_output=True, text=True, env=environment(), check=True
    )
    assert found.stdout.strip() == repr(history()[0])


def environment():
    """This process's environment, with its import path and other hashes of strings."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONHASHSEED": "99",
    }
