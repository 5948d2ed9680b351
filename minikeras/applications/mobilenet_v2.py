"""MobileNetV2: `keras.applications.mobilenet_v2`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from os import PathLike
from typing import Any

from minikeras import layers
from minikeras.applications.blocks import Unit, channels_of, halved, sides_of
from minikeras.applications.build import Network, dense_top
from minikeras.applications.common import introduce
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing
from minikeras.applications.options import Options
from minikeras.applications.pretrained import by_pattern
from minikeras.applications.sized import (
    WIDTH_ARGS,
    check_width,
    divisible,
    rows_of,
    trained_size,
)
from minikeras.engine.symbolic import KerasTensor, is_keras_tensor
from minikeras.models.functional import Functional
from minikeras.types import Identifier

# Blocks as (channels, strides of the first, how many).
_BLOCKS = (
    (16, 1, 1), (24, 2, 2), (32, 2, 3), (64, 2, 4), (96, 1, 3), (160, 2, 3), (320, 1, 1)
)  # fmt: skip
_EXPANSION = 6  # of the channels inside a block; the first has none
_SIZES = (96, 128, 160, 192, 224)
_WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
_UNIT = Unit(
    "{}", "{}_BN", "{}_relu", lambda name: layers.ReLU(6.0, name=name),
    momentum=0.999, padding="same",
)  # fmt: skip


def _body(x: KerasTensor, alpha: float) -> KerasTensor:
    x = _UNIT.convolved(x, divisible(32 * alpha), 3, 2, "Conv1")
    x = Unit(norm="bn_{}", momentum=_UNIT.momentum).normalized(x, "Conv1")
    x = _UNIT.activated(x, "Conv1")
    number = 0
    for filters, strides, repeats in _BLOCKS:
        for i in range(repeats):
            x = _block(x, divisible(int(filters * alpha)), 1 if i else strides, number)
            number += 1
    last = divisible(1280 * alpha) if alpha > 1 else 1280
    x = _UNIT.convolved(x, last, 1, 1, "Conv_1", padding="valid")
    x = Unit(momentum=_UNIT.momentum).normalized(x, "Conv_1")
    return _UNIT.activated(x, "out")


def _block(x: KerasTensor, filters: int, strides: int, number: int) -> KerasTensor:
    """Wider by a 1 x 1 convolution, filtered channel by channel, narrow again."""
    name = f"block_{number}" if number else "expanded_conv"
    channels, padding, before = channels_of(x), "same", x
    if number:
        x = _UNIT(x, _EXPANSION * channels, 1, 1, f"{name}_expand")
    if strides == 2:
        x = layers.ZeroPadding2D(halved(3, sides_of(x)), name=f"{name}_pad")(x)
        padding = "valid"
    x = _UNIT.depthwise(x, 3, strides, f"{name}_depthwise", padding=padding)
    x = _UNIT.activated(_UNIT.normalized(x, f"{name}_depthwise"), f"{name}_depthwise")
    x = _UNIT(x, filters, 1, 1, f"{name}_project", activate=False)
    if channels == filters and strides == 1:
        x = layers.Add(name=f"{name}_add")([before, x])
    return x


def _network(side: int | None, size: int, alpha: float) -> Network:
    pattern = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_{size}{{}}.h5"
    return Network(
        f"mobilenetv2_{alpha:.2f}_{side}",
        size,
        partial(_body, alpha=alpha),
        by_pattern("mobilenet_v2", pattern, (None, None), "_no_top"),
        top=partial(dense_top, pool=None),
        pools=(None, None),
    )


def MobileNetV2(
    input_shape: Sequence[int | None] | None = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: str | PathLike[str] | None = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Identifier = "softmax",
    name: str | None = None,
) -> Functional:
    """Documented below, with what all networks share."""
    options = Options(
        "MobileNetV2", include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    check_width(options, alpha, _WIDTHS)
    seen = None
    if input_shape is None and is_keras_tensor(input_tensor):
        seen = tuple(input_tensor.shape[1:])
    size = trained_size(options, _SIZES, seen)
    shape = options.shape(size, 32)
    return _network(rows_of(shape), size, float(alpha)).model(options, shape)


introduce(
    MobileNetV2,
    "MobileNetV2",
    __name__,
    _network(None, 224, 1.0),
    "17 blocks that are narrow outside and wide inside, 3.5 million weights",
    "Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2: Inverted Residuals and Linear\n"
    "    Bottlenecks; 2018. https://arxiv.org/abs/1801.04381",
    WIDTH_ARGS.format(widths="0.35, 0.5, 0.75, 1, 1.3 and 1.4"),
)
preprocess_input = preprocessing(__name__, "tf")

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]
