"""keras-efficient-kan: splines in place of dense layers."""

import keras
import numpy as np
from keras_efficient_kan import KANLinear

keras.utils.set_random_seed(0)

x = np.random.default_rng(0).uniform(-1, 1, size=(256, 2)).astype("float32")
y = np.sin(3 * x[:, :1]) * x[:, 1:]
model = keras.Sequential([keras.Input((2,)), KANLinear(8), KANLinear(1)])
model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse")
history = model.fit(x, y, epochs=20, batch_size=32, verbose=0).history["loss"]
print(f"loss {history[0]:.4f} -> {history[-1]:.4f}")
