"""Integers: bits and divisors."""

from __future__ import annotations

import functools
from collections.abc import Callable

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.arithmetic import numbers
from minikeras.ops.op import op, promote, to_tensor
from minikeras.ops.support import const, unjudged
from minikeras.types import ArrayLike

__all__ = [
    "gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not",
    "bitwise_invert", "left_shift", "bitwise_left_shift", "right_shift",
    "bitwise_right_shift",
]  # fmt: skip


@op
def gcd(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The greatest common divisor of each pair of integers.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Integer tensor of the broadcast shape.

    Example:

    >>> keras.ops.gcd([12, 18], [8, 27]).tolist()
    [4, 9]
    """
    return _applied(prims.gcd, *_integers(x1, x2, "gcd"))


def _integers(x1: ArrayLike, x2: ArrayLike, name: str) -> tuple[Tensor, ...]:
    a, b = numbers(x1, x2)
    if not dtypes.is_integer(a.dtype) and not unjudged(a):
        raise ShapeError(
            f"{name}: the arguments meet in {a.dtype}; expected integers. uint64 and "
            "signed integers meet in a float: cast one of them first."
        )
    return a, b


def _applied(function: Callable[..., Tensor], *operands: Tensor) -> Tensor:
    """A function of integers; of what is `unjudged` the shape and dtype."""
    if unjudged(operands[0]):
        return functools.reduce(prims.mul, operands)
    return function(*operands)


@op
def lcm(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The least common multiple of each pair of integers.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Integer tensor of the broadcast shape.

    Example:

    >>> keras.ops.lcm([4, 6], [6, 10]).tolist()
    [12, 30]
    """
    a, b = (prims.abs(v) for v in _integers(x1, x2, "lcm"))
    common = gcd(a, b)
    zero = prims.eq(common, const(a, 0))
    safe = prims.select(zero, const(a, 1), common)
    # a b / gcd, divided first: the product of the two may leave the dtype's range.
    product = prims.mul(prims.floordiv(a, safe), b)
    return prims.select(zero, const(a, 0), product)


@op
def bitwise_and(x: ArrayLike, y: ArrayLike) -> Tensor:
    """The bits set in both.

    Args:
        x: First tensor, of integers or bools.
        y: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> keras.ops.bitwise_and([12, 10], [10, 6]).tolist()
    [8, 2]
    """
    return _applied(prims.bitwise_and, *promote(x, y))


@op
def bitwise_or(x: ArrayLike, y: ArrayLike) -> Tensor:
    """The bits set in either.

    Args:
        x: First tensor, of integers or bools.
        y: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> keras.ops.bitwise_or([12, 10], [10, 6]).tolist()
    [14, 14]
    """
    return _applied(prims.bitwise_or, *promote(x, y))


@op
def bitwise_xor(x: ArrayLike, y: ArrayLike) -> Tensor:
    """The bits set in exactly one.

    Args:
        x: First tensor, of integers or bools.
        y: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> keras.ops.bitwise_xor([12, 10], [10, 6]).tolist()
    [6, 12]
    """
    return _applied(prims.bitwise_xor, *promote(x, y))


@op
def bitwise_not(x: ArrayLike) -> Tensor:
    """Every bit inverted.

    Args:
        x: Tensor of integers or bools.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> keras.ops.bitwise_not([0, 5]).tolist()
    [-1, -6]
    """
    return _applied(prims.bitwise_not, to_tensor(x))


@op
def bitwise_invert(x: ArrayLike) -> Tensor:
    """Every bit inverted; another name for `bitwise_not`.

    Args:
        x: Tensor of integers or bools.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> keras.ops.bitwise_invert([0, 5]).tolist()
    [-1, -6]
    """
    return _applied(prims.bitwise_not, to_tensor(x))


@op
def left_shift(x: ArrayLike, y: ArrayLike) -> Tensor:
    """The bits of `x` moved `y` places to the left.

    Args:
        x: Tensor of integers.
        y: Numbers of places; shapes broadcast.

    Returns:
        Integer tensor of the broadcast shape.

    Example:

    >>> keras.ops.left_shift([1, 3], [2, 1]).tolist()
    [4, 6]
    """
    return _applied(prims.shift_left, *numbers(x, y))


@op
def bitwise_left_shift(x: ArrayLike, y: ArrayLike) -> Tensor:
    """The bits of `x` moved `y` places to the left; another name for `left_shift`.

    Args:
        x: Tensor of integers.
        y: Numbers of places; shapes broadcast.

    Returns:
        Integer tensor of the broadcast shape.

    Example:

    >>> keras.ops.bitwise_left_shift([1, 3], [2, 1]).tolist()
    [4, 6]
    """
    return _applied(prims.shift_left, *numbers(x, y))


@op
def right_shift(x: ArrayLike, y: ArrayLike) -> Tensor:
    """The bits of `x` moved `y` places to the right, the sign kept.

    Args:
        x: Tensor of integers.
        y: Numbers of places; shapes broadcast.

    Returns:
        Integer tensor of the broadcast shape.

    Example:

    >>> keras.ops.right_shift([8, -8], [2, 1]).tolist()
    [2, -4]
    """
    return _applied(prims.shift_right, *numbers(x, y))


@op
def bitwise_right_shift(x: ArrayLike, y: ArrayLike) -> Tensor:
    """The bits of `x` moved `y` places to the right; another name for `right_shift`.

    Args:
        x: Tensor of integers.
        y: Numbers of places; shapes broadcast.

    Returns:
        Integer tensor of the broadcast shape.

    Example:

    >>> keras.ops.bitwise_right_shift([8, -8], [2, 1]).tolist()
    [2, -4]
    """
    return _applied(prims.shift_right, *numbers(x, y))
