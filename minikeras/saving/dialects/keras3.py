"""Keras 3.0 to 3.14: the few things that today's version says in another way."""

from __future__ import annotations

from typing import Any

from minikeras.naming import to_snake_case
from minikeras.saving import builtin, registry
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

    The config of an op has no `trainable`, that of a layer by such a name has.
    """
    inner = layer.get("config")
    if layer.get("module") or not isinstance(inner, dict) or "trainable" in inner:
        return layer
    name = str(layer.get("class_name"))
    if name.startswith(_LAYERS) or _is_layer(name):
        return layer
    return {**layer, "module": "keras.src.ops"}


def _is_layer(name: str) -> bool:
    """Whether only a layer is called so, of Keras or of somebody's own."""
    own = registry.get_registered_object(name) or registry.registered_alone(name)
    if own is not None:
        return True
    is_op = builtin.find_op(to_snake_case(name)) is not None
    return not is_op and builtin.find_class("keras.layers", name) is not None
