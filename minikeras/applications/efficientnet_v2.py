"""EfficientNetV2: `keras.applications.efficientnet_v2`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from os import PathLike
from typing import Protocol

from minikeras import initializers, layers
from minikeras.applications import mbconv
from minikeras.applications.blocks import Unit, channel_axis, channels_of
from minikeras.applications.build import Network
from minikeras.applications.common import introduce
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing
from minikeras.applications.options import Options
from minikeras.applications.pretrained import by_pattern
from minikeras.applications.sized import nearest
from minikeras.engine.symbolic import KerasTensor
from minikeras.models.functional import Functional
from minikeras.types import Identifier

# Stages: repeats, channels, expansion, strides of the first block, whether one convolution
# stands for the widening and the filtering.
_Stage = tuple[int, int, int, int, bool]
_BASE: tuple[_Stage, ...] = (
    (1, 16, 1, 1, True), (2, 32, 4, 2, True), (2, 48, 4, 2, True), (3, 96, 4, 2, False),
    (5, 112, 6, 1, False), (8, 192, 6, 2, False),
)  # fmt: skip
_SMALL: tuple[_Stage, ...] = (
    (2, 24, 1, 1, True), (4, 48, 4, 2, True), (4, 64, 4, 2, True), (6, 128, 4, 2, False),
    (9, 160, 6, 1, False), (15, 256, 6, 2, False),
)  # fmt: skip
_MEDIUM: tuple[_Stage, ...] = (
    (3, 24, 1, 1, True), (5, 48, 4, 2, True), (5, 80, 4, 2, True), (7, 160, 4, 2, False),
    (14, 176, 6, 1, False), (18, 304, 6, 2, False), (5, 512, 6, 1, False),
)  # fmt: skip
_LARGE: tuple[_Stage, ...] = (
    (4, 32, 1, 1, True), (7, 64, 4, 2, True), (7, 96, 4, 2, True), (10, 192, 4, 2, False),
    (19, 224, 6, 1, False), (25, 384, 6, 2, False), (7, 640, 6, 1, False),
)  # fmt: skip
# Name, stages, channels of the stem, width, depth, size of pictures, hashes of the weights.
_SIZES: tuple[tuple[str, tuple[_Stage, ...], int, float, float, int, str, str], ...] = (
    ("B0", _BASE, 32, 1.0, 1.0, 224,
     "21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"),
    ("B1", _BASE, 32, 1.0, 1.1, 240,
     "069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"),
    ("B2", _BASE, 32, 1.1, 1.2, 260,
     "424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"),
    ("B3", _BASE, 32, 1.2, 1.4, 300,
     "1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"),
    ("S", _SMALL, 24, 1.0, 1.0, 384,
     "e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"),
    ("M", _MEDIUM, 24, 1.0, 1.0, 480,
     "a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"),
    ("L", _LARGE, 32, 1.0, 1.0, 480,
     "27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615"),
)  # fmt: skip
_UNIT = Unit(
    "{}_conv", "{}_bn", "{}_activation", "silu",
    momentum=0.9, padding="same", kernel=mbconv.KERNEL,
)  # fmt: skip
_DEPTHWISE = Unit(
    "{}dwconv2", "{}bn", "{}activation", "silu",
    momentum=0.9, padding="same", kernel=mbconv.KERNEL,
)  # fmt: skip
_SEPARATE = partial(mbconv.separate, units=(_UNIT, _DEPTHWISE))
_MEANS = (0.485, 0.456, 0.406)
_DEVIATIONS = (0.229, 0.224, 0.225)
_REFERENCE = """\
Tan, Le: EfficientNetV2: Smaller Models and Faster Training; 2021.
    https://arxiv.org/abs/2104.00298"""
_EXTRA = """\
    include_preprocessing: Whether the model brings pictures of 0 to 255 into its range.
"""


def _ranged(x: KerasTensor, normalized: bool) -> KerasTensor:
    """Pictures of 0 to 255 in the range that the network was trained on."""
    if not normalized:
        return layers.Rescaling(1.0 / 128.0, offset=-1)(x)
    x = layers.Rescaling(1.0 / 255.0)(x)
    return layers.Normalization(
        mean=list(_MEANS),
        variance=[deviation**2 for deviation in _DEVIATIONS],
        axis=channel_axis() % 4,
    )(x)


def _body(
    x: KerasTensor,
    stages: tuple[_Stage, ...],
    stem: int,
    width: float,
    depth: float,
    preprocessed: bool,
) -> KerasTensor:
    if preprocessed:
        x = _ranged(x, normalized=stages is _BASE)
    x = _UNIT(x, nearest(stem * width), 3, 2, "stem")
    repeats = [mbconv.repeated(depth, stage[0]) for stage in stages]
    names = mbconv.block_names(repeats)
    # Deeper networks leave the blocks out as often as the one they were scaled from.
    rates = mbconv.rates(repeats, sum(stage[0] for stage in stages))
    for (_, filters, expansion, strides, fused), times in zip(stages, repeats):
        for i in range(times):
            build = _fused if fused else _SEPARATE
            x = build(
                x, nearest(filters * width), 3, expansion, 1 if i else strides,
                next(rates), next(names),
            )  # fmt: skip
    return _UNIT(x, nearest(1280 * width), 1, 1, "top")


def _fused(
    x: KerasTensor,
    filters: int,
    size: int,
    expansion: int,
    strides: int,
    rate: float,
    name: str,
) -> KerasTensor:
    """Widened and filtered by one convolution, narrow again; or one convolution alone."""
    before = x
    if expansion == 1:
        x = _UNIT(x, filters, size, strides, f"{name}project")
    else:
        x = _UNIT(x, expansion * channels_of(x), size, strides, f"{name}expand")
        x = _UNIT(x, filters, 1, 1, f"{name}project", activate=False)
    return mbconv.around(x, before, strides, rate, name)


class _Application(Protocol):
    """The function of one of these networks."""

    __name__: str

    def __call__(
        self,
        include_top: bool = True,
        weights: str | PathLike[str] | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        input_shape: Sequence[int | None] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Identifier = "softmax",
        include_preprocessing: bool = True,
        name: str | None = ...,
    ) -> Functional:
        """The model."""


def _made(
    kind: str,
    stages: tuple[_Stage, ...],
    stem: int,
    width: float,
    depth: float,
    size: int,
    *hashes: str,
) -> _Application:
    function = f"EfficientNetV2{kind}"
    own_name = f"efficientnetv2-{kind.lower()}"

    def network(preprocessed: bool) -> Network:
        body = partial(
            _body, stages=stages, stem=stem, width=width, depth=depth,
            preprocessed=preprocessed,
        )  # fmt: skip
        files = by_pattern(
            "efficientnet_v2", f"{own_name}{{}}.h5", (hashes[0], hashes[1])
        )
        top = partial(mbconv.top, dropout=0.2, bias=initializers.Constant(0.0))
        return Network(own_name, size, body, files, top=top)

    def made(
        include_top: bool = True,
        weights: str | PathLike[str] | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        input_shape: Sequence[int | None] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Identifier = "softmax",
        include_preprocessing: bool = True,
        name: str | None = own_name,
    ) -> Functional:
        options = Options(
            function, include_top, weights, input_tensor, input_shape, pooling, classes,
            classifier_activation, name,
        )  # fmt: skip
        return network(include_preprocessing).model(options)

    blocks = sum(mbconv.repeated(depth, stage[0]) for stage in stages)
    about = f"{blocks} blocks, the first of them fused, for pictures of {size} x {size}"
    introduce(made, function, __name__, network(True), about, _REFERENCE, _EXTRA)
    return made


(
    EfficientNetV2B0,
    EfficientNetV2B1,
    EfficientNetV2B2,
    EfficientNetV2B3,
    EfficientNetV2S,
    EfficientNetV2M,
    EfficientNetV2L,
) = (_made(*row) for row in _SIZES)
preprocess_input = preprocessing(__name__, None)

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]
