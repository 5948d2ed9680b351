"""Distances of points."""

from __future__ import annotations

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, promote_float
from minikeras.ops.support import const
from minikeras.types import ArrayLike

__all__ = ["cdist"]


@op
def cdist(x: ArrayLike, y: ArrayLike) -> Tensor:
    """The Euclidean distances of all pairs of rows.

    Rows that are equal have no gradient, where Keras on JAX gives nan.

    Args:
        x: Tensor `(..., n, features)`.
        y: Tensor `(..., m, features)`; batch axes broadcast.

    Returns:
        Tensor `(..., n, m)`.

    Raises:
        ShapeError: If ranks are below 2 or features differ.

    Example:

    >>> keras.ops.cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]]).tolist()
    [[5.0, 1.0]]
    """
    x, y = promote_float(x, y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ShapeError(
            f"cdist: shapes {x.shape} and {y.shape}; expected (..., n, features) and "
            "(..., m, features)."
        )
    left = prims.reshape(x, shape=(*x.shape[:-1], 1, x.shape[-1]))
    right = prims.reshape(y, shape=(*y.shape[:-2], 1, *y.shape[-2:]))
    gap = prims.sub(left, right)
    squares = prims.sum(prims.mul(gap, gap), axes=(gap.ndim - 1,), keepdims=False)
    # The root has no slope at 0; rows that are equal get none, rather than nan.
    same = prims.eq(squares, const(squares, 0))
    root = prims.sqrt(prims.select(same, const(squares, 1), squares))
    return prims.select(same, const(squares, 0), root)
