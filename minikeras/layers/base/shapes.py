"""Structures of shapes, and of KerasTensors that have them."""

from __future__ import annotations

from typing import Any

from minikeras.engine.symbolic import KerasTensor
from minikeras.layers.base.call_info import shape_of


def is_shape(value: object) -> bool:
    """Whether `value` is one shape, rather than a structure of shapes."""
    return isinstance(value, (tuple, list)) and all(
        d is None or isinstance(d, int) for d in value
    )


def shapes_to_tensors(shapes: Any, dtype: str) -> Any:
    """KerasTensors in the structure of `shapes`."""
    if shapes is None:
        return None
    if is_shape(shapes):
        return KerasTensor(tuple(shapes), dtype)
    if isinstance(shapes, dict):
        return {key: shapes_to_tensors(s, dtype) for key, s in shapes.items()}
    kind = tuple if isinstance(shapes, tuple) else list
    return kind(shapes_to_tensors(s, dtype) for s in shapes)


def tensors_to_shapes(tensors: object) -> Any:
    """The reverse of `shapes_to_tensors`."""
    if isinstance(tensors, (list, tuple)):
        return type(tensors)([tensors_to_shapes(t) for t in tensors])
    return shape_of(tensors)
