"""Noise of signals in decibels; complex numbers from sizes and angles."""

from __future__ import annotations

import math

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.complex import joined
from minikeras.ops.op import op, promote, promote_float, to_tensor
from minikeras.ops.support import const, floating
from minikeras.types import ArrayLike

__all__ = ["psnr", "polar"]


@op
def psnr(x1: ArrayLike, x2: ArrayLike, max_val: float) -> Tensor:
    """The peak signal-to-noise ratio, in decibels: `20 log10(max) - 10 log10(mse)`.

    Args:
        x1: Tensor of any shape.
        x2: Tensor of the same shape.
        max_val: Greatest value a signal can have.

    Returns:
        Scalar tensor.

    Raises:
        ShapeError: If shapes differ.

    Example:

    >>> keras.ops.psnr([1.0, 1.0], [0.0, 2.0], max_val=10.0).tolist()
    20.0
    """
    a, b = promote(x1, floating(x2))
    if a.shape != b.shape:
        raise ShapeError(
            f"psnr: shapes {a.shape} and {b.shape}; expected two equal shapes."
        )
    gap = prims.sub(a, b)
    total = prims.sum(prims.mul(gap, gap), axes=tuple(range(a.ndim)), keepdims=False)
    mean = prims.div(total, const(total, a.size))
    scale = const(total, 10 / math.log(10))
    noise = prims.mul(scale, prims.log(mean))
    peak = floating(to_tensor(max_val, a.dtype))
    return prims.sub(prims.mul(const(a, 20 / math.log(10)), prims.log(peak)), noise)


@op
def polar(abs_: ArrayLike, angle: ArrayLike) -> Tensor:
    """Complex numbers from their sizes and angles, `abs * exp(i * angle)`.

    Args:
        abs_: Tensor of sizes.
        angle: Tensor of angles in radians; it broadcasts with `abs_`.

    Returns:
        Complex tensor of the broadcast shape.

    Example:

    >>> keras.ops.polar(2.0, 0.0).item()
    (2+0j)
    """
    size, turn = promote_float(abs_, angle)
    x, y = prims.mul(size, prims.cos(turn)), prims.mul(size, prims.sin(turn))
    return joined(x, y)
