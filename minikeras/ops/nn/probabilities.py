"""Activation functions of whole axes, which sum to 1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from minikeras.engine import prims
from minikeras.engine.interpret import current
from minikeras.engine.tensor import Tensor
from minikeras.engine.warn import warn_user
from minikeras.ops.op import op
from minikeras.ops.support import (
    along,
    axes_of,
    axis_of,
    const,
    floating,
)
from minikeras.types import ArrayLike, Axis

if TYPE_CHECKING:
    from minikeras.engine.primitive import Primitive


__all__ = ["softmax", "log_softmax", "sparsemax"]


def _over_axes(row: Primitive, x: ArrayLike, axis: Axis, name: str) -> Tensor:
    """A row that works along one axis, over several axes taken together."""
    x = floating(x)
    if not isinstance(axis, (tuple, list)) and axis is not None:
        return (
            row(x, axis=axis_of(axis, x.ndim, name))
            if x.ndim
            else row(_flat(x), axis=0)
        )
    axes = axes_of(axis, x.ndim, name)
    rest = [a for a in range(x.ndim) if a not in axes]
    perm = (*rest, *axes)
    moved = prims.transpose(x, perm=perm)
    size = math.prod(x.shape[a] for a in axes)
    flat = prims.reshape(moved, shape=(*(x.shape[a] for a in rest), size))
    result = prims.reshape(row(flat, axis=len(rest)), shape=moved.shape)
    return prims.transpose(result, perm=tuple(perm.index(a) for a in range(x.ndim)))


def _flat(x: Tensor) -> Tensor:
    return prims.reshape(x, shape=(1,))


def shares(x: ArrayLike, axis: Axis = -1) -> Tensor:
    """`softmax`, where an axis of size 1 is nothing to warn of."""
    return _over_axes(prims.softmax, x, axis, "softmax")


@op
def softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> Tensor:
    """`exp(x) / sum(exp(x))` along an axis: positive numbers that sum to 1.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes that sum to 1; along one of size 1 there is a warning.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.softmax([0.0, 1.0, 2.0]).tolist()
    [0.09, 0.2447, 0.6652]
    """
    result = shares(x, axis)
    if isinstance(axis, int) and result.ndim and result.shape[axis] == 1:
        current().hangs_on_more()
        warn_user(
            f"softmax: axis {axis} of shape {result.shape} has size 1, so that every result "
            "is 1. Use a sigmoid for one probability."
        )
    return result


@op
def log_softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> Tensor:
    """`log(softmax(x))` along an axis, without overflow.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes whose exponentials sum to 1.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.log_softmax([0.0, 1.0, 2.0]).tolist()
    [-2.4076, -1.4076, -0.4076]
    """
    return _over_axes(prims.log_softmax, x, axis, "log_softmax")


@op
def sparsemax(x: ArrayLike, axis: int = -1) -> Tensor:
    """Like softmax, with exact zeros: `x` less a level, cut off at 0.

    The level is Keras's, so that models give the same numbers. It is the level of
    Martins and Astudillo where one element is greater than all others by 1 or more; where
    several share the mass it is higher, and the sum of the result is below 1.

    Args:
        x: Tensor of any shape.
        axis: Axis to go along.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.sparsemax([-1.0, 0.5, 1.0]).tolist()
    [0.0, 0.0, 0.25]

    Reference:
        Martins, Astudillo: From Softmax to Sparsemax; 2016.
    """
    x = floating(x)
    at = axis_of(axis, x.ndim, "sparsemax")
    n = x.shape[at]
    # Of equals the first comes first, and nan comes last.
    falling = prims.neg(prims.sort(prims.neg(x), axis=at))
    total = prims.cumsum(falling, axis=at, reverse=False)
    rank = prims.iota(shape=(n,), dtype=x.dtype, axis=0)
    rank = prims.reshape(prims.add(rank, const(x, 1)), shape=along(x.ndim, at, n))
    # Martins and Astudillo 2016, "From Softmax to Sparsemax", algorithm 1: of the
    # sorted x_k those with 1 + k x_k > sum of the first k are in; the level makes their
    # rest sum to 1.
    inside = prims.gt(prims.add(const(x, 1), prims.mul(rank, falling)), total)
    weight = prims.cast(inside, dtype=x.dtype)
    size = prims.sum(weight, axes=(at,), keepdims=True)
    inner = prims.select(inside, total, const(x, 0))
    mass = prims.sum(inner, axes=(at,), keepdims=True)
    level = prims.div(prims.sub(mass, const(x, 1)), size)
    return prims.maximum(prims.sub(x, level), const(x, 0))
