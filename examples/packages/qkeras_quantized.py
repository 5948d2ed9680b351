"""qkeras: a convolution and a dense layer with few bits."""

import keras
import numpy as np
from qkeras import QActivation, QConv2D, QDense, quantized_bits

keras.utils.set_random_seed(0)

draw = np.random.default_rng(0)
x = draw.random((64, 12, 12, 1), "float32")
y = (x.mean((1, 2, 3)) > 0.5).astype("int32")

inputs = keras.Input((12, 12, 1))
out = QConv2D(
    4,
    (3, 3),
    kernel_quantizer=quantized_bits(4, 0, 1),
    bias_quantizer=quantized_bits(4),
)(inputs)
out = QActivation("quantized_relu(3)")(out)
out = keras.layers.Flatten()(out)
out = QDense(2, kernel_quantizer=quantized_bits(4), bias_quantizer=quantized_bits(4))(
    out
)
out = keras.layers.Activation("softmax")(out)
model = keras.Model(inputs, out)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=3, verbose=0).history["loss"]
print(f"loss {history[0]:.3f} -> {history[-1]:.3f}")
