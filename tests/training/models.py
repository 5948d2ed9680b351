"""Small models and data that the tests of training share."""

import gc
import threading
import time

import numpy as np

import minikeras as keras


def line(samples=40, features=4, seed=0):
    """Inputs and a target that is linear in them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, features)).astype("float32")
    return x, (x @ np.arange(1, features + 1, dtype="float32") / features)[:, None]


def classes(samples=40, features=4, count=3, seed=0):
    """Inputs around one centre a class, and class numbers `(samples, 1)`."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, count, (samples, 1))
    centres = rng.normal(size=(count, features)) * 2
    return (centres[y[:, 0]] + rng.normal(size=(samples, features))).astype(
        "float32"
    ), y


def linear(loss="mse", optimizer="sgd", features=4, units=1, **compile_arguments):
    """One Dense layer, compiled."""
    model = keras.Sequential([keras.Input((features,)), keras.layers.Dense(units)])
    model.compile(optimizer, loss, **compile_arguments)
    return model


def classifier(
    metrics=("accuracy",), loss="sparse_categorical_crossentropy", **arguments
):
    """Dense and softmax over three classes, compiled."""
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, activation="softmax", name="probs")]
    )
    model.compile("sgd", loss, metrics=list(metrics), **arguments)
    return model


def two_outputs(**compile_arguments):
    """Outputs `a` (3 classes) and `b` (2 numbers), compiled."""
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(5, activation="relu")(inputs)
    a = keras.layers.Dense(3, activation="softmax", name="a")(hidden)
    b = keras.layers.Dense(2, name="b")(hidden)
    model = keras.Model(inputs, [a, b])
    model.compile(**compile_arguments)
    return model


def weights_of(model):
    """Copies of all weights and optimizer variables."""
    found = [np.array(w) for w in model.get_weights()]
    if model.optimizer is not None:
        found += [v.numpy() for v in model.optimizer.variables]
    return found


def assert_unchanged(model, before):
    """That no weight differs from what `weights_of` gave."""
    for a, b in zip(before, weights_of(model), strict=True):
        np.testing.assert_array_equal(a, b)


def data_threads_end():
    """Whether the threads that make batches are gone, or go within ten seconds."""
    gc.collect()  # what a failed test holds lets go of its threads when it is collected
    until = time.monotonic() + 10
    while any(t.name.startswith("minikeras-data") for t in threading.enumerate()):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
