"""What the networks are made of: convolution, normalization and activation in a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minikeras import layers, settings
from minikeras.engine.symbolic import KerasTensor

Sides = int | tuple[int, int]


def channel_axis() -> int:
    """The axis of the channels in a batch of pictures."""
    return 1 if settings.image_data_format() == "channels_first" else -1


@dataclass(frozen=True)
class Unit:
    """A convolution, its normalization and activation, as one family of networks has them.

    Attributes:
        conv: Pattern of the convolution's name; `{}` is what the unit is called.
        norm: The same of the normalization's.
        act: The same of the activation's.
        activation: Name of an activation, or what makes a layer from a name.
        epsilon: Of the normalization.
        momentum: Of the normalization.
        scale: Whether the normalization has factors.
        bias: Whether the convolution has biases.
        padding: Of the convolution.
        kernel: How kernels are first drawn.
    """

    conv: str = "{}"
    norm: str = "{}_bn"
    act: str = "{}_relu"
    activation: str | Callable[[str | None], layers.Layer] = "relu"
    epsilon: float = 1e-3
    momentum: float = 0.99
    scale: bool = True
    bias: bool = False
    padding: str = "valid"
    kernel: Any = "glorot_uniform"

    def __call__(
        self,
        x: KerasTensor,
        filters: int,
        size: Sides,
        strides: Sides = 1,
        name: str | None = None,
        activate: bool = True,
        **changes: Any,
    ) -> KerasTensor:
        """All three.

        Args:
            x: Pictures.
            filters: Number of channels that come out.
            size: Of the window.
            strides: Of the window.
            name: What the unit is called; None for automatic names.
            activate: Whether the activation follows.
            **changes: Other arguments of the convolution.
        """
        x = self.convolved(x, filters, size, strides, name, **changes)
        x = self.normalized(x, name)
        return self.activated(x, name) if activate else x

    def convolved(
        self,
        x: KerasTensor,
        filters: int,
        size: Sides,
        strides: Sides = 1,
        name: str | None = None,
        **changes: object,
    ) -> KerasTensor:
        """The convolution alone."""
        options = {
            "padding": self.padding,
            "use_bias": self.bias,
            "kernel_initializer": self.kernel,
        } | changes
        return layers.Conv2D(
            filters, size, strides, name=_named(self.conv, name), **options
        )(x)

    def depthwise(
        self,
        x: KerasTensor,
        size: Sides,
        strides: Sides = 1,
        name: str | None = None,
        **changes: object,
    ) -> KerasTensor:
        """A convolution of each channel for itself, alone."""
        options = {
            "padding": self.padding,
            "use_bias": self.bias,
            "depthwise_initializer": self.kernel,
        } | changes
        return layers.DepthwiseConv2D(
            size, strides, name=_named(self.conv, name), **options
        )(x)

    def normalized(self, x: KerasTensor, name: str | None = None) -> KerasTensor:
        """The normalization alone."""
        return layers.BatchNormalization(
            axis=channel_axis(),
            epsilon=self.epsilon,
            momentum=self.momentum,
            scale=self.scale,
            name=_named(self.norm, name),
        )(x)

    def activated(self, x: KerasTensor, name: str | None = None) -> KerasTensor:
        """The activation alone."""
        name = _named(self.act, name)
        if callable(self.activation):
            return self.activation(name)(x)
        return layers.Activation(self.activation, name=name)(x)


def _named(pattern: str, name: str | None) -> str | None:
    return None if name is None else pattern.format(name)


def joined(parts: list[KerasTensor], name: str | None = None) -> KerasTensor:
    """The channels of several tensors side by side."""
    return layers.Concatenate(axis=channel_axis(), name=name)(parts)


def halved(size: Sides, sides: tuple[int | None, int | None]) -> tuple[Any, Any]:
    """The border that lets a window with strides of 2 end at the right and lower edge.

    Args:
        size: Of the window, odd.
        sides: Height and width of the picture; None if unknown, then taken for even.

    Returns:
        `((top, bottom), (left, right))`.
    """
    windows = (size, size) if isinstance(size, int) else size
    borders = []
    for window, side in zip(windows, sides):
        after = window // 2
        before = after - (1 if side is None or side % 2 == 0 else 0)
        borders.append((before, after))
    return borders[0], borders[1]


def sides_of(x: KerasTensor) -> tuple[int | None, int | None]:
    """Height and width of pictures."""
    first = 2 if channel_axis() == 1 else 1
    return x.shape[first], x.shape[first + 1]


def channels_of(x: KerasTensor) -> int:
    """The number of channels of pictures."""
    return int(x.shape[channel_axis()] or 0)
