"""VGG: convolutions of 3 x 3 in five blocks, each half as large as the one before."""

from __future__ import annotations

from minikeras import layers
from minikeras.applications.build import Network
from minikeras.applications.options import Options
from minikeras.applications.pretrained import by_pattern
from minikeras.engine.symbolic import KerasTensor

_FILTERS = (64, 128, 256, 512, 512)
REFERENCE = """\
Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition;
    2015. https://arxiv.org/abs/1409.1556"""


def _top(x: KerasTensor, options: Options) -> KerasTensor:
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = layers.Dense(4096, activation="relu", name=name)(x)
    return layers.Dense(
        options.classes, activation=options.classifier_activation, name="predictions"
    )(x)


def network(name: str, depths: tuple[int, ...], hashes: tuple[str, str]) -> Network:
    """A VGG network.

    Args:
        name: Its name.
        depths: Convolutions in each block.
        hashes: Of the files of trained weights.
    """

    def body(x: KerasTensor) -> KerasTensor:
        for block, (filters, depth) in enumerate(zip(_FILTERS, depths), 1):
            for i in range(1, depth + 1):
                x = layers.Conv2D(
                    filters, 3, padding="same", activation="relu",
                    name=f"block{block}_conv{i}",
                )(x)  # fmt: skip
            x = layers.MaxPooling2D(2, 2, name=f"block{block}_pool")(x)
        return x

    pattern = f"{name}_weights_tf_dim_ordering_tf_kernels{{}}.h5"
    files = by_pattern(name, pattern, hashes)
    return Network(name, 224, body, files, top=_top, pools=(None, None))
