"""keras-mdn-layer: a mixture of normal distributions."""

import keras
import keras_mdn_layer as mdn
import numpy as np

keras.utils.set_random_seed(0)

N_HIDDEN, N_MIXES, OUTPUT_DIMS = 15, 5, 1
draw = np.random.default_rng(0)
y = draw.uniform(-10, 10, (400, 1)).astype("float32")
x = (np.sin(0.75 * y) * 7 + y * 0.5 + draw.normal(size=y.shape)).astype("float32")

model = keras.Sequential()
model.add(keras.layers.Dense(N_HIDDEN, batch_input_shape=(None, 1), activation="relu"))
model.add(mdn.MDN(OUTPUT_DIMS, N_MIXES))
model.compile(
    loss=mdn.get_mixture_loss_func(OUTPUT_DIMS, N_MIXES),
    optimizer=keras.optimizers.Adam(0.01),
)
history = model.fit(x=x, y=y, epochs=10, verbose=0).history["loss"]
params = model.predict(x[:5], verbose=0)
samples = np.apply_along_axis(
    mdn.sample_from_output, 1, params, OUTPUT_DIMS, N_MIXES, temp=1.0
)
print(f"loss {history[0]:.3f} -> {history[-1]:.3f}, samples {samples.shape}")
