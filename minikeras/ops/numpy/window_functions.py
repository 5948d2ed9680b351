"""Window functions, and the Bessel function that one of them needs."""

from __future__ import annotations

import math

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import const, floating
from minikeras.types import ArrayLike

__all__ = ["hanning", "hamming", "blackman", "bartlett", "kaiser", "i0"]


def _line(x: ArrayLike) -> tuple[Tensor, int]:
    """0, 1, ... for each place of the window, and the number of gaps."""
    n = x if type(x) is int else int(to_tensor(x))
    return prims.iota(shape=(n,), dtype=dtypes.floatx(), axis=0), n - 1


def _cosines(x: ArrayLike, weights: tuple[float, ...]) -> Tensor:
    """The sum of cosines of multiples of an angle that goes round once."""
    place, gaps = _line(x)
    if gaps < 1:
        return prims.full(shape=place.shape, dtype=place.dtype, value=1)
    angle = prims.mul(place, const(place, 2 * math.pi / gaps))
    total = prims.full(shape=place.shape, dtype=place.dtype, value=weights[0])
    for k, weight in enumerate(weights[1:], 1):
        wave = prims.cos(prims.mul(angle, const(angle, k)))
        total = prims.add(total, prims.mul(wave, const(wave, weight)))
    return total


@op
def hanning(x: ArrayLike) -> Tensor:
    """The Hann window: one period of a cosine, raised to start and end at 0.

    Args:
        x: Number of places.

    Returns:
        Float tensor `(x,)`.

    Example:

    >>> keras.ops.hanning(5).tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    return _cosines(x, (0.5, -0.5))


@op
def hamming(x: ArrayLike) -> Tensor:
    """The Hamming window: one period of a cosine, raised to start and end at 0.08.

    Args:
        x: Number of places.

    Returns:
        Float tensor `(x,)`.

    Example:

    >>> keras.ops.hamming(5).tolist()
    [0.08, 0.54, 1.0, 0.54, 0.08]
    """
    return _cosines(x, (0.54, -0.46))


@op
def blackman(x: ArrayLike) -> Tensor:
    """The Blackman window: a sum of three cosines.

    Args:
        x: Number of places.

    Returns:
        Float tensor `(x,)`.

    Example:

    >>> keras.ops.blackman(5).shape
    (5,)
    """
    return _cosines(x, (0.42, -0.5, 0.08))


@op
def bartlett(x: ArrayLike) -> Tensor:
    """The Bartlett window: a triangle that starts and ends at 0.

    Args:
        x: Number of places.

    Returns:
        Float tensor `(x,)`.

    Example:

    >>> keras.ops.bartlett(5).tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    place, gaps = _line(x)
    if gaps < 1:
        return prims.full(shape=place.shape, dtype=place.dtype, value=1)
    centred = prims.sub(prims.mul(place, const(place, 2 / gaps)), const(place, 1))
    return prims.sub(const(place, 1), prims.abs(centred))


@op
def kaiser(x: ArrayLike, beta: float) -> Tensor:
    """The Kaiser window.

    Args:
        x: Number of places.
        beta: Shape: 0 gives a rectangle, larger ones narrower windows.

    Returns:
        Float tensor `(x,)`.

    Example:

    >>> keras.ops.kaiser(5, beta=14.0).tolist()
    [7.727e-06, 0.1649, 1.0, 0.1649, 7.727e-06]
    """
    place, gaps = _line(x)
    if gaps < 1:
        return prims.full(shape=place.shape, dtype=place.dtype, value=1)
    t = prims.sub(prims.mul(place, const(place, 2 / gaps)), const(place, 1))
    # 1 - t^2 may be rounded below 0 at the ends, where the root would be nan.
    rest = prims.maximum(prims.sub(const(t, 1), prims.mul(t, t)), const(t, 0))
    b = to_tensor(beta, t.dtype)
    return prims.div(i0(prims.mul(b, prims.sqrt(rest))), i0(b))


# Polynomials of Abramowitz and Stegun, 9.8.1 and 9.8.2, highest power first.
_NEAR = (0.0045813, 0.0360768, 0.2659732, 1.2067492, 3.0899424, 3.5156229, 1.0)

_FAR = (
    0.00392377, -0.01647633, 0.02635537, -0.02057706, 0.00916281, -0.00157565, 0.00225319,
    0.01328592, 0.39894228,
)  # fmt: skip


def _polynomial(t: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    total = prims.full(shape=t.shape, dtype=t.dtype, value=coefficients[0])
    for c in coefficients[1:]:
        total = prims.add(prims.mul(total, t), const(t, c))
    return total


@op
def i0(x: ArrayLike) -> Tensor:
    """The modified Bessel function of the first kind, of order 0.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`, with a relative error of about 2e-7.

    Example:

    >>> keras.ops.i0([0.0, 1.0]).tolist()
    [1.0, 1.2661]

    Reference:
        Abramowitz, Stegun: Handbook of Mathematical Functions, 9.8.1 and 9.8.2.
    """
    size = prims.abs(floating(x))
    edge = const(size, 3.75)
    near = prims.lt(size, edge)
    # Both polynomials are evaluated everywhere, so each sees only arguments of its own
    # range.
    t = prims.div(prims.select(near, size, edge), edge)
    inner = _polynomial(prims.mul(t, t), _NEAR)
    far = prims.select(near, edge, size)
    outer = _polynomial(prims.div(edge, far), _FAR)
    outer = prims.mul(prims.mul(outer, prims.exp(far)), prims.rsqrt(far))
    return prims.select(near, inner, outer)
