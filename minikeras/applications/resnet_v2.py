"""ResNet50V2, ResNet101V2, ResNet152V2: `keras.applications.resnet_v2`."""

from __future__ import annotations

from minikeras.applications import residual
from minikeras.applications.common import Application, application
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing

_REFERENCE = """\
He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks; 2016.
    https://arxiv.org/abs/1603.05027"""


def _made(depth: str, about: str, *hashes: str) -> Application:
    network = residual.network(2, depth, (hashes[0], hashes[1]))
    return application(f"ResNet{depth}V2", __name__, network, about, _REFERENCE)


ResNet50V2 = _made(
    "50", "16 bottlenecks that activate first, 26 million weights",
    "3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917",
)  # fmt: skip
ResNet101V2 = _made(
    "101", "33 bottlenecks that activate first, 45 million weights",
    "6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5",
)  # fmt: skip
ResNet152V2 = _made(
    "152", "50 bottlenecks that activate first, 60 million weights",
    "a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33",
)  # fmt: skip
preprocess_input = preprocessing(__name__, "tf")

__all__ = [
    "ResNet101V2",
    "ResNet152V2",
    "ResNet50V2",
    "decode_predictions",
    "preprocess_input",
]
