"""Rescaling: a factor and a shift that are known."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from minikeras import naming, ops, settings
from minikeras.engine.tensor import Tensor
from minikeras.layers.base.keywords import LayerOptions
from minikeras.layers.preprocessing.data_layer import DataLayer
from minikeras.saving import serialization
from minikeras.types import ArrayLike, PartialShape


class Rescaling(DataLayer):
    """Computes `inputs * scale + offset`, in training and in inference.

    `scale=1 / 255` brings pictures from 0 ... 255 to 0 ... 1, `scale=1 / 127.5, offset=-1`
    to -1 ... 1.

    Args:
        scale: Factor: a number, or an array that broadcasts against the inputs. Where
            `keras.config.image_data_format()` is `"channels_first"`, a vector is one
            number for each channel of pictures.
        offset: What is added then, of the same kinds.
        **kwargs: See `Layer`.

    Input shape:
        Any; integers become floats.

    Output shape:
        As the input.

    Example:

    >>> pixels = np.array([[0, 51, 255]], "uint8")
    >>> keras.layers.Rescaling(1 / 255)(pixels).numpy().round(2).tolist()
    [[0.0, 0.20000000298023224, 1.0]]
    """

    def __init__(
        self, scale: ArrayLike, offset: ArrayLike = 0.0, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.scale = _numbers(scale, "scale", self._label())
        self.offset = _numbers(offset, "offset", self._label())
        self.supports_masking = True
        self._build_at_init()

    def call(self, inputs: ArrayLike) -> Tensor:
        """The inputs, scaled and shifted."""
        dtype = self.compute_dtype
        x = ops.cast(inputs, dtype)
        scale, offset = (
            _along_channels(ops.convert_to_tensor(v, dtype), len(x.shape))
            for v in (self.scale, self.offset)
        )
        return x * scale + offset

    def compute_output_shape(self, input_shape: PartialShape) -> PartialShape:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {
            **super().get_config(),
            "scale": serialization.serialize_keras_object(self.scale),
            "offset": serialization.serialize_keras_object(self.offset),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Rescaling:
        """The layer that `get_config` described."""
        restored = dict(config)
        for key in ("scale", "offset"):
            restored[key] = serialization.deserialize_keras_object(config.get(key, 0.0))
        return super().from_config(restored)


def _along_channels(values: Tensor, rank: int) -> Tensor:
    """A vector for pictures with the channels before height and width."""
    first = settings.image_data_format() == "channels_first"
    if first and rank > 2 and len(values.shape) == 1 and values.shape[0] > 1:
        return ops.reshape(values, (-1, 1, 1))
    return values


def _numbers(value: ArrayLike, name: str, owner: str) -> Any:
    try:
        kind = np.asarray(value).dtype.kind
    except ValueError:
        kind = "O"
    if kind not in "fiub":
        raise ValueError(
            f"{owner}: {name}={naming.shown(value)}; expected a number, or an array."
        )
    return value
