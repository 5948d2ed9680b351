"""What both EfficientNets are made of: wide, filtered, weighed and narrow again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from minikeras import initializers, layers
from minikeras.applications.blocks import (
    Unit,
    channel_axis,
    channels_of,
    halved,
    sides_of,
)
from minikeras.engine.symbolic import KerasTensor

SHARE = 0.25  # of the channels before the block, between squeeze and excitation
DROPPED = 0.2  # how often the last block would be left out in training
KERNEL = initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")
DENSE = initializers.VarianceScaling(1.0 / 3.0, "fan_out", "uniform")


def rates(repeats: list[int], total: int) -> Iterator[float]:
    """How often each block is left out in training: the later, the more often.

    Args:
        repeats: Blocks of each stage.
        total: The number of the block that would be left out with the rate `DROPPED`.
    """
    return (DROPPED * i / total for i in range(sum(repeats)))


def repeated(depth: float, times: int) -> int:
    """How often a block comes in a network of some depth."""
    return math.ceil(depth * times)


def block_names(repeats: list[int]) -> Iterator[str]:
    """`block1a_`, `block1b_`, `block2a_`, ..."""
    for stage, times in enumerate(repeats, 1):
        for i in range(times):
            yield f"block{stage}{chr(ord('a') + i)}_"


def excited(x: KerasTensor, before: int, name: str) -> KerasTensor:
    """Channels weighed by what their means say.

    Args:
        x: Pictures.
        before: Channels before the block.
        name: Beginning of the layers' names.
    """
    channels = channels_of(x)
    shape = (channels, 1, 1) if channel_axis() == 1 else (1, 1, channels)
    y = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    y = layers.Reshape(shape, name=f"{name}se_reshape")(y)
    few = max(1, int(before * SHARE))
    for filters, activation, part in (
        (few, "silu", "reduce"), (channels, "sigmoid", "expand")
    ):  # fmt: skip
        y = layers.Conv2D(
            filters, 1, padding="same", activation=activation, kernel_initializer=KERNEL,
            name=f"{name}se_{part}",
        )(y)  # fmt: skip
    return layers.Multiply(name=f"{name}se_excite")([x, y])


def separate(
    x: KerasTensor,
    filters: int,
    size: int,
    expansion: int,
    strides: int,
    rate: float,
    name: str,
    units: tuple[Unit, Unit],
    padded: bool = False,
) -> KerasTensor:
    """Widened, filtered channel by channel, weighed, narrow again.

    Args:
        x: Pictures.
        filters: Channels of the result.
        size: Of the filters.
        expansion: How many times the channels become; 1: none is widened.
        strides: Of the filters.
        rate: How often the block is left out in training.
        name: Beginning of the layers' names.
        units: Convolutions, and the filters channel by channel.
        padded: Whether a layer of its own pads before filters of stride 2.
    """
    unit, depthwise = units
    before, channels = x, channels_of(x)
    if expansion != 1:
        x = unit(x, expansion * channels, 1, 1, f"{name}expand")
    padding = "same"
    if padded and strides == 2:
        border = halved(size, sides_of(x))
        x = layers.ZeroPadding2D(border, name=f"{name}dwconv_pad")(x)
        padding = "valid"
    x = depthwise.depthwise(x, size, strides, name, padding=padding)
    x = depthwise.activated(depthwise.normalized(x, name), name)
    x = excited(x, channels, name)
    x = unit(x, filters, 1, 1, f"{name}project", activate=False)
    return around(x, before, strides, rate, name)


def around(
    x: KerasTensor, before: KerasTensor, strides: int, rate: float, name: str
) -> KerasTensor:
    """The block's result on top of what came in, where both are of one shape; now and
    then left out in training."""
    if strides != 1 or channels_of(x) != channels_of(before):
        return x
    if rate > 0:
        noise = (None, 1, 1, 1)
        x = layers.Dropout(rate, noise_shape=noise, name=f"{name}drop")(x)
    return layers.Add(name=f"{name}add")([x, before])


def top(
    x: KerasTensor, options: Any, dropout: float, bias: Any = "zeros"
) -> KerasTensor:
    """The classifier."""
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if dropout > 0:
        x = layers.Dropout(dropout, name="top_dropout")(x)
    return layers.Dense(
        options.classes, activation=options.classifier_activation,
        kernel_initializer=DENSE, bias_initializer=bias, name="predictions",
    )(x)  # fmt: skip
