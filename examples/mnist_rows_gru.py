"""Digits read row by row: a picture is a sequence of 28 steps, and a GRU remembers.

EPOCHS=2 python examples/mnist_rows_gru.py
"""

import os

import minikeras as keras
from minikeras.datasets import mnist5k

EPOCHS = int(os.environ.get("EPOCHS", "6"))

keras.utils.set_random_seed(0)
(x_train, y_train), (x_test, y_test) = mnist5k.load_data()
x_train = x_train.astype("float32") / 255
x_test = x_test.astype("float32") / 255

model = keras.Sequential(
    [
        keras.Input((28, 28)),
        keras.layers.Bidirectional(keras.layers.GRU(32, return_sequences=True)),
        keras.layers.GRU(48, dropout=0.2),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.Adam(0.004),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(x_train, y_train, batch_size=64, epochs=EPOCHS, verbose=2)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test accuracy {accuracy:.3f}")
