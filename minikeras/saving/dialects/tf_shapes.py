"""tf.keras 2.4 to 2.16: sizes that were computed with `tf.shape` to reshape with them.

`tf.reshape(x, (tf.shape(x)[0], 4))` takes a size that is not known when the model is made.
Here `reshape` finds one such size by itself, so it becomes -1.
"""

from __future__ import annotations

from typing import Any

from minikeras.saving.dialects.tf_functions import is_function

Config = dict[str, Any]

_SHAPES = ("shape", "compat.v1.shape")
_PARTS = ("unstack", "cast", "compat.v1.gather", "__operators__.getitem", "split")


def without_sizes(layers: list[Config]) -> list[Config]:
    """The layers of a graph, with calls in today's form, without those that compute sizes.

    Raises:
        ValueError: If more than one size of a reshaping is computed.
    """
    sizes: set[str] = set()
    found = -1
    while found != len(sizes):  # layers stand in no order that could be relied on
        found = len(sizes)
        sizes.update(_name(layer) for layer in layers if _gives_size(layer, sizes))
    if not sizes:
        return layers
    return [_reshaping(layer, sizes) for layer in layers if _name(layer) not in sizes]


def _name(layer: Config) -> str:
    return str(layer.get("name") or layer["config"].get("name"))


def _function(layer: Config) -> str | None:
    if not is_function(layer.get("class_name", "")):
        return None
    return str(layer["config"].get("function"))


def _gives_size(layer: Config, sizes: set[str]) -> bool:
    function = _function(layer)
    if function in _SHAPES:
        return True
    if function not in _PARTS:
        return False
    args = [node["args"][0] for node in layer["inbound_nodes"]]
    return bool(args) and all(_is_size(arg, sizes) for arg in args)


def _is_size(value: object, sizes: set[str]) -> bool:
    if not isinstance(value, dict) or value.get("class_name") != "__keras_tensor__":
        return False
    return value["config"]["keras_history"][0] in sizes


def _reshaping(layer: Config, sizes: set[str]) -> Config:
    if _function(layer) != "reshape":
        return layer
    nodes = []
    for node in layer["inbound_nodes"]:
        shape = node["kwargs"].get("shape")
        if isinstance(shape, list) and any(_is_size(n, sizes) for n in shape):
            new = [-1 if _is_size(n, sizes) else n for n in shape]
            if new.count(-1) > 1:
                raise ValueError(
                    f"layer {_name(layer)!r} reshapes to {len(shape)} sizes of which "
                    f"{new.count(-1)} are computed from tensors; at most one can be here."
                )
            node = {**node, "kwargs": {**node["kwargs"], "shape": new}}
        nodes.append(node)
    return {**layer, "inbound_nodes": nodes}
