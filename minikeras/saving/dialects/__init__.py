"""Old dialects of Keras configs, translated into today's before anything is built.

Pure functions, dict to dict, a module for each dialect: `keras1` (1.0 to 1.2) speaks the
words of Keras 2, `keras2` (2.0 to 2.16) those of Keras 3, `keras3` (3.0 to 3.14) today's. A
config of Keras 1 goes through all of them. The loader knows today's form only.
"""

from __future__ import annotations

import importlib
from typing import Any

from minikeras.saving.dialects import keras1, keras2, keras3, nodes, states
from minikeras.saving.dialects.keras2 import modern_lambda
from minikeras.saving.dialects.nodes import modern_graph, modern_node
from minikeras.saving.dialects.notes import note, one_note
from minikeras.saving.dialects.training import modern_compile_config
from minikeras.saving.dialects.version import TODAY, Version, guess, parse

Config = dict[str, Any]

_DEEPEST = 200  # dicts and lists inside each other; a nested model takes six


def modern_config(config: Config, keras_version: str | None = None) -> dict[str, Any]:
    """The config of an object as today's Keras would have written it.

    Args:
        config: What an older (or today's) Keras wrote: `{"class_name", "config", ...}`.
        keras_version: The version that wrote it; None where the config says so under
            `keras_version`, or where it is to be judged by its form.

    Returns:
        A new config; the given one stays as it is. Arguments that no longer mean anything
        are left out, with one warning.

    Raises:
        ValueError: If it is nested too deep, or uses what has no counterpart today.

    >>> old = {"class_name": "Dense", "config": {"name": "d", "output_dim": 3, "bias": True}}
    >>> modern_config(old, "1.2.2")["config"]
    {'name': 'd', 'units': 3, 'use_bias': True}
    """
    version = parse(keras_version)
    if version is None and isinstance(config, dict):
        version = parse(config.get("keras_version"))
    if version is None:
        version = guess(config)
    with one_note():
        modern = _modern(config, version, 0)
    if version < (3, 0) and isinstance(config, dict) and config.get("build_config"):
        modern["build_config"] = config["build_config"]
    return modern


def modern_arguments(class_name: str, config: Config) -> Config:
    """The arguments of one class, by the rules that no config of today can match."""
    return keras2.named(class_name, config)[1]


def _modern(value: object, version: Version, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError(
            f"the config is nested more than {_DEEPEST} deep; no model needs that."
        )
    if isinstance(value, list):
        return [_modern(v, version, depth + 1) for v in value]
    if not isinstance(value, dict):
        return value
    data = {
        key: v if key == "compile_config" else _modern(v, version, depth + 1)
        for key, v in value.items()
    }
    if isinstance(data.get("compile_config"), dict):
        outputs = nodes.count_outputs(data.get("config"))
        data["compile_config"] = modern_compile_config(
            data["compile_config"], version, outputs
        )
    if nodes.is_graph(data):
        data = _graph(data, version)
    if isinstance(data.get("class_name"), str) and "config" in data:
        return _object(data, version)
    return data


def _object(data: Config, version: Version) -> Config:
    name, config = data["class_name"], data["config"]
    if isinstance(config, list) and name == "Sequential":  # until 2.2.2
        data = {**data, "config": {"layers": config}}
        config = data["config"]
    if name == "Sequential" and version < (2, 0) and keras1.has_branches(config):
        return keras1.branched(config)
    if name == "Sequential" and version < (3, 0) and isinstance(config, dict):
        return {**data, **keras2.home(data), "config": keras2.with_input(config)}
    if not isinstance(config, dict) or version >= (3, 0):
        return data
    if version < (2, 0):
        name, config = keras1.layer(name, config)
    name, config = keras2.named(name, config)
    config = keras2.dated(name, config)
    if name == "Lambda":
        config = modern_lambda(config)
    found = {**data, **keras2.home(data), "class_name": name, "config": config}
    found.pop("build_config", None)  # calls build what is inside a model
    return found


def _graph(config: Config, version: Version) -> Config:
    """A graph with today's calls, where TensorFlow functions have become ops."""
    found = modern_graph(config)
    if version < (3, 0):
        found = nodes.needed(found)
        # The table of TensorFlow's functions is imported where a file is old enough.
        functions = importlib.import_module("minikeras.saving.dialects.tf_functions")
        shapes = importlib.import_module("minikeras.saving.dialects.tf_shapes")
        layers = [
            functions.modern_function(layer)
            if functions.is_function(layer.get("class_name", ""))
            else layer
            for layer in shapes.without_sizes(found["layers"])
        ]
        found = states.with_states({**found, "layers": layers})
    return keras3.graph(found, version)


__all__ = [
    "TODAY",
    "modern_arguments",
    "modern_compile_config",
    "modern_config",
    "modern_graph",
    "modern_lambda",
    "modern_node",
    "note",
    "one_note",
]
