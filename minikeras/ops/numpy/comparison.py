"""Comparisons and logic."""

from __future__ import annotations

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, promote, promote_float
from minikeras.ops.support import boolean, const
from minikeras.types import ArrayLike

__all__ = [
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
    "logical_and", "logical_or", "logical_xor", "logical_not", "isclose", "allclose",
    "isin",
]  # fmt: skip


@op
def equal(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """Whether `x1 == x2`, for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Bool tensor of the broadcast shape.

    Example:

    >>> keras.ops.equal([1, 2, 3], [3, 2, 1]).tolist()
    [False, True, False]
    """
    return prims.eq(*promote(x1, x2))


@op
def not_equal(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """Whether `x1 != x2`, for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Bool tensor of the broadcast shape.

    Example:

    >>> keras.ops.not_equal([1, 2, 3], [3, 2, 1]).tolist()
    [True, False, True]
    """
    return prims.ne(*promote(x1, x2))


@op
def less(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """Whether `x1 < x2`, for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Bool tensor of the broadcast shape.

    Example:

    >>> keras.ops.less([1, 2, 3], [3, 2, 1]).tolist()
    [True, False, False]
    """
    return prims.lt(*promote(x1, x2))


@op
def less_equal(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """Whether `x1 <= x2`, for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Bool tensor of the broadcast shape.

    Example:

    >>> keras.ops.less_equal([1, 2, 3], [3, 2, 1]).tolist()
    [True, True, False]
    """
    return prims.le(*promote(x1, x2))


@op
def greater(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """Whether `x1 > x2`, for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Bool tensor of the broadcast shape.

    Example:

    >>> keras.ops.greater([1, 2, 3], [3, 2, 1]).tolist()
    [False, False, True]
    """
    return prims.gt(*promote(x1, x2))


@op
def greater_equal(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """Whether `x1 >= x2`, for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Bool tensor of the broadcast shape.

    Example:

    >>> keras.ops.greater_equal([1, 2, 3], [3, 2, 1]).tolist()
    [False, True, True]
    """
    return prims.ge(*promote(x1, x2))


@op
def logical_and(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """Whether both are true, for each pair of elements; what is not zero is true.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Bool tensor of the broadcast shape.

    Example:

    >>> keras.ops.logical_and([True, True, False], [True, False, False]).tolist()
    [True, False, False]
    """
    return prims.bitwise_and(boolean(x1), boolean(x2))


@op
def logical_or(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """Whether at least one is true, for each pair of elements; what is not zero is true.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Bool tensor of the broadcast shape.

    Example:

    >>> keras.ops.logical_or([True, True, False], [True, False, False]).tolist()
    [True, True, False]
    """
    return prims.bitwise_or(boolean(x1), boolean(x2))


@op
def logical_xor(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """Whether exactly one is true, for each pair of elements; what is not zero is true.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Bool tensor of the broadcast shape.

    Example:

    >>> keras.ops.logical_xor([True, True, False], [True, False, False]).tolist()
    [False, True, False]
    """
    return prims.bitwise_xor(boolean(x1), boolean(x2))


@op
def logical_not(x: ArrayLike) -> Tensor:
    """Whether each element is false; what is not zero is true.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> keras.ops.logical_not([True, False]).tolist()
    [False, True]
    """
    return prims.logical_not(boolean(x))


@op
def isclose(
    x1: ArrayLike,
    x2: ArrayLike,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Whether `|x1 - x2| <= atol + rtol * |x2|`, for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.
        rtol: Tolerance relative to `x2`.
        atol: Absolute tolerance.
        equal_nan: Whether two nans are close.

    Returns:
        Bool tensor of the broadcast shape.

    Example:

    >>> keras.ops.isclose([1.0, 2.0], [1.000001, 2.1]).tolist()
    [True, False]
    """
    a, b = promote_float(x1, x2)
    size = prims.abs(b)  # of complex numbers a real one
    slack = prims.add(const(size, atol), prims.mul(const(size, rtol), size))
    near = prims.le(prims.abs(prims.sub(a, b)), slack)
    near = prims.bitwise_and(
        near, prims.bitwise_and(prims.isfinite(a), prims.isfinite(b))
    )
    # Equal infinities are close, though their difference is nan.
    near = prims.bitwise_or(near, prims.eq(a, b))
    if equal_nan:
        near = prims.bitwise_or(near, prims.bitwise_and(prims.isnan(a), prims.isnan(b)))
    return near


@op
def allclose(
    x1: ArrayLike,
    x2: ArrayLike,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Whether all pairs of elements are close, as `isclose` says.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.
        rtol: Tolerance relative to `x2`.
        atol: Absolute tolerance.
        equal_nan: Whether two nans are close.

    Returns:
        Bool tensor of shape `()`.

    Example:

    >>> keras.ops.allclose([1.0, 2.0], [1.000001, 2.1]).tolist()
    False
    """
    near = isclose(x1, x2, rtol, atol, equal_nan)
    return prims.all(near, axes=tuple(range(near.ndim)), keepdims=False)


@op
def isin(
    x1: ArrayLike, x2: ArrayLike, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Whether each element of `x1` is among those of `x2`.

    Args:
        x1: First tensor.
        x2: Tensor of any shape, the elements to look among.
        assume_unique: Kept for Keras's signature; the result does not depend on it.
        invert: Whether to say instead which are not among them.

    Returns:
        Bool tensor of the shape of `x1`.

    Example:

    >>> keras.ops.isin([1, 2, 3], [3, 1]).tolist()
    [True, False, True]
    """
    a, b = promote(x1, x2)
    # Every pair is compared: no sorting, and nan is in nothing, itself among it.
    column = prims.reshape(a, shape=(*a.shape, 1))
    hits = prims.eq(column, prims.reshape(b, shape=(b.size,)))
    found = prims.any(hits, axes=(a.ndim,), keepdims=False)
    return prims.logical_not(found) if invert else found
