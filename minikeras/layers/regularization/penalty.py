"""Penalties on activities, as a layer."""

from __future__ import annotations

from typing import Any, Unpack

from minikeras import regularizers
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import CommonOptions
from minikeras.layers.base.layer import Layer


class ActivityRegularization(Layer):
    """Adds a penalty on its input to the loss, and gives the input on.

    Args:
        l1: Factor of the sum of sizes.
        l2: Factor of the sum of squares.
        **kwargs: See `Layer`.

    Input shape:
        Any.

    Output shape:
        As the input.

    Example:

    >>> layer = keras.layers.ActivityRegularization(l2=0.5)
    >>> y = layer(np.array([[1.0, 2.0]]))
    >>> float(layer.losses[0])
    2.5
    """

    def __init__(
        self, l1: float = 0.0, l2: float = 0.0, **kwargs: Unpack[CommonOptions]
    ) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1 = l1
        self.l2 = l2
        self._build_at_init()

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = {**super().get_config(), "l1": self.l1, "l2": self.l2}
        del config["activity_regularizer"]
        return config
