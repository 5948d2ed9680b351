"""Weights of resampling: how much each new place takes of each old one.

A line of n pixels, scaled and moved, is sampled at the centres of the new pixels by a
kernel; `weights` gives the matrix (n, size) of that, and `contract` applies it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from minikeras.engine import prims
from minikeras.engine.interpret import current, eagerly
from minikeras.engine.prims.banded import Band
from minikeras.engine.staging import Abstract, sizes_are_free
from minikeras.engine.tensor import Tensor, from_numpy
from minikeras.ops.image.common import of_size
from minikeras.ops.support import const, with_axis

_TINY = {"float32": 1000 * 2.0**-23, "float64": 1000 * 2.0**-52}


def _linear(x: Tensor) -> Tensor:
    return prims.maximum(prims.sub(const(x, 1), x), const(x, 0))


def _polynomial(x: Tensor, *factors: float) -> Tensor:
    """By Horner's rule, the highest power first."""
    total = const(x, factors[0])
    for factor in factors[1:]:
        total = prims.add(prims.mul(total, x), const(x, factor))
    return total


def _cubic(x: Tensor) -> Tensor:
    """Keys's cubic kernel with a = -1/2.

    Keys: Cubic Convolution Interpolation for Digital Image Processing; 1981, eq. 15.
    """
    near = _polynomial(x, 1.5, -2.5, 0, 1)
    far = _polynomial(x, -0.5, 2.5, -4, 2)
    outer = prims.select(prims.lt(x, const(x, 2)), far, const(x, 0))
    return prims.select(prims.lt(x, const(x, 1)), near, outer)


def _lanczos(radius: int) -> Callable[[Tensor], Tensor]:
    """The product of sinc(x) and sinc(x / radius), within the radius."""

    def kernel(x: Tensor) -> Tensor:
        angle = prims.mul(x, const(x, math.pi))
        waves = prims.mul(
            prims.sin(angle), prims.sin(prims.mul(angle, const(x, 1 / radius)))
        )
        away = prims.gt(x, const(x, 1e-3))  # nearer than that, the quotient is 1
        square = prims.mul(prims.mul(angle, angle), const(x, 1 / radius))
        quotient = prims.div(waves, prims.select(away, square, const(x, 1)))
        inner = prims.select(away, quotient, const(x, 1))
        outside = prims.gt(x, const(x, radius))
        return prims.select(outside, const(x, 0), inner)

    return kernel


_KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": _linear,
    "cubic": _cubic,
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
}
METHODS = {
    "linear": "linear", "bilinear": "linear", "trilinear": "linear", "cubic": "cubic",
    "bicubic": "cubic", "tricubic": "cubic", "lanczos3": "lanczos3", "lanczos5": "lanczos5",
}  # fmt: skip


def weights(
    n: int, size: int, scale: Tensor, move: Tensor, method: str, antialias: bool
) -> Tensor:
    """The matrix (n, size) for a line of n pixels, scaled and then moved.

    With `antialias` the kernel is as wide as the pixels that become one. Weights of a
    new pixel sum to 1; of one whose centre lies outside of the line they are 0.
    """
    dtype = scale.dtype
    step = prims.div(const(scale, 1), scale)
    new = prims.iota(shape=(1, size), dtype=dtype, axis=1)
    half = const(scale, 0.5)
    place = prims.sub(
        prims.sub(prims.mul(prims.add(new, half), step), prims.mul(move, step)), half
    )
    old = prims.iota(shape=(n, 1), dtype=dtype, axis=0)
    # Made smaller, the kernel is widened to a step, so that each old pixel counts
    # somewhere.
    width = prims.maximum(step, const(step, 1)) if antialias else const(step, 1)
    drawn = _KERNELS[METHODS[method]](
        prims.div(prims.abs(prims.sub(place, old)), width)
    )
    total = prims.sum(drawn, axes=(0,), keepdims=True)
    # Where next to nothing of the kernel falls inside, its sum is no divisor.
    counts = prims.gt(prims.abs(total), const(total, _TINY[dtype]))
    shares = prims.div(drawn, prims.select(counts, total, const(total, 1)))
    end = prims.sub(const(place, n), const(place, 0.5))
    inside = prims.bitwise_and(
        prims.ge(place, const(place, -0.5)), prims.le(place, end)
    )
    kept = prims.bitwise_and(inside, counts)
    return prims.select(kept, shares, const(shares, 0))


@functools.lru_cache(maxsize=256)
def _resizing(n: int, size: int, method: str, antialias: bool, dtype: str) -> Band:
    def draw() -> Band:
        scale = from_numpy(size / n, dtype)
        move = from_numpy(0.0, dtype)
        return Band.of(weights(n, size, scale, move, method, antialias).numpy())

    return eagerly(draw)


def resized(x: Tensor, size: int, axis: int, method: str, antialias: bool) -> Tensor:
    """`x` with the pixels along an axis made `size` pixels; weights are computed once."""
    if isinstance(current(), Abstract):  # only its shape is wanted
        return of_size(x, axis, size)
    if sizes_are_free():
        factor = prims.div(const(x, size), const(x, x.shape[axis]))
        matrix = weights(x.shape[axis], size, factor, const(x, 0), method, antialias)
        return contract(x, matrix, axis)
    band = _resizing(x.shape[axis], size, method, antialias, x.dtype)
    return prims.banded(x, band=band, axis=axis)


def contract(x: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """`x` with the axis of n places summed into those of a matrix (n, size)."""
    n, size = matrix.shape
    lead, rest = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    if rest == 1:
        flat = prims.reshape(x, shape=(lead, n))
        y = prims.matmul(flat, matrix, transpose_a=False, transpose_b=False)
    else:
        flat = prims.reshape(x, shape=(lead, n, rest))
        y = prims.matmul(matrix, flat, transpose_a=True, transpose_b=False)
    return prims.reshape(y, shape=with_axis(x.shape, axis, size))
