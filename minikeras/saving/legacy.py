"""Configs of older Keras versions: what they say that no longer means anything.

Keras 2 wrote arguments that Keras 3 has dropped, and the calls of functional models
as lists. Dead arguments are left out with one warning for the whole config.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase
from typing import Any

_KERNEL = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")
_RECURRENT = ("implementation", "time_major")
# Patterns of class names -> arguments that say nothing here.
_DEAD: dict[str, tuple[str, ...]] = {
    "*": ("dynamic", "experimental_autocast"),
    "DepthwiseConv?D": ("groups", "filters", *_KERNEL),
    "SeparableConv?D": ("groups", *_KERNEL),
    "Conv?DTranspose": ("groups",),
    "BatchNormalization": ("fused", "virtual_batch_size", "adjustment"),
    "Embedding": ("input_length",),
    "InputLayer": ("type_spec",),
    "*RNN": _RECURRENT,
    "*LSTM": _RECURRENT,
    "*GRU": _RECURRENT,
    "*Cell": ("implementation",),
    "ConvLSTM?D": _RECURRENT,
    "MultiHeadAttention": ("query_shape", "key_shape", "value_shape"),
    "SpatialDropout?D": ("noise_shape", "batch_input_shape"),
}
# With these values an argument changes nothing; with others it cannot be dropped.
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "groups": (1, None),
    "time_major": (False, None),
    "noise_shape": (None,),
    "virtual_batch_size": (None,),
    "adjustment": (None,),
}

_dropped: ContextVar[dict[str, None] | None] = ContextVar(
    "minikeras_dropped_arguments", default=None
)


@contextmanager
def one_note() -> Iterator[None]:
    """One warning for all arguments that are dropped inside the outermost block."""
    if _dropped.get() is not None:
        yield
        return
    found: dict[str, None] = {}
    token = _dropped.set(found)
    try:
        yield
    finally:
        _dropped.reset(token)
    if found:
        warnings.warn(
            "This config is of an older Keras; arguments that no longer mean anything were "
            f"left out: {', '.join(found)}.",
            stacklevel=4,
        )


def without_dead_arguments(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """The config of a class without what older versions wrote and nothing needs."""
    dead = {
        key
        for pattern, keys in _DEAD.items()
        if fnmatchcase(name, pattern)
        for key in keys
        if key in config and config[key] in _HARMLESS.get(key, (config[key],))
    }
    if not dead:
        return config
    with one_note():
        notes = _dropped.get()
        assert notes is not None
        notes.update({f"{name}({key})": None for key in config if key in dead})
    return {key: value for key, value in config.items() if key not in dead}


def modern_lambda(config: dict[str, Any]) -> dict[str, Any]:
    """A Lambda's config of Keras 2 in the form of Keras 3."""
    kinds = {
        key: config.get(f"{key}_type") for key in ("function", "output_shape", "mask")
    }
    extra = ("module", *(f"{k}_type" for k in kinds), *(f"{k}_module" for k in kinds))
    found = {key: value for key, value in config.items() if key not in extra}
    for key, kind in kinds.items():
        if kind == "lambda":
            found[key] = {"class_name": "__lambda__", "config": {"value": config[key]}}
        elif kind == "function":
            found[key] = {"class_name": "function", "config": config[key]}
    return found


def modern_node(node: Any) -> dict[str, Any]:
    """A call in a functional config: `[[layer, node, tensor, kwargs], ...]` as a dict."""
    if isinstance(node, dict):
        return node
    entries = [node] if node and isinstance(node[0], str) else node
    tensors = [_reference(entry) for entry in entries]
    kwargs = entries[0][3] if len(entries[0]) > 3 else {}
    return {
        "args": [tensors[0] if len(tensors) == 1 else tensors],
        "kwargs": {
            key: _reference(value) if _is_reference(value) else value
            for key, value in kwargs.items()
        },
    }


def _is_reference(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], str)
        and all(isinstance(n, int) for n in value[1:])
    )


def _reference(entry: list[Any]) -> dict[str, Any]:
    """A tensor, named by layer, call and place."""
    return {"class_name": "__keras_tensor__", "config": {"keras_history": entry[:3]}}
