"""The activation functions of layers, with Keras's defaults."""

from __future__ import annotations

from typing import Any

from minikeras import ops
from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, to_tensor
from minikeras.ops.support import const, numeric


@op
def relu(
    x: Any,
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

    >>> import minikeras as keras
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
        above = prims.cast(prims.gt(x, const(x, threshold)), dtype=x.dtype)
        result = prims.mul(x, above)
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
def linear(x: Any) -> Tensor:
    """The identity: `x` itself.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the values of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.linear(keras.ops.array([-1.0, 2.0])).tolist()
    [-1.0, 2.0]
    """
    return to_tensor(x)


@op
def exponential(x: Any) -> Tensor:
    """`exp(x)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.exponential(keras.ops.array([0.0, 1.0])).tolist()
    [1.0, 2.7183]
    """
    return ops.exp(x)


@op
def mish(x: Any) -> Tensor:
    """`x * tanh(softplus(x))`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.mish(keras.ops.array([-1.0, 0.0, 2.0])).tolist()
    [-0.3034, 0.0, 1.944]

    Reference:
        Misra: Mish: A Self Regularized Non-Monotonic Activation Function; 2019.
    """
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


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
    >>> keras.activations.softmax(keras.ops.array([0.0, 1.0, 2.0])).tolist()
    [0.09, 0.2447, 0.6652]
    """
    return ops.softmax(x, axis)


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
    >>> keras.activations.leaky_relu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.2, 2.0]
    """
    return ops.leaky_relu(x, negative_slope)


@op
def relu6(x: Any) -> Tensor:
    """`min(max(x, 0), 6)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.relu6(keras.ops.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    return ops.relu6(x)


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
    >>> keras.activations.elu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.6321, 2.0]
    """
    return ops.elu(x, alpha)


@op
def selu(x: Any) -> Tensor:
    """Scaled exponential linear unit, which keeps mean 0 and variance 1.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.selu(keras.ops.array([-1.0, 2.0])).tolist()
    [-1.1113, 2.1014]
    """
    return ops.selu(x)


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
    >>> keras.activations.celu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.6321, 2.0]
    """
    return ops.celu(x, alpha)


@op
def gelu(x: Any, approximate: bool = False) -> Tensor:
    """Gaussian error linear unit: `x * P(X <= x)` for a standard normal X.

    Args:
        x: Tensor of any shape.
        approximate: Whether to take the usual approximation by tanh.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.gelu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.1587, 1.9545]
    """
    return ops.gelu(x, approximate)


@op
def silu(x: Any) -> Tensor:
    """`x * sigmoid(x)`, also called swish.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.silu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.2689, 1.7616]
    """
    return ops.silu(x)


@op
def swish(x: Any) -> Tensor:
    """`x * sigmoid(x)`; another name for `silu`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.swish(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.2689, 1.7616]
    """
    return ops.swish(x)


@op
def sigmoid(x: Any) -> Tensor:
    """`1 / (1 + exp(-x))`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.sigmoid(keras.ops.array([-1.0, 2.0])).tolist()
    [0.2689, 0.8808]
    """
    return ops.sigmoid(x)


@op
def log_sigmoid(x: Any) -> Tensor:
    """`log(sigmoid(x))`, without overflow.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.log_sigmoid(keras.ops.array([-1.0, 2.0])).tolist()
    [-1.3133, -0.1269]
    """
    return ops.log_sigmoid(x)


@op
def hard_sigmoid(x: Any) -> Tensor:
    """`min(max(x / 6 + 1 / 2, 0), 1)`, a sigmoid of straight lines.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.hard_sigmoid(keras.ops.array([-1.0, 2.0])).tolist()
    [0.3333, 0.8333]
    """
    return ops.hard_sigmoid(x)


@op
def hard_silu(x: Any) -> Tensor:
    """`x * hard_sigmoid(x)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.hard_silu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.3333, 1.6667]
    """
    return ops.hard_silu(x)


@op
def hard_swish(x: Any) -> Tensor:
    """`x * hard_sigmoid(x)`; another name for `hard_silu`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.hard_swish(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.3333, 1.6667]
    """
    return ops.hard_swish(x)


@op
def tanh(x: Any) -> Tensor:
    """The hyperbolic tangent.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.tanh(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.7616, 0.964]
    """
    return ops.tanh(x)


@op
def hard_tanh(x: Any) -> Tensor:
    """`min(max(x, -1), 1)`, a tanh of straight lines.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.hard_tanh(keras.ops.array([-1.0, 2.0])).tolist()
    [-1.0, 1.0]
    """
    return ops.hard_tanh(x)


@op
def tanh_shrink(x: Any) -> Tensor:
    """`x - tanh(x)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.tanh_shrink(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.2384, 1.036]
    """
    return ops.tanh_shrink(x)


@op
def softplus(x: Any) -> Tensor:
    """`log(1 + exp(x))`, without overflow.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.softplus(keras.ops.array([-1.0, 2.0])).tolist()
    [0.3133, 2.1269]
    """
    return ops.softplus(x)


@op
def softsign(x: Any) -> Tensor:
    """`x / (1 + abs(x))`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.softsign(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.5, 0.6667]
    """
    return ops.softsign(x)


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
    >>> keras.activations.squareplus(keras.ops.array([-1.0, 2.0])).tolist()
    [0.618, 2.4142]
    """
    return ops.squareplus(x, b)


@op
def sparse_plus(x: Any) -> Tensor:
    """0 up to -1, `(x + 1)**2 / 4` between -1 and 1, `x` from 1 on.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.sparse_plus(keras.ops.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    return ops.sparse_plus(x)


@op
def sparse_sigmoid(x: Any) -> Tensor:
    """`(x + 1) / 2` between -1 and 1, 0 below and 1 above.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.sparse_sigmoid(keras.ops.array([-1.0, 2.0])).tolist()
    [0.0, 1.0]
    """
    return ops.sparse_sigmoid(x)


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
    >>> keras.activations.soft_shrink(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.5, 1.5]
    """
    return ops.soft_shrink(x, threshold)


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
    >>> keras.activations.hard_shrink(keras.ops.array([-1.0, 2.0])).tolist()
    [-1.0, 2.0]
    """
    return ops.hard_shrink(x, threshold)


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
    >>> keras.activations.threshold(keras.ops.array([-1.0, 2.0]), 1.0, 0.0).tolist()
    [0.0, 2.0]
    """
    return ops.threshold(x, threshold, default_value)


@op
def glu(x: Any, axis: int = -1) -> Tensor:
    """Gated linear unit: the first half of the axis times the sigmoid of the second.

    Args:
        x: Tensor of any shape.
        axis: Axis to cut in two; of even size.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.glu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.8808]
    """
    return ops.glu(x, axis)


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
    >>> keras.activations.log_softmax(keras.ops.array([-1.0, 2.0])).tolist()
    [-3.0486, -0.0486]
    """
    return ops.log_softmax(x, axis)


@op
def sparsemax(x: Any, axis: int = -1) -> Tensor:
    """The point of the simplex nearest to `x`: like softmax, with exact zeros.

    Args:
        x: Tensor of any shape.
        axis: Axis that sums to 1.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.activations.sparsemax(keras.ops.array([-1.0, 2.0])).tolist()
    [0.0, 1.0]
    """
    return ops.sparsemax(x, axis)
