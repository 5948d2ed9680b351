"""`keras.src.optimizers`: the base class under its other name, and norms of gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.optimizers import Optimizer

BaseOptimizer = Optimizer


def global_norm(value_list: Sequence[Any]) -> Tensor:
    """The length of several tensors as one vector."""
    return ops.sqrt(sum(ops.sum(ops.square(v)) for v in value_list if v is not None))


def clip_by_global_norm(value_list: Sequence[Any], clip_norm: float) -> list[Any]:
    """Several tensors, made as short as `clip_norm` together."""
    factor = clip_norm / ops.maximum(global_norm(value_list), clip_norm)
    return [None if v is None else v * factor for v in value_list]


__all__ = ["BaseOptimizer", "Optimizer", "clip_by_global_norm", "global_norm"]
