"""Arithmetic on two tensors, and the functions that come with it.

Arguments broadcast as in NumPy and are promoted by Keras's rules: a Python scalar
takes the other argument's dtype where it can, integers with floats give that float.
"""

from __future__ import annotations

from typing import Any

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, promote, promote_float, to_tensor
from minikeras.ops.support import const, floating, numeric


@op
def add(x1: Any, x2: Any) -> Tensor:
    """`x1 + x2` for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape; bools give their logical or.

    Raises:
        ShapeError: If the shapes do not broadcast.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.add([1, 4], [5, 6]).tolist()
    [6, 10]
    """
    a, b = promote(x1, x2)
    return prims.bitwise_or(a, b) if a.dtype == "bool" else prims.add(a, b)


@op
def subtract(x1: Any, x2: Any) -> Tensor:
    """`x1 - x2` for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Raises:
        ShapeError: If the shapes do not broadcast, or both are bool.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.subtract([1, 4], [5, 6]).tolist()
    [-4, -2]
    """
    return prims.sub(*promote(x1, x2))


@op
def multiply(x1: Any, x2: Any) -> Tensor:
    """`x1 * x2` for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape; bools give their logical and.

    Raises:
        ShapeError: If the shapes do not broadcast.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.multiply([1, 4], [5, 6]).tolist()
    [5, 24]
    """
    a, b = promote(x1, x2)
    return prims.bitwise_and(a, b) if a.dtype == "bool" else prims.mul(a, b)


@op
def divide(x1: Any, x2: Any) -> Tensor:
    """`x1 / x2` for each pair of elements.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Raises:
        ShapeError: If the shapes do not broadcast.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.divide([1, 4], [2, 5]).tolist()
    [0.5, 0.8]
    """
    return prims.div(*promote_float(x1, x2))


@op
def true_divide(x1: Any, x2: Any) -> Tensor:
    """`x1 / x2` for each pair of elements; another name for `divide`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.true_divide([1, 4], [2, 5]).tolist()
    [0.5, 0.8]
    """
    return prims.div(*promote_float(x1, x2))


@op
def divide_no_nan(x1: Any, x2: Any) -> Tensor:
    """`x1 / x2`, and 0 where `x2` is 0; the gradient is 0 there too.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.divide_no_nan([1.0, 4.0], [0.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    a, b = promote_float(x1, x2)
    zero = prims.eq(b, const(b, 0))
    quotient = prims.div(a, prims.select(zero, const(b, 1), b))
    return prims.select(zero, const(b, 0), quotient)


@op
def floor_divide(x1: Any, x2: Any) -> Tensor:
    """The greatest integer not above `x1 / x2`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.floor_divide([7, -7], [2, 2]).tolist()
    [3, -4]
    """
    return prims.floordiv(*_numbers(x1, x2))


@op
def mod(x1: Any, x2: Any) -> Tensor:
    """What remains of `x1` after whole multiples of `x2`; it has the sign of `x2`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.mod([7, -7], [3, 3]).tolist()
    [1, 2]
    """
    return prims.mod(*_numbers(x1, x2))


@op
def fmod(x1: Any, x2: Any) -> Tensor:
    """What remains of `x1` after whole multiples of `x2`; it has the sign of `x1`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.fmod([7, -7], [3, 3]).tolist()
    [1, -1]
    """
    a, b = _numbers(x1, x2)
    rest = prims.mod(a, b)
    signs_differ = prims.lt(prims.mul(prims.sign(a), prims.sign(b)), const(a, 0))
    shift = prims.select(prims.ne(rest, const(a, 0)), b, const(a, 0))
    return prims.select(signs_differ, prims.sub(rest, shift), rest)


def _numbers(x1: Any, x2: Any) -> tuple[Tensor, ...]:
    a, b = promote(x1, x2)
    return numeric(a), numeric(b)


@op
def power(x1: Any, x2: Any) -> Tensor:
    """`x1` raised to the power `x2`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.power([2, 3], 2).tolist()
    [4, 9]
    """
    if type(x2) is int and 1 <= x2 <= 4:
        return _whole_power(numeric(x1), x2)
    return prims.pow(*_numbers(x1, x2))


def _whole_power(x: Tensor, exponent: int) -> Tensor:
    """Products instead of a power function."""
    if exponent == 1:
        return x
    twice = prims.mul(x, x)
    if exponent == 2:
        return twice
    return prims.mul(twice, x if exponent == 3 else twice)


@op
def negative(x: Any) -> Tensor:
    """`-x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.negative([1, -2]).tolist()
    [-1, 2]
    """
    return prims.neg(to_tensor(x))


@op
def absolute(x: Any) -> Tensor:
    """The size of each element, without its sign. The gradient at 0 is 1, as in JAX.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.absolute([-1.5, 2.0]).tolist()
    [1.5, 2.0]
    """
    x = to_tensor(x)
    return x if x.dtype == "bool" else prims.abs(x)


@op
def abs(x: Any) -> Tensor:
    """The size of each element; another name for `absolute`.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.abs([-1.5, 2.0]).tolist()
    [1.5, 2.0]
    """
    return absolute(x)


@op
def fabs(x: Any) -> Tensor:
    """The size of each element, as a float.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.fabs([-1, 2]).tolist()
    [1.0, 2.0]
    """
    return prims.abs(floating(x))


@op
def sign(x: Any) -> Tensor:
    """-1, 0 or 1 by the sign of each element.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.sign([-2.5, 0.0, 3.0]).tolist()
    [-1.0, 0.0, 1.0]
    """
    return prims.sign(to_tensor(x))


@op
def signbit(x: Any) -> Tensor:
    """Whether the sign bit is set: true for negative numbers and for -0.0.

    Args:
        x: Tensor of any shape.

    Returns:
        Bool tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.signbit([-2.5, 0.0, 3.0]).tolist()
    [True, False, False]
    """
    x = numeric(x)
    below = prims.lt(x, const(x, 0))
    if not x.dtype.startswith(("float", "bfloat")):
        return below
    # 1 / -0.0 is minus infinity; other values must not reach the division.
    zero = prims.eq(x, const(x, 0))
    one = prims.select(zero, x, const(x, 1))
    return prims.bitwise_or(
        below, prims.lt(prims.atan2(one, const(x, -1)), const(x, 0))
    )


@op
def square(x: Any) -> Tensor:
    """`x * x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape of `x`; bool gives int32.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.square([1.5, -2.0]).tolist()
    [2.25, 4.0]
    """
    x = numeric(x)
    return prims.mul(x, x)


@op
def reciprocal(x: Any) -> Tensor:
    """`1 / x`.

    Args:
        x: Tensor of any shape.

    Returns:
        Float tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.reciprocal([2.0, -4.0]).tolist()
    [0.5, -0.25]
    """
    x = floating(x)
    return prims.div(const(x, 1), x)


@op
def maximum(x1: Any, x2: Any) -> Tensor:
    """The larger of each pair of elements; nan if either is nan.

    The gradient goes to the larger one, half to each where they are equal.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.maximum([1, 5], [3, 2]).tolist()
    [3, 5]
    """
    return prims.maximum(*promote(x1, x2))


@op
def minimum(x1: Any, x2: Any) -> Tensor:
    """The smaller of each pair of elements; nan if either is nan.

    The gradient goes to the smaller one, half to each where they are equal.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.minimum([1, 5], [3, 2]).tolist()
    [1, 2]
    """
    return prims.minimum(*promote(x1, x2))


@op
def fmax(x1: Any, x2: Any) -> Tensor:
    """The larger of each pair of elements; a nan gives way to a number.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.fmax([1.0, float("nan")], [3.0, 2.0]).tolist()
    [3.0, 2.0]
    """
    a, b = promote(x1, x2)
    return prims.select(_first_wins(a, prims.gt(a, b), b), a, b)


@op
def fmin(x1: Any, x2: Any) -> Tensor:
    """The smaller of each pair of elements; a nan gives way to a number.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.fmin([1.0, float("nan")], [3.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    a, b = promote(x1, x2)
    return prims.select(_first_wins(a, prims.lt(a, b), b), a, b)


def _first_wins(a: Tensor, better: Tensor, b: Tensor) -> Tensor:
    if a.dtype.startswith(("float", "bfloat")):
        return prims.bitwise_or(better, prims.isnan(b))
    return better


@op
def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    """Each element moved into the range from `x_min` to `x_max`.

    The gradient is 0 outside of the range, and one half on its ends.

    Args:
        x: Tensor of any shape.
        x_min: Least value, or a tensor of them that broadcasts.
        x_max: Greatest value, or a tensor of them that broadcasts.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.clip([-2.0, 0.5, 3.0], 0.0, 1.0).tolist()
    [0.0, 0.5, 1.0]
    """
    parts = promote(*(v for v in (x, x_min, x_max) if v is not None))
    parts = tuple(numeric(p) for p in parts)
    x, rest = parts[0], list(parts[1:])
    if x_min is not None:
        x = prims.maximum(x, rest.pop(0))
    return prims.minimum(x, rest.pop(0)) if x_max is not None else x


@op
def heaviside(x1: Any, x2: Any) -> Tensor:
    """The step function: 0 for negative `x1`, 1 for positive, `x2` at 0.

    Args:
        x1: First tensor.
        x2: Value where `x1` is 0; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.heaviside([-1.5, 0.0, 2.0], 0.5).tolist()
    [0.0, 0.5, 1.0]
    """
    a, b = promote_float(x1, x2)
    zero = const(a, 0)
    step = prims.select(
        prims.lt(a, zero), zero, prims.select(prims.gt(a, zero), const(a, 1), b)
    )
    return prims.select(prims.isnan(a), a, step)


@op
def ldexp(x1: Any, x2: Any) -> Tensor:
    """`x1 * 2 ** x2`.

    Args:
        x1: First tensor.
        x2: Integer exponents; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.ldexp([0.75, 1.0], [2, 3]).tolist()
    [3.0, 8.0]
    """
    a = floating(x1)
    b = to_tensor(x2, a.dtype)
    return prims.mul(a, prims.pow(const(b, 2), b))


@op
def nextafter(x1: Any, x2: Any) -> Tensor:
    """The next float after `x1` in the direction of `x2`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Float tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.nextafter(1.0, 2.0) > 1.0
    <Tensor shape=() dtype=bool True>
    """
    return prims.nextafter(*promote_float(x1, x2))


@op
def gcd(x1: Any, x2: Any) -> Tensor:
    """The greatest common divisor of each pair of integers.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Integer tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.gcd([12, 18], [8, 27]).tolist()
    [4, 9]
    """
    a, b = _numbers(x1, x2)
    a, b = prims.abs(a), prims.abs(b)
    zero = const(a, 0)
    a, b = prims.maximum(a, b), prims.minimum(a, b)
    # Euclid's steps at least halve the product: 2 * bits steps always suffice, and
    # by Lame's theorem 1.44 * bits do.
    for _ in range(int(1.45 * _bits(a.dtype)) + 1):
        done = prims.eq(b, zero)
        rest = prims.mod(a, prims.select(done, const(b, 1), b))
        a, b = prims.select(done, a, b), prims.select(done, zero, rest)
    return a


def _bits(dtype: str) -> int:
    return int(dtype.lstrip("uint"))


@op
def lcm(x1: Any, x2: Any) -> Tensor:
    """The least common multiple of each pair of integers.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Integer tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.lcm([4, 6], [6, 10]).tolist()
    [12, 30]
    """
    a, b = _numbers(x1, x2)
    common = gcd(a, b)
    zero = prims.eq(common, const(a, 0))
    safe = prims.select(zero, const(a, 1), common)
    product = prims.abs(prims.mul(prims.floordiv(a, safe), b))
    return prims.select(zero, const(a, 0), product)


@op
def bitwise_and(x: Any, y: Any) -> Tensor:
    """The bits set in both.

    Args:
        x: First tensor, of integers or bools.
        y: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.bitwise_and([12, 10], [10, 6]).tolist()
    [8, 2]
    """
    return prims.bitwise_and(*promote(x, y))


@op
def bitwise_or(x: Any, y: Any) -> Tensor:
    """The bits set in either.

    Args:
        x: First tensor, of integers or bools.
        y: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.bitwise_or([12, 10], [10, 6]).tolist()
    [14, 14]
    """
    return prims.bitwise_or(*promote(x, y))


@op
def bitwise_xor(x: Any, y: Any) -> Tensor:
    """The bits set in exactly one.

    Args:
        x: First tensor, of integers or bools.
        y: Second tensor; shapes broadcast.

    Returns:
        Tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.bitwise_xor([12, 10], [10, 6]).tolist()
    [6, 12]
    """
    return prims.bitwise_xor(*promote(x, y))


@op
def bitwise_not(x: Any) -> Tensor:
    """Every bit inverted.

    Args:
        x: Tensor of integers or bools.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.bitwise_not([0, 5]).tolist()
    [-1, -6]
    """
    return prims.bitwise_not(to_tensor(x))


@op
def bitwise_invert(x: Any) -> Tensor:
    """Every bit inverted; another name for `bitwise_not`.

    Args:
        x: Tensor of integers or bools.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.bitwise_invert([0, 5]).tolist()
    [-1, -6]
    """
    return prims.bitwise_not(to_tensor(x))


@op
def left_shift(x: Any, y: Any) -> Tensor:
    """The bits of `x` moved `y` places to the left.

    Args:
        x: Tensor of integers.
        y: Numbers of places; shapes broadcast.

    Returns:
        Integer tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.left_shift([1, 3], [2, 1]).tolist()
    [4, 6]
    """
    return prims.shift_left(*_numbers(x, y))


@op
def bitwise_left_shift(x: Any, y: Any) -> Tensor:
    """The bits of `x` moved `y` places to the left; another name for `left_shift`.

    Args:
        x: Tensor of integers.
        y: Numbers of places; shapes broadcast.

    Returns:
        Integer tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.bitwise_left_shift([1, 3], [2, 1]).tolist()
    [4, 6]
    """
    return prims.shift_left(*_numbers(x, y))


@op
def right_shift(x: Any, y: Any) -> Tensor:
    """The bits of `x` moved `y` places to the right, the sign kept.

    Args:
        x: Tensor of integers.
        y: Numbers of places; shapes broadcast.

    Returns:
        Integer tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.right_shift([8, -8], [2, 1]).tolist()
    [2, -4]
    """
    return prims.shift_right(*_numbers(x, y))


@op
def bitwise_right_shift(x: Any, y: Any) -> Tensor:
    """The bits of `x` moved `y` places to the right; another name for `right_shift`.

    Args:
        x: Tensor of integers.
        y: Numbers of places; shapes broadcast.

    Returns:
        Integer tensor of the broadcast shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.bitwise_right_shift([8, -8], [2, 1]).tolist()
    [2, -4]
    """
    return prims.shift_right(*_numbers(x, y))
