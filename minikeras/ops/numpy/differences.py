"""Differences of neighbours and sums under a curve."""

from __future__ import annotations

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, promote_float, to_tensor
from minikeras.ops.support import axis_of, cast_to, const, sub_slice, whole
from minikeras.types import ArrayLike

__all__ = ["diff", "trapezoid"]


@op
def diff(a: ArrayLike, n: int = 1, axis: int = -1) -> Tensor:
    """Each element less the one before, along an axis.

    Args:
        a: Tensor of any shape.
        n: How many times.
        axis: Axis to go along.

    Returns:
        Tensor, the axis shorter by `n`.

    Raises:
        ValueError: If `n` is negative.
        TypeError: If `n` is no integer.

    Example:

    >>> keras.ops.diff([1, 4, 9, 16]).tolist()
    [3, 5, 7]
    """
    x = to_tensor(a)
    at, n = axis_of(axis, x.ndim, "diff"), whole(n, "diff", "n")
    if n < 0:
        raise ValueError(f"diff: n={n}; expected a number of at least 0.")
    if n >= x.shape[at]:
        return sub_slice(x, at, 0, 0)
    for _ in range(n):
        size = x.shape[at]
        later = sub_slice(x, at, min(1, size), size)
        before = sub_slice(x, at, 0, max(size - 1, 0))
        x = prims.ne(later, before) if x.dtype == "bool" else prims.sub(later, before)
    return x


def _shares(values: Tensor, at: int, dx: float) -> Tensor:
    """What each place counts for, at equal distances: the ends half."""
    n = values.shape[at]
    line = prims.iota(shape=(n,), dtype="int32", axis=0)
    ends = prims.bitwise_or(
        prims.eq(line, const(line, 0)), prims.eq(line, const(line, n - 1))
    )
    one, half = const(values, dx), const(values, dx / 2)
    shares = prims.select(ends, half, one)
    lead = (1,) * at + (n,) + (1,) * (values.ndim - at - 1)
    return prims.reshape(shares, shape=lead)


@op
def trapezoid(
    y: ArrayLike, x: ArrayLike | None = None, dx: float = 1.0, axis: int = -1
) -> Tensor:
    """The integral along an axis by the trapezoidal rule.

    Args:
        y: Values of the function.
        x: Where it has them; None for equal distances.
        dx: Distance, where `x` is None.
        axis: Axis to go along.

    Returns:
        Float tensor without the axis.

    Example:

    >>> keras.ops.trapezoid([1.0, 2.0, 3.0]).tolist()
    4.0
    """
    values, *places = promote_float(*((y,) if x is None else (y, x)))
    own = values.dtype
    wide = dtypes.result_type(own, "float32")  # of a half, sums may lie beyond it
    values, *places = (cast_to(v, wide) for v in (values, *places))
    at = axis_of(axis, values.ndim, "trapezoid")
    n = values.shape[at]
    # At equal distances one weighted sum; otherwise the mean of each pair of
    # neighbours, times its width.
    if x is None and n != 1:
        area = prims.mul(values, _shares(values, at, dx))
        return cast_to(prims.sum(area, axes=(at,), keepdims=False), own)
    pairs = prims.add(sub_slice(values, at, 1, n), sub_slice(values, at, 0, n - 1))
    if x is None:
        width = const(values, dx)
    else:
        if places[0].ndim == 1:
            width = diff(places[0])
            lead = (1,) * at + (width.size,) + (1,) * (values.ndim - at - 1)
            width = prims.reshape(width, shape=lead)
        else:
            width = diff(places[0], axis=at)
    area = prims.mul(prims.mul(pairs, width), const(values, 0.5))
    return cast_to(prims.sum(area, axes=(at,), keepdims=False), own)
