"""visualkeras: a network drawn in two ways."""

import visualkeras
from tensorflow import keras
from tensorflow.keras import layers

model = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        layers.Conv2D(8, 3),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(10),
    ]
)
print("layers", *visualkeras.layered_view(model).size)
print("graph", *visualkeras.graph_view(model).size)
