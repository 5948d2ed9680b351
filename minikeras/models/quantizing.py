"""`Model.quantize`: which layers, and all or none of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikeras import naming
from minikeras.dtype_policies import DTypePolicyMap
from minikeras.engine.warn import warn_user
from minikeras.layers.attention.heads import HeadAttention
from minikeras.layers.core.quantized.quantizable import CALIBRATED
from minikeras.models.calibrating import blocks_of, parts_of, quantize_blocks, windows
from minikeras.quantizers.finding import config_for

if TYPE_CHECKING:
    from minikeras.layers.base.layer import Layer
    from minikeras.models.model import Model


def quantize_model(
    model: Model,
    mode: str | None,
    config: object,
    filters: object,
    kwargs: dict[str, Any],
) -> None:
    """Quantizes the layers of a model that can be.

    Args:
        model: A built model.
        mode: As in `Layer.quantize`.
        config: The same.
        filters: Which layers.
        kwargs: `type_check`.

    Raises:
        ValueError: If an argument is wrong or a layer refuses; nothing is changed then.
        NotImplementedError: If a weight has too many axes for the mode.
    """
    type_check = kwargs.pop("type_check", True)
    label = f"model {model.name!r}"
    if kwargs:
        raise ValueError(
            f"{label}.quantize: unknown arguments {', '.join(kwargs)}; expected mode, "
            "config, filters and type_check."
        )
    wanted = _chosen(filters, label)
    config = config_for(mode, config, label)
    if not model.built:
        raise ValueError(
            f"{label}: quantize() comes after building; call the model, or build(), first."
        )
    layers = [layer for layer in model._flatten_layers() if wanted(layer)]
    able = [layer for layer in layers if _able(layer, config.mode, type_check)]
    if config.mode in CALIBRATED:
        blocks, tokens = blocks_of(model, config, label), windows(config, label)
        inside = {id(part) for block in blocks[1] for part in parts_of(block)}
        able = [layer for layer in able if id(layer) in inside]
    for layer in able:
        layer._check_quantizable(config.mode)
    if config.mode in CALIBRATED:
        quantize_blocks(blocks, tokens, config, able)
    else:
        for layer in able:
            layer.quantize(config.mode, type_check=type_check, config=config)
    for layer in model._flatten_layers():
        if hasattr(layer, "_forget_functions"):
            layer._forget_functions()
        if isinstance(layer, HeadAttention):
            _tell(layer)
    others = {
        type(layer).__name__
        for layer in layers
        if not any(layer is one for one in able) and _has_weights(layer)
    }
    if others:
        warn_user(
            f"{label}.quantize: layers of the kinds {', '.join(sorted(others))} have weights "
            "that stay as they are."
        )


def _tell(layer: HeadAttention) -> None:
    """A layer that makes its parts by its own policy says theirs in its config."""
    parts = layer._flatten_layers(include_self=False)
    own = layer._policy_for_parts()
    told = {part.path: part.dtype_policy for part in parts if part._kept_as is not None}
    if told and not isinstance(own, DTypePolicyMap):
        layer.dtype_policy = DTypePolicyMap(own, told)


def _chosen(filters: object, label: str) -> Callable[[Any], bool]:
    if filters is None:
        return lambda layer: True
    if callable(filters):
        return lambda layer: bool(filters(layer))
    texts = [filters] if isinstance(filters, str) else filters
    if isinstance(texts, (list, tuple)) and all(isinstance(t, str) for t in texts):
        return lambda layer: any(re.search(t, layer.name) for t in texts)
    raise ValueError(
        f"{label}.quantize: filters={naming.shown(filters)}; expected a regular expression, "
        "a list of them, or a function of a layer."
    )


def _able(layer: Layer, mode: str, type_check: bool) -> bool:
    own = "_modes" in type(layer).__dict__ or not type_check
    return own and mode in layer._modes


def _has_weights(layer: Layer) -> bool:
    return bool(layer._tracker.trainable or layer._tracker.non_trainable)
