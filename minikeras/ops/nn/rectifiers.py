"""Activation functions made of straight lines and pieces."""

from __future__ import annotations

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op
from minikeras.ops.support import (
    const,
    floating,
    numeric,
)
from minikeras.types import ArrayLike

__all__ = [
    "relu", "relu6", "leaky_relu", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "soft_shrink", "hard_shrink", "threshold", "sparse_plus",
    "sparse_sigmoid",
]  # fmt: skip


def between(x: Tensor, low: float, high: float) -> Tensor:
    """`x` clipped, the gradient split in halves on the ends."""
    return prims.minimum(prims.maximum(x, const(x, low)), const(x, high))


@op
def relu(x: ArrayLike) -> Tensor:
    """Rectified linear unit: `max(x, 0)`. The gradient at 0 is 0.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.relu([-1.0, 0.0, 2.0]).tolist()
    [0.0, 0.0, 2.0]
    """
    # A row of its own: `maximum` would give the gradient one half at 0.
    return prims.relu(numeric(x))


@op
def relu6(x: ArrayLike) -> Tensor:
    """Rectified linear unit with a top: `min(max(x, 0), 6)`. The gradient at its ends is 0.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.relu6([-1.0, 3.0, 8.0]).tolist()
    [0.0, 3.0, 6.0]
    """
    x = floating(x)
    zero, six = const(x, 0), const(x, 6)
    inside = prims.bitwise_and(prims.gt(x, zero), prims.lt(x, six))
    # Without a slope at the ends and at nan, as in Keras.
    ends = prims.stop_gradient(prims.minimum(prims.maximum(x, zero), six))
    return prims.select(inside, x, ends)


@op
def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> Tensor:
    """`x` where it is not negative, `negative_slope * x` elsewhere.

    Args:
        x: Tensor of any shape.
        negative_slope: Slope for negative `x`.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.leaky_relu([-1.0, 2.0]).tolist()
    [-0.2, 2.0]
    """
    x = floating(x)
    return prims.select(
        prims.ge(x, const(x, 0)), x, prims.mul(const(x, negative_slope), x)
    )


@op
def hard_sigmoid(x: ArrayLike) -> Tensor:
    """`min(max(x / 6 + 1 / 2, 0), 1)`, a sigmoid of straight lines.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.hard_sigmoid([-4.0, 0.0, 1.5]).tolist()
    [0.0, 0.5, 0.75]
    """
    x = floating(x)
    return prims.div(relu6(prims.add(x, const(x, 3))), const(x, 6))


@op
def hard_silu(x: ArrayLike) -> Tensor:
    """`x * hard_sigmoid(x)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.hard_silu([-4.0, 0.0, 1.5]).tolist()
    [-0.0, 0.0, 1.125]
    """
    x = floating(x)
    return prims.mul(x, hard_sigmoid(x))


@op
def hard_swish(x: ArrayLike) -> Tensor:
    """`x * hard_sigmoid(x)`; another name for `hard_silu`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.hard_swish([-4.0, 0.0, 1.5]).tolist()
    [-0.0, 0.0, 1.125]
    """
    return hard_silu(x)


@op
def hard_tanh(x: ArrayLike) -> Tensor:
    """`min(max(x, -1), 1)`, a tanh of straight lines.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`; bool gives int32.

    Example:

    >>> keras.ops.hard_tanh([-3.0, 0.5, 3.0]).tolist()
    [-1.0, 0.5, 1.0]
    """
    x = numeric(x)
    # An unsigned dtype has no -1 to compare with.
    if x.dtype.startswith("uint"):
        return prims.minimum(x, const(x, 1))
    one, minus = const(x, 1), const(x, -1)
    top = prims.select(prims.gt(x, one), one, x)
    return prims.select(prims.lt(x, minus), minus, top)


@op
def soft_shrink(x: ArrayLike, threshold: float = 0.5) -> Tensor:
    """`x` moved towards 0 by `threshold`, and 0 within it.

    Args:
        x: Tensor of any shape.
        threshold: Distance to move.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.soft_shrink([-1.0, 0.2, 2.0]).tolist()
    [-0.5, 0.0, 1.5]
    """
    x = floating(x)
    t, minus = const(x, threshold), const(x, -threshold)
    below = prims.select(prims.lt(x, minus), prims.add(x, t), const(x, 0))
    return prims.select(prims.gt(x, t), prims.sub(x, t), below)


@op
def hard_shrink(x: ArrayLike, threshold: float = 0.5) -> Tensor:
    """`x` where its size is above `threshold`, 0 elsewhere.

    Args:
        x: Tensor of any shape.
        threshold: Size up to which the result is 0.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.hard_shrink([-1.0, 0.2, 2.0]).tolist()
    [-1.0, 0.0, 2.0]
    """
    x = floating(x)
    return prims.select(prims.gt(prims.abs(x), const(x, threshold)), x, const(x, 0))


@op
def threshold(x: ArrayLike, threshold: float, default_value: float) -> Tensor:
    """`x` where it is above a threshold, another value elsewhere.

    Args:
        x: Tensor of any shape.
        threshold: What `x` must be above.
        default_value: Value elsewhere.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.threshold([-1.0, 0.5, 2.0], 1.0, 0.0).tolist()
    [0.0, 0.0, 2.0]
    """
    x = floating(x)
    return prims.select(prims.gt(x, const(x, threshold)), x, const(x, default_value))


@op
def sparse_plus(x: ArrayLike) -> Tensor:
    """0 up to -1, `(x + 1)**2 / 4` between -1 and 1, `x` from 1 on.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

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
def sparse_sigmoid(x: ArrayLike) -> Tensor:
    """`(x + 1) / 2` between -1 and 1, 0 below and 1 above.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.sparse_sigmoid([-2.0, 0.0, 2.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    x = floating(x)
    middle = prims.mul(const(x, 0.5), prims.add(x, const(x, 1)))
    return between(middle, 0, 1)
