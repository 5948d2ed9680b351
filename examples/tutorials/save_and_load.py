"""Saving in every form that the tutorials show: .keras, HDF5, weights, JSON, checkpoints."""

import os
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras.callbacks import CSVLogger, ModelCheckpoint
from tensorflow.keras.models import load_model, model_from_json

tf.keras.utils.set_random_seed(0)


@keras.saving.register_keras_serializable(package="MyLayers")
class CustomDense(keras.layers.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", name="w"
        )

    def call(self, inputs):
        return tf.matmul(inputs, self.w)

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units})
        return config


def create_model():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            CustomDense(4),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    return model


x = np.random.random((64, 6)).astype("float32")
y = x.sum(1, keepdims=True)
os.chdir(tempfile.mkdtemp())
model = create_model()
checkpoint = ModelCheckpoint(
    "best.weights.h5", monitor="val_loss", save_best_only=True, save_weights_only=True
)
model.fit(
    x,
    y,
    epochs=3,
    validation_split=0.25,
    verbose=0,
    callbacks=[checkpoint, CSVLogger("log.csv")],
)
expected = model.predict(x, verbose=0)

model.save("my_model.keras")
model.save("my_model.h5")
model.save_weights("my.weights.h5")
for path in ("my_model.keras", "my_model.h5"):
    new_model = load_model(path)
    np.testing.assert_allclose(new_model.predict(x, verbose=0), expected, rtol=1e-5)
    assert new_model.optimizer.iterations.numpy() == model.optimizer.iterations.numpy()
    new_model.fit(x, y, epochs=1, verbose=0)
fresh = create_model()
fresh.load_weights("my.weights.h5")
np.testing.assert_allclose(fresh.predict(x, verbose=0), expected, rtol=1e-5)
again = model_from_json(model.to_json(), custom_objects={"CustomDense": CustomDense})
again.set_weights(model.get_weights())
np.testing.assert_allclose(again.predict(x, verbose=0), expected, rtol=1e-5)
fresh.load_weights("best.weights.h5")
assert sorted(os.listdir(".")) == [
    "best.weights.h5",
    "log.csv",
    "my.weights.h5",
    "my_model.h5",
    "my_model.keras",
]
