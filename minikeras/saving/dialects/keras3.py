"""Keras 3.0 to 3.14: the few things that today's version says in another way."""

from __future__ import annotations

from typing import Any

from minikeras.saving.dialects import nodes
from minikeras.saving.dialects.version import Version

Config = dict[str, Any]

_UNWRAPPED_SINCE = (3, 11)
_LAYERS = ("InputLayer", "SpatialDropout", "Sequential", "Functional", "Model")


def graph(config: Config, version: Version) -> Config:
    """A functional model's config: one tensor was written as a list of one until 3.10."""
    found = nodes.unwrapped_ends(config) if version < _UNWRAPPED_SINCE else config
    return {**found, "layers": [_marked_op(layer) for layer in found["layers"]]}


def _marked_op(layer: Config) -> Config:
    """HDF5 files of 3.x leave modules out: `Add` may be the layer or the op.

    The config of an op has no `trainable`, that of each layer but these has.
    """
    inner = layer.get("config")
    if layer.get("module") or not isinstance(inner, dict) or "trainable" in inner:
        return layer
    if str(layer.get("class_name")).startswith(_LAYERS):
        return layer
    return {**layer, "module": "keras.src.ops"}
