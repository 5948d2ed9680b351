"""Smooth activation functions."""

from __future__ import annotations

import math

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op
from minikeras.ops.support import (
    axis_of,
    const,
    floating,
    sub_slice,
)
from minikeras.types import ArrayLike

__all__ = [
    "sigmoid", "log_sigmoid", "softplus", "softsign", "silu", "swish", "gelu", "elu",
    "selu", "celu", "glu", "tanh_shrink", "squareplus",
]  # fmt: skip


@op
def sigmoid(x: ArrayLike) -> Tensor:
    """`1 / (1 + exp(-x))`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.sigmoid([-2.0, 0.0, 2.0]).tolist()
    [0.1192, 0.5, 0.8808]
    """
    return prims.logistic(floating(x))


@op
def log_sigmoid(x: ArrayLike) -> Tensor:
    """`log(sigmoid(x))`, without overflow.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.log_sigmoid([-2.0, 0.0, 2.0]).tolist()
    [-2.1269, -0.6931, -0.1269]
    """
    return prims.neg(softplus(prims.neg(floating(x))))


@op
def softplus(x: ArrayLike) -> Tensor:
    """`log(1 + exp(x))`, without overflow.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.softplus([-2.0, 0.0, 2.0]).tolist()
    [0.1269, 0.6931, 2.1269]
    """
    x = floating(x)
    # minus |x| this way, so that the gradients of both terms at 0 are their one-sided mean.
    below = prims.minimum(x, prims.neg(x))
    tail = prims.log1p(prims.exp(below))
    return prims.add(prims.maximum(x, const(x, 0)), tail)


@op
def softsign(x: ArrayLike) -> Tensor:
    """`x / (1 + |x|)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.softsign([-1.0, 0.0, 3.0]).tolist()
    [-0.5, 0.0, 0.75]
    """
    x = floating(x)
    return prims.div(x, prims.add(const(x, 1), prims.abs(x)))


@op
def silu(x: ArrayLike) -> Tensor:
    """`x * sigmoid(x)`, also called swish.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.silu([-1.0, 0.0, 2.0]).tolist()
    [-0.2689, 0.0, 1.7616]

    Reference:
        Ramachandran, Zoph, Le: Searching for Activation Functions; 2017.
    """
    x = floating(x)
    return prims.mul(x, prims.logistic(x))


@op
def swish(x: ArrayLike) -> Tensor:
    """`x * sigmoid(x)`; another name for `silu`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.swish([-1.0, 0.0, 2.0]).tolist()
    [-0.2689, 0.0, 1.7616]
    """
    return silu(x)


@op
def gelu(x: ArrayLike, approximate: bool = True) -> Tensor:
    """Gaussian error linear unit: `x * P(X <= x)` for a standard normal X.

    Args:
        x: Tensor of any shape.
        approximate: Whether to take the usual approximation by tanh.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.gelu([-1.0, 0.0, 2.0]).tolist()
    [-0.1588, 0.0, 1.9546]

    Reference:
        Hendrycks, Gimpel: Gaussian Error Linear Units; 2016.
    """
    x = floating(x)
    half, one = const(x, 0.5), const(x, 1)
    if approximate:
        # Hendrycks and Gimpel 2016, "Gaussian Error Linear Units": tanh(sqrt(2 / pi) (x
        # + 0.044715 x^3)) is near erf(x / sqrt 2).
        cube = prims.mul(prims.mul(x, x), x)
        inner = prims.add(x, prims.mul(const(x, 0.044715), cube))
        bell = prims.tanh(prims.mul(const(x, math.sqrt(2 / math.pi)), inner))
    else:
        bell = prims.erf(prims.mul(x, const(x, math.sqrt(0.5))))
    return prims.mul(x, prims.mul(half, prims.add(one, bell)))


@op
def elu(x: ArrayLike, alpha: float = 1.0) -> Tensor:
    """`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere.

    Args:
        x: Tensor of any shape.
        alpha: Size of the value for very negative `x`.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.elu([-1.0, 0.0, 2.0]).tolist()
    [-0.6321, 0.0, 2.0]

    Reference:
        Clevert, Unterthiner, Hochreiter: Fast and Accurate Deep Network Learning by
        Exponential Linear Units; 2015.
    """
    x = floating(x)
    positive = prims.gt(x, const(x, 0))
    # The exponential sees no positive number, so that it cannot overflow.
    below = prims.expm1(prims.select(positive, const(x, 0), x))
    return prims.select(positive, x, prims.mul(const(x, alpha), below))


# Klambauer et al. 2017, "Self-Normalizing Neural Networks": the fixed point of mean 0
# and variance 1.
_SELU_ALPHA = 1.6732632423543772848170429916717

_SELU_SCALE = 1.0507009873554804934193349852946


@op
def selu(x: ArrayLike) -> Tensor:
    """Scaled exponential linear unit, which keeps mean 0 and variance 1.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.selu([-1.0, 0.0, 2.0]).tolist()
    [-1.1113, 0.0, 2.1014]

    Reference:
        Klambauer, Unterthiner, Mayr, Hochreiter: Self-Normalizing Neural Networks; 2017.
    """
    y = elu(x, _SELU_ALPHA)
    return prims.mul(const(y, _SELU_SCALE), y)


@op
def celu(x: ArrayLike, alpha: float = 1.0) -> Tensor:
    """`max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))`.

    Args:
        x: Tensor of any shape.
        alpha: Size of the value for very negative `x`.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.celu([-1.0, 0.0, 2.0]).tolist()
    [-0.6321, 0.0, 2.0]

    Reference:
        Barron: Continuously Differentiable Exponential Linear Units; 2017.
    """
    x = floating(x)
    zero, a = const(x, 0), const(x, alpha)
    below = prims.expm1(prims.div(prims.minimum(x, zero), a))
    return prims.add(prims.maximum(x, zero), prims.mul(a, below))


@op
def glu(x: ArrayLike, axis: int = -1) -> Tensor:
    """Gated linear unit: the first half of the axis times the sigmoid of the second.

    Args:
        x: Tensor of any shape.
        axis: Axis to cut in two; of even size.

    Returns:
        Float tensor, the axis half as long.

    Raises:
        ShapeError: If the size of the axis is odd.

    Example:

    >>> keras.ops.glu([1.0, 2.0, 0.0, 0.0]).tolist()
    [0.5, 1.0]

    Reference:
        Dauphin, Fan, Auli, Grangier: Language Modeling with Gated Convolutional Networks;
        2016.
    """
    x = floating(x)
    at = axis_of(axis, x.ndim, "glu")
    n = x.shape[at]
    if n % 2:
        raise ShapeError(
            f"glu: axis {axis} of `x` of shape {x.shape} has size {n}; expected an even size."
        )
    gate = prims.logistic(sub_slice(x, at, n // 2, n))
    return prims.mul(sub_slice(x, at, 0, n // 2), gate)


@op
def tanh_shrink(x: ArrayLike) -> Tensor:
    """`x - tanh(x)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.tanh_shrink([-1.0, 0.0, 2.0]).tolist()
    [-0.2384, 0.0, 1.036]
    """
    x = floating(x)
    return prims.sub(x, prims.tanh(x))


@op
def squareplus(x: ArrayLike, b: float = 4) -> Tensor:
    """`(x + sqrt(x**2 + b)) / 2`, a smooth relu.

    Args:
        x: Tensor of any shape.
        b: How smooth: the size of the bend around 0.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.squareplus([-1.0, 0.0, 2.0]).tolist()
    [0.618, 1.0, 2.4142]

    Reference:
        Barron: Squareplus: A Softplus-Like Algebraic Rectifier; 2021.
    """
    x = floating(x)
    root = prims.sqrt(prims.add(prims.mul(x, x), const(x, b)))
    return prims.mul(prims.add(x, root), const(x, 0.5))
