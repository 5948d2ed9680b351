"""EfficientNetB0 to EfficientNetB7: `keras.applications.efficientnet`."""

from __future__ import annotations

import math
from functools import partial

from minikeras import layers
from minikeras.applications import mbconv
from minikeras.applications.blocks import (
    Unit,
    channel_axis,
    halved,
    sides_of,
)
from minikeras.applications.build import Network
from minikeras.applications.common import Application, application
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing
from minikeras.applications.options import Options
from minikeras.applications.pretrained import Files
from minikeras.applications.sized import divisible
from minikeras.engine.symbolic import KerasTensor

# Stages: window, repeats, channels, expansion, strides of the first block.
_STAGES = (
    (3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2), (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2), (3, 1, 320, 6, 1),
)  # fmt: skip
# Width, depth, size of pictures, dropout, and the hashes of the two files of weights.
_Size = tuple[float, float, int, float, str, str]
_SIZES: tuple[_Size, ...] = (
    (1.0, 1.0, 224, 0.2, "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    (1.0, 1.1, 240, 0.2, "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    (1.1, 1.2, 260, 0.3, "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    (1.2, 1.4, 300, 0.3, "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    (1.4, 1.8, 380, 0.4, "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    (1.6, 2.2, 456, 0.4, "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    (1.8, 2.6, 528, 0.5, "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    (2.0, 3.1, 600, 0.5, "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
)  # fmt: skip
_UNIT = Unit(
    "{}_conv", "{}_bn", "{}_activation", "silu", padding="same", kernel=mbconv.KERNEL
)
_DEPTHWISE = Unit("{}dwconv", "{}bn", "{}activation", "silu", kernel=mbconv.KERNEL)
_DEVIATIONS = (0.229, 0.224, 0.225)  # of ImageNet's colours
_REFERENCE = """\
Tan, Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks; 2019.
    https://arxiv.org/abs/1905.11946"""


def _ranged(x: KerasTensor, options: Options) -> KerasTensor:
    """Pictures of 0 to 255 in the range that the network was trained on."""
    x = layers.Rescaling(1.0 / 255.0)(x)
    x = layers.Normalization(axis=channel_axis() % 4)(x)
    if options.weights == "imagenet":
        # The published statistics were divided by deviations, not by variances.
        return layers.Rescaling([1.0 / math.sqrt(d) for d in _DEVIATIONS])(x)
    return x


def _body(x: KerasTensor, width: float, depth: float) -> KerasTensor:
    x = layers.ZeroPadding2D(halved(3, sides_of(x)), name="stem_conv_pad")(x)
    x = _UNIT(x, divisible(32 * width), 3, 2, "stem", padding="valid")
    repeats = [mbconv.repeated(depth, stage[1]) for stage in _STAGES]
    names = mbconv.block_names(repeats)
    rates = mbconv.rates(repeats, sum(repeats))
    for (size, _, filters, expansion, strides), times in zip(_STAGES, repeats):
        for i in range(times):
            x = mbconv.separate(
                x, divisible(filters * width), size, expansion, 1 if i else strides,
                next(rates), next(names), (_UNIT, _DEPTHWISE), padded=True,
            )  # fmt: skip
    return _UNIT(x, divisible(1280 * width), 1, 1, "top")


def _made(
    number: int, width: float, depth: float, size: int, dropout: float, *hashes: str
) -> Application:
    name = f"efficientnetb{number}"
    files = Files(
        "",
        (f"{name}.h5", f"{name}_notop.h5"),
        (hashes[0], hashes[1]),
        root="https://storage.googleapis.com/keras-applications/",
    )
    network = Network(
        name,
        size,
        partial(_body, width=width, depth=depth),
        files,
        top=partial(mbconv.top, dropout=dropout),
        ranged=_ranged,
    )
    about = (
        f"blocks found by search, {width} times as wide and {depth} times as deep as B0, "
        f"for pictures of {size} x {size}"
    )
    return application(f"EfficientNetB{number}", __name__, network, about, _REFERENCE)


(
    EfficientNetB0,
    EfficientNetB1,
    EfficientNetB2,
    EfficientNetB3,
    EfficientNetB4,
    EfficientNetB5,
    EfficientNetB6,
    EfficientNetB7,
) = (_made(number, *row) for number, row in enumerate(_SIZES))
preprocess_input = preprocessing(__name__, None)

__all__ = [
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "decode_predictions",
    "preprocess_input",
]
