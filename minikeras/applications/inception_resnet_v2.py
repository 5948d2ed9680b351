"""InceptionResNetV2: `keras.applications.inception_resnet_v2`."""

from __future__ import annotations

from typing import Any

from minikeras import layers
from minikeras.applications.blocks import channels_of, joined
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

# Residual blocks: their branches, and how much of the result is added.
_BLOCKS: dict[str, tuple[list[Branch], float]] = {
    "block35": ([[(32, 1)], [(32, 1), (32, 3)], [(32, 1), (48, 3), (64, 3)]], 0.17),
    "block17": ([[(192, 1)], [(128, 1), (160, (1, 7)), (192, (7, 1))]], 0.1),
    "block8": ([[(192, 1)], [(192, 1), (224, (1, 3)), (256, (3, 1))]], 0.2),
}


class CustomScaleLayer(layers.Layer):
    """The first tensor and a share of the second: `a + scale * b`.

    Args:
        scale: The share.
        **kwargs: See `Layer`.
    """

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        """The sum.

        Args:
            inputs: Two tensors of one shape.
        """
        return inputs[0] + inputs[1] * self.scale

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "scale": self.scale}


def _block(x: KerasTensor, kind: str, number: int, last: bool = False) -> KerasTensor:
    branches, scale = _BLOCKS[kind]
    name = f"{kind}_{number}"
    new = joined([branch(x, steps) for steps in branches], f"{name}_mixed")
    new = UNIT.convolved(new, channels_of(x), 1, 1, f"{name}_conv", use_bias=True)
    x = CustomScaleLayer(1.0 if last else scale)([x, new])
    return x if last else UNIT.activated(x, name)


def _body(x: KerasTensor) -> KerasTensor:
    x = stem(x)
    branches: list[Branch] = [
        [(96, 1)],
        [(48, 1), (64, 5)],
        [(64, 1), (96, 3), (96, 3)],
    ]
    x = mixed(x, branches, 64, "mixed_5b")
    for number in range(1, 11):
        x = _block(x, "block35", number)
    x = halved(x, [[(384, 3)], [(256, 1), (256, 3), (384, 3)]], "mixed_6a")
    for number in range(1, 21):
        x = _block(x, "block17", number)
    branches = [
        [(256, 1), (384, 3)],
        [(256, 1), (288, 3)],
        [(256, 1), (288, 3), (320, 3)],
    ]
    x = halved(x, branches, "mixed_7a")
    for number in range(1, 11):
        x = _block(x, "block8", number, last=number == 10)
    return UNIT(x, 1536, 1, 1, "conv_7b")


InceptionResNetV2 = application(
    "InceptionResNetV2",
    __name__,
    Network(
        "inception_resnet_v2",
        299,
        _body,
        by_pattern(
            "inception_resnet_v2",
            "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels{}.h5",
            ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4"),
        ),
        least=75,
        pools=(None, None),
    ),
    "40 Inception blocks with shortcuts, 56 million weights",
    "Szegedy, Ioffe, Vanhoucke, Alemi: Inception-v4, Inception-ResNet and the Impact of\n"
    "    Residual Connections on Learning; 2016. https://arxiv.org/abs/1602.07261",
)
preprocess_input = preprocessing(__name__, "tf")

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]
