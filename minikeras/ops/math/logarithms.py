"""Logarithms of sums and of determinants."""

from __future__ import annotations

import math

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.determinants import slogdet
from minikeras.ops.op import op
from minikeras.ops.support import (
    axes_of,
    const,
    floating,
)
from minikeras.types import ArrayLike, Axis

__all__ = ["logsumexp", "logdet"]


@op
def logsumexp(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`log(sum(exp(x)))` along axes, without overflow.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; None for all of them.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        Float tensor without the axes.

    Example:

    >>> keras.ops.logsumexp([[0.0, 0.0], [1.0, 3.0]], axis=1).tolist()
    [0.6931, 3.1269]
    """
    x = floating(x)
    axes = axes_of(axis, x.ndim, "logsumexp")
    if not axes:
        return x
    if any(x.shape[a] == 0 for a in axes):  # log(0), whatever the other axes
        shape = tuple(1 if i in axes else d for i, d in enumerate(x.shape))
        left = tuple(d for i, d in enumerate(x.shape) if i not in axes)
        shape = shape if keepdims else left
        return prims.full(shape=shape, dtype=x.dtype, value=-math.inf)
    top = prims.stop_gradient(prims.max(x, axes=axes, keepdims=True))
    # -inf less -inf would be nan; with 0 the sum is 0 and its logarithm -inf.
    top = prims.select(prims.isfinite(top), top, const(top, 0))
    total = prims.sum(prims.exp(prims.sub(x, top)), axes=axes, keepdims=True)
    result = prims.add(prims.log(total), top)
    if keepdims:
        return result
    left = tuple(d for i, d in enumerate(x.shape) if i not in axes)
    return prims.reshape(result, shape=left)


@op
def logdet(x: ArrayLike) -> Tensor:
    """The logarithm of the determinant of positive definite matrices.

    Args:
        x: Tensor `(..., n, n)`.

    Returns:
        Tensor `(...)`.

    Example:

    >>> round(keras.ops.logdet([[2.0, 0.0], [0.0, 2.0]]).item(), 4)
    1.3863
    """
    return slogdet(x)[1]
