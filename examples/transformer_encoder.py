"""A transformer encoder reads handwritten digits, four patches by four as words.

EPOCHS=2 python examples/transformer_encoder.py
"""

import os

import minikeras as keras
from minikeras import layers, ops
from minikeras.datasets import mnist5k

EPOCHS = int(os.environ.get("EPOCHS", "6"))
PATCH, WIDTH, HEADS, BLOCKS = 7, 48, 4, 2


class Positions(layers.Layer):
    """Adds a learnt vector for each place."""

    def build(self, input_shape):
        self.table = self.add_weight(
            shape=input_shape[1:], initializer="random_normal", name="table"
        )

    def call(self, x):
        return x + self.table


def block(x):
    """Attention, then two dense layers, each added to what it reads."""
    normal = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(normal, normal)
    normal = layers.LayerNormalization()(x)
    wide = layers.Dense(2 * WIDTH, activation="gelu")(normal)
    return x + layers.Dense(WIDTH)(wide)


keras.utils.set_random_seed(0)
(x_train, y_train), (x_test, y_test) = mnist5k.load_data()
x_train = x_train[..., None].astype("float32") / 255
x_test = x_test[..., None].astype("float32") / 255

pictures = keras.Input((28, 28, 1))
patches = ops.image.extract_patches(pictures, PATCH)
words = layers.Reshape((16, PATCH * PATCH))(patches)
x = Positions()(layers.Dense(WIDTH)(words))
for _ in range(BLOCKS):
    x = block(x)
x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
model = keras.Model(pictures, layers.Dense(10, activation="softmax")(x))

model.compile(
    keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(x_train, y_train, batch_size=32, epochs=EPOCHS, verbose=2)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test accuracy {accuracy:.3f}")
