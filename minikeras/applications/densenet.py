"""DenseNet121, DenseNet169, DenseNet201: `keras.applications.densenet`."""

from __future__ import annotations

from functools import partial

from minikeras import layers
from minikeras.applications.blocks import Unit, channels_of, joined
from minikeras.applications.build import Network
from minikeras.applications.common import Application, application
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing
from minikeras.applications.pretrained import by_pattern
from minikeras.engine.symbolic import KerasTensor

_GROWTH = 32  # channels that a block adds
_UNIT = Unit("{}_conv", "{}_bn", "{}_relu", epsilon=1.001e-5)
_LAST = Unit(norm="{}", act="{}", epsilon=1.001e-5)
_REFERENCE = """\
Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks; 2017.
    https://arxiv.org/abs/1608.06993"""


def _body(x: KerasTensor, depths: tuple[int, ...]) -> KerasTensor:
    x = layers.ZeroPadding2D(3)(x)
    x = _UNIT(x, 64, 7, 2, "conv1")
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    for stack, depth in enumerate(depths, 2):
        for i in range(1, depth + 1):
            x = _block(x, f"conv{stack}_block{i}")
        if stack < 5:
            x = _transition(x, f"pool{stack}")
    return _LAST.activated(_LAST.normalized(x, "bn"), "relu")


def _block(x: KerasTensor, name: str) -> KerasTensor:
    new = _UNIT.activated(_UNIT.normalized(x, f"{name}_0"), f"{name}_0")
    new = _UNIT(new, 4 * _GROWTH, 1, 1, f"{name}_1")
    new = _UNIT.convolved(new, _GROWTH, 3, 1, f"{name}_2", padding="same")
    return joined([x, new], f"{name}_concat")


def _transition(x: KerasTensor, name: str) -> KerasTensor:
    """Half the channels, half the size."""
    x = _UNIT.activated(_UNIT.normalized(x, name), name)
    x = _UNIT.convolved(x, channels_of(x) // 2, 1, 1, name)
    return layers.AveragePooling2D(2, 2, name=f"{name}_pool")(x)


def _made(
    number: str, depths: tuple[int, ...], about: str, *hashes: str
) -> Application:
    name = f"densenet{number}"
    pattern = f"{name}_weights_tf_dim_ordering_tf_kernels{{}}.h5"
    files = by_pattern("densenet", pattern, (hashes[0], hashes[1]))
    network = Network(name, 224, partial(_body, depths=depths), files)
    return application(f"DenseNet{number}", __name__, network, about, _REFERENCE)


DenseNet121 = _made(
    "121", (6, 12, 24, 16),
    "58 blocks that each see the results of all before them, 8 million weights",
    "9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738",
)  # fmt: skip
DenseNet169 = _made(
    "169", (6, 12, 32, 32),
    "82 blocks that each see the results of all before them, 14 million weights",
    "d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b",
)  # fmt: skip
DenseNet201 = _made(
    "201", (6, 12, 48, 32),
    "98 blocks that each see the results of all before them, 20 million weights",
    "1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1",
)  # fmt: skip
preprocess_input = preprocessing(__name__, "torch")

__all__ = [
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "decode_predictions",
    "preprocess_input",
]
