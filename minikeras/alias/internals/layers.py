"""`keras.src.layers`: names beside the layers themselves."""

from __future__ import annotations

from minikeras import layers
from minikeras.layers.base.call_context import CallContext
from minikeras.layers.base.calling import is_shape as is_shape_tuple
from minikeras.layers.base.input_spec import check
from minikeras.layers.base.layer import Layer
from minikeras.layers.base.node import Node, Operation
from minikeras.types import ArrayLike


def assert_input_compatibility(
    input_spec: object, inputs: ArrayLike, layer_name: str
) -> None:
    """Nothing, where inputs are as a layer wants them.

    Raises:
        ValueError: If they are not.
    """
    if input_spec is not None:
        check(input_spec, inputs, lambda: layer_name)


# What convolutions, poolings and merging layers derive from.
BaseConv = layers.Conv2D.__mro__[1]
BaseConvTranspose = layers.Conv2DTranspose.__mro__[1]
BaseDepthwiseConv = layers.DepthwiseConv2D.__mro__[1]
BaseSeparableConv = layers.SeparableConv2D.__mro__[1]
BaseGlobalPooling = layers.GlobalMaxPooling2D.__mro__[1]
BasePooling = layers.MaxPooling2D.__mro__[1]
Merge = layers.Add.__mro__[1]

__all__ = [
    "BaseConv", "BaseConvTranspose", "BaseDepthwiseConv", "BaseGlobalPooling",
    "BasePooling", "BaseSeparableConv", "CallContext", "Layer", "Merge", "Node",
    "Operation", "assert_input_compatibility", "is_shape_tuple",
]  # fmt: skip
