"""Keras 1 and 2: recurrent layers that are called with first states.

`rnn([x, state, ...])` became `rnn(x, initial_state=[state, ...])` in 3.0. From then on such a
call no longer gets the mask of x by itself, so it is given by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Config = dict[str, Any]

_RECURRENT = ("RNN", "SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D",
              "Bidirectional")  # fmt: skip


def with_states(config: Config) -> Config:
    """A functional model's config with states, constants and masks given by name."""
    masked = any(_makes_mask(layer) for layer in config["layers"])
    layers: list[Config] = []
    for layer in config["layers"]:
        if layer.get("class_name") not in _RECURRENT:
            layers.append(layer)
            continue
        constants = int(layer["config"].get("num_constants") or 0)
        inner = {k: v for k, v in layer["config"].items() if k != "num_constants"}
        nodes = [_named(node, constants) for node in layer["inbound_nodes"]]
        if masked:
            for number, node in enumerate(nodes):
                layers.extend(_mask_layer(layer, node, number))
        layers.append({**layer, "config": inner, "inbound_nodes": nodes})
    return {**config, "layers": layers}


def _makes_mask(value: object) -> bool:
    """Whether a layer, or one inside it, may give its output a mask."""
    return any(
        found.get("class_name") == "Masking" or found.get("mask_zero")
        for found in _dicts(value)
    )


def _dicts(value: object) -> Iterator[Config]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _dicts(inner)


def _named(node: Config, constants: int) -> Config:
    first = node["args"][0] if node["args"] else None
    if not isinstance(first, list) or len(first) < 2:
        return node
    states, extra = first[1:], []
    if constants:
        states, extra = states[:-constants], states[-constants:]
    kwargs = dict(node["kwargs"])
    if states:
        kwargs["initial_state"] = states
    if extra:
        kwargs["constants"] = extra
    return {**node, "args": [first[0], *node["args"][1:]], "kwargs": kwargs}


def _mask_layer(layer: Config, node: Config, number: int) -> list[Config]:
    """The layer that reads the mask for a call with states; the call is given it."""
    kwargs = node["kwargs"]
    if not ({"initial_state", "constants"} & kwargs.keys()) or kwargs.get("mask"):
        return []
    name = f"{layer['config'].get('name')}_mask" + (f"_{number}" if number else "")
    history = {"keras_history": [name, 0, 0]}
    kwargs["mask"] = {"class_name": "__keras_tensor__", "config": history}
    return [
        {
            "module": "minikeras.layers",
            "class_name": "CarriedMask",
            "config": {"name": name},
            "registered_name": None,
            "name": name,
            "inbound_nodes": [{"args": node["args"][:1], "kwargs": {}}],
        }
    ]
