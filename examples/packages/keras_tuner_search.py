"""keras-tuner: the best of three sizes of a layer."""

import tempfile

import keras_tuner
import numpy as np
from tensorflow import keras

x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
y = (x @ np.array([1.0, -2.0, 0.5, 3.0], "float32"))[:, None]


def build_model(hp):
    model = keras.Sequential()
    model.add(keras.layers.Dense(hp.Choice("units", [8, 16, 32]), activation="relu"))
    model.add(keras.layers.Dense(1))
    rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="mse")
    return model


with tempfile.TemporaryDirectory() as folder:
    tuner = keras_tuner.RandomSearch(
        build_model, objective="val_loss", max_trials=3, seed=1, directory=folder
    )
    tuner.search(
        x[:150], y[:150], epochs=5, validation_data=(x[150:], y[150:]), verbose=0
    )
    best = tuner.get_best_hyperparameters()[0].values
    model = tuner.get_best_models()[0]
    loss = model.evaluate(x[150:], y[150:], verbose=0)
    print(f"best: {best}, val_loss {loss:.3f}")
