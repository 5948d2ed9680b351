"""Metrics of masked outputs: the same in `fit`, `evaluate` and batch by batch."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import layers


@pytest.mark.parametrize("eagerly", [False, True])
def test_what_is_masked_counts_nowhere(backend, eagerly):
    draw = np.random.default_rng(0)
    x = draw.random((8, 5, 2)).astype("float32")
    x[:, 3:] = 0
    y = draw.random((8, 5, 1)).astype("float32")
    dense = layers.Dense(1, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((5, 2)), layers.Masking(), dense])
    model.compile(
        keras.optimizers.SGD(0.0), "mae", metrics=["mae"], weighted_metrics=["mse"],
        run_eagerly=eagerly,
    )  # fmt: skip
    off = (x.sum(-1, keepdims=True) - y)[:, :3]
    wanted = [np.abs(off).mean(), np.abs(off).mean(), np.square(off).mean()]
    logs = model.fit(x, y, batch_size=3, verbose=0, validation_data=(x, y)).history
    names = ("loss", "mae", "mse")
    for prefix in ("", "val_"):
        found = [logs[prefix + name][0] for name in names]
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), wanted, rtol=1e-5)
    np.testing.assert_allclose(model.train_on_batch(x, y), wanted, rtol=1e-5)
