"""Models of the variety that are fed rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.variety_registry import SQUARES, Arrays, Family, labelled, mirrored

TABLES = Family()


@TABLES.model(32, 40, labelled(20, classes=3))
def mlp_small(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((20,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )


@TABLES.model(256, 10, labelled(1024))
def mlp_tanh_big(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((1024,)),
            layers.Dense(1024, activation="tanh"),
            layers.Dense(1024, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )


@TABLES.model(64, 20, labelled(256), optimizer="rmsprop")
def mlp_bn(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([keras.Input((256,))])
    for _ in range(3):
        model.add(layers.Dense(256, use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.Activation("elu"))
        model.add(layers.Dropout(0.3))
    model.add(layers.Dense(10, activation="softmax"))
    return model


@TABLES.model(64, 10, labelled(128, dtype="float64"))
def float64_mlp(keras: Any) -> Any:
    """Keras on JAX computes it in float32, unless JAX_ENABLE_X64 is set."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((128,), dtype="float64"),
            layers.Dense(256, activation="relu", dtype="float64"),
            layers.Dense(256, activation="relu", dtype="float64"),
            layers.Dense(10, activation="softmax", dtype="float64"),
        ]
    )


@TABLES.model(32, 6, labelled(512, classes=1000))
def many_classes(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((512,)),
            layers.Dense(512, activation="gelu"),
            layers.LayerNormalization(),
            layers.Dense(1000, activation="softmax"),
        ]
    )


def _adamw(keras: Any) -> Any:
    # Without use_ema: Keras on JAX fails with it.
    return keras.optimizers.AdamW(1e-3, clipnorm=1.0)


@TABLES.model(64, 6, labelled(256), optimizer=_adamw)
def adamw_clip(keras: Any) -> Any:
    """A self-normalizing net, its gradients clipped by their norm."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((256,))])
    for _ in range(4):
        model.add(
            layers.Dense(256, activation="selu", kernel_initializer="lecun_normal")
        )
    model.add(layers.Dense(10, activation="softmax"))
    return model


def _opinions(count: int, random: np.random.Generator) -> Arrays:
    """A user, a thing, and how the one likes the other."""
    pairs = random.integers(0, 2000, (count, 2)).astype("int32")
    return pairs, random.uniform(size=(count, 1)).astype("float32")


@TABLES.model(128, 8, _opinions, loss=SQUARES)
def recommender(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((2,), dtype="int32")
    user = layers.Embedding(2000, 32)(inputs[:, 0])
    thing = layers.Embedding(2000, 32)(inputs[:, 1])
    product = layers.Dot(1)([user, thing])
    both = layers.Concatenate()([user, thing])
    hidden = layers.Dense(32, activation="relu")(both)
    x = layers.Concatenate()([product, hidden])
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


@TABLES.model(64, 10, mirrored(784), loss="binary_crossentropy")
def vae_like(keras: Any) -> Any:
    """A variational autoencoder's shape: noise on the code, no second loss."""
    layers = keras.layers
    inputs = keras.Input((784,))
    x = layers.Dense(256, activation="relu")(inputs)
    code = layers.Dense(16)(x)
    noisy = layers.GaussianNoise(1.0)(code)
    x = layers.Dense(256, activation="relu")(noisy)
    return keras.Model(inputs, layers.Dense(784, activation="sigmoid")(x))
