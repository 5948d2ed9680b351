"""A CNN reads handwritten digits; the Keras script everybody knows, on minikeras.

EPOCHS=2 python examples/mnist_cnn.py
"""

import os

import minikeras as keras
from minikeras.datasets import mnist5k

EPOCHS = int(os.environ.get("EPOCHS", "5"))

keras.utils.set_random_seed(0)
(x_train, y_train), (x_test, y_test) = mnist5k.load_data()
x_train = x_train[..., None].astype("float32") / 255
x_test = x_test[..., None].astype("float32") / 255

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=64, epochs=EPOCHS, verbose=2)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test accuracy {accuracy:.3f}")
