"""Functions of one tensor, element by element: exponentials, trigonometry, rounding.

They compute in floats: integers and bools become `floatx()` first.
"""

from __future__ import annotations

import math
from typing import Any

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.arithmetic import signbit
from minikeras.ops.core_op import op, promote_float, to_tensor
from minikeras.ops.support import cast_to, const, floating, numeric


@op
def exp(x: Any) -> Tensor:
    """e to the power of each element.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.exp([0.0, 1.0]).tolist()
    [1.0, 2.7183]
    """
    return prims.exp(floating(x))


@op
def expm1(x: Any) -> Tensor:
    """`exp(x) - 1`, exact for small `x` too.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.expm1([0.0, 1e-5]).tolist()
    [0.0, 1.000e-05]
    """
    return prims.expm1(floating(x))


@op
def log(x: Any) -> Tensor:
    """The natural logarithm.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.log([1.0, 10.0]).tolist()
    [0.0, 2.3026]
    """
    return prims.log(floating(x))


@op
def log1p(x: Any) -> Tensor:
    """`log(1 + x)`, exact for small `x` too.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.log1p([0.0, 1e-5]).tolist()
    [0.0, 1.000e-05]
    """
    return prims.log1p(floating(x))


@op
def sqrt(x: Any) -> Tensor:
    """The square root.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.sqrt([4.0, 9.0]).tolist()
    [2.0, 3.0]
    """
    return prims.sqrt(floating(x))


@op
def rsqrt(x: Any) -> Tensor:
    """One over the square root.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.rsqrt([4.0, 16.0]).tolist()
    [0.5, 0.25]
    """
    return prims.rsqrt(floating(x))


@op
def sin(x: Any) -> Tensor:
    """The sine of an angle in radians.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.sin([0.0, 1.0]).tolist()
    [0.0, 0.8415]
    """
    return prims.sin(floating(x))


@op
def cos(x: Any) -> Tensor:
    """The cosine of an angle in radians.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.cos([0.0, 1.0]).tolist()
    [1.0, 0.5403]
    """
    return prims.cos(floating(x))


@op
def tan(x: Any) -> Tensor:
    """The tangent of an angle in radians.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.tan([0.0, 1.0]).tolist()
    [0.0, 1.5574]
    """
    return prims.tan(floating(x))


@op
def arcsin(x: Any) -> Tensor:
    """The angle in radians whose sine is `x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.arcsin([0.0, 1.0]).tolist()
    [0.0, 1.5708]
    """
    return prims.asin(floating(x))


@op
def arccos(x: Any) -> Tensor:
    """The angle in radians whose cosine is `x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.arccos([0.0, 1.0]).tolist()
    [1.5708, 0.0]
    """
    return prims.acos(floating(x))


@op
def arctan(x: Any) -> Tensor:
    """The angle in radians whose tangent is `x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.arctan([0.0, 1.0]).tolist()
    [0.0, 0.7854]
    """
    return prims.atan(floating(x))


@op
def sinh(x: Any) -> Tensor:
    """The hyperbolic sine.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.sinh([0.0, 1.0]).tolist()
    [0.0, 1.1752]
    """
    return prims.sinh(floating(x))


@op
def cosh(x: Any) -> Tensor:
    """The hyperbolic cosine.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.cosh([0.0, 1.0]).tolist()
    [1.0, 1.5431]
    """
    return prims.cosh(floating(x))


@op
def tanh(x: Any) -> Tensor:
    """The hyperbolic tangent.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.tanh([0.0, 1.0]).tolist()
    [0.0, 0.7616]
    """
    return prims.tanh(floating(x))


@op
def arcsinh(x: Any) -> Tensor:
    """The inverse of the hyperbolic sine.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.arcsinh([0.0, 1.0]).tolist()
    [0.0, 0.8814]
    """
    return prims.asinh(floating(x))


@op
def arccosh(x: Any) -> Tensor:
    """The inverse of the hyperbolic cosine, for `x` of at least 1.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.arccosh([1.0, 2.0]).tolist()
    [0.0, 1.317]
    """
    return prims.acosh(floating(x))


@op
def arctanh(x: Any) -> Tensor:
    """The inverse of the hyperbolic tangent, for `x` within -1 and 1.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.arctanh([0.0, 0.5]).tolist()
    [0.0, 0.5493]
    """
    return prims.atanh(floating(x))


@op
def erf(x: Any) -> Tensor:
    """The error function, `2 / sqrt(pi)` times the integral of `exp(-t**2)` from 0 to `x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.erf([0.0, 1.0]).tolist()
    [0.0, 0.8427]
    """
    return prims.erf(floating(x))


@op
def erfinv(x: Any) -> Tensor:
    """The inverse of the error function, for `x` within -1 and 1.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.erfinv([0.0, 0.5]).tolist()
    [0.0, 0.4769]
    """
    return prims.erfinv(floating(x))


@op
def floor(x: Any) -> Tensor:
    """The greatest integer not above `x`, as a float.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.floor([1.7, -1.7]).tolist()
    [1.0, -2.0]
    """
    return prims.floor(floating(x))


@op
def ceil(x: Any) -> Tensor:
    """The least integer not below `x`, as a float.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.ceil([1.2, -1.2]).tolist()
    [2.0, -1.0]
    """
    return prims.ceil(floating(x))


@op
def isnan(x: Any) -> Tensor:
    """Whether each element is not a number.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.isnan([1.0, float("nan")]).tolist()
    [False, True]
    """
    return prims.isnan(floating(x))


@op
def isinf(x: Any) -> Tensor:
    """Whether each element is infinite, of either sign.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.isinf([1.0, float("-inf")]).tolist()
    [False, True]
    """
    return prims.isinf(floating(x))


@op
def isfinite(x: Any) -> Tensor:
    """Whether each element is neither infinite nor nan.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.isfinite([1.0, float("inf")]).tolist()
    [True, False]
    """
    return prims.isfinite(floating(x))


@op
def exp2(x: Any) -> Tensor:
    """2 to the power of each element.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.exp2([3.0, -1.0]).tolist()
    [8.0, 0.5]
    """
    x = floating(x)
    return prims.exp(prims.mul(x, const(x, math.log(2))))


@op
def log2(x: Any) -> Tensor:
    """The logarithm to base 2.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.log2([8.0, 0.5]).tolist()
    [3.0, -1.0]
    """
    x = floating(x)
    return prims.div(prims.log(x), const(x, math.log(2)))


@op
def log10(x: Any) -> Tensor:
    """The logarithm to base 10.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.log10([100.0, 5.0]).tolist()
    [2.0, 0.699]
    """
    x = floating(x)
    return prims.div(prims.log(x), const(x, math.log(10)))


@op
def logaddexp(x1: Any, x2: Any) -> Tensor:
    """`log(exp(x1) + exp(x2))`, without overflow.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.logaddexp([0.0, 1000.0], [0.0, 1000.0]).tolist()
    [0.6931, 1000.6932]
    """
    a, b = promote_float(x1, x2)
    gap = prims.sub(a, b)
    tail = prims.log1p(prims.exp(prims.minimum(gap, prims.neg(gap))))
    # The gap of two equal infinities is nan; their sum is the answer.
    total = prims.add(prims.maximum(a, b), tail)
    return prims.select(prims.isnan(gap), prims.add(a, b), total)


@op
def logaddexp2(x1: Any, x2: Any) -> Tensor:
    """`log2(2 ** x1 + 2 ** x2)`, without overflow.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.logaddexp2([0.0, 3.0], [0.0, 3.0]).tolist()
    [1.0, 4.0]
    """
    a, b = promote_float(x1, x2)
    ln2 = const(a, math.log(2))
    return prims.div(logaddexp(prims.mul(a, ln2), prims.mul(b, ln2)), ln2)


@op
def arctan2(x1: Any, x2: Any) -> Tensor:
    """The angle in radians of the point `(x2, x1)`, from -pi to pi.

    Args:
        x1: Ordinate of the point.
        x2: Abscissa of the point; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.arctan2([1.0, -1.0], [1.0, 0.0]).tolist()
    [0.7854, -1.5708]
    """
    return prims.atan2(*promote_float(x1, x2))


@op
def hypot(x1: Any, x2: Any) -> Tensor:
    """`sqrt(x1**2 + x2**2)`, without overflow.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.hypot([3.0, 1e30], [4.0, 0.0]).tolist()
    [5.0, 1000000015047466219876688855040.0]
    """
    a, b = (prims.abs(v) for v in promote_float(x1, x2))
    big, small = prims.maximum(a, b), prims.minimum(a, b)
    zero = prims.eq(big, const(big, 0))
    ratio = prims.div(small, prims.select(zero, const(big, 1), big))
    root = prims.sqrt(prims.add(const(big, 1), prims.mul(ratio, ratio)))
    infinite = prims.isinf(big)
    return prims.select(infinite, big, prims.mul(big, root))


@op
def sinc(x: Any) -> Tensor:
    """`sin(pi * x) / (pi * x)`, and 1 at 0.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.sinc([0.0, 0.5]).tolist()
    [1.0, 0.6366]
    """
    x = floating(x)
    zero = prims.eq(x, const(x, 0))
    angle = prims.mul(prims.select(zero, const(x, 1), x), const(x, math.pi))
    return prims.select(zero, const(x, 1), prims.div(prims.sin(angle), angle))


@op
def deg2rad(x: Any) -> Tensor:
    """Degrees as radians.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.deg2rad([180.0, 90.0]).tolist()
    [3.1416, 1.5708]
    """
    x = floating(x)
    return prims.mul(x, const(x, math.pi / 180))


@op
def rad2deg(x: Any) -> Tensor:
    """Radians as degrees.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.rad2deg([1.0, 0.5]).tolist()
    [57.2958, 28.6479]
    """
    x = floating(x)
    return prims.mul(x, const(x, 180 / math.pi))


@op
def cbrt(x: Any) -> Tensor:
    """The cube root, negative for negative `x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.cbrt([8.0, -27.0]).tolist()
    [2.0, -3.0]
    """
    x = floating(x)
    root = prims.mul(prims.sign(x), prims.pow(prims.abs(x), const(x, 1 / 3)))
    # One Newton step takes away the error of the rounded exponent 1/3.
    square = prims.mul(root, root)
    flat = prims.bitwise_or(prims.eq(x, const(x, 0)), prims.isinf(x))
    safe = prims.select(flat, const(x, 1), square)
    off = prims.sub(prims.mul(square, root), x)
    step = prims.div(off, prims.mul(safe, const(x, 3)))
    return prims.select(flat, root, prims.sub(root, step))


@op
def erfc(x: Any) -> Tensor:
    """`1 - erf(x)`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.erfc([0.0, 1.0]).tolist()
    [1.0, 0.1573]
    """
    x = floating(x)
    return prims.sub(const(x, 1), prims.erf(x))


@op
def round(x: Any, decimals: int = 0) -> Tensor:
    """The nearest number with so many decimals; halves go to the even one.

    Args:
        x: Tensor of any shape.
        decimals: Number of decimals to keep; negative for tens, hundreds and so on.

    Returns:
        Tensor of the shape and dtype of `x`; bool gives int32.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.round([0.5, 1.5, 2.4]).tolist()
    [0.0, 2.0, 2.0]
    """
    x = numeric(x)
    whole = not dtypes.is_float(x.dtype)
    if whole and decimals >= 0:
        return x
    y = floating(x)
    if decimals == 0:
        return prims.round(y)
    factor = const(y, 10.0 ** abs(decimals))
    if decimals > 0:
        return prims.div(prims.round(prims.mul(y, factor)), factor)
    return cast_to(prims.mul(prims.round(prims.div(y, factor)), factor), x.dtype)


@op
def trunc(x: Any) -> Tensor:
    """Each element without its fraction.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.trunc([1.7, -1.7]).tolist()
    [1.0, -1.0]
    """
    x = to_tensor(x)
    if not dtypes.is_float(x.dtype):
        return x
    return prims.select(prims.lt(x, const(x, 0)), prims.ceil(x), prims.floor(x))


@op
def isposinf(x: Any) -> Tensor:
    """Whether each element is plus infinity.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.isposinf([float("inf"), float("-inf"), 1.0]).tolist()
    [True, False, False]
    """
    x = floating(x)
    return prims.eq(x, const(x, math.inf))


@op
def isneginf(x: Any) -> Tensor:
    """Whether each element is minus infinity.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.isneginf([float("inf"), float("-inf"), 1.0]).tolist()
    [False, True, False]
    """
    x = floating(x)
    return prims.eq(x, const(x, -math.inf))


@op
def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Finite numbers in the place of nan and infinities.

    Args:
        x: Tensor of any shape.
        nan: Value for nan.
        posinf: Value for plus infinity; by default the greatest of the dtype.
        neginf: Value for minus infinity; by default the least of the dtype.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.nan_to_num([float("nan"), float("inf"), 1.0], posinf=9.0).tolist()
    [0.0, 9.0, 1.0]
    """
    x = to_tensor(x)
    if not dtypes.is_float(x.dtype):
        return x
    top = greatest(x.dtype)
    x = prims.select(prims.isnan(x), const(x, nan), x)
    high = const(x, top if posinf is None else posinf)
    low = const(x, -top if neginf is None else neginf)
    x = prims.select(prims.eq(x, const(x, math.inf)), high, x)
    return prims.select(prims.eq(x, const(x, -math.inf)), low, x)


def greatest(dtype: str) -> float:
    """The greatest finite value of a float dtype."""
    return {
        "float16": 65504.0,
        "bfloat16": 3.3895313892515355e38,
        "float32": 3.4028234663852886e38,
        "float64": 1.7976931348623157e308,
    }[dtype]


@op
def real(x: Any) -> Tensor:
    """The real part: the tensor itself, as there are no complex dtypes.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.real([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return to_tensor(x)


@op
def imag(x: Any) -> Tensor:
    """The imaginary part: zeros, as there are no complex dtypes.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.imag([1.0, 2.0]).tolist()
    [0.0, 0.0]
    """
    x = to_tensor(x)
    return prims.full(shape=x.shape, dtype=x.dtype, value=0)


@op
def conjugate(x: Any) -> Tensor:
    """The complex conjugate: the tensor itself, as there are no complex dtypes.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.conjugate([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return to_tensor(x)


@op
def conj(x: Any) -> Tensor:
    """The complex conjugate; another name for `conjugate`.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.conj([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return to_tensor(x)


@op
def isreal(x: Any) -> Tensor:
    """Whether each element is a real number: always, as there are no complex dtypes.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.isreal([1.0, 2.0]).tolist()
    [True, True]
    """
    return prims.full(shape=to_tensor(x).shape, dtype="bool", value=True)


@op
def angle(x: Any) -> Tensor:
    """The angle of each number in the complex plane: 0, or pi for negative ones.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.angle([1.0, -2.0]).tolist()
    [0.0, 3.1416]
    """
    x = floating(x)
    flat = prims.select(signbit(x), const(x, math.pi), const(x, 0))
    return prims.select(prims.isnan(x), x, flat)
