"""Rounding, and numbers that are none."""

from __future__ import annotations

import math

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import by_parts, cast_to, const, floating, numeric
from minikeras.types import ArrayLike

__all__ = [
    "floor", "ceil", "isnan", "isinf", "isfinite", "round", "trunc", "isposinf",
    "isneginf", "nan_to_num",
]  # fmt: skip


@op
def floor(x: ArrayLike) -> Tensor:
    """The greatest integer not above `x`, as a float.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.floor([1.7, -1.7]).tolist()
    [1.0, -2.0]
    """
    return prims.floor(floating(x))


@op
def ceil(x: ArrayLike) -> Tensor:
    """The least integer not below `x`, as a float.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.ceil([1.2, -1.2]).tolist()
    [2.0, -1.0]
    """
    return prims.ceil(floating(x))


@op
def isnan(x: ArrayLike) -> Tensor:
    """Whether each element is not a number.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> keras.ops.isnan([1.0, float("nan")]).tolist()
    [False, True]
    """
    return prims.isnan(floating(x))


@op
def isinf(x: ArrayLike) -> Tensor:
    """Whether each element is infinite, of either sign.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> keras.ops.isinf([1.0, float("-inf")]).tolist()
    [False, True]
    """
    return prims.isinf(floating(x))


@op
def isfinite(x: ArrayLike) -> Tensor:
    """Whether each element is neither infinite nor nan.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> keras.ops.isfinite([1.0, float("inf")]).tolist()
    [True, False]
    """
    return prims.isfinite(floating(x))


@op
def round(x: ArrayLike, decimals: int = 0) -> Tensor:
    """The nearest number with so many decimals; halves go to the even one.

    Args:
        x: Tensor of any shape.
        decimals: Number of decimals to keep; negative for tens, hundreds and so on.

    Returns:
        Tensor of the shape and dtype of `x`; bool gives int32.

    Example:

    >>> keras.ops.round([0.5, 1.5, 2.4]).tolist()
    [0.0, 2.0, 2.0]
    """
    x = numeric(x)
    whole = not (dtypes.is_float(x.dtype) or dtypes.is_complex(x.dtype))
    if whole and decimals >= 0:
        return x
    y = floating(x)
    if dtypes.is_complex(y.dtype):
        return by_parts(lambda part: round(part, decimals), y)
    if decimals == 0:
        return prims.round(y)
    # A whole power, to divide by where decimals are negative: 0.01 would not be exact.
    factor = const(y, 10.0 ** abs(decimals))
    if decimals > 0:
        return prims.div(prims.round(prims.mul(y, factor)), factor)
    return cast_to(prims.mul(prims.round(prims.div(y, factor)), factor), x.dtype)


@op
def trunc(x: ArrayLike) -> Tensor:
    """Each element without its fraction.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> keras.ops.trunc([1.7, -1.7]).tolist()
    [1.0, -1.0]
    """
    x = to_tensor(x)
    if not dtypes.is_float(x.dtype):
        return x
    return prims.select(prims.lt(x, const(x, 0)), prims.ceil(x), prims.floor(x))


@op
def isposinf(x: ArrayLike) -> Tensor:
    """Whether each element is plus infinity.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> keras.ops.isposinf([float("inf"), float("-inf"), 1.0]).tolist()
    [True, False, False]
    """
    x = floating(x)
    return prims.eq(x, const(x, math.inf))


@op
def isneginf(x: ArrayLike) -> Tensor:
    """Whether each element is minus infinity.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> keras.ops.isneginf([float("inf"), float("-inf"), 1.0]).tolist()
    [False, True, False]
    """
    x = floating(x)
    return prims.eq(x, const(x, -math.inf))


@op
def nan_to_num(
    x: Tensor,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
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

    >>> keras.ops.nan_to_num([float("nan"), float("inf"), 1.0], posinf=9.0).tolist()
    [0.0, 9.0, 1.0]
    """
    x = to_tensor(x)
    if dtypes.is_complex(x.dtype):
        return by_parts(lambda part: nan_to_num(part, nan, posinf, neginf), x)
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
