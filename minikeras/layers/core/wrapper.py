"""Wrapper: a layer around a layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, Unpack

from minikeras import naming
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.base.layer import Layer
from minikeras.saving import serialization


class Wrapper(Layer):
    """Base of layers that hold another one, such as TimeDistributed.

    Args:
        layer: The layer inside.
        **kwargs: See `Layer`.

    Raises:
        ValueError: If `layer` is no Layer.

    Example:

    >>> class Twice(keras.layers.Wrapper):
    ...     def call(self, inputs):
    ...         return 2 * self.layer(inputs)
    >>> float(Twice(keras.layers.Dense(1, kernel_initializer="ones"))(np.ones((1, 3)))[0, 0])
    6.0
    """

    def __init__(self, layer: Layer, **kwargs: Unpack[LayerOptions]) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(
                f"{type(self).__name__}: layer={naming.shown(layer)}; expected a Layer."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:  # the inner layer says what
        """Build the layer inside."""
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, unbuilt layer."""
        inner = serialization.serialize_keras_object(self.layer)
        return {**super().get_config(), "layer": inner}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """The layer that `get_config` described."""
        config = dict(config)
        config["layer"] = serialization.deserialize_keras_object(
            config["layer"], custom_objects=custom_objects
        )
        return cls(**config)
