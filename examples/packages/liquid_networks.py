"""ncps: liquid time-constant and closed-form continuous networks on a sine."""

import keras
import numpy as np
from ncps.keras import LTC, CfC
from ncps.wirings import AutoNCP

time = np.linspace(0, 3 * np.pi, 24)
x = np.stack([np.sin(time), np.cos(time)], axis=1)[None].astype("float32")
y = np.sin(2 * time).reshape(1, 24, 1).astype("float32")

keras.utils.set_random_seed(0)
for layer in (
    LTC(AutoNCP(8, 1), return_sequences=True),
    CfC(AutoNCP(8, 1), return_sequences=True),
):
    model = keras.Sequential([keras.Input((None, 2)), layer])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    loss = model.fit(x, y, epochs=8, verbose=0).history["loss"]
    print(f"loss {loss[0]:.4f} -> {loss[-1]:.4f}")
