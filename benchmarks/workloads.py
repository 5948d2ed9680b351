"""The workloads: what is built and fed, the same code for every engine.

A builder takes the `keras` module, ours or theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.data import pictures

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Workload:
    """One row of the table.

    Attributes:
        name: As on the command line.
        build: Makes the model, uncompiled, from the `keras` module.
        load: Makes `steps * batch` samples; takes the count and the data folder.
        batch: Samples a step.
        steps: Steps an epoch.
        target: What issue and README promise, ms a step on the reference machine.
    """

    name: str
    build: Callable[[Any], Any]
    load: Callable[[int, str | None], Arrays]
    batch: int
    steps: int
    target: float


def mlp(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


def tanh_mlp(units: int, depth: int) -> Callable[[Any], Any]:
    """Layers between which no number is zero."""

    def build(keras: Any) -> Any:
        layers = keras.layers
        hidden = [layers.Dense(units, activation="tanh") for _ in range(depth)]
        last = layers.Dense(10, activation="softmax")
        return keras.Sequential([keras.Input((784,)), *hidden, last])

    return build


def cnn(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def resnet20(keras: Any) -> Any:
    """ResNet-20 for 32 x 32 pictures (He et al., 2016, section 4.2)."""
    layers = keras.layers

    def conv(x: Any, filters: int, size: int, strides: int) -> Any:
        made = layers.Conv2D(
            filters, size, strides=strides, padding="same", use_bias=False
        )
        return layers.BatchNormalization()(made(x))

    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(conv(inputs, 16, 3, 1))
    for filters in (16, 32, 64):
        for block in range(3):
            strides = 2 if filters > 16 and block == 0 else 1
            y = layers.ReLU()(conv(x, filters, 3, strides))
            y = conv(y, filters, 3, 1)
            short = conv(x, filters, 1, strides) if strides == 2 else x
            x = layers.ReLU()(layers.Add()([y, short]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def lstm(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((100,), dtype="int32"),
            layers.Embedding(20_000, 128),
            layers.LSTM(64),
            layers.Dense(10, activation="softmax"),
        ]
    )


def transformer(keras: Any) -> Any:
    """Two encoder blocks of 4 heads x 16, width 64, feed-forward 256."""
    layers = keras.layers
    inputs = keras.Input((128,), dtype="int32")
    x = layers.Embedding(20_000, 64)(inputs)
    for _ in range(2):
        attended = layers.MultiHeadAttention(num_heads=4, key_dim=16)(x, x)
        x = layers.LayerNormalization()(layers.Add()([x, attended]))
        y = layers.Dense(256, activation="relu")(x)
        y = layers.Dense(64)(y)
        x = layers.LayerNormalization()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def resnet50(keras: Any) -> Any:
    """ResNet-50 on pictures of 224 x 224 (He et al., 2016)."""
    return keras.applications.ResNet50(weights=None, classes=10)


def encoder(keras: Any) -> Any:
    """Eight encoder blocks of 8 heads x 64, width 512, feed-forward 2048."""
    layers = keras.layers
    inputs = keras.Input((512,), dtype="int32")
    x = layers.Embedding(20_000, 512)(inputs)
    for _ in range(8):
        y = layers.LayerNormalization()(x)
        y = layers.MultiHeadAttention(num_heads=8, key_dim=64)(y, y)
        x = layers.Add()([x, y])
        y = layers.Dense(2048, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(512)(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    # in float32 under every policy, or the loss would be rounded to 16 bits
    return keras.Model(
        inputs, layers.Dense(10, activation="softmax", dtype="float32")(x)
    )


def _large(count: int, folder: str | None) -> Arrays:
    """On a border, then each pixel 7 x 7 times, in three channels: 224 x 224 x 3."""
    x, y = _colour(count, folder)
    return x.repeat(7, axis=1).repeat(7, axis=2), y


def _rows(count: int, folder: str | None) -> Arrays:
    x, y = pictures(count, folder)
    return x.reshape(count, 784), y


def _normal(count: int, folder: str | None) -> Arrays:
    """No number is zero, where most pixels of a picture are."""
    random = np.random.default_rng(0)
    x = random.standard_normal((count, 784), dtype="float32")
    return x, random.integers(0, 10, count).astype("int32")


def _grey(count: int, folder: str | None) -> Arrays:
    x, y = pictures(count, folder)
    return x[..., None], y


def _colour(count: int, folder: str | None) -> Arrays:
    """On a border of two, three times over: 32 x 32 x 3."""
    x, y = pictures(count, folder)
    x = np.pad(x, ((0, 0), (2, 2), (2, 2)))
    return np.repeat(x[..., None], 3, axis=-1), y


def _words(length: int) -> Callable[[int, str | None], Arrays]:
    def load(count: int, folder: str | None) -> Arrays:
        random = np.random.default_rng(0)
        x = random.integers(0, 20_000, (count, length)).astype("int32")
        return x, (x[:, 0] % 10).astype("int32")

    return load


WORKLOADS = {
    w.name: w
    for w in (
        Workload("mlp", mlp, _rows, 128, 64, 2.8),
        Workload("cnn", cnn, _grey, 128, 24, 12.0),
        Workload("resnet20", resnet20, _colour, 128, 4, 106.0),
        Workload("lstm", lstm, _words(100), 64, 16, 16.0),
        Workload("transformer", transformer, _words(128), 32, 16, 18.0),
    )
}


# What a GPU is worth: the small ones of above, and two that fill it. No promises yet.
GPU_WORKLOADS = {
    **{n: WORKLOADS[n] for n in ("mlp", "cnn", "resnet20", "lstm")},
    "resnet50": Workload("resnet50", resnet50, _large, 64, 4, math.nan),
    "encoder": Workload("encoder", encoder, _words(512), 16, 8, math.nan),
}
# By name only: dense layers that find no zeros to pass over, in what they are given and,
# with tanh, in between.
DENSE_WORKLOADS = {
    w.name: w
    for w in (
        Workload("mlp-normal", mlp, _normal, 128, 64, math.nan),
        Workload("mlp-tanh", tanh_mlp(512, 2), _normal, 128, 64, math.nan),
        Workload("wide-tanh", tanh_mlp(1024, 4), _normal, 256, 16, math.nan),
    )
}
ALL_WORKLOADS = {**WORKLOADS, **GPU_WORKLOADS, **DENSE_WORKLOADS}


def forward_macs(model: Any) -> list[int]:
    """Multiply-adds of each matmul and convolution layer for one sample, in order."""
    counts = []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in ("Dense", "Conv2D"):
            places = int(np.prod(layer.output.shape[1:-1]))  # 1 for a Dense on rows
            counts.append(places * int(np.prod(layer.kernel.shape)))
        elif kind == "LSTM":
            steps = layer.input.shape[1]
            width = layer.input.shape[-1] + layer.units
            counts.append(steps * 4 * layer.units * width)
        elif kind == "MultiHeadAttention":
            _, tokens, width = layer.output.shape
            inner = layer.num_heads * layer.key_dim
            counts.append(tokens * inner * (4 * width + 2 * tokens))
    return counts


def train_macs(model: Any) -> int:
    """Of a training step on one sample: forward, by weights, by inputs.

    The first layer of a picture needs no gradient by its input.
    """
    counts = forward_macs(model)
    first = (
        counts[0] if np.issubdtype(np.dtype(model.inputs[0].dtype), np.floating) else 0
    )
    return 3 * sum(counts) - first
