"""InceptionV3: `keras.applications.inception_v3`."""

from __future__ import annotations

from minikeras import layers
from minikeras.applications.blocks import joined
from minikeras.applications.build import Network
from minikeras.applications.common import application
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing
from minikeras.applications.inception import (
    UNIT,
    Branch,
    branch,
    halved,
    mixed,
    stem,
)
from minikeras.applications.pretrained import by_pattern
from minikeras.engine.symbolic import KerasTensor


def _split(x: KerasTensor, name: str | None) -> KerasTensor:
    """A window of 3 x 3 as a row and a column side by side."""
    return joined([UNIT(x, 384, (1, 3)), UNIT(x, 384, (3, 1))], name)


def _widest(x: KerasTensor, number: int) -> KerasTensor:
    one = UNIT(x, 320, 1)
    three = _split(UNIT(x, 384, 1), f"mixed9_{number}")
    double = _split(branch(x, [(448, 1), (384, 3)]), None)
    mean = UNIT(layers.AveragePooling2D(3, 1, padding="same")(x), 192, 1)
    return joined([one, three, double, mean], f"mixed{9 + number}")


def _body(x: KerasTensor) -> KerasTensor:
    x = stem(x)
    for number, filters in enumerate((32, 64, 64)):
        branches: list[Branch] = [
            [(64, 1)],
            [(48, 1), (64, 5)],
            [(64, 1), (96, 3), (96, 3)],
        ]
        x = mixed(x, branches, filters, f"mixed{number}")
    x = halved(x, [[(384, 3)], [(64, 1), (96, 3), (96, 3)]], "mixed3")
    for number, n in enumerate((128, 160, 160, 192), 4):
        branches = [
            [(192, 1)],
            [(n, 1), (n, (1, 7)), (192, (7, 1))],
            [(n, 1), (n, (7, 1)), (n, (1, 7)), (n, (7, 1)), (192, (1, 7))],
        ]
        x = mixed(x, branches, 192, f"mixed{number}")
    rows: Branch = [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3)]
    x = halved(x, [[(192, 1), (320, 3)], rows], "mixed8")
    return _widest(_widest(x, 0), 1)


InceptionV3 = application(
    "InceptionV3",
    __name__,
    Network(
        "inception_v3",
        299,
        _body,
        by_pattern(
            "inception_v3",
            "inception_v3_weights_tf_dim_ordering_tf_kernels{}.h5",
            ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"),
        ),
        least=75,
        pools=(None, None),
    ),
    "eleven blocks of windows of several sizes side by side, 24 million weights",
    "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception Architecture for\n"
    "    Computer Vision; 2015. https://arxiv.org/abs/1512.00567",
)
preprocess_input = preprocessing(__name__, "tf")

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]
