"""keras-tcn, after its README: does a sequence begin with 1?"""

import numpy as np
from tcn import TCN
from tensorflow.keras import Input, Model, Sequential
from tensorflow.keras.layers import Dense
from tensorflow.keras.utils import set_random_seed

set_random_seed(0)
rng = np.random.default_rng(0)
y = rng.integers(0, 2, (256, 1)).astype("float32")
x = np.zeros((256, 20, 1), "float32")
x[:, 0] = y

layer = TCN(input_shape=(20, 1), nb_filters=16)
print("receptive field", layer.receptive_field)
model = Sequential([layer, Dense(1)])
model.compile(optimizer="adam", loss="mse")
loss = model.fit(x, y, epochs=4, verbose=0).history["loss"]
print(f"loss {loss[0]:.4f} -> {loss[-1]:.4f}")

inputs = Input(batch_shape=(None, 20, 1))
options = {"use_skip_connections": True, "use_layer_norm": True, "dropout_rate": 0.1}
sequence = Model(inputs, TCN(return_sequences=True, **options)(inputs))
print("sequence", sequence.predict(x[:2], verbose=0).shape)
