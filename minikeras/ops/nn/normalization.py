"""Normalizations: batch, layer, root mean square, unit norm; moments."""

from __future__ import annotations

import math
from typing import Any

from minikeras import settings
from minikeras.engine import prims
from minikeras.engine.interpret import current
from minikeras.engine.tensor import Tensor
from minikeras.engine.warn import warn_user
from minikeras.ops.numpy.reductions import mean, var
from minikeras.ops.op import op, promote_float, to_tensor
from minikeras.ops.support import along, axes_of, axis_of, cast_to, const, floating
from minikeras.types import ArrayLike, Axis

__all__ = [
    "moments", "batch_normalization", "layer_normalization", "rms_normalization",
    "normalize",
]  # fmt: skip

_HALVES = ("float16", "bfloat16")
_LEAST_HALF = 2.0**-14  # the least normal number of float16, whose inverse it holds


@op
def moments(
    x: ArrayLike, axes: Axis, keepdims: bool = False, synchronized: bool = False
) -> tuple[Tensor, Tensor]:
    """The mean and the variance along axes.

    Args:
        x: Tensor of any shape.
        axes: Axis or axes to reduce.
        keepdims: Whether reduced axes stay, with size 1.
        synchronized: Kept for Keras's signature; must be False.

    Returns:
        Pair of tensors of the dtype of `x`.

    Raises:
        NotImplementedError: If `synchronized` is asked for.

    Example:

    >>> m, v = keras.ops.moments(keras.ops.array([[0.0, 2.0], [4.0, 2.0]]), axes=[0])
    >>> m.tolist(), v.tolist()
    ([2.0, 2.0], [4.0, 0.0])
    """
    if synchronized:
        raise NotImplementedError(
            "moments: synchronized=True is for training on several devices, which is not "
            "supported; pass synchronized=False."
        )
    x = floating(x)
    axes = tuple(axes) if isinstance(axes, list) else axes
    wide = cast_to(x, "float32") if x.dtype == "float16" else x
    first, second = mean(wide, axes, keepdims), var(wide, axes, keepdims)
    if wide is x:
        return first, second
    return _to_half(first), _to_half(second)


def _to_half(x: Tensor) -> Tensor:
    """float32 as float16, clipped to what that can hold."""
    top = const(x, 65504.0)
    inside = prims.minimum(prims.maximum(x, prims.neg(top)), top)
    return prims.cast(inside, dtype="float16")


@op
def batch_normalization(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    axis: int,
    offset: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    epsilon: float = 0.001,
) -> Tensor:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset`, along one axis.

    Args:
        x: Tensor of any shape.
        mean: Vector along the axis.
        variance: Vector along the axis.
        axis: Axis of the channels.
        offset: Vector along the axis, or None.
        scale: Vector along the axis, or None.
        epsilon: Small number added to the variance.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> x, mean, variance = [[1.0, 2.0]], [0.0, 1.0], [1.0, 4.0]
    >>> keras.ops.batch_normalization(x, mean, variance, axis=-1, epsilon=0.0).tolist()
    [[1.0, 0.5]]

    Reference:
        Ioffe, Szegedy: Batch Normalization; 2015.
    """
    given = [v for v in (offset, scale) if v is not None]
    x = promote_float(x, mean, variance, *given)[0]
    at = axis_of(axis, x.ndim, "batch_normalization")
    shape = along(x.ndim, at, x.shape[at])

    def line(v: Any) -> Tensor:
        return prims.reshape(to_tensor(v, x.dtype), shape=shape)

    # Everything of one number per channel is put together first; the large array is
    # read once.
    factor = prims.rsqrt(prims.add(line(variance), const(x, epsilon)))
    if scale is not None:
        factor = prims.mul(factor, line(scale))
    result = prims.mul(prims.sub(x, line(mean)), factor)
    return result if offset is None else prims.add(result, line(offset))


@op
def layer_normalization(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    axis: int | tuple[int, ...] = -1,
    epsilon: float | None = None,
    **kwargs: object,
) -> Tensor:
    """Mean 0 and variance 1 along axes, then `* gamma + beta`.

    Args:
        x: Tensor of any shape.
        gamma: Scale, of the sizes of the axes; or None.
        beta: Offset, of the sizes of the axes; or None.
        axis: Axis or axes to normalise over.
        epsilon: Small number added to the variance; by default `keras.config.epsilon()`.
        **kwargs: `rms_scaling=True`, deprecated, leaves out subtracting the mean and `beta`.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.layer_normalization([[1.0, 3.0]]).tolist()
    [[-1.0, 1.0]]

    Reference:
        Ba, Kiros, Hinton: Layer Normalization; 2016.
    """
    rms = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise TypeError(f"layer_normalization: unknown arguments {sorted(kwargs)}.")
    if rms:
        beta = None
        current().hangs_on_more()
        warn_user(
            "layer_normalization: rms_scaling=True is deprecated, and divides by the standard "
            "deviation, not the root mean square; use rms_normalization."
        )
    dtype = to_tensor(x).dtype
    x = floating(x)
    axes = axes_of(axis, x.ndim, "layer_normalization")
    wide = cast_to(x, "float32") if x.dtype in ("float16", "bfloat16") else x
    eps = const(wide, settings.epsilon() if epsilon is None else epsilon)
    spread = var(wide, axes, keepdims=True)
    factor = prims.rsqrt(prims.add(spread, eps))
    centred = wide if rms else prims.sub(wide, mean(wide, axes, keepdims=True))
    result = prims.mul(centred, factor)
    if gamma is not None:
        result = prims.mul(result, _line(gamma, wide, axes))
    if beta is not None:
        result = prims.add(result, _line(beta, wide, axes))
    return cast_to(result, dtype)


def _line(v: ArrayLike, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """`v` shaped to broadcast along `axes` of `x`."""
    v = to_tensor(v, x.dtype)
    shape = tuple(d if i in axes else 1 for i, d in enumerate(x.shape))
    fits = v.size == math.prod(shape) or len(axes) == 1
    return prims.reshape(v, shape=shape) if fits and v.ndim <= len(axes) else v


@op
def rms_normalization(
    x: ArrayLike,
    scale: ArrayLike | None = None,
    axis: int | tuple[int, ...] = -1,
    epsilon: float | None = None,
) -> Tensor:
    """`x / sqrt(mean(x**2) + epsilon) * scale` along axes.

    Args:
        x: Tensor of any shape.
        scale: Scale, of the sizes of the axes; or None.
        axis: Axis or axes to take the mean over.
        epsilon: Small number added to the mean square; by default
            `keras.config.epsilon()`.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.rms_normalization([[3.0, 4.0]]).tolist()
    [[0.8485, 1.1314]]

    Reference:
        Zhang, Sennrich: Root Mean Square Layer Normalization; 2019.
    """
    dtype = to_tensor(x).dtype
    x = floating(x)
    axes = axes_of(axis, x.ndim, "rms_normalization")
    wide = cast_to(x, "float32") if x.dtype in ("float16", "bfloat16") else x
    eps = const(wide, settings.epsilon() if epsilon is None else epsilon)
    power = mean(prims.mul(wide, wide), axes, keepdims=True)
    result = prims.mul(wide, prims.rsqrt(prims.add(power, eps)))
    if scale is not None:
        result = prims.mul(result, _line(scale, wide, axes))
    return cast_to(result, dtype)


@op
def normalize(
    x: ArrayLike, axis: int = -1, order: float = 2, epsilon: float | None = None
) -> Tensor:
    """`x` divided by its norm along an axis.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes of the vectors.
        order: Which norm: 2 the Euclidean one, 1 the sum of sizes, infinity the greatest
            size.
        epsilon: Least value of the norm; by default `keras.config.epsilon()`. In float16
            it is at least 2**-14, since the slope at zero is its inverse.

    Returns:
        Float tensor of the shape of `x`.

    Raises:
        ValueError: If `order` is not a number of at least 1.

    Example:

    >>> keras.ops.normalize([[3.0, 4.0]]).tolist()
    [[0.6, 0.8]]
    """
    if not isinstance(order, (int, float)) or order < 1:
        raise ValueError(
            f"normalize: order={order!r}; expected a number of at least 1."
        )
    narrow = floating(x)
    # Squares leave the range of 16 bits.
    x = cast_to(narrow, "float32") if narrow.dtype in _HALVES else narrow
    axes = axes_of(axis, x.ndim, "normalize")
    least = settings.epsilon() if epsilon is None else epsilon
    if narrow.dtype == "float16":
        least = max(least, _LEAST_HALF)
    eps = const(x, least)
    norm = _norm(x, axes, order)
    return cast_to(prims.div(x, prims.maximum(norm, eps)), narrow.dtype)


def _norm(x: Tensor, axes: tuple[int, ...], order: float) -> Tensor:
    """The norms along axes, kept; of zeros it is 0, with a slope of 0."""
    size = prims.abs(x)
    if math.isinf(order):
        return prims.max(size, axes=axes, keepdims=True)
    if order == 1:
        return prims.sum(size, axes=axes, keepdims=True)
    powers = prims.mul(x, x) if order == 2 else prims.pow(size, const(x, order))
    total = prims.sum(powers, axes=axes, keepdims=True)
    none = prims.eq(total, const(total, 0))
    safe = prims.select(none, const(total, 1), total)  # the root has no slope at 0
    root = prims.sqrt(safe) if order == 2 else prims.pow(safe, const(x, 1 / order))
    return prims.select(none, const(total, 0), root)
