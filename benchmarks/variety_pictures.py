"""Models of the variety that are fed pictures, films and volumes."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.variety_registry import (
    SQUARES,
    Arrays,
    Family,
    labelled,
    measured,
    mirrored,
)

PICTURES = Family()
COLOUR = labelled(32, 32, 3)
GREY = labelled(28, 28, 1)


def _end(keras: Any) -> list[Any]:
    """Ten classes from the means of the channels."""
    layers = keras.layers
    return [layers.GlobalAveragePooling2D(), layers.Dense(10, activation="softmax")]


def _conv(keras: Any, filters: int, size: int, activation: str = "relu") -> Any:
    """A convolution that keeps the picture's size."""
    return keras.layers.Conv2D(filters, size, padding="same", activation=activation)


@PICTURES.model(64, 10, GREY)
def lenet5(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            _conv(keras, 6, 5, "tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )


@PICTURES.model(1, 40, GREY)
def batch_one_cnn(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


@PICTURES.model(64, 10, COLOUR)
def vgg_small(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for filters in (32, 64, 128):
        model.add(_conv(keras, filters, 3))
        model.add(_conv(keras, filters, 3))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(10, activation="softmax"))
    return model


@PICTURES.model(64, 8, COLOUR)
def strided_bn(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for filters in (32, 64, 128):
        conv = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)
        model.add(conv)
        model.add(layers.BatchNormalization())
        model.add(layers.LeakyReLU())
    for layer in _end(keras):
        model.add(layer)
    return model


@PICTURES.model(32, 6, COLOUR)
def mobilenet(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([keras.Input((32, 32, 3)), _conv(keras, 32, 3, "linear")])
    for filters, strides in ((64, 1), (128, 2), (128, 1), (256, 2)):
        by_channel = layers.DepthwiseConv2D(
            3, strides=strides, padding="same", use_bias=False
        )
        for conv in (by_channel, layers.Conv2D(filters, 1, use_bias=False)):
            model.add(conv)
            model.add(layers.BatchNormalization())
            model.add(layers.ReLU(6.0))
    for layer in _end(keras):
        model.add(layer)
    return model


@PICTURES.model(32, 6, COLOUR)
def separable(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([keras.Input((32, 32, 3)), _conv(keras, 32, 3)])
    for filters in (64, 128):
        conv = layers.SeparableConv2D(filters, 3, padding="same", activation="relu")
        model.add(conv)
        model.add(layers.MaxPooling2D())
    for layer in _end(keras):
        model.add(layer)
    return model


@PICTURES.model(32, 6, labelled(32, 32, 16))
def grouped_dilated(keras: Any) -> Any:
    layers = keras.layers
    grouped = layers.Conv2D(32, 3, groups=4, padding="same", activation="relu")
    dilated = layers.Conv2D(32, 3, dilation_rate=2, padding="same", activation="relu")
    return keras.Sequential([keras.Input((32, 32, 16)), grouped, dilated, *_end(keras)])


@PICTURES.model(32, 6, COLOUR, optimizer="sgd")
def groupnorm(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for filters in (32, 64):
        model.add(_conv(keras, filters, 3, "linear"))
        model.add(layers.GroupNormalization(8))
        model.add(layers.Activation("swish"))
        model.add(layers.AveragePooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(10, activation="softmax"))
    return model


@PICTURES.model(64, 6, labelled(3, 32, 32))
def channels_first(keras: Any) -> Any:
    layers = keras.layers
    order = "channels_first"
    model = keras.Sequential([keras.Input((3, 32, 32))])
    for filters in (32, 64):
        conv = layers.Conv2D(
            filters, 3, padding="same", activation="relu", data_format=order
        )
        model.add(conv)
        model.add(layers.BatchNormalization(axis=1))
        model.add(layers.MaxPooling2D(2, data_format=order))
    model.add(layers.Flatten())
    model.add(layers.Dense(10, activation="softmax"))
    return model


def _sgd(keras: Any) -> Any:
    return keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True, clipvalue=1.0)


@PICTURES.model(64, 6, COLOUR, optimizer=_sgd)
def sgd_clip(keras: Any) -> Any:
    """Weight decay by the loss, momentum, gradients clipped by their values."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for filters in (32, 64):
        conv = layers.Conv2D(filters, 3, padding="same", kernel_regularizer="l2")
        model.add(conv)
        model.add(layers.BatchNormalization())
        model.add(layers.PReLU(shared_axes=[1, 2]))
        model.add(layers.MaxPooling2D(3, strides=2, padding="same"))
    model.add(layers.Flatten())
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    return model


@PICTURES.model(4, 3, labelled(112, 112, 3))
def big_pictures(keras: Any) -> Any:
    """The beginning of a ResNet for photographs."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((112, 112, 3))])
    model.add(layers.Conv2D(64, 7, strides=2, padding="same", use_bias=False))
    model.add(layers.BatchNormalization())
    model.add(layers.ReLU())
    model.add(layers.MaxPooling2D(3, strides=2, padding="same"))
    for filters in (64, 128):
        model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
    for layer in _end(keras):
        model.add(layer)
    return model


@PICTURES.model(32, 6, COLOUR)
def inception(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((32, 32, 3))
    x = _conv(keras, 32, 3)(inputs)
    for _ in range(2):
        one = _conv(keras, 32, 1)(x)
        three = _conv(keras, 16, 1)(x)
        three = _conv(keras, 32, 3)(three)
        five = _conv(keras, 8, 1)(x)
        five = _conv(keras, 16, 5)(five)
        pooled = layers.MaxPooling2D(3, strides=1, padding="same")(x)
        pooled = _conv(keras, 16, 1, "linear")(pooled)
        x = layers.Concatenate()([one, three, five, pooled])
        x = layers.MaxPooling2D()(x)
    for layer in _end(keras):
        x = layer(x)
    return keras.Model(inputs, x)


@PICTURES.model(16, 3, labelled(64, 64, 3))
def densenet_like(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((64, 64, 3))
    x = _conv(keras, 16, 3, "linear")(inputs)
    for _ in range(3):
        for _ in range(3):
            y = layers.BatchNormalization()(x)
            y = layers.Activation("relu")(y)
            y = layers.Conv2D(12, 3, padding="same", use_bias=False)(y)
            x = layers.Concatenate()([x, y])
        x = layers.Conv2D(x.shape[-1] // 2, 1)(x)
        x = layers.AveragePooling2D(2)(x)
    for layer in _end(keras):
        x = layer(x)
    return keras.Model(inputs, x)


@PICTURES.model(16, 3, labelled(48, 48, 3))
def efficient_like(keras: Any) -> Any:
    """Two blocks that widen, look by channel, weigh the channels and narrow."""
    layers = keras.layers
    inputs = keras.Input((48, 48, 3))
    x = layers.Conv2D(16, 3, strides=2, padding="same")(inputs)
    for filters in (16, 24):
        wide = 6 * filters
        x = layers.Conv2D(wide, 1, use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("swish")(x)
        x = layers.DepthwiseConv2D(5, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("swish")(x)
        weights = layers.GlobalAveragePooling2D(keepdims=True)(x)
        weights = layers.Conv2D(filters, 1, activation="swish")(weights)
        weights = layers.Conv2D(wide, 1, activation="sigmoid")(weights)
        x = layers.Multiply()([x, weights])
        x = layers.Conv2D(filters, 1, use_bias=False)(x)
        x = layers.BatchNormalization()(x)
    for layer in _end(keras):
        x = layer(x)
    return keras.Model(inputs, x)


@PICTURES.model(16, 4, COLOUR)
def vit(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(64, 4, strides=4)(inputs)
    x = layers.Reshape((64, 64))(x)
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        y = layers.MultiHeadAttention(num_heads=4, key_dim=16)(y, y)
        x = layers.Add()([x, y])
        y = layers.LayerNormalization()(x)
        y = layers.Dense(128, activation="gelu")(y)
        y = layers.Dense(64)(y)
        x = layers.Add()([x, y])
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


@PICTURES.model(64, 6, mirrored(28, 28, 1), loss=SQUARES)
def autoencoder(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for kind, filters in (
        (layers.Conv2D, 16),
        (layers.Conv2D, 32),
        (layers.Conv2DTranspose, 32),
        (layers.Conv2DTranspose, 16),
    ):
        model.add(kind(filters, 3, strides=2, padding="same", activation="relu"))
    model.add(_conv(keras, 1, 3, "sigmoid"))
    return model


@PICTURES.model(32, 6, labelled(16, 16, 8))
def transpose_up(keras: Any) -> Any:
    layers = keras.layers
    grow = layers.Conv2DTranspose(16, 4, strides=2, padding="same", activation="relu")
    return keras.Sequential(
        [
            keras.Input((16, 16, 8)),
            grow,
            layers.UpSampling2D(2, interpolation="bilinear"),
            layers.Conv2D(8, 1),
            layers.GlobalMaxPooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _segments(count: int, random: np.random.Generator) -> Arrays:
    """Pictures, each with a class a pixel."""
    x = random.normal(size=(count, 64, 64, 3)).astype("float32")
    return x, random.integers(0, 3, (count, 64, 64, 1)).astype("int32")


@PICTURES.model(8, 4, _segments)
def unet(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((64, 64, 3))
    x = inputs
    skipped = []
    for filters in (16, 32, 64):
        x = _conv(keras, filters, 3)(x)
        x = _conv(keras, filters, 3)(x)
        skipped.append(x)
        x = layers.MaxPooling2D()(x)
    x = _conv(keras, 128, 3)(x)
    for filters in (64, 32, 16):
        x = layers.UpSampling2D()(x)
        x = layers.Concatenate()([x, skipped.pop()])
        x = _conv(keras, filters, 3)(x)
    return keras.Model(inputs, layers.Conv2D(3, 1, activation="softmax")(x))


@PICTURES.model(8, 3, labelled(16, 16, 16, 1, classes=3))
def conv3d(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((16, 16, 16, 1)),
            layers.Conv3D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling3D(),
            layers.Conv3D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling3D(),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


@PICTURES.model(16, 3, measured((6, 16, 16, 2), (16, 16, 1)), loss=SQUARES)
def convlstm(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, 16, 16, 2)),
            layers.ConvLSTM2D(16, 3, padding="same"),
            _conv(keras, 1, 3, "linear"),
        ]
    )
