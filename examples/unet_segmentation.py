"""A small U-Net: which pixels of a noisy picture belong to the digit.

Digits are laid over stripes and noise; the network says for each pixel whether it is
ink. The way down halves the picture and sees more of it, the way up brings the detail
back by joining what the way down saw (Ronneberger et al., 2015,
https://arxiv.org/abs/1505.04597).

EPOCHS=2 python examples/unet_segmentation.py
"""

import os

import numpy as np

import minikeras as keras
from minikeras import layers
from minikeras.datasets import mnist5k

EPOCHS = int(os.environ.get("EPOCHS", "3"))


def scenes(digits, seed):
    """Pictures `(samples, 28, 28, 1)` with digits on a background, and their masks."""
    rng = np.random.default_rng(seed)
    ink = digits.astype("float32")[..., None] / 255
    count = len(ink)
    angle, phase, width = rng.uniform(0, np.pi, (3, count, 1, 1, 1))
    rows, columns = np.mgrid[0:28, 0:28, 0:1][:2]
    along = rows * np.sin(angle) + columns * np.cos(angle)
    stripes = 0.25 + 0.25 * np.sin(along * (0.3 + width / 4) + phase)
    noise = rng.normal(0, 0.15, ink.shape)
    pictures = stripes * (1 - ink) + 0.8 * ink + noise
    return pictures.astype("float32"), (ink > 0.5).astype("float32")


def block(x, filters):
    """Convolution, normalization, activation."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def unet():
    """28 x 28 down to 7 x 7 and back."""
    inputs = keras.Input((28, 28, 1))
    fine = block(inputs, 8)
    middle = block(layers.MaxPooling2D()(fine), 16)
    x = block(layers.MaxPooling2D()(middle), 32)
    for filters, seen in ((16, middle), (8, fine)):
        x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
        x = block(layers.Concatenate()([x, seen]), filters)
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))


keras.utils.set_random_seed(0)
(train, _), (test, _) = mnist5k.load_data()
x, y = scenes(train[:2000], seed=1)
x_test, y_test = scenes(test[:500], seed=2)

model = unet()
model.compile(
    keras.optimizers.Adam(0.005),
    "binary_crossentropy",
    metrics=[keras.metrics.BinaryIoU([1], name="iou")],
)
model.fit(x, y, batch_size=50, epochs=EPOCHS, verbose=2)
loss, iou = model.evaluate(x_test, y_test, verbose=0)
print(f"test IoU {iou:.3f}")
