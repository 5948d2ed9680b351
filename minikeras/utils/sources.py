"""Where KerasTensors come from."""

from __future__ import annotations

from typing import Any

from minikeras.engine import tree
from minikeras.engine.symbolic import KerasTensor
from minikeras.layers.base.node import node_of
from minikeras.types import Nested


def get_source_inputs(tensor: Nested[KerasTensor]) -> Any:
    """The tensors of `keras.Input`, or made by hand, that a KerasTensor is computed from.

    Args:
        tensor: KerasTensor, or a list of them.

    Returns:
        List of KerasTensors, each once, in the order they are met; `tensor` itself if it
        is none of a graph.

    Example:

    >>> a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    >>> [t.name for t in keras.utils.get_source_inputs((a + b) * a)]
    ['a', 'b']
    """
    leaves = tree.flatten(tensor)
    if any(getattr(leaf, "_keras_history", None) is None for leaf in leaves):
        return tensor
    waiting = leaves[::-1]
    seen: set[KerasTensor] = set()
    sources = []
    while waiting:
        leaf = waiting.pop()
        if leaf in seen:
            continue
        seen.add(leaf)
        if leaf._keras_history is None:  # made by hand
            sources.append(leaf)
            continue
        node = node_of(leaf)
        if node.is_input:
            sources.append(leaf)
        waiting.extend(reversed(node.input_tensors))
    return sources
