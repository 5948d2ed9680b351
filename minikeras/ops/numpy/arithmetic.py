"""Arithmetic on two tensors, and on one.

Arguments broadcast as in NumPy and are promoted by Keras's rules: a Python scalar
takes the other argument's dtype where it can, integers with floats give that float.
"""

from __future__ import annotations

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, promote, promote_float, to_tensor
from minikeras.ops.support import cast_to, const, floating, index, numeric
from minikeras.types import ArrayLike

__all__ = [
    "add", "subtract", "multiply", "divide", "true_divide", "divide_no_nan",
    "floor_divide", "mod", "fmod", "power", "negative", "square", "reciprocal", "ldexp",
]  # fmt: skip


@op
def add(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """`x1 + x2` for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape; bools give their logical or.

    Raises:
        ShapeError: If the shapes do not broadcast.

    Example:

    >>> keras.ops.add([1, 4], [5, 6]).tolist()
    [6, 10]
    """
    a, b = promote(x1, x2)
    # True + True is True in NumPy and Keras, not 2.
    return prims.bitwise_or(a, b) if a.dtype == "bool" else prims.add(a, b)


@op
def subtract(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """`x1 - x2` for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Raises:
        ShapeError: If the shapes do not broadcast, or both are bool.

    Example:

    >>> keras.ops.subtract([1, 4], [5, 6]).tolist()
    [-4, -2]
    """
    return prims.sub(*promote(x1, x2))


@op
def multiply(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """`x1 * x2` for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape; bools give their logical and.

    Raises:
        ShapeError: If the shapes do not broadcast.

    Example:

    >>> keras.ops.multiply([1, 4], [5, 6]).tolist()
    [5, 24]
    """
    a, b = promote(x1, x2)
    # A product of bools is a bool, as in NumPy.
    return prims.bitwise_and(a, b) if a.dtype == "bool" else prims.mul(a, b)


@op
def divide(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """`x1 / x2` for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Raises:
        ShapeError: If the shapes do not broadcast.

    Example:

    >>> keras.ops.divide([1, 4], [2, 5]).tolist()
    [0.5, 0.8]
    """
    return prims.div(*promote_float(x1, x2))


@op
def true_divide(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """`x1 / x2` for each pair of elements; another name for `divide`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> keras.ops.true_divide([1, 4], [2, 5]).tolist()
    [0.5, 0.8]
    """
    return prims.div(*promote_float(x1, x2))


@op
def divide_no_nan(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """`x1 / x2`, and 0 where `x2` is 0; the gradient is 0 there too.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> keras.ops.divide_no_nan([1.0, 4.0], [0.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    a, b = promote_float(x1, x2)
    # The division never meets a 0: a gradient of inf there would be nan after the
    # choice.
    zero = prims.eq(b, const(b, 0))
    quotient = prims.div(a, prims.select(zero, const(b, 1), b))
    return prims.select(zero, const(b, 0), quotient)


@op
def floor_divide(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The greatest integer not above `x1 / x2`; of integers divided by zero, 0.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> keras.ops.floor_divide([7, -7], [2, 2]).tolist()
    [3, -4]
    """
    return prims.floordiv(*numbers(x1, x2))


@op
def mod(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """What remains of `x1` after whole multiples of `x2`; it has the sign of `x2`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> keras.ops.mod([7, -7], [3, 3]).tolist()
    [1, 2]
    """
    return prims.mod(*numbers(x1, x2))


@op
def fmod(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """What remains of `x1` after whole multiples of `x2`; it has the sign of `x1`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> keras.ops.fmod([7, -7], [3, 3]).tolist()
    [1, -1]
    """
    a, b = numbers(x1, x2)
    if dtypes.is_float(a.dtype):
        # By the sizes: no digits are lost where `x2` is much greater than `x1`.
        rest = prims.mod(prims.abs(a), prims.abs(b))
        return prims.select(prims.lt(a, const(a, 0)), prims.neg(rest), rest)
    rest = prims.mod(a, b)
    # `mod` has the sign of `x2`; a rest that is not 0 lies one `x2` away where signs
    # differ.
    signs_differ = prims.lt(prims.mul(prims.sign(a), prims.sign(b)), const(a, 0))
    shift = prims.select(prims.ne(rest, const(a, 0)), b, const(a, 0))
    return prims.select(signs_differ, prims.sub(rest, shift), rest)


def numbers(x1: ArrayLike, x2: ArrayLike) -> tuple[Tensor, ...]:
    """The values promoted, and bools as int32."""
    a, b = promote(x1, x2)
    return numeric(a), numeric(b)


@op
def power(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """`x1` raised to the power `x2`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape. A negative power of an integer is cut off to 0, but
        for the bases 1 and -1.

    Example:

    >>> keras.ops.power([2, 3], 2).tolist()
    [4, 9]
    """
    # Two products at most: a few instructions, where a power function takes dozens, and
    # with exact slopes at 0.
    if type(x2) is int and 0 <= x2 <= 4:
        return _whole_power(numeric(x1), x2)
    return prims.pow(*numbers(x1, x2))


def _whole_power(x: Tensor, exponent: int) -> Tensor:
    """Products instead of a power function."""
    if exponent == 0:
        one = const(x, 1)
        return prims.select(prims.eq(one, one), one, x)  # of its shape, with slope 0
    if exponent == 1:
        return x
    twice = prims.mul(x, x)
    if exponent == 2:
        return twice
    return prims.mul(twice, x if exponent == 3 else twice)


@op
def negative(x: ArrayLike) -> Tensor:
    """`-x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> keras.ops.negative([1, -2]).tolist()
    [-1, 2]
    """
    return prims.neg(to_tensor(x))


@op
def square(x: ArrayLike) -> Tensor:
    """`x * x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape of `x`; bool gives int32.

    Example:

    >>> keras.ops.square([1.5, -2.0]).tolist()
    [2.25, 4.0]
    """
    x = numeric(x)
    return prims.mul(x, x)


@op
def reciprocal(x: ArrayLike) -> Tensor:
    """`1 / x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> keras.ops.reciprocal([2.0, -4.0]).tolist()
    [0.5, -0.25]
    """
    x = floating(x)
    return prims.div(const(x, 1), x)


@op
def ldexp(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """`x1 * 2 ** x2`.

    Args:
        x1: First tensor.
        x2: Integer exponents; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> keras.ops.ldexp([0.75, 1.0], [2, 3]).tolist()
    [3.0, 8.0]
    """
    a = floating(x1)
    b = cast_to(index(x2, "ldexp", "x2"), a.dtype)
    moved = prims.mul(a, prims.pow(const(b, 2), b))
    # Powers of 2 may be infinite, and what is 0 or infinite stays so.
    moves = prims.bitwise_and(prims.isfinite(a), prims.ne(a, const(a, 0)))
    return prims.select(moves, moved, a)
