"""ResNet50, ResNet101, ResNet152: `keras.applications.resnet`."""

from __future__ import annotations

from minikeras.applications import residual
from minikeras.applications.common import Application, application
from minikeras.applications.imagenet_utils import decode_predictions, preprocessing

_REFERENCE = """\
He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition; 2015.
    https://arxiv.org/abs/1512.03385"""


def _made(depth: str, about: str, *hashes: str) -> Application:
    network = residual.network(1, depth, (hashes[0], hashes[1]))
    return application(f"ResNet{depth}", __name__, network, about, _REFERENCE)


ResNet50 = _made(
    "50", "16 bottlenecks of three convolutions, 26 million weights",
    "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626",
)  # fmt: skip
ResNet101 = _made(
    "101", "33 bottlenecks of three convolutions, 45 million weights",
    "f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21",
)  # fmt: skip
ResNet152 = _made(
    "152", "50 bottlenecks of three convolutions, 60 million weights",
    "100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c",
)  # fmt: skip
preprocess_input = preprocessing(__name__, "caffe")

__all__ = [
    "ResNet101",
    "ResNet152",
    "ResNet50",
    "decode_predictions",
    "preprocess_input",
]
