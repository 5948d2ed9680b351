"""ResNet, both versions: bottlenecks of three convolutions beside a shortcut."""

from __future__ import annotations

from functools import partial

from minikeras import layers
from minikeras.applications.blocks import Unit
from minikeras.applications.build import Network
from minikeras.applications.pretrained import by_pattern
from minikeras.engine.symbolic import KerasTensor

# Blocks in each of the four stacks; the two versions differ in how a block is arranged.
DEPTHS = {"50": (3, 4, 6, 3), "101": (3, 4, 23, 3), "152": (3, 8, 36, 3)}
_FILTERS = (64, 128, 256, 512)
_UNIT = Unit("{}_conv", "{}_bn", "{}_relu", epsilon=1.001e-5, bias=True)
_PLAIN = Unit("{}_conv", "{}_bn", "{}_relu", epsilon=1.001e-5)  # no biases


def network(version: int, depth: str, hashes: tuple[str, str]) -> Network:
    """A ResNet.

    Args:
        version: 1 or 2.
        depth: Key of `DEPTHS`.
        hashes: Of the files of trained weights.
    """
    name = f"resnet{depth}" + ("v2" if version == 2 else "")
    pattern = f"{name}_weights_tf_dim_ordering_tf_kernels{{}}.h5"
    body = partial(_body_1 if version == 1 else _body_2, depths=DEPTHS[depth])
    return Network(name, 224, body, by_pattern("resnet", pattern, hashes))


def _stem(x: KerasTensor) -> KerasTensor:
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    return _UNIT.convolved(x, 64, 7, 2, "conv1")


def _stem_pool(x: KerasTensor) -> KerasTensor:
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return layers.MaxPooling2D(3, 2, name="pool1_pool")(x)


def _body_1(x: KerasTensor, depths: tuple[int, ...]) -> KerasTensor:
    x = _UNIT.activated(_UNIT.normalized(_stem(x), "conv1"), "conv1")
    x = _stem_pool(x)
    for stack, (filters, depth) in enumerate(zip(_FILTERS, depths), 2):
        for i in range(1, depth + 1):
            strides = 2 if stack > 2 and i == 1 else 1
            x = _block_1(x, filters, strides, i == 1, f"conv{stack}_block{i}")
    return x


def _block_1(
    x: KerasTensor, filters: int, strides: int, widened: bool, name: str
) -> KerasTensor:
    """He et al. 2015: activations after the sum; the first convolution steps."""
    shortcut = x
    if widened:
        shortcut = _UNIT(x, 4 * filters, 1, strides, f"{name}_0", activate=False)
    x = _UNIT(x, filters, 1, strides, f"{name}_1")
    x = _UNIT(x, filters, 3, 1, f"{name}_2", padding="same")
    x = _UNIT(x, 4 * filters, 1, 1, f"{name}_3", activate=False)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _body_2(x: KerasTensor, depths: tuple[int, ...]) -> KerasTensor:
    x = _stem_pool(_stem(x))
    for stack, (filters, depth) in enumerate(zip(_FILTERS, depths), 2):
        for i in range(1, depth + 1):
            strides = 2 if stack < 5 and i == depth else 1
            x = _block_2(x, filters, strides, i == 1, f"conv{stack}_block{i}")
    return _PLAIN.activated(_PLAIN.normalized(x, "post"), "post")


def _block_2(
    x: KerasTensor, filters: int, strides: int, widened: bool, name: str
) -> KerasTensor:
    """He et al. 2016: activations before the convolutions; the middle one steps."""
    ahead = _PLAIN.activated(_PLAIN.normalized(x, f"{name}_preact"), f"{name}_preact")
    if widened:
        shortcut = _UNIT.convolved(ahead, 4 * filters, 1, strides, f"{name}_0")
    else:
        shortcut = layers.MaxPooling2D(1, strides)(x) if strides > 1 else x
    x = _PLAIN(ahead, filters, 1, 1, f"{name}_1")
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = _PLAIN(x, filters, 3, strides, f"{name}_2")
    x = _UNIT.convolved(x, 4 * filters, 1, 1, f"{name}_3")
    return layers.Add(name=f"{name}_out")([shortcut, x])
