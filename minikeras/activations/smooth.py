"""Smooth activation functions of layers, Keras's defaults."""

from __future__ import annotations

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op
from minikeras.types import ArrayLike


@op
def exponential(x: ArrayLike) -> Tensor:
    """`exp(x)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.exponential(keras.ops.array([0.0, 1.0])).tolist()
    [1.0, 2.7183]
    """
    return ops.exp(x)


@op
def mish(x: ArrayLike) -> Tensor:
    """`x * tanh(softplus(x))`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.mish(keras.ops.array([-1.0, 0.0, 2.0])).tolist()
    [-0.3034, 0.0, 1.944]

    Reference:
        Misra: Mish: A Self Regularized Non-Monotonic Activation Function; 2019.
    """
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


@op
def softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> Tensor:
    """`exp(x) / sum(exp(x))` along an axis: positive numbers that sum to 1.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes that sum to 1.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.softmax(keras.ops.array([0.0, 1.0, 2.0])).tolist()
    [0.09, 0.2447, 0.6652]
    """
    return ops.softmax(x, axis)


@op
def elu(x: ArrayLike, alpha: float = 1.0) -> Tensor:
    """`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere.

    Args:
        x: Tensor of any shape.
        alpha: Size of the value for very negative `x`.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.elu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.6321, 2.0]
    """
    return ops.elu(x, alpha)


@op
def selu(x: ArrayLike) -> Tensor:
    """Scaled exponential linear unit, which keeps mean 0 and variance 1.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.selu(keras.ops.array([-1.0, 2.0])).tolist()
    [-1.1113, 2.1014]
    """
    return ops.selu(x)


@op
def celu(x: ArrayLike, alpha: float = 1.0) -> Tensor:
    """`max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))`.

    Args:
        x: Tensor of any shape.
        alpha: Size of the value for very negative `x`.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.celu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.6321, 2.0]
    """
    return ops.celu(x, alpha)


@op
def gelu(x: ArrayLike, approximate: bool = False) -> Tensor:
    """Gaussian error linear unit: `x * P(X <= x)` for a standard normal X.

    Args:
        x: Tensor of any shape.
        approximate: Whether to take the usual approximation by tanh.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.gelu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.1587, 1.9545]
    """
    return ops.gelu(x, approximate)


@op
def silu(x: ArrayLike) -> Tensor:
    """`x * sigmoid(x)`, also called swish.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.silu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.2689, 1.7616]
    """
    return ops.silu(x)


@op
def swish(x: ArrayLike) -> Tensor:
    """`x * sigmoid(x)`; another name for `silu`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.swish(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.2689, 1.7616]
    """
    return ops.swish(x)


@op
def sigmoid(x: ArrayLike) -> Tensor:
    """`1 / (1 + exp(-x))`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.sigmoid(keras.ops.array([-1.0, 2.0])).tolist()
    [0.2689, 0.8808]
    """
    return ops.sigmoid(x)


@op
def log_sigmoid(x: ArrayLike) -> Tensor:
    """`log(sigmoid(x))`, without overflow.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.log_sigmoid(keras.ops.array([-1.0, 2.0])).tolist()
    [-1.3133, -0.1269]
    """
    return ops.log_sigmoid(x)


@op
def tanh(x: ArrayLike) -> Tensor:
    """The hyperbolic tangent.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.tanh(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.7616, 0.964]
    """
    return ops.tanh(x)


@op
def tanh_shrink(x: ArrayLike) -> Tensor:
    """`x - tanh(x)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.tanh_shrink(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.2384, 1.036]
    """
    return ops.tanh_shrink(x)


@op
def softplus(x: ArrayLike) -> Tensor:
    """`log(1 + exp(x))`, without overflow.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.softplus(keras.ops.array([-1.0, 2.0])).tolist()
    [0.3133, 2.1269]
    """
    return ops.softplus(x)


@op
def softsign(x: ArrayLike) -> Tensor:
    """`x / (1 + abs(x))`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.softsign(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.5, 0.6667]
    """
    return ops.softsign(x)


@op
def squareplus(x: ArrayLike, b: float = 4) -> Tensor:
    """`(x + sqrt(x**2 + b)) / 2`, a smooth relu.

    Args:
        x: Tensor of any shape.
        b: How smooth: the size of the bend around 0.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.squareplus(keras.ops.array([-1.0, 2.0])).tolist()
    [0.618, 2.4142]
    """
    return ops.squareplus(x, b)


@op
def glu(x: ArrayLike, axis: int = -1) -> Tensor:
    """Gated linear unit: the first half of the axis times the sigmoid of the second.

    Args:
        x: Tensor of any shape.
        axis: Axis to cut in two; of even size.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.glu(keras.ops.array([-1.0, 2.0])).tolist()
    [-0.8808]
    """
    return ops.glu(x, axis)


@op
def log_softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> Tensor:
    """`log(softmax(x))` along an axis, without overflow.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes whose exponentials sum to 1.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.log_softmax(keras.ops.array([-1.0, 2.0])).tolist()
    [-3.0486, -0.0486]
    """
    return ops.log_softmax(x, axis)


@op
def sparsemax(x: ArrayLike, axis: int = -1) -> Tensor:
    """The point of the simplex nearest to `x`: like softmax, with exact zeros.

    Args:
        x: Tensor of any shape.
        axis: Axis that sums to 1.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.activations.sparsemax(keras.ops.array([-1.0, 2.0])).tolist()
    [0.0, 1.0]
    """
    return ops.sparsemax(x, axis)
