"""Layers in a row, as one layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from minikeras import naming
from minikeras.layers.base.call_info import call_info
from minikeras.layers.base.layer import Layer
from minikeras.saving import serialization

if TYPE_CHECKING:
    from minikeras.types import ArrayLike


class Pipeline(Layer):
    """Layers that are called one after the other, as one layer.

    Unlike `Sequential` it is no model; it is for steps of preparing data, in
    `Dataset.map` or inside of a model.

    Args:
        layers: The layers, in order.
        name: Name of the layer.

    Raises:
        ValueError: If `layers` is no list of layers.

    Example:

    >>> steps = keras.layers.Pipeline(
    ...     [keras.layers.AutoContrast(), keras.layers.RandomFlip("horizontal", seed=1)])
    >>> steps(np.ones((2, 4, 4, 3)), training=True).shape
    (2, 4, 4, 3)
    """

    _takes_plain_arguments = True

    def __init__(self, layers: Sequence[Any], name: str | None = None) -> None:
        super().__init__(name=name)
        if not isinstance(layers, (list, tuple)) or not all(
            isinstance(layer, Layer) for layer in layers
        ):
            raise ValueError(
                f"Pipeline: layers={naming.shown(layers)}; expected a list of layers."
            )
        self.autocast = False
        self.supports_masking = True
        self._pipeline_layers = list(layers)
        self._build_at_init()

    @property
    def layers(self) -> list[Any]:
        """The layers, in order."""
        return list(self._pipeline_layers)

    def call(self, inputs: ArrayLike, training: bool = True, mask: Any = None) -> Any:
        """What the last layer makes of it."""
        for layer in self._pipeline_layers:
            info = call_info(type(layer).call)
            more = {"training": training} if info.takes_training else {}
            if mask is not None and "mask" in info.known:
                more["mask"] = mask
            inputs = layer(inputs, **more)
        return inputs

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The layer that `get_config` described."""
        if not isinstance(config.get("layers"), (list, tuple)):
            raise ValueError(
                f"Pipeline.from_config: layers={config.get('layers')!r}; expected a list of "
                "layers' configs."
            )
        layers = [
            serialization.deserialize_keras_object(layer) for layer in config["layers"]
        ]
        return cls(**{**config, "layers": layers})

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            "layers": [
                serialization.serialize_keras_object(layer)
                for layer in self._pipeline_layers
            ],
            "name": self.name,
        }
