"""Trigonometric and hyperbolic functions, element by element.

They compute in floats: integers and bools become `floatx()` first.
"""

from __future__ import annotations

import math

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, promote_strong
from minikeras.ops.support import const, floating
from minikeras.types import ArrayLike

__all__ = [
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "arcsinh", "arccosh", "arctanh", "arctan2", "sinc", "deg2rad", "rad2deg",
]  # fmt: skip


@op
def sin(x: ArrayLike) -> Tensor:
    """The sine of an angle in radians.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.sin([0.0, 1.0]).tolist()
    [0.0, 0.8415]
    """
    return prims.sin(floating(x))


@op
def cos(x: ArrayLike) -> Tensor:
    """The cosine of an angle in radians.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.cos([0.0, 1.0]).tolist()
    [1.0, 0.5403]
    """
    return prims.cos(floating(x))


@op
def tan(x: ArrayLike) -> Tensor:
    """The tangent of an angle in radians.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.tan([0.0, 1.0]).tolist()
    [0.0, 1.5574]
    """
    return prims.tan(floating(x))


@op
def arcsin(x: ArrayLike) -> Tensor:
    """The angle in radians whose sine is `x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.arcsin([0.0, 1.0]).tolist()
    [0.0, 1.5708]
    """
    return prims.asin(floating(x))


@op
def arccos(x: ArrayLike) -> Tensor:
    """The angle in radians whose cosine is `x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.arccos([0.0, 1.0]).tolist()
    [1.5708, 0.0]
    """
    return prims.acos(floating(x))


@op
def arctan(x: ArrayLike) -> Tensor:
    """The angle in radians whose tangent is `x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.arctan([0.0, 1.0]).tolist()
    [0.0, 0.7854]
    """
    return prims.atan(floating(x))


@op
def sinh(x: ArrayLike) -> Tensor:
    """The hyperbolic sine.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.sinh([0.0, 1.0]).tolist()
    [0.0, 1.1752]
    """
    return prims.sinh(floating(x))


@op
def cosh(x: ArrayLike) -> Tensor:
    """The hyperbolic cosine.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.cosh([0.0, 1.0]).tolist()
    [1.0, 1.5431]
    """
    return prims.cosh(floating(x))


@op
def tanh(x: ArrayLike) -> Tensor:
    """The hyperbolic tangent.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.tanh([0.0, 1.0]).tolist()
    [0.0, 0.7616]
    """
    return prims.tanh(floating(x))


@op
def arcsinh(x: ArrayLike) -> Tensor:
    """The inverse of the hyperbolic sine.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.arcsinh([0.0, 1.0]).tolist()
    [0.0, 0.8814]
    """
    return prims.asinh(floating(x))


@op
def arccosh(x: ArrayLike) -> Tensor:
    """The inverse of the hyperbolic cosine, for `x` of at least 1.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.arccosh([1.0, 2.0]).tolist()
    [0.0, 1.317]
    """
    return prims.acosh(floating(x))


@op
def arctanh(x: ArrayLike) -> Tensor:
    """The inverse of the hyperbolic tangent, for `x` within -1 and 1.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.arctanh([0.0, 0.5]).tolist()
    [0.0, 0.5493]
    """
    return prims.atanh(floating(x))


@op
def arctan2(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The angle in radians of the point `(x2, x1)`, from -pi to pi.

    Args:
        x1: Ordinate of the point.
        x2: Abscissa of the point; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> keras.ops.arctan2([1.0, -1.0], [1.0, 0.0]).tolist()
    [0.7854, -1.5708]
    """
    return prims.atan2(*promote_strong(x1, x2))


@op
def sinc(x: ArrayLike) -> Tensor:
    """`sin(pi * x) / (pi * x)`, and 1 at 0.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.sinc([0.0, 0.5]).tolist()
    [1.0, 0.6366]
    """
    x = floating(x)
    zero = prims.eq(x, const(x, 0))
    # The quotient never meets 0 / 0, whose gradient would be nan though it is not
    # chosen.
    angle = prims.mul(prims.select(zero, const(x, 1), x), const(x, math.pi))
    return prims.select(zero, const(x, 1), prims.div(prims.sin(angle), angle))


@op
def deg2rad(x: ArrayLike) -> Tensor:
    """Degrees as radians.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.deg2rad([180.0, 90.0]).tolist()
    [3.1416, 1.5708]
    """
    x = floating(x)
    return prims.mul(x, const(x, math.pi / 180))


@op
def rad2deg(x: ArrayLike) -> Tensor:
    """Radians as degrees.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.rad2deg([1.0, 0.5]).tolist()
    [57.2958, 28.6479]
    """
    x = floating(x)
    return prims.mul(x, const(x, 180 / math.pi))
