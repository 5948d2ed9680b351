"""One body, two heads: which digit it is, and how much ink it took.

EPOCHS=2 python examples/functional_two_outputs.py
"""

import os

import minikeras as keras
from minikeras.datasets import mnist5k

EPOCHS = int(os.environ.get("EPOCHS", "8"))

keras.utils.set_random_seed(0)
(pictures, digits), _ = mnist5k.load_data()
pictures = pictures.astype("float32") / 255
ink = pictures.mean(axis=(1, 2))[:, None]

inputs = keras.Input((28, 28))
body = keras.layers.Flatten()(inputs)
body = keras.layers.Dense(128, activation="relu")(body)
digit = keras.layers.Dense(10, activation="softmax", name="digit")(body)
amount = keras.layers.Dense(1, name="ink")(body)

model = keras.Model(inputs, {"digit": digit, "ink": amount})
model.compile(
    "adam",
    loss={"digit": "sparse_categorical_crossentropy", "ink": "mse"},
    loss_weights={"digit": 1.0, "ink": 10.0},
    metrics={"digit": ["accuracy"], "ink": ["mae"]},
)
history = model.fit(
    pictures,
    {"digit": digits, "ink": ink},
    validation_split=0.2,
    epochs=EPOCHS,
    verbose=2,
).history
for name in ("val_digit_accuracy", "val_ink_mae"):
    print(f"{name} {history[name][-1]:.3f}")
