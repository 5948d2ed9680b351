"""Exponentials, logarithms, and roots, element by element.

They compute in floats: integers and bools become `floatx()` first.
"""

from __future__ import annotations

import math

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, promote_float, promote_strong
from minikeras.ops.support import const, floating
from minikeras.types import ArrayLike

__all__ = [
    "exp", "expm1", "log", "log1p", "sqrt", "exp2", "log2", "log10", "logaddexp",
    "logaddexp2", "hypot", "cbrt",
]  # fmt: skip


@op
def exp(x: ArrayLike) -> Tensor:
    """e to the power of each element.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.exp([0.0, 1.0]).tolist()
    [1.0, 2.7183]
    """
    return prims.exp(floating(x))


@op
def expm1(x: ArrayLike) -> Tensor:
    """`exp(x) - 1`, exact for small `x` too.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.expm1([0.0, 1e-5]).tolist()
    [0.0, 1.000e-05]
    """
    return prims.expm1(floating(x))


@op
def log(x: ArrayLike) -> Tensor:
    """The natural logarithm.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.log([1.0, 10.0]).tolist()
    [0.0, 2.3026]
    """
    return prims.log(floating(x))


@op
def log1p(x: ArrayLike) -> Tensor:
    """`log(1 + x)`, exact for small `x` too.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.log1p([0.0, 1e-5]).tolist()
    [0.0, 1.000e-05]
    """
    return prims.log1p(floating(x))


@op
def sqrt(x: ArrayLike) -> Tensor:
    """The square root.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.sqrt([4.0, 9.0]).tolist()
    [2.0, 3.0]
    """
    return prims.sqrt(floating(x))


@op
def exp2(x: ArrayLike) -> Tensor:
    """2 to the power of each element.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.exp2([3.0, -1.0]).tolist()
    [8.0, 0.5]
    """
    x = floating(x)
    return prims.exp(prims.mul(x, const(x, math.log(2))))


@op
def log2(x: ArrayLike) -> Tensor:
    """The logarithm to base 2.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.log2([8.0, 0.5]).tolist()
    [3.0, -1.0]
    """
    x = floating(x)
    return prims.div(prims.log(x), const(x, math.log(2)))


@op
def log10(x: ArrayLike) -> Tensor:
    """The logarithm to base 10.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.log10([100.0, 5.0]).tolist()
    [2.0, 0.699]
    """
    x = floating(x)
    return prims.div(prims.log(x), const(x, math.log(10)))


@op
def logaddexp(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """`log(exp(x1) + exp(x2))`, without overflow.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> keras.ops.logaddexp([0.0, 1000.0], [0.0, 1000.0]).tolist()
    [0.6931, 1000.6932]
    """
    return prims.logaddexp(*promote_strong(x1, x2))


@op
def logaddexp2(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """`log2(2 ** x1 + 2 ** x2)`, without overflow.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> keras.ops.logaddexp2([0.0, 3.0], [0.0, 3.0]).tolist()
    [1.0, 4.0]
    """
    a, b = promote_strong(x1, x2)
    ln2 = const(a, math.log(2))
    return prims.div(logaddexp(prims.mul(a, ln2), prims.mul(b, ln2)), ln2)


@op
def hypot(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """`sqrt(x1**2 + x2**2)`, without overflow.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> keras.ops.hypot([3.0, 1e30], [4.0, 0.0]).tolist()
    [5.0, 1000000015047466219876688855040.0]
    """
    a, b = (prims.abs(v) for v in promote_float(x1, x2))
    big, small = prims.maximum(a, b), prims.minimum(a, b)
    zero = prims.eq(big, const(big, 0))
    # big sqrt(1 + (small / big)^2): no square is larger than 1.
    ratio = prims.div(small, prims.select(zero, const(big, 1), big))
    root = prims.sqrt(prims.add(const(big, 1), prims.mul(ratio, ratio)))
    # An infinite side counts even beside nan.
    infinite = prims.bitwise_or(prims.isinf(a), prims.isinf(b))
    return prims.select(infinite, const(big, math.inf), prims.mul(big, root))


@op
def cbrt(x: ArrayLike) -> Tensor:
    """The cube root, negative for negative `x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.cbrt([8.0, -27.0]).tolist()
    [2.0, -3.0]
    """
    return prims.cbrt(floating(x))
