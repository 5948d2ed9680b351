"""Models as large as people deploy, the same code for every engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

CLASSES = 10


class Large(NamedTuple):
    """A model, and one batch for it.

    Attributes:
        build: Makes the model, uncompiled, from the `keras` module.
        batch: Samples of a batch.
        inputs: Shape of a sample, and its dtype: integers are tokens.
        target: Shape of a sample's classes.
    """

    build: Callable[[Any], Any]
    batch: int
    inputs: tuple[tuple[int, ...], str]
    target: tuple[int, ...] = ()

    def data(self) -> tuple[Any, Any]:
        """A batch of inputs and its classes."""
        random = np.random.default_rng(0)
        shape, dtype = self.inputs
        if dtype == "int32":
            x = random.integers(0, WORDS, (self.batch, *shape)).astype(dtype)
        else:
            x = random.standard_normal((self.batch, *shape)).astype(dtype)
        return x, random.integers(0, CLASSES, (self.batch, *self.target))


WORDS = 20_000


def _application(name: str) -> Callable[[Any], Any]:
    def build(keras: Any) -> Any:
        make = getattr(keras.applications, name)
        return make(weights=None, classes=CLASSES, input_shape=(224, 224, 3))

    return build


def unet(keras: Any) -> Any:
    """U-Net of four levels (Ronneberger et al., 2015) for 128 x 128 pictures."""
    layers = keras.layers

    def pair(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    inputs = x = keras.Input((128, 128, 3))
    kept = []
    for filters in (32, 64, 128):
        x = pair(x, filters)
        kept.append(x)
        x = layers.MaxPooling2D()(x)
    x = pair(x, 256)
    for filters, skip in zip((128, 64, 32), reversed(kept), strict=True):
        x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
        x = pair(layers.Concatenate()([x, skip]), filters)
    return keras.Model(inputs, layers.Conv2D(CLASSES, 1, activation="softmax")(x))


def bert(keras: Any) -> Any:
    """Four encoder blocks of width 768 with 12 heads (Devlin et al., 2018), 128 tokens."""
    layers = keras.layers
    inputs = keras.Input((128,), dtype="int32")
    x = layers.LayerNormalization()(layers.Embedding(WORDS, 768)(inputs))
    for _ in range(4):
        attended = layers.MultiHeadAttention(num_heads=12, key_dim=64)(x, x)
        x = layers.LayerNormalization()(layers.Add()([x, attended]))
        y = layers.Dense(3072, activation="gelu")(x)
        x = layers.LayerNormalization()(layers.Add()([x, layers.Dense(768)(y)]))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))


def lstm(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((100, 128)),
            layers.LSTM(512, return_sequences=True),
            layers.LSTM(512),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def mlp(keras: Any) -> Any:
    layers = keras.layers
    wide = [layers.Dense(2048, activation="relu") for _ in range(4)]
    last = layers.Dense(CLASSES, activation="softmax")
    return keras.Sequential([keras.Input((2048,)), *wide, last])


_PICTURE = ((224, 224, 3), "float32")
LARGE: Mapping[str, Large] = {
    "resnet50": Large(_application("ResNet50"), 8, _PICTURE),
    "mobilenet_v2": Large(_application("MobileNetV2"), 8, _PICTURE),
    "unet": Large(unet, 8, ((128, 128, 3), "float32"), (128, 128)),
    "bert": Large(bert, 8, ((128,), "int32")),
    "lstm": Large(lstm, 32, ((100, 128), "float32")),
    "mlp": Large(mlp, 256, ((2048,), "float32")),
}
