"""Elementwise functions, comparisons and reductions of Keras 2's backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras import ops
from minikeras.ops import (
    abs,
    cos,
    exp,
    log,
    round,
    sigmoid,
    sign,
    sin,
    softplus,
    softsign,
    sqrt,
    square,
    tanh,
)
from minikeras.settings import floatx
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


Axis = int | list[int] | tuple[int, ...] | None


def equal(x: ArrayLike, y: ArrayLike) -> Tensor:
    """Where `x` and `y` are equal."""
    return ops.equal(x, y)


def not_equal(x: ArrayLike, y: ArrayLike) -> Tensor:
    """Where `x` and `y` differ."""
    return ops.not_equal(x, y)


def greater(x: ArrayLike, y: ArrayLike) -> Tensor:
    """Where `x` is above `y`."""
    return ops.greater(x, y)


def greater_equal(x: ArrayLike, y: ArrayLike) -> Tensor:
    """Where `x` is `y` or above."""
    return ops.greater_equal(x, y)


def less(x: ArrayLike, y: ArrayLike) -> Tensor:
    """Where `x` is below `y`."""
    return ops.less(x, y)


def less_equal(x: ArrayLike, y: ArrayLike) -> Tensor:
    """Where `x` is `y` or below."""
    return ops.less_equal(x, y)


def maximum(x: ArrayLike, y: ArrayLike) -> Tensor:
    """The larger of two, element by element."""
    return ops.maximum(x, y)


def minimum(x: ArrayLike, y: ArrayLike) -> Tensor:
    """The smaller of two, element by element."""
    return ops.minimum(x, y)


def pow(x: ArrayLike, a: ArrayLike) -> Tensor:
    """`x` to the power of `a`."""
    return ops.power(x, a)


def transpose(x: ArrayLike) -> Tensor:
    """`x` with its axes in the opposite order."""
    return ops.transpose(x)


def clip(x: ArrayLike, min_value: ArrayLike | None, max_value: ArrayLike | None) -> Any:
    """Values brought between the two; None is no bound."""
    if min_value is not None:
        x = ops.maximum(x, min_value)
    # As in Keras 2, a lower bound that is above the upper one wins.
    if max_value is not None:
        top = max_value if min_value is None else ops.maximum(max_value, min_value)
        x = ops.minimum(x, top)
    return x


def sum(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over `axis`, over everything when None."""
    return ops.sum(x, axis, keepdims)


def prod(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product over `axis`."""
    return ops.prod(x, axis, keepdims)


def max(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest value over `axis`."""
    return ops.max(x, axis, keepdims)


def min(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest value over `axis`."""
    return ops.min(x, axis, keepdims)


def mean(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over `axis`; booleans count as 0 and 1."""
    return ops.mean(_number(x), axis, keepdims)


def var(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The variance over `axis`."""
    return ops.var(_number(x), axis, keepdims)


def std(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The standard deviation over `axis`."""
    return ops.std(_number(x), axis, keepdims)


def all(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether every value over `axis` is true."""
    return ops.all(ops.cast(x, "bool"), axis, keepdims)


def any(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether some value over `axis` is true."""
    return ops.any(ops.cast(x, "bool"), axis, keepdims)


def argmax(x: ArrayLike, axis: int = -1) -> Tensor:
    """Where the largest value stands along `axis`."""
    return ops.argmax(x, axis)


def argmin(x: ArrayLike, axis: int = -1) -> Tensor:
    """Where the smallest value stands along `axis`."""
    return ops.argmin(x, axis)


def cumsum(x: ArrayLike, axis: int = 0) -> Tensor:
    """Sums of all values up to each, along `axis`."""
    return ops.cumsum(x, axis)


def cumprod(x: ArrayLike, axis: int = 0) -> Tensor:
    """Products of all values up to each, along `axis`."""
    return ops.cumprod(x, axis)


def logsumexp(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`log(sum(exp(x)))` without overflow."""
    return ops.logsumexp(x, axis, keepdims)


def l2_normalize(x: ArrayLike, axis: Axis = None) -> Tensor:
    """`x` divided by its Euclidean length along `axis`."""
    total = ops.sum(ops.square(x), axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(total, 1e-12)))


def dot(x: ArrayLike, y: ArrayLike) -> Tensor:
    """The product over the last axis of `x` and the last but one of `y`."""
    return ops.dot(x, y)


def batch_dot(x: ArrayLike, y: ArrayLike, axes: Axis = None) -> Tensor:
    """Products sample by sample, over one axis of each.

    Args:
        x: `(batch, ...)`.
        y: `(batch, ...)`.
        axes: The axes that are multiplied, one number for both or a pair. By default the
            last of `x`, and the last but one of `y` (the last where `y` has two axes).
    """
    x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)
    rank_x, rank_y = len(x.shape), len(y.shape)
    if rank_x < 2 or rank_y < 2:
        raise ValueError(
            f"batch_dot: got shapes {x.shape} and {y.shape}; expected two axes or more."
        )
    if axes is None:
        axes = (rank_x - 1, 1 if rank_y == 2 else rank_y - 2)
    a, b = (axes, axes) if isinstance(axes, int) else axes
    a, b = a % rank_x, b % rank_y
    if not a or not b:
        raise ValueError(
            f"batch_dot: axes={axes}; expected none of them to be 0, the batch."
        )
    letters = "abcdefghijklmnopqrstuvwxyz"
    left = list("z" + letters[: rank_x - 1])
    right = list("z" + letters[rank_x - 1 : rank_x + rank_y - 2])
    right[b] = left[a]
    kept = [w for w in left if w != left[a]] + [w for w in right[1:] if w != left[a]]
    out = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", x, y)
    return ops.expand_dims(out, -1) if len(kept) == 1 else out


def _number(x: ArrayLike) -> Tensor:
    x = ops.convert_to_tensor(x)
    return ops.cast(x, floatx()) if x.dtype == "bool" else x


__all__ = [
    "abs", "all", "any", "argmax", "argmin", "batch_dot", "clip", "cos", "cumprod",
    "cumsum", "dot", "equal", "exp", "greater", "greater_equal", "l2_normalize", "less",
    "less_equal", "log", "logsumexp", "max", "maximum", "mean", "min", "minimum",
    "not_equal", "pow", "prod", "round", "sigmoid", "sign", "sin", "softplus", "softsign",
    "sqrt", "square", "std", "sum", "tanh", "transpose", "var",
]  # fmt: skip
