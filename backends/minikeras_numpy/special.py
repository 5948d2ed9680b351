"""Special functions in plain array arithmetic, without SciPy.

In float64 results agree with the exact values to 1e-14 or so (relative, away from
the function's zeros). float32 arguments are computed in float64, but for `erf`,
which activations use: a short rational function gives it to 4e-7.

Reference: Abramowitz and Stegun, Handbook of Mathematical Functions, 6.1.40 (log
gamma), 6.3.18 (digamma), 23.2 (zeta), 7.1 (error function). The fitted coefficients
are our own least squares in Chebyshev nodes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minikeras_numpy.common import Array

Coefficients = tuple[float, ...]

_SQRT_PI = math.sqrt(math.pi)

# erf(x) / x in x*x, highest power first. On |x| < 1 the Taylor terms fall as 1/n!:
# 19 of them leave nothing.
_ERF_TAYLOR: Coefficients = tuple(
    2 / _SQRT_PI * (-1) ** n / (math.factorial(n) * (2 * n + 1))
    for n in reversed(range(19))
)
# (1 + 2x) exp(x*x) erfc(x) on 0.75 <= x <= 6.7 in t = (x - 3) / (x + 3), to 1e-15.
_ERFC: Coefficients = (
    3.0282436183922965e-07,
    1.4681440746031054e-06,
    3.6091036456906655e-06,
    -1.2466560528723168e-06,
    -2.0325467814699948e-05,
    5.033787266210995e-06,
    0.00012515884007980717,
    -0.00010516509380705724,
    -0.0007798395393911427,
    0.0018886903464406697,
    0.002529392278879644,
    -0.02377051490393329,
    0.06830802732935393,
    -0.11927366341582739,
    0.12964515870293972,
    -0.04756229435344443,
    -0.13562110612458164,
    1.2530080582697298,
)
# erf(x) / x on |x| <= 3.92 as a quotient of polynomials in x*x, for float32.
_ERF_P: Coefficients = (
    2.05007872e-06,
    2.8488361e-04,
    3.76566059e-03,
    5.27488615e-02,
    1.90407496e-01,
    1.12837915,
)
_ERF_Q: Coefficients = (
    3.80916712e-05,
    1.16254582e-03,
    1.49693055e-02,
    1.14109539e-01,
    5.0207699e-01,
    1.0,
)
_ERF_ONE = 3.92  # where float32 cannot tell erf from 1

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_STIRLING: Coefficients = tuple(
    b / (2 * k * (2 * k - 1)) for k, b in reversed(list(enumerate(_BERNOULLI, 1)))
)
_DIGAMMA: Coefficients = tuple(
    b / (2 * k) for k, b in reversed(list(enumerate(_BERNOULLI, 1)))
)
_SHIFT = 10  # arguments are moved up by this much before an asymptotic series


def _polynomial(x: Array, coefficients: Coefficients) -> Array:
    """Horner's rule; the highest power first."""
    total = x * coefficients[0]
    for c in coefficients[1:-1]:
        total += c
        total *= x
    total += coefficients[-1]
    return total


def _scaled_erfc(x: Array) -> Array:
    """exp(x*x) erfc(x) for 0.75 <= x <= 6.7."""
    return _polynomial((x - 3.0) / (x + 3.0), _ERFC) / (1.0 + 2.0 * x)


def erf(xp: Any, x: Array) -> Array:
    """The error function."""
    if x.dtype.itemsize < 8:
        near = xp.clip(x, -_ERF_ONE, _ERF_ONE)
        square = near * near
        near = near * _polynomial(square, _ERF_P) / _polynomial(square, _ERF_Q)
        return xp.clip(near, -1.0, 1.0)
    size = xp.abs(x)
    small = x * _polynomial(xp.minimum(x * x, 1.0), _ERF_TAYLOR)
    far = xp.clip(size, 1.0, 6.5)
    large = xp.copysign(1.0 - xp.exp(-far * far) * _scaled_erfc(far), x)
    return xp.where(size < 1.0, small, xp.where(xp.isnan(x), x, large))


# Elements of a block: its temporaries stay in the cache.
_BLOCK = 1 << 14
_ERF_NEAR = 0.77  # below, erf's Taylor series is inverted; above, erfc


def erfinv(xp: Any, y: Array) -> Array:
    """The inverse of `erf`: a rough start, then Halley's method."""
    y = y.astype(xp.float64, copy=False)
    if xp is not np or y.ndim == 0:
        return _erfinv(xp, y)
    flat = np.ascontiguousarray(y).reshape(-1)
    out = np.empty_like(flat)
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        size = np.abs(part)
        near = size < _ERF_NEAR
        found = out[start : start + _BLOCK]
        # Each element goes one way only, since that is most of the work.
        found[near] = _inverse_near(np, size[near])
        far = ~near
        found[far] = _inverse_far(np, size[far])
        _ends(np, part, size, found)
    return out.reshape(y.shape)


def _erfinv(xp: Any, y: Array) -> Array:
    size = xp.abs(y)
    near = _inverse_near(xp, xp.minimum(size, _ERF_NEAR))
    far = _inverse_far(xp, xp.maximum(size, _ERF_NEAR))
    x = xp.where(size < _ERF_NEAR, near, far)
    x = xp.where(size < 1.0, x, xp.where(size == 1.0, xp.inf, xp.nan))
    return xp.where(y == 0.0, y, xp.copysign(x, y))


def _ends(xp: Any, y: Array, size: Array, x: Array) -> None:
    """Signs, zeros, infinities and what is no number, in place."""
    x[size == 1.0] = xp.inf
    x[~(size <= 1.0)] = xp.nan
    xp.copysign(x, y, out=x)
    zero = y == 0.0
    x[zero] = y[zero]


def _start(xp: Any, size: Array) -> Array:
    """Winitzki's approximation, good to 2e-3."""
    a = 0.147
    # (1 - size) (1 + size) is 1 - y*y, with its digits kept near 1.
    log = xp.log((1.0 - size) * (1.0 + size))
    half = 2.0 / (math.pi * a) + 0.5 * log
    x = xp.sqrt(xp.sqrt(half * half - log / a) - half)
    return xp.minimum(x, 6.0)


def _halley(xp: Any, x: Array, error: Array) -> Array:
    """One step for erf(x) that is too large by `error`: three times as many digits."""
    step = error / (2.0 / _SQRT_PI * xp.exp(-x * x))
    return x - step / (1.0 + x * step)


def _inverse_near(xp: Any, size: Array) -> Array:
    x = _start(xp, size)
    for _ in range(2):
        x = _halley(xp, x, x * _polynomial(x * x, _ERF_TAYLOR) - size)
    return x


def _inverse_far(xp: Any, size: Array) -> Array:
    x, rest = _start(xp, size), 1.0 - size  # exact here
    for _ in range(3):
        x = xp.maximum(x, 0.8)
        x = _halley(xp, x, rest - xp.exp(-x * x) * _scaled_erfc(x))
    return x


def lgamma(xp: Any, x: Array) -> Array:
    """log |gamma(x)|."""
    x = x.astype(xp.float64, copy=False)
    low = x < 0.5
    z = xp.where(low, 1.0 - x, x)
    product = xp.ones_like(z)
    small = z < _SHIFT
    base = xp.where(small, z, 1.0)
    for k in range(_SHIFT):
        product = product * (base + k)
    up = xp.where(small, z + _SHIFT, z)
    inverse = 1.0 / up
    series = inverse * _polynomial(inverse * inverse, _STIRLING)
    value = (up - 0.5) * xp.log(up) - up + (0.5 * math.log(2 * math.pi) + series)
    value = xp.where(small, value - xp.log(product), value)
    sine = xp.abs(xp.sin(math.pi * (x - xp.floor(x))))
    value = xp.where(low, math.log(math.pi) - xp.log(sine) - value, value)
    value = xp.where((x == 1.0) | (x == 2.0), 0.0, value)
    return xp.where(xp.isinf(x) | ((x <= 0.0) & (x == xp.floor(x))), xp.inf, value)


def digamma(xp: Any, x: Array) -> Array:
    """The derivative of `lgamma`; nan at its poles."""
    x = x.astype(xp.float64, copy=False)
    low = x < 0.5
    z = xp.where(low, 1.0 - x, x)
    small = z < _SHIFT
    base = xp.where(small, z, 1.0)
    total = xp.zeros_like(z)
    for k in range(_SHIFT):
        total = total + 1.0 / (base + k)
    up = xp.where(small, z + _SHIFT, z)
    inverse = 1.0 / up
    square = inverse * inverse
    value = xp.log(up) - 0.5 * inverse - square * _polynomial(square, _DIGAMMA)
    value = xp.where(small, value - total, value)
    value = xp.where(low, value - math.pi / xp.tan(math.pi * (x - xp.floor(x))), value)
    return xp.where((x <= 0.0) & (x == xp.floor(x)), xp.nan, value)


def polygamma(xp: Any, x: Array, *, order: int) -> Array:
    """The derivative of `digamma` of this order; for x <= 0 of orders 1 and 2 only."""
    x = x.astype(xp.float64, copy=False)
    low = x < 0.5
    sign = -1.0 if order % 2 == 0 else 1.0
    if order > 2:
        scale = sign * math.factorial(order)
        return xp.where(x > 0, scale * _zeta(xp, order + 1, xp.maximum(x, 0)), xp.nan)
    z = xp.where(low, 1.0 - x, x)
    value = sign * math.factorial(order) * _zeta(xp, order + 1, z)
    # Reflection: derivatives of digamma(1 - x) - digamma(x) = pi cot(pi x).
    angle = math.pi * (x - xp.floor(x))
    sine = xp.sin(angle)
    if order == 1:
        reflected = (math.pi / sine) ** 2 - value
    else:
        reflected = value - 2.0 * math.pi**3 * xp.cos(angle) / sine**3
    return xp.where(low, reflected, value)


def _zeta(xp: Any, s: int, x: Array) -> Array:
    """Hurwitz's zeta function for x > 0, by the Euler-Maclaurin formula."""
    total = xp.zeros_like(x)
    for k in range(_SHIFT):
        total = total + (x + k) ** -s
    up = x + _SHIFT
    total = total + up ** (1 - s) / (s - 1) + 0.5 * up**-s
    factor, power = float(s), up ** (-s - 1)
    for k, b in enumerate(_BERNOULLI, 1):
        total = total + b / math.factorial(2 * k) * factor * power
        factor *= (s + 2 * k - 1) * (s + 2 * k)
        power = power / (up * up)
    return total
