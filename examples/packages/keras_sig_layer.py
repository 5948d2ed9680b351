"""keras-sig: signatures of paths. Run with MINIKERAS_KERAS_BACKEND_NAME=tensorflow."""

import keras
import numpy as np
from keras_sig import SigLayer

keras.utils.set_random_seed(0)

draw = np.random.default_rng(0)
x = draw.normal(size=(64, 12, 3)).astype("float32").cumsum(1)
y = (x[:, -1] - x[:, 0]).astype("float32")
model = keras.Sequential(
    [keras.Input((12, 3)), SigLayer(depth=2, stream=False), keras.layers.Dense(3)]
)
model.compile("adam", "mse")
history = model.fit(x, y, epochs=8, verbose=0).history["loss"]
print(f"loss {history[0]:.3f} -> {history[-1]:.3f}")
