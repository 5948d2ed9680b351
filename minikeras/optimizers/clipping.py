"""Gradients made shorter: each alone, all together, or value by value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras import ops
from minikeras.engine.tensor import Tensor


def clip_by_norm(gradient: Tensor, clipnorm: float) -> Any:
    """`gradient` scaled so that its L2 norm is at most `clipnorm`."""
    squared = ops.sum(ops.square(gradient))
    positive = squared > 0.0
    # The root has no finite gradient at 0, so it is taken of 1 there.
    safe = ops.where(positive, squared, ops.ones_like(squared))
    norm = ops.where(positive, ops.sqrt(safe), squared)
    return gradient * clipnorm / ops.maximum(norm, clipnorm)


def clip_by_global_norm(gradients: Sequence[Any], clip_norm: float) -> list[Any]:
    """All scaled by one factor so that their common L2 norm is at most `clip_norm`.

    A norm that is not finite makes every gradient NaN, so that it shows.
    """
    squares = [ops.cast(ops.sum(ops.square(g)), "float32") for g in gradients]
    total = squares[0]
    for square in squares[1:]:
        total = total + square
    norm = ops.sqrt(total)
    scale = clip_norm * ops.minimum(1.0 / norm, 1.0 / clip_norm) + (norm - norm)
    return [g * ops.cast(scale, g.dtype) for g in gradients]


def clip_gradients(
    gradients: Sequence[Any],
    clipnorm: float | None,
    global_clipnorm: float | None,
    clipvalue: float | None,
) -> list[Any]:
    """Gradients clipped by the one setting that is a number above 0."""
    if clipnorm and clipnorm > 0:
        return [clip_by_norm(g, clipnorm) for g in gradients]
    if global_clipnorm and global_clipnorm > 0:
        return clip_by_global_norm(gradients, global_clipnorm)
    if clipvalue and clipvalue > 0:
        return [ops.clip(g, -clipvalue, clipvalue) for g in gradients]
    return list(gradients)
