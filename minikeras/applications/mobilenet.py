"""MobileNet: `keras.applications.mobilenet`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from os import PathLike

from minikeras import layers
from minikeras.applications.blocks import Unit
from minikeras.applications.build import Network
from minikeras.applications.common import introduce
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing
from minikeras.applications.options import Options
from minikeras.applications.pretrained import Files
from minikeras.applications.sized import (
    WIDTH_ARGS,
    check_width,
    rows_of,
    trained_size,
)
from minikeras.engine.symbolic import KerasTensor
from minikeras.models.functional import Functional
from minikeras.types import Identifier

# Blocks as (channels, strides).
_BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1),
    (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip
_SIZES = (128, 160, 192, 224)
_WIDTHS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}  # as file names say them
_UNIT = Unit(activation=lambda name: layers.ReLU(6.0, name=name), padding="same")


def _body(x: KerasTensor, alpha: float, depth_multiplier: int) -> KerasTensor:
    x = _UNIT(x, int(32 * alpha), 3, 2, "conv1")
    for number, (filters, strides) in enumerate(_BLOCKS, 1):
        padding = "same"
        if strides == 2:
            border = ((0, 1), (0, 1))
            x = layers.ZeroPadding2D(border, name=f"conv_pad_{number}")(x)
            padding = "valid"
        name = f"conv_dw_{number}"
        x = _UNIT.depthwise(
            x, 3, strides, name, padding=padding, depth_multiplier=depth_multiplier
        )
        x = _UNIT.activated(_UNIT.normalized(x, name), name)
        x = _UNIT(x, int(filters * alpha), 1, 1, f"conv_pw_{number}")
    return x


def _top(x: KerasTensor, options: Options, dropout: float) -> KerasTensor:
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Conv2D(options.classes, 1, padding="same", name="conv_preds")(x)
    x = layers.Reshape((options.classes,), name="reshape_2")(x)
    return layers.Activation(options.classifier_activation, name="predictions")(x)


def _network(
    side: int | None, size: int, alpha: float, depth_multiplier: int, dropout: float
) -> Network:
    """The network for pictures of one size.

    Args:
        side: Height of the pictures; None if unknown.
        size: Of the pictures that its weights were trained on.
        alpha: Width.
        depth_multiplier: Channels that come of one in a depthwise convolution.
        dropout: Share of the features that the classifier does not see in training.
    """
    kind = f"mobilenet_{_WIDTHS.get(alpha)}_{size}_tf"
    return Network(
        f"mobilenet_{alpha:.2f}_{side}",
        size,
        partial(_body, alpha=alpha, depth_multiplier=depth_multiplier),
        Files("mobilenet", (f"{kind}.h5", f"{kind}_no_top.h5")),
        top=partial(_top, dropout=dropout),
        pools=(None, None),
    )


def MobileNet(
    input_shape: Sequence[int | None] | None = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 0.001,
    include_top: bool = True,
    weights: str | PathLike[str] | None = "imagenet",
    input_tensor: KerasTensor | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Identifier = "softmax",
    name: str | None = None,
) -> Functional:
    """Documented below, with what all networks share."""
    options = Options(
        "MobileNet", include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name,
    )  # fmt: skip
    check_width(options, alpha, tuple(_WIDTHS))
    if weights == "imagenet" and depth_multiplier != 1:
        raise ValueError(
            f"MobileNet: depth_multiplier={depth_multiplier} with weights='imagenet'; "
            "expected 1, or weights=None."
        )
    size = trained_size(options, _SIZES)
    shape = options.shape(size, 32)
    network = _network(rows_of(shape), size, alpha, depth_multiplier, dropout)
    return network.model(options, shape)


introduce(
    MobileNet,
    "MobileNet",
    __name__,
    _network(None, 224, 1.0, 1, 0.001),
    "13 pairs of depthwise and 1 x 1 convolutions, 4 million weights",
    "Howard et al.: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision\n"
    "    Applications; 2017. https://arxiv.org/abs/1704.04861",
    WIDTH_ARGS.format(widths="0.25, 0.5, 0.75 and 1")
    + """\
    depth_multiplier: Channels that come of one in a depthwise convolution.
    dropout: Share of the features that the classifier does not see in training.
""",
)
preprocess_input = preprocessing(__name__, "tf")

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]
