"""The beginner's first script: tf.keras, dense layers, logits, a probability model."""

import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(0)

print("TensorFlow version:", tf.__version__)
tf.random.set_seed(0)
rng = np.random.default_rng(0)
x_train, y_train = rng.random((256, 28, 28)), rng.integers(0, 10, 256)
x_test, y_test = x_train[:64], y_train[:64]

model = tf.keras.models.Sequential(
    [
        tf.keras.layers.Flatten(input_shape=(28, 28)),
        tf.keras.layers.Dense(128, activation="relu"),
        tf.keras.layers.Dropout(0.2),
        tf.keras.layers.Dense(10),
    ]
)
predictions = model(x_train[:1]).numpy()
tf.nn.softmax(predictions).numpy()
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
first = loss_fn(y_train[:1], predictions).numpy()
assert 0 < first < 6
model.compile(optimizer="adam", loss=loss_fn, metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=12, verbose=2)
assert history.history["loss"][-1] < history.history["loss"][0]
model.evaluate(x_test, y_test, verbose=2)
probability_model = tf.keras.Sequential([model, tf.keras.layers.Softmax()])
assert np.allclose(tf.reduce_sum(probability_model(x_test[:5]), axis=1), 1, atol=1e-5)
