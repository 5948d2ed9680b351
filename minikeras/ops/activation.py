"""Activation functions: nonlinearities of one tensor."""

from __future__ import annotations

import math
from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op
from minikeras.ops.support import (
    along,
    axes_of,
    axis_of,
    const,
    floating,
    numeric,
    sub_slice,
)


def _between(x: Tensor, low: float, high: float) -> Tensor:
    """`x` clipped, the gradient split in halves on the ends."""
    return prims.minimum(prims.maximum(x, const(x, low)), const(x, high))


@op
def relu(x: Any) -> Tensor:
    """Rectified linear unit: `max(x, 0)`. The gradient at 0 is 0.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.relu([-1.0, 0.0, 2.0]).tolist()
    [0.0, 0.0, 2.0]
    """
    x = numeric(x)
    zero = const(x, 0)
    # Not `maximum`, whose gradient at 0 is one half; this way round nan stays nan.
    return prims.select(prims.le(x, zero), zero, x)


@op
def relu6(x: Any) -> Tensor:
    """Rectified linear unit with a top: `min(max(x, 0), 6)`. The gradient at its ends is 0.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.relu6([-1.0, 3.0, 8.0]).tolist()
    [0.0, 3.0, 6.0]
    """
    x = floating(x)
    zero, six = const(x, 0), const(x, 6)
    lower = prims.select(prims.le(x, zero), zero, x)
    return prims.select(prims.ge(x, six), six, lower)


@op
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """`x` where it is not negative, `negative_slope * x` elsewhere.

    Args:
        x: Tensor of any shape.
        negative_slope: Slope for negative `x`.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.leaky_relu([-1.0, 2.0]).tolist()
    [-0.2, 2.0]
    """
    x = floating(x)
    return prims.select(
        prims.ge(x, const(x, 0)), x, prims.mul(const(x, negative_slope), x)
    )


@op
def sigmoid(x: Any) -> Tensor:
    """`1 / (1 + exp(-x))`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.sigmoid([-2.0, 0.0, 2.0]).tolist()
    [0.1192, 0.5, 0.8808]
    """
    return prims.logistic(floating(x))


@op
def log_sigmoid(x: Any) -> Tensor:
    """`log(sigmoid(x))`, without overflow.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.log_sigmoid([-2.0, 0.0, 2.0]).tolist()
    [-2.1269, -0.6931, -0.1269]
    """
    return prims.neg(softplus(prims.neg(floating(x))))


@op
def softplus(x: Any) -> Tensor:
    """`log(1 + exp(x))`, without overflow.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.softplus([-2.0, 0.0, 2.0]).tolist()
    [0.1269, 0.6931, 2.1269]
    """
    x = floating(x)
    # minus |x| this way, so that the gradients of both terms at 0 are their one-sided mean.
    below = prims.minimum(x, prims.neg(x))
    tail = prims.log1p(prims.exp(below))
    return prims.add(prims.maximum(x, const(x, 0)), tail)


@op
def softsign(x: Any) -> Tensor:
    """`x / (1 + |x|)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.softsign([-1.0, 0.0, 3.0]).tolist()
    [-0.5, 0.0, 0.75]
    """
    x = floating(x)
    return prims.div(x, prims.add(const(x, 1), prims.abs(x)))


@op
def silu(x: Any) -> Tensor:
    """`x * sigmoid(x)`, also called swish.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.silu([-1.0, 0.0, 2.0]).tolist()
    [-0.2689, 0.0, 1.7616]

    Reference:
        Ramachandran, Zoph, Le: Searching for Activation Functions; 2017.
    """
    x = floating(x)
    return prims.mul(x, prims.logistic(x))


@op
def swish(x: Any) -> Tensor:
    """`x * sigmoid(x)`; another name for `silu`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.swish([-1.0, 0.0, 2.0]).tolist()
    [-0.2689, 0.0, 1.7616]
    """
    return silu(x)


@op
def gelu(x: Any, approximate: bool = True) -> Tensor:
    """Gaussian error linear unit: `x * P(X <= x)` for a standard normal X.

    Args:
        x: Tensor of any shape.
        approximate: Whether to take the usual approximation by tanh.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.gelu([-1.0, 0.0, 2.0]).tolist()
    [-0.1588, 0.0, 1.9546]

    Reference:
        Hendrycks, Gimpel: Gaussian Error Linear Units; 2016.
    """
    x = floating(x)
    half, one = const(x, 0.5), const(x, 1)
    if approximate:
        cube = prims.mul(prims.mul(x, x), x)
        inner = prims.add(x, prims.mul(const(x, 0.044715), cube))
        bell = prims.tanh(prims.mul(const(x, math.sqrt(2 / math.pi)), inner))
    else:
        bell = prims.erf(prims.mul(x, const(x, math.sqrt(0.5))))
    return prims.mul(x, prims.mul(half, prims.add(one, bell)))


@op
def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere.

    Args:
        x: Tensor of any shape.
        alpha: Size of the value for very negative `x`.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
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


_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@op
def selu(x: Any) -> Tensor:
    """Scaled exponential linear unit, which keeps mean 0 and variance 1.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.selu([-1.0, 0.0, 2.0]).tolist()
    [-1.1113, 0.0, 2.1014]

    Reference:
        Klambauer, Unterthiner, Mayr, Hochreiter: Self-Normalizing Neural Networks; 2017.
    """
    y = elu(x, _SELU_ALPHA)
    return prims.mul(const(y, _SELU_SCALE), y)


@op
def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """`max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))`.

    Args:
        x: Tensor of any shape.
        alpha: Size of the value for very negative `x`.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
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
def glu(x: Any, axis: int = -1) -> Tensor:
    """Gated linear unit: the first half of the axis times the sigmoid of the second.

    Args:
        x: Tensor of any shape.
        axis: Axis to cut in two; of even size.

    Returns:
        Float tensor, the axis half as long.

    Raises:
        ShapeError: If the size of the axis is odd.

    Example:

    >>> import minikeras as keras
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
def hard_sigmoid(x: Any) -> Tensor:
    """`min(max(x / 6 + 1 / 2, 0), 1)`, a sigmoid of straight lines.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.hard_sigmoid([-4.0, 0.0, 1.5]).tolist()
    [0.0, 0.5, 0.75]
    """
    x = floating(x)
    return prims.div(relu6(prims.add(x, const(x, 3))), const(x, 6))


@op
def hard_silu(x: Any) -> Tensor:
    """`x * hard_sigmoid(x)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.hard_silu([-4.0, 0.0, 1.5]).tolist()
    [-0.0, 0.0, 1.125]
    """
    x = floating(x)
    return prims.mul(x, hard_sigmoid(x))


@op
def hard_swish(x: Any) -> Tensor:
    """`x * hard_sigmoid(x)`; another name for `hard_silu`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.hard_swish([-4.0, 0.0, 1.5]).tolist()
    [-0.0, 0.0, 1.125]
    """
    return hard_silu(x)


@op
def hard_tanh(x: Any) -> Tensor:
    """`min(max(x, -1), 1)`, a tanh of straight lines.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.hard_tanh([-3.0, 0.5, 3.0]).tolist()
    [-1.0, 0.5, 1.0]
    """
    x = floating(x)
    one, minus = const(x, 1), const(x, -1)
    top = prims.select(prims.gt(x, one), one, x)
    return prims.select(prims.lt(x, minus), minus, top)


@op
def tanh_shrink(x: Any) -> Tensor:
    """`x - tanh(x)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.tanh_shrink([-1.0, 0.0, 2.0]).tolist()
    [-0.2384, 0.0, 1.036]
    """
    x = floating(x)
    return prims.sub(x, prims.tanh(x))


@op
def soft_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """`x` moved towards 0 by `threshold`, and 0 within it.

    Args:
        x: Tensor of any shape.
        threshold: Distance to move.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.soft_shrink([-1.0, 0.2, 2.0]).tolist()
    [-0.5, 0.0, 1.5]
    """
    x = floating(x)
    t, minus = const(x, threshold), const(x, -threshold)
    below = prims.select(prims.lt(x, minus), prims.add(x, t), const(x, 0))
    return prims.select(prims.gt(x, t), prims.sub(x, t), below)


@op
def hard_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """`x` where its size is above `threshold`, 0 elsewhere.

    Args:
        x: Tensor of any shape.
        threshold: Size up to which the result is 0.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.hard_shrink([-1.0, 0.2, 2.0]).tolist()
    [-1.0, 0.0, 2.0]
    """
    x = floating(x)
    return prims.select(prims.gt(prims.abs(x), const(x, threshold)), x, const(x, 0))


@op
def threshold(x: Any, threshold: float, default_value: float) -> Tensor:
    """`x` where it is above a threshold, another value elsewhere.

    Args:
        x: Tensor of any shape.
        threshold: What `x` must be above.
        default_value: Value elsewhere.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.threshold([-1.0, 0.5, 2.0], 1.0, 0.0).tolist()
    [0.0, 0.0, 2.0]
    """
    x = floating(x)
    return prims.select(prims.gt(x, const(x, threshold)), x, const(x, default_value))


@op
def squareplus(x: Any, b: float = 4) -> Tensor:
    """`(x + sqrt(x**2 + b)) / 2`, a smooth relu.

    Args:
        x: Tensor of any shape.
        b: How smooth: the size of the bend around 0.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.squareplus([-1.0, 0.0, 2.0]).tolist()
    [0.618, 1.0, 2.4142]

    Reference:
        Barron: Squareplus: A Softplus-Like Algebraic Rectifier; 2021.
    """
    x = floating(x)
    root = prims.sqrt(prims.add(prims.mul(x, x), const(x, b)))
    return prims.mul(prims.add(x, root), const(x, 0.5))


@op
def sparse_plus(x: Any) -> Tensor:
    """0 up to -1, `(x + 1)**2 / 4` between -1 and 1, `x` from 1 on.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.sparse_plus([-2.0, 0.0, 2.0]).tolist()
    [0.0, 0.25, 2.0]
    """
    x = floating(x)
    one = const(x, 1)
    moved = prims.add(x, one)
    middle = prims.mul(const(x, 0.25), prims.mul(moved, moved))
    upper = prims.select(prims.lt(x, one), middle, x)
    return prims.select(prims.le(x, const(x, -1)), const(x, 0), upper)


@op
def sparse_sigmoid(x: Any) -> Tensor:
    """`(x + 1) / 2` between -1 and 1, 0 below and 1 above.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.sparse_sigmoid([-2.0, 0.0, 2.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    x = floating(x)
    middle = prims.mul(const(x, 0.5), prims.add(x, const(x, 1)))
    return _between(middle, 0, 1)


def _over_axes(row: Any, x: Any, axis: Any, name: str) -> Tensor:
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


@op
def softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Tensor:
    """`exp(x) / sum(exp(x))` along an axis: positive numbers that sum to 1.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes that sum to 1.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.softmax([0.0, 1.0, 2.0]).tolist()
    [0.09, 0.2447, 0.6652]
    """
    return _over_axes(prims.softmax, x, axis, "softmax")


@op
def log_softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Tensor:
    """`log(softmax(x))` along an axis, without overflow.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes whose exponentials sum to 1.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.log_softmax([0.0, 1.0, 2.0]).tolist()
    [-2.4076, -1.4076, -0.4076]
    """
    return _over_axes(prims.log_softmax, x, axis, "log_softmax")


@op
def sparsemax(x: Any, axis: int = -1) -> Tensor:
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

    >>> import minikeras as keras
    >>> keras.ops.sparsemax([-1.0, 0.5, 1.0]).tolist()
    [0.0, 0.0, 0.25]

    Reference:
        Martins, Astudillo: From Softmax to Sparsemax; 2016.
    """
    x = floating(x)
    at = axis_of(axis, x.ndim, "sparsemax")
    n = x.shape[at]
    falling = prims.flip(prims.sort(x, axis=at), axes=(at,))
    total = prims.cumsum(falling, axis=at, reverse=False)
    rank = prims.iota(shape=(n,), dtype=x.dtype, axis=0)
    rank = prims.reshape(prims.add(rank, const(x, 1)), shape=along(x.ndim, at, n))
    inside = prims.gt(prims.add(const(x, 1), prims.mul(rank, falling)), total)
    weight = prims.cast(inside, dtype=x.dtype)
    size = prims.sum(weight, axes=(at,), keepdims=True)
    mass = prims.sum(prims.mul(total, weight), axes=(at,), keepdims=True)
    level = prims.div(prims.sub(mass, const(x, 1)), size)
    return prims.maximum(prims.sub(x, level), const(x, 0))
