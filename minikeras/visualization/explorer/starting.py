"""Layers that keep their states from one call to the next, seen one sample at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikeras.models.model import Model


def keeping(model: Model) -> list[Any]:
    """The layers of a model that begin a call with the states of the call before."""
    return [
        layer
        for layer in model._flatten_layers()
        if getattr(layer, "stateful", False) and hasattr(layer, "reset_state")
    ]


@contextmanager
def afresh(model: Model) -> Iterator[None]:
    """A block in which every call of such layers begins with zeros and keeps nothing.

    So samples stay apart, batches may have any size, and the model's states are as they
    were. Nothing that is compiled may be called in it: compiled steps know no such block.
    """
    layers = keeping(model)
    for layer in layers:
        layer.stateful = False
    try:
        yield
    finally:
        for layer in layers:
            layer.stateful = True
