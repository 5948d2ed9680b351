"""The greatest elements, and whether targets are among them."""

from __future__ import annotations

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import (
    axis_of,
    const,
    index,
    numeric,
    whole,
)
from minikeras.types import ArrayLike

__all__ = ["top_k", "in_top_k"]


@op
def top_k(x: ArrayLike, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The `k` greatest elements along the last axis, and their indices.

    Args:
        x: Tensor of rank 1 or more.
        k: How many.
        sorted: Kept for Keras's signature; they always come in descending order.

    Returns:
        Pair of tensors `(..., k)`: values, and int32 indices. Of equal elements the first
        comes first.

    Raises:
        ValueError: If the axis has fewer than `k` elements.

    Example:

    >>> values, indices = keras.ops.top_k(keras.ops.array([5, 2, 7]), k=2)
    >>> values.tolist(), indices.tolist()
    ([7, 5], [2, 0])
    """
    x = to_tensor(x)
    at = axis_of(-1, x.ndim, "top_k")
    n = x.shape[at]
    k = k if type(k) is int else whole(k, "top_k", "k")
    if not 0 <= k <= n:
        raise ValueError(
            f"top_k: k={k}, but the last axis of {x.shape} has {n} elements."
        )
    values, indices = prims.top_k(x, k=k)
    return values, indices


@op
def in_top_k(targets: ArrayLike, predictions: ArrayLike, k: int) -> Tensor:
    """Whether the target class is among the `k` greatest predictions.

    Classes as good as the last of them count too; a prediction that is not finite never
    does.

    Args:
        targets: Integer tensor `(batch,)`.
        predictions: Tensor `(batch, classes)`.
        k: How many count.

    Returns:
        Bool tensor `(batch,)`.

    Example:

    >>> keras.ops.in_top_k([2, 0], [[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]], 1).tolist()
    [True, False]
    """
    scores, classes = numeric(predictions), index(targets, "in_top_k", "targets")
    n = scores.shape[-1]
    lanes = prims.iota(shape=(1, n), dtype=classes.dtype, axis=1)
    column = prims.reshape(classes, shape=(*classes.shape, 1))
    hit = prims.eq(column, lanes)
    own = prims.select(hit, scores, const(scores, 0))
    own = prims.sum(own, axes=(scores.ndim - 1,), keepdims=True)
    better = prims.cast(prims.gt(scores, own), dtype="int32")
    rank = prims.sum(better, axes=(scores.ndim - 1,), keepdims=False)
    known = prims.any(hit, axes=(scores.ndim - 1,), keepdims=False)
    # Only greater ones stand before a target: with ties at the border all of them are
    # in.
    among = prims.bitwise_and(prims.lt(rank, const(rank, k)), known)
    if not dtypes.is_float(scores.dtype):
        return among
    finite = prims.isfinite(prims.reshape(own, shape=rank.shape))
    return prims.bitwise_and(among, finite)
