"""Xception: `keras.applications.xception`."""

from __future__ import annotations

from minikeras import layers
from minikeras.applications.blocks import Unit
from minikeras.applications.build import Network
from minikeras.applications.common import application
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing
from minikeras.applications.pretrained import by_pattern
from minikeras.engine.symbolic import KerasTensor

_UNIT = Unit("{}", "{}_bn", "{}_act")
_SIDE = Unit(padding="same")
# Channels of the two convolutions of a block that halves the size.
_HALVING = {2: (128, 128), 3: (256, 256), 4: (728, 728), 13: (728, 1024)}


def _separable(x: KerasTensor, filters: int, name: str, activated: bool) -> KerasTensor:
    """A separable convolution, behind an activation unless it is `activated` already."""
    if not activated:
        x = _UNIT.activated(x, name)
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return _UNIT.normalized(x, name)


def _halving(x: KerasTensor, number: int) -> KerasTensor:
    side = _SIDE(x, _HALVING[number][1], 1, 2, activate=False)
    for i, filters in enumerate(_HALVING[number], 1):
        name = f"block{number}_sepconv{i}"
        x = _separable(x, filters, name, activated=number == 2 and i == 1)
    x = layers.MaxPooling2D(3, 2, padding="same", name=f"block{number}_pool")(x)
    return layers.Add()([x, side])


def _straight(x: KerasTensor, number: int) -> KerasTensor:
    side = x
    for i in (1, 2, 3):
        x = _separable(x, 728, f"block{number}_sepconv{i}", activated=False)
    return layers.Add()([x, side])


def _body(x: KerasTensor) -> KerasTensor:
    x = _UNIT(x, 32, 3, 2, "block1_conv1")
    x = _UNIT(x, 64, 3, 1, "block1_conv2")
    for number in range(2, 14):
        x = _halving(x, number) if number in _HALVING else _straight(x, number)
    for i, filters in enumerate((1536, 2048), 1):
        name = f"block14_sepconv{i}"
        x = _UNIT.activated(_separable(x, filters, name, activated=True), name)
    return x


Xception = application(
    "Xception",
    __name__,
    Network(
        "xception",
        299,
        _body,
        by_pattern(
            "xception",
            "xception_weights_tf_dim_ordering_tf_kernels{}.h5",
            ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97"),
        ),
        least=71,
        pools=(None, None),
    ),
    "34 separable convolutions with shortcuts, 23 million weights",
    "Chollet: Xception: Deep Learning with Depthwise Separable Convolutions; 2017.\n"
    "    https://arxiv.org/abs/1610.02357",
)
preprocess_input = preprocessing(__name__, "tf")

__all__ = ["Xception", "decode_predictions", "preprocess_input"]
