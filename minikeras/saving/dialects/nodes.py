"""Keras 1 and 2: the calls of functional models, lists then, dicts since 3.0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Config = dict[str, Any]

# Stands in a call whose `training` was given by whoever built the model. (Keras 3 writes
# one in any case, and does not look for this.)
TRAINING_HOLDS = "training_holds"
# Stands in a graph whose calls are counted from 0 already.
COUNTED = "calls_counted"
_MODELS = ("Sequential", "Functional", "Model")
_CONSTANT = "_CONSTANT_VALUE"


def is_graph(config: Config) -> bool:
    """Whether this is the inner config of a functional model."""
    return isinstance(config, dict) and {
        "layers",
        "input_layers",
        "output_layers",
    } <= set(config)


def count_outputs(config: Any) -> int:
    """How many outputs the model of an inner config has."""
    ends = config["output_layers"] if is_graph(config) else []
    return 1 if is_reference(ends) or not ends else len(ends)


def modern_node(node: Any) -> Config:
    """A call in a functional config: `[[layer, node, tensor, kwargs], ...]` as a dict."""
    if _is_call(node):
        return node
    if _is_entry(node):
        return _call([_reference(node)], node)
    entries = list(node.values()) if isinstance(node, dict) else node
    if len(entries) == 1 and isinstance(node, list):
        first: Any = _reference(entries[0])
    elif isinstance(node, dict):
        first = {key: _reference(entry) for key, entry in node.items()}
    else:
        first = [_reference(entry) for entry in entries]
    return _call([first], entries[0])


def _is_entry(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], str)


def _call(args: list[Any], entry: list[Any]) -> Config:
    kwargs = _kwargs(entry)
    # In Keras 2 a flag stands there only if it was given, and then it holds.
    held = kwargs.get("training") is not None
    return {"args": args, "kwargs": kwargs, **({TRAINING_HOLDS: True} if held else {})}


def _kwargs(entry: list[Any]) -> Config:
    given = entry[3] if len(entry) > 3 else {}
    return {key: _argument(value) for key, value in given.items()}


def _argument(value: object) -> Any:
    """A keyword argument; tensors in it are `[layer, node, tensor]`."""
    if isinstance(value, list):
        if is_reference(value):
            return _reference(value)
        return [_argument(v) for v in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _argument(v) for key, v in value.items()}
    return value


def is_reference(value: object) -> bool:
    """Whether this is `[layer, node, tensor]`, or a constant in its clothes."""
    if not isinstance(value, list) or len(value) != 3 or not isinstance(value[0], str):
        return False
    return value[0] == _CONSTANT or all(type(n) is int for n in value[1:])


def _reference(entry: list[Any]) -> Any:
    """A tensor, named by layer, call and place."""
    if entry[0] == _CONSTANT:
        return entry[2]
    return {"class_name": "__keras_tensor__", "config": {"keras_history": entry[:3]}}


def modern_graph(config: Config) -> Config:
    """A functional model's config with its calls in today's form, each counted from 0.

    Keras 2 counted a nested model's own making as its first call, so references to the
    calls 1 to n of n calls are moved down by one. Keras 3 counts so of functional models, and
    only where the outer model's ends are told.
    """
    if config.get(COUNTED):
        return config
    layers = [
        {
            **layer,
            "inbound_nodes": [modern_node(n) for n in layer.get("inbound_nodes", ())],
        }
        for layer in config["layers"]
    ]
    found = {**config, "layers": layers, COUNTED: True}
    if any(_is_call(n) for layer in config["layers"] for n in _nodes(layer)):
        calls = _shifted(
            found, _used({**found, "input_layers": [], "output_layers": []})
        )
        ends = _own_making(found)
    else:
        calls = ends = _shifted(found, _used(found))
    return _moved(found, calls, ends) if calls or ends else found


def _nodes(layer: Config) -> list[Any]:
    return list(layer.get("inbound_nodes", ()))


def _is_call(node: object) -> bool:
    return isinstance(node, dict) and "args" in node


def _used(config: Config) -> dict[str, set[int]]:
    """By layer, the numbers of the calls that are referred to."""
    used: dict[str, set[int]] = {}
    for name, node, *_ in _histories(config):
        used.setdefault(name, set()).add(node)
    return used


def _shifted(config: Config, used: dict[str, set[int]]) -> set[str]:
    """Models whose calls are all counted from 1."""
    found = set()
    for layer in config["layers"]:
        calls, name = len(layer["inbound_nodes"]), _name(layer)
        if layer.get("class_name") in _MODELS and calls and name in used:
            if min(used[name]) == 1 and max(used[name]) == calls:
                found.add(name)
    return found


def _own_making(config: Config) -> set[str]:
    """Models of which Keras 3 counts the making too, where it tells the ends."""
    ends = _used({**config, "layers": []})
    found = set()
    for layer in config["layers"]:
        name, calls = _name(layer), len(layer["inbound_nodes"])
        used = ends.get(name, {0})
        # A functional subclass may have any config; a number beyond the last call says it.
        if min(used) > 0 and (is_graph(layer.get("config", {})) or max(used) == calls):
            found.add(name)
    return found


def _name(layer: Config) -> Any:
    inner = layer.get("config")
    return layer.get("name") or (inner.get("name") if isinstance(inner, dict) else None)


def _histories(config: Config) -> Iterator[list[Any]]:
    """All `[layer, node, tensor]` in a graph's calls and ends."""
    todo: list[Any] = [
        node for layer in config["layers"] for node in layer["inbound_nodes"]
    ]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                yield value["config"]["keras_history"]
            else:
                todo.extend(value.values())
        elif isinstance(value, (list, tuple)):
            todo.extend(value)
    todo = [config["input_layers"], config["output_layers"]]
    while todo:
        value = todo.pop()
        if is_reference(value):
            yield value
        elif isinstance(value, (list, tuple)):
            todo.extend(value)
        elif isinstance(value, dict):
            todo.extend(value.values())


def _moved(config: Config, calls: set[str], ends: set[str]) -> Config:
    """The graph with references to these layers one lower: in calls, and in the ends."""

    def history(value: list[Any], names: set[str]) -> list[Any]:
        lower = 1 if value[0] in names else 0
        return [value[0], value[1] - lower, *value[2:]]

    def argument(value: object) -> Any:
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                inner = value["config"]
                moved = {
                    **inner,
                    "keras_history": history(inner["keras_history"], calls),
                }
                return {**value, "config": moved}
            return {key: argument(v) for key, v in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)([argument(v) for v in value])
        return value

    def end(value: Any) -> Any:
        if is_reference(value):
            return history(value, ends)
        if isinstance(value, dict):
            return {key: end(v) for key, v in value.items()}
        return type(value)([end(v) for v in value])

    layers = [
        {**layer, "inbound_nodes": argument(layer["inbound_nodes"])}
        for layer in config["layers"]
    ]
    moved_ends = {key: end(config[key]) for key in ("input_layers", "output_layers")}
    return {**config, "layers": layers, **moved_ends}


def needed(config: Config) -> Config:
    """The graph without what its outputs do not need: in 2.x, what `add_loss` was given."""
    takes: dict[Any, set[Any]] = {}
    for layer in config["layers"]:
        only = {"layers": [layer], "input_layers": [], "output_layers": []}
        takes[_name(layer)] = {name for name, *_ in _histories(only)}
    ends = {"layers": [], "input_layers": [], "output_layers": config["output_layers"]}
    waiting = [name for name, *_ in _histories(ends)]
    found = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(takes.get(name, ()))
    kept = [
        layer
        for layer in config["layers"]
        if _name(layer) in found or layer.get("class_name") == "InputLayer"
    ]
    return {**config, "layers": kept}


def unwrapped_ends(config: Config) -> Config:
    """Until 3.10 one tensor and a list of one were written alike, as `[["x", 0, 0]]`.

    They are read as one tensor: what a model with a plain input and output had.
    """

    def plain(value: Any) -> Any:
        one = isinstance(value, list) and len(value) == 1 and is_reference(value[0])
        return value[0] if one else value

    return {
        **config,
        "input_layers": plain(config["input_layers"]),
        "output_layers": plain(config["output_layers"]),
    }
