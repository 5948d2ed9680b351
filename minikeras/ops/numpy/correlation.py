"""Correlations of vectors."""

from __future__ import annotations

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.shaping import expand_dims
from minikeras.ops.op import op, promote_float
from minikeras.ops.support import (
    by_parts,
    cast_to,
    conjugated,
    const,
    floating,
    sub_slice,
)
from minikeras.types import ArrayLike

__all__ = ["correlate", "corrcoef"]


@op
def correlate(x1: ArrayLike, x2: ArrayLike, mode: str = "valid") -> Tensor:
    """The cross-correlation of two vectors.

    Args:
        x1: First vector.
        x2: Second vector; of complex numbers the conjugates are taken.
        mode: `"valid"`: only where they overlap fully; `"same"`: as long as the longer
            one; `"full"`: wherever they overlap.

    Returns:
        Float tensor of rank 1.

    Raises:
        ShapeError: If an argument is no vector.

    Example:

    >>> keras.ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0, 0.5]).tolist()
    [3.5]
    """
    a, b = promote_float(x1, x2)
    if a.ndim != 1 or b.ndim != 1 or not a.size or not b.size:
        raise ShapeError(
            f"correlate: shapes {a.shape} and {b.shape}; expected two vectors."
        )
    if mode not in ("valid", "same", "full"):
        raise ValueError(
            f"correlate: mode={mode!r}; expected 'valid', 'same' or 'full'."
        )
    b = conjugated(b)
    # The longer one is the signal of a convolution; swapped, the result runs backwards.
    swapped = b.size > a.size
    long, short = (b, a) if swapped else (a, b)
    n, k = long.size, short.size
    side = {"valid": 0, "same": k - 1, "full": k - 1}[mode]
    y = prims.conv(
        prims.reshape(long, shape=(1, n, 1)),
        prims.reshape(short, shape=(k, 1, 1)),
        strides=(1,),
        padding=((side, side),),
        dilation=(1,),
        groups=1,
    )
    y = prims.reshape(y, shape=(y.shape[1],))
    y = prims.flip(y, axes=(0,)) if swapped else y
    if mode == "same":
        # "same" is a part of "full" of the longer one's length; NumPy takes the middle,
        # and of two middles not the same one when swapped.
        start = k // 2 if swapped else k - 1 - k // 2
        y = sub_slice(y, 0, start, start + n)
    return y


@op
def corrcoef(x: ArrayLike) -> Tensor:
    """The correlation coefficients of the rows of a matrix.

    Args:
        x: Tensor `(variables, observations)`, or a vector of observations.

    Returns:
        Float tensor `(variables, variables)`; a scalar for a vector.

    Example:

    >>> keras.ops.corrcoef(keras.ops.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    x = floating(x)
    if x.ndim == 0:
        return prims.div(x, x)
    flat, own = x.ndim == 1, x.dtype
    # Covariances may lie beyond what the dtype of a half holds; correlations do not.
    x = cast_to(x, dtypes.result_type(own, "float32"))
    rows = expand_dims(x, 0) if flat else x
    total = prims.sum(rows, axes=(1,), keepdims=True)
    centred = prims.sub(rows, prims.div(total, const(total, rows.shape[1])))
    other = conjugated(centred)
    cov = prims.matmul(centred, other, transpose_a=False, transpose_b=True)
    cov = prims.div(cov, const(cov, max(rows.shape[1] - 1, 1)))
    eye = prims.eq(
        prims.iota(shape=cov.shape, dtype="int32", axis=0),
        prims.iota(shape=cov.shape, dtype="int32", axis=1),
    )
    spread = prims.sum(prims.select(eye, cov, const(cov, 0)), axes=(1,), keepdims=True)
    scale = prims.sqrt(spread)
    result = prims.div(prims.div(cov, scale), prims.transpose(scale, perm=(1, 0)))
    result = by_parts(_within_one, result)
    result = cast_to(result, own)
    return prims.reshape(result, shape=()) if flat else result


def _within_one(x: Tensor) -> Tensor:
    return prims.minimum(prims.maximum(x, const(x, -1)), const(x, 1))
