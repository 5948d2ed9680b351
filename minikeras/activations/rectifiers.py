"""Activation functions of layers made of straight lines and pieces, Keras's defaults."""

from __future__ import annotations

from minikeras import ops
from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import const, numeric
from minikeras.types import ArrayLike


@op
def relu(
    x: ArrayLike,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Tensor:
    """Rectified linear unit: `max(x, 0)`, with options.

    Args:
        x: Tensor of any shape.
        negative_slope: Slope below the threshold.
        max_value: Greatest value of the result; None for no limit.
        threshold: Value below which `x` counts as too small: the result there is
            `negative_slope * (x - threshold)`.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.activations.relu(keras.ops.array([-10.0, 0.0, 10.0]), max_value=5.0).tolist()
    [0.0, 0.0, 5.0]
    """
    if negative_slope == 0.0 and threshold == 0.0:
        if max_value is None:
            return ops.relu(x)
        if max_value == 6:
            return ops.relu6(x)
    return _general_relu(numeric(x), negative_slope, max_value, threshold)


def _general_relu(
    x: Tensor, slope: float, top: float | None, threshold: float
) -> Tensor:
    if slope != 0.0:
        if top is None and threshold == 0:
            return ops.leaky_relu(x, negative_slope=slope)
        below = ops.relu(prims.sub(const(x, threshold), x))
    if threshold != 0:
        result = prims.select(prims.gt(x, const(x, threshold)), x, const(x, 0))
    elif top == 6:
        result = ops.relu6(x)
        top = None
    else:
        result = ops.relu(x)
    if top is not None:
        result = prims.minimum(prims.maximum(result, const(x, 0)), const(x, top))
    if slope != 0.0:
        result = prims.sub(result, prims.mul(const(x, slope), below))
    return result


@op
def linear(x: ArrayLike) -> Tensor:
    """The identity: `x` itself.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the values of `x`.

    Example:

    >>> keras.activations.linear(keras.ops.array([-1.0, 2.0])).tolist()
    [-1.0, 2.0]
    """
    return to_tensor(x)


@op
def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> Tensor:
    """`x` where it is not negative, `negative_slope * x` elsewhere.

    Args:
        x: Tensor of any shape.
        negative_slope: Slope for negative `x`.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.leaky_relu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.2, 2.0]
    """
    return ops.leaky_relu(x, negative_slope)


@op
def relu6(x: ArrayLike) -> Tensor:
    """`min(max(x, 0), 6)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.relu6(keras.ops.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    return ops.relu6(x)


@op
def hard_sigmoid(x: ArrayLike) -> Tensor:
    """`min(max(x / 6 + 1 / 2, 0), 1)`, a sigmoid of straight lines.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.hard_sigmoid(keras.ops.array([-1.0, 2.0])).tolist()
    [0.3333, 0.8333]
    """
    return ops.hard_sigmoid(x)


@op
def hard_sigmoid_keras2(x: Tensor) -> Tensor:
    """`clip(0.2 * x + 0.5, 0, 1)`: what Keras 1 and 2 called `hard_sigmoid`.

    Models of theirs that are loaded use it, since Keras 3 has another formula,
    `relu6(x + 3) / 6`, under that name.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of that shape, values from 0 to 1.

    Example:

    >>> old = keras.activations.get("hard_sigmoid_keras2")
    >>> old(keras.ops.array([-3.0, 1.0])).tolist()
    [0.0, 0.7]
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@op
def hard_silu(x: ArrayLike) -> Tensor:
    """`x * hard_sigmoid(x)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.hard_silu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.3333, 1.6667]
    """
    return ops.hard_silu(x)


@op
def hard_swish(x: ArrayLike) -> Tensor:
    """`x * hard_sigmoid(x)`; another name for `hard_silu`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.hard_swish(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.3333, 1.6667]
    """
    return ops.hard_swish(x)


@op
def hard_tanh(x: ArrayLike) -> Tensor:
    """`min(max(x, -1), 1)`, a tanh of straight lines.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.hard_tanh(keras.ops.array([-1.0, 2.0])).tolist()
    [-1.0, 1.0]
    """
    return ops.hard_tanh(x)


@op
def sparse_plus(x: ArrayLike) -> Tensor:
    """0 up to -1, `(x + 1)**2 / 4` between -1 and 1, `x` from 1 on.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.sparse_plus(keras.ops.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    return ops.sparse_plus(x)


@op
def sparse_sigmoid(x: ArrayLike) -> Tensor:
    """`(x + 1) / 2` between -1 and 1, 0 below and 1 above.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.sparse_sigmoid(keras.ops.array([-1.0, 2.0])).tolist()
    [0.0, 1.0]
    """
    return ops.sparse_sigmoid(x)


@op
def soft_shrink(x: ArrayLike, threshold: float = 0.5) -> Tensor:
    """`x` moved towards 0 by `threshold`, and 0 within it.

    Args:
        x: Tensor of any shape.
        threshold: Distance to move.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.soft_shrink(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.5, 1.5]
    """
    return ops.soft_shrink(x, threshold)


@op
def hard_shrink(x: ArrayLike, threshold: float = 0.5) -> Tensor:
    """`x` where its size is above `threshold`, 0 elsewhere.

    Args:
        x: Tensor of any shape.
        threshold: Size up to which the result is 0.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.hard_shrink(keras.ops.array([-1.0, 2.0])).tolist()
    [-1.0, 2.0]
    """
    return ops.hard_shrink(x, threshold)


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

    >>> keras.activations.threshold(keras.ops.array([-1.0, 2.0]), 1.0, 0.0).tolist()
    [0.0, 2.0]
    """
    return ops.threshold(x, threshold, default_value)
