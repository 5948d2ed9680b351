"""A layer as a card, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras.drawing.cards import card

if TYPE_CHECKING:
    from minikeras.layers.base.layer import Layer

# What a card says by itself, or what says little.
_KNOWN = {"name", "trainable", "dtype"}
_MOST = 60  # characters of a value


def layer_card(layer: Layer) -> str:
    """What the layer is, what it holds, and the arguments it was made with."""
    facts: list[tuple[str, Any]] = []
    shape = layer.__dict__.get("_output_shapes")
    nodes = layer._inbound_nodes
    if nodes:
        shapes = [tuple(t.shape) for t in nodes[0].output_tensors]
        shape = shapes[0] if len(shapes) == 1 else shapes
    if shape is not None:
        facts.append(("output shape", shape))
    if layer.built:
        facts.append(("parameters", f"{layer.count_params():,}"))
        facts += [
            ("", f"{v.path} {tuple(v.shape)} {v.dtype}") for v in layer.weights[:8]
        ]
    else:
        facts.append(("built", "not yet"))
    facts.append(("trainable", "yes" if layer.trainable else "no"))
    facts.append(("dtype", layer.dtype_policy.name))
    facts += [(key, _short(value)) for key, value in _config(layer).items()]
    return card(layer.name, type(layer).__name__, facts)


def _config(layer: Layer) -> dict[str, Any]:
    try:
        config = layer.get_config()
    except (NotImplementedError, TypeError, ValueError):  # a class of one's own
        return {}
    return {k: v for k, v in config.items() if k not in _KNOWN and v is not None}


def _short(value: object) -> str:
    if isinstance(value, dict) and "class_name" in value:
        value = value["class_name"]
    words = str(value)
    return words if len(words) <= _MOST else words[: _MOST - 1] + "…"
