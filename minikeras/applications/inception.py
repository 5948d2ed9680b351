"""Inception: windows of several sizes side by side, what its two networks share."""

from __future__ import annotations

from minikeras import layers
from minikeras.applications.blocks import Sides, Unit, joined
from minikeras.engine.symbolic import KerasTensor

UNIT = Unit("{}", "{}_bn", "{}_ac", scale=False, padding="same")
# A branch: its convolutions as (filters, window).
Branch = list[tuple[int, Sides]]


def branch(x: KerasTensor, steps: Branch) -> KerasTensor:
    """Convolutions one behind the other."""
    for filters, size in steps:
        x = UNIT(x, filters, size)
    return x


def stem(x: KerasTensor) -> KerasTensor:
    """The first layers: an eighth of the size, 192 channels."""
    x = UNIT(x, 32, 3, 2, padding="valid")
    x = UNIT(x, 32, 3, padding="valid")
    x = UNIT(x, 64, 3)
    x = layers.MaxPooling2D(3, 2)(x)
    x = UNIT(x, 80, 1, padding="valid")
    x = UNIT(x, 192, 3, padding="valid")
    return layers.MaxPooling2D(3, 2)(x)


def mixed(
    x: KerasTensor, branches: list[Branch], filters: int, name: str
) -> KerasTensor:
    """Branches side by side, the last one of them a mean and `filters` channels of it."""
    parts = [branch(x, steps) for steps in branches]
    mean = layers.AveragePooling2D(3, 1, padding="same")(x)
    return joined([*parts, UNIT(mean, filters, 1)], name)


def halved(x: KerasTensor, branches: list[Branch], name: str) -> KerasTensor:
    """Branches that halve the size in their last convolution, and a pooling."""
    parts = []
    for *steps, (filters, size) in branches:
        part = branch(x, steps)
        parts.append(UNIT(part, filters, size, 2, padding="valid"))
    return joined([*parts, layers.MaxPooling2D(3, 2)(x)], name)
