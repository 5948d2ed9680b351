"""Sizes, signs and bounds: absolute values, extrema of pairs, clipping."""

from __future__ import annotations

from typing import Any

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, promote, promote_float, to_tensor
from minikeras.ops.support import const, floating, numeric
from minikeras.types import ArrayLike

__all__ = [
    "absolute", "abs", "fabs", "sign", "signbit", "maximum", "minimum", "fmax", "fmin",
    "clip", "heaviside", "nextafter",
]  # fmt: skip


@op
def absolute(x: ArrayLike) -> Tensor:
    """The size of each element, without its sign. The gradient at 0 is 1, as in JAX.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> keras.ops.absolute([-1.5, 2.0]).tolist()
    [1.5, 2.0]
    """
    x = to_tensor(x)
    return x if x.dtype == "bool" else prims.abs(x)


@op
def abs(x: ArrayLike) -> Tensor:
    """The size of each element; another name for `absolute`.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> keras.ops.abs([-1.5, 2.0]).tolist()
    [1.5, 2.0]
    """
    return absolute(x)


@op
def fabs(x: ArrayLike) -> Tensor:
    """The size of each element, as a float.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.fabs([-1, 2]).tolist()
    [1.0, 2.0]
    """
    return prims.abs(floating(x))


@op
def sign(x: ArrayLike) -> Tensor:
    """-1, 0 or 1 by the sign of each element.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> keras.ops.sign([-2.5, 0.0, 3.0]).tolist()
    [-1.0, 0.0, 1.0]
    """
    return prims.sign(to_tensor(x))


@op
def signbit(x: ArrayLike) -> Tensor:
    """Whether the sign bit is set: true for negative numbers and for -0.0.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> keras.ops.signbit([-2.5, 0.0, 3.0]).tolist()
    [True, False, False]
    """
    x = numeric(x)
    below = prims.lt(x, const(x, 0))
    if not x.dtype.startswith(("float", "bfloat")):
        return below
    # 1 / -0.0 is minus infinity; other values must not reach the division.
    zero = prims.eq(x, const(x, 0))
    one = prims.select(zero, x, const(x, 1))
    return prims.bitwise_or(below, prims.lt(prims.div(const(x, 1), one), const(x, 0)))


@op
def maximum(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The larger of each pair of elements; nan if either is nan.

    The gradient goes to the larger one, half to each where they are equal.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> keras.ops.maximum([1, 5], [3, 2]).tolist()
    [3, 5]
    """
    return prims.maximum(*promote(x1, x2))


@op
def minimum(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The smaller of each pair of elements; nan if either is nan.

    The gradient goes to the smaller one, half to each where they are equal.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> keras.ops.minimum([1, 5], [3, 2]).tolist()
    [1, 2]
    """
    return prims.minimum(*promote(x1, x2))


@op
def fmax(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The larger of each pair of elements; a nan gives way to a number.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> keras.ops.fmax([1.0, float("nan")], [3.0, 2.0]).tolist()
    [3.0, 2.0]
    """
    a, b = promote(x1, x2)
    return prims.select(_first_wins(a, prims.gt(a, b), b), a, b)


@op
def fmin(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The smaller of each pair of elements; a nan gives way to a number.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> keras.ops.fmin([1.0, float("nan")], [3.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    a, b = promote(x1, x2)
    return prims.select(_first_wins(a, prims.lt(a, b), b), a, b)


def _first_wins(a: Tensor, better: Tensor, b: Tensor) -> Tensor:
    if a.dtype.startswith(("float", "bfloat")):
        # A comparison with nan is false: without this, nan in `b` would win.
        return prims.bitwise_or(better, prims.isnan(b))
    return better


@op
def clip(x: Any, x_min: ArrayLike, x_max: ArrayLike) -> Tensor:
    """Each element moved into the range from `x_min` to `x_max`.

    The gradient is 0 outside of the range, and one half on its ends.

    Args:
        x: Tensor of any shape.
        x_min: Least value, or a tensor of them that broadcasts.
        x_max: Greatest value, or a tensor of them that broadcasts.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> keras.ops.clip([-2.0, 0.5, 3.0], 0.0, 1.0).tolist()
    [0.0, 0.5, 1.0]
    """
    # A bound that is None is no bound, and takes no part in the promotion.
    parts = promote(*(v for v in (x, x_min, x_max) if v is not None))
    parts = tuple(numeric(p) for p in parts)
    x, rest = parts[0], list(parts[1:])
    if x_min is not None:
        x = prims.maximum(x, rest.pop(0))
    return prims.minimum(x, rest.pop(0)) if x_max is not None else x


@op
def heaviside(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The step function: 0 for negative `x1`, 1 for positive, `x2` at 0.

    Args:
        x1: First tensor.
        x2: Value where `x1` is 0; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> keras.ops.heaviside([-1.5, 0.0, 2.0], 0.5).tolist()
    [0.0, 0.5, 1.0]
    """
    a, b = promote_float(x1, x2)
    zero = const(a, 0)
    step = prims.select(
        prims.lt(a, zero), zero, prims.select(prims.gt(a, zero), const(a, 1), b)
    )
    # nan is neither below nor above 0, so it would get `x2`.
    return prims.select(prims.isnan(a), a, step)


@op
def nextafter(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The next float after `x1` in the direction of `x2`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> keras.ops.nextafter(1.0, 2.0) > 1.0
    <Tensor shape=() dtype=bool True>
    """
    return prims.nextafter(*promote_float(x1, x2))
