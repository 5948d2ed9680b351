"""MobileNetV3Small, MobileNetV3Large: what `keras.applications.mobilenet_v3` belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from typing import Any

from minikeras import layers
from minikeras.applications.blocks import Unit, channels_of, halved, sides_of
from minikeras.applications.build import Network
from minikeras.applications.common import introduce
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing
from minikeras.applications.options import Options
from minikeras.applications.pretrained import by_pattern
from minikeras.applications.sized import WIDTH_ARGS, check_width, divisible
from minikeras.engine.symbolic import KerasTensor
from minikeras.models.functional import Functional
from minikeras.types import Identifier

# A block: expansion, channels, window, strides, squeeze and excitation, hard swish.
_Block = tuple[float, int, int, int, bool, bool]
_SMALL: tuple[_Block, ...] = (
    (1, 16, 3, 2, True, False), (72 / 16, 24, 3, 2, False, False),
    (88 / 24, 24, 3, 1, False, False), (4, 40, 5, 2, True, True), (6, 40, 5, 1, True, True),
    (6, 40, 5, 1, True, True), (3, 48, 5, 1, True, True), (3, 48, 5, 1, True, True),
    (6, 96, 5, 2, True, True), (6, 96, 5, 1, True, True), (6, 96, 5, 1, True, True),
)  # fmt: skip
_LARGE: tuple[_Block, ...] = (
    (1, 16, 3, 1, False, False), (4, 24, 3, 2, False, False), (3, 24, 3, 1, False, False),
    (3, 40, 5, 2, True, False), (3, 40, 5, 1, True, False), (3, 40, 5, 1, True, False),
    (6, 80, 3, 2, False, True), (2.5, 80, 3, 1, False, True), (2.3, 80, 3, 1, False, True),
    (2.3, 80, 3, 1, False, True), (6, 112, 3, 1, True, True), (6, 112, 3, 1, True, True),
    (6, 160, 5, 2, True, True), (6, 160, 5, 1, True, True), (6, 160, 5, 1, True, True),
)  # fmt: skip
# (minimalistic, width) -> hashes of the trained weights, with the classifier and without.
_Hashes = dict[tuple[bool, float], tuple[str, str]]
_SMALL_HASHES: _Hashes = {
    (False, 0.75): (
        "cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"
    ),
    (False, 1.0): (
        "8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"
    ),
    (True, 1.0): (
        "99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"
    ),
}  # fmt: skip
_LARGE_HASHES: _Hashes = {
    (False, 0.75): (
        "765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"
    ),
    (False, 1.0): (
        "59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"
    ),
    (True, 1.0): (
        "675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"
    ),
}  # fmt: skip
_RELU = Unit(
    "{}", "{}_bn", "", lambda name: layers.ReLU(), momentum=0.999, padding="same"
)
_SWISH = replace(_RELU, activation=lambda name: layers.Activation("hard_silu"))
_SHARE = 0.25  # of the channels, between squeeze and excitation
_EXTRA = (
    WIDTH_ARGS.format(widths="0.75 and 1, and for 1 where `minimalistic`")
    + """\
    minimalistic: Whether to do without squeeze and excitation, hard swish and windows of
        5 x 5, for hardware that is slow at them.
    dropout_rate: Share of the features that the classifier does not see in training.
    include_preprocessing: Whether the model brings pictures of 0 to 255 into its range.
"""
)


@dataclass(frozen=True)
class _Kind:
    """One of the two networks.

    Attributes:
        name: Its name.
        blocks: Its blocks.
        last: Channels of the classifier's inner layer.
        hashes: Of its trained weights.
    """

    name: str
    blocks: tuple[_Block, ...]
    last: int
    hashes: _Hashes

    def network(
        self, alpha: float, minimalistic: bool, dropout: float, preprocessed: bool
    ) -> Network:
        unit = _RELU if minimalistic else _SWISH
        size = self.name.removeprefix("MobileNetV3").lower()
        kind = f"{size}{'_minimalistic' if minimalistic else ''}_224_{float(alpha)}"
        return Network(
            self.name,
            224,
            partial(
                self._body,
                alpha=alpha,
                minimalistic=minimalistic,
                preprocessed=preprocessed,
            ),
            by_pattern(
                "mobilenet_v3",
                f"weights_mobilenet_v3_{kind}_float{{}}.h5",
                self.hashes.get((minimalistic, alpha), (None, None)),
                "_no_top_v2",
            ),
            top=partial(self._top, alpha=alpha, unit=unit, dropout=dropout),
            fixed=False,
        )

    def _body(
        self, x: KerasTensor, alpha: float, minimalistic: bool, preprocessed: bool
    ) -> KerasTensor:
        unit = _RELU if minimalistic else _SWISH
        if preprocessed:
            x = layers.Rescaling(1 / 127.5, offset=-1.0)(x)
        x = unit(x, 16, 3, 2, "conv")
        for number, block in enumerate(self.blocks):
            expansion, filters, size, strides, excited, swish = block
            if minimalistic:
                size, excited, swish = 3, False, False
            x = _block(
                x, expansion, divisible(filters * alpha), size, strides, excited,
                _SWISH if swish else _RELU, number,
            )  # fmt: skip
        return unit(x, divisible(6 * channels_of(x)), 1, 1, "conv_1")

    def _top(
        self, x: KerasTensor, options: Options, alpha: float, unit: Unit, dropout: float
    ) -> KerasTensor:
        last = divisible(self.last * alpha) if alpha > 1 else self.last
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = unit.activated(unit.convolved(x, last, 1, 1, "conv_2", use_bias=True))
        if dropout > 0:
            x = layers.Dropout(dropout)(x)
        x = layers.Conv2D(options.classes, 1, padding="same", name="logits")(x)
        x = layers.Flatten()(x)
        return layers.Activation(options.classifier_activation, name="predictions")(x)


def _block(
    x: KerasTensor,
    expansion: float,
    filters: int,
    size: int,
    strides: int,
    excited: bool,
    unit: Unit,
    number: int,
) -> KerasTensor:
    """Wider by a 1 x 1 convolution, filtered channel by channel, weighed, narrow again."""
    name = f"expanded_conv_{number}" if number else "expanded_conv"
    channels, before, padding = channels_of(x), x, "same"
    wide = divisible(channels * expansion)
    if number:
        x = unit(x, wide, 1, 1, f"{name}_expand")
    if strides == 2:
        border = halved(size, sides_of(x))
        x = layers.ZeroPadding2D(border, name=f"{name}_depthwise_pad")(x)
        padding = "valid"
    x = unit.depthwise(x, size, strides, f"{name}_depthwise", padding=padding)
    x = unit.activated(unit.normalized(x, f"{name}_depthwise"))
    if excited:
        x = _excited(x, wide, f"{name}_squeeze_excite")
    x = unit(x, filters, 1, 1, f"{name}_project", activate=False)
    if strides == 1 and channels == filters:
        x = layers.Add(name=f"{name}_add")([before, x])
    return x


def _excited(x: KerasTensor, channels: int, name: str) -> KerasTensor:
    """Channels weighed by what their means say."""
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool")(x)
    few = divisible(channels * _SHARE)
    y = layers.Conv2D(few, 1, padding="same", name=f"{name}_conv")(y)
    y = layers.ReLU(name=f"{name}_relu")(y)
    y = layers.Conv2D(channels, 1, padding="same", name=f"{name}_conv_1")(y)
    y = layers.ReLU(6.0)(y + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{name}_mul")([x, y])


def _made(kind: _Kind, about: str) -> Callable[..., Any]:
    """The function of a network; its arguments come in an order of their own."""

    def made(
        input_shape: Sequence[int | None] | None = None,
        alpha: float = 1.0,
        minimalistic: bool = False,
        include_top: bool = True,
        weights: str | PathLike[str] | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        classes: int = 1000,
        pooling: str | None = None,
        dropout_rate: float = 0.2,
        classifier_activation: Identifier = "softmax",
        include_preprocessing: bool = True,
        name: str | None = kind.name,
    ) -> Functional:
        options = Options(
            kind.name, include_top, weights, input_tensor, input_shape, pooling, classes,
            classifier_activation, name,
        )  # fmt: skip
        widths = tuple(w for small, w in kind.hashes if small == bool(minimalistic))
        check_width(options, alpha, widths)
        network = kind.network(
            alpha, bool(minimalistic), dropout_rate, include_preprocessing
        )
        return network.model(options)

    network = kind.network(1.0, False, 0.2, True)
    reference = (
        "Howard et al.: Searching for MobileNetV3; 2019.\n"
        "    https://arxiv.org/abs/1905.02244"
    )
    introduce(made, kind.name, __name__, network, about, reference, _EXTRA)
    return made


MobileNetV3Small = _made(
    _Kind("MobileNetV3Small", _SMALL, 1024, _SMALL_HASHES),
    "11 blocks found by search, 2.6 million weights",
)
MobileNetV3Large = _made(
    _Kind("MobileNetV3Large", _LARGE, 1280, _LARGE_HASHES),
    "15 blocks found by search, 5.5 million weights",
)
preprocess_input = preprocessing(__name__, None)

# The networks themselves are in `keras.applications` alone.
__all__ = ["decode_predictions", "preprocess_input"]
