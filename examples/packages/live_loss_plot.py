"""livelossplot: curves while a model trains, into a file."""

import matplotlib

matplotlib.use("Agg")

import keras
import numpy as np
from livelossplot import PlotLossesKeras
from livelossplot.outputs import ExtremaPrinter

x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
plot = PlotLossesKeras(outputs=[ExtremaPrinter()])
history = model.fit(
    x, x[:, :1], epochs=3, validation_split=0.25, callbacks=[plot], verbose=0
)
print(f"loss {history.history['loss'][-1]:.3f}")
