"""Padding, differences, and blocks of space against channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.ops.convolution import channels_first, to_first, to_last
from minikeras.ops.core_op import op, promote_float, to_tensor
from minikeras.ops.shaping import expand_dims
from minikeras.ops.support import axis_of, const, floating, numeric, sub_slice


@op
def pad(
    x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None
) -> Tensor:
    """Elements added before and after along each axis.

    Args:
        x: Tensor of any shape.
        pad_width: One number, one pair, or a pair `(before, after)` for each axis.
        mode: `"constant"`, `"edge"`, `"reflect"`, `"symmetric"`, or `"wrap"`: what the
            new elements are, as in NumPy.
        constant_values: Value of the new elements in mode `"constant"`; by default 0.

    Returns:
        Tensor with longer axes.

    Raises:
        ValueError: If the mode is not known, or a constant comes with another mode.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.pad(keras.ops.array([1, 2]), (1, 2)).tolist()
    [0, 1, 2, 0, 0]
    """
    x = to_tensor(x)
    widths = _widths(pad_width, x.ndim)
    if mode != "constant":
        if constant_values is not None:
            raise ValueError(
                f"pad: constant_values={constant_values!r} with mode={mode!r}; it is for mode "
                "'constant' only."
            )
        return _extended(x, widths, mode)
    value = to_tensor(0 if constant_values is None else constant_values, x.dtype)
    if not any(lo or hi for lo, hi in widths):
        return x
    return prims.pad(x, value, widths=widths)


def _widths(pad_width: Any, rank: int) -> tuple[tuple[int, int], ...]:
    array = np.asarray(pad_width)
    try:
        full = np.broadcast_to(array, (rank, 2))
    except ValueError:
        full = None
    if full is None or array.dtype.kind not in "iu" or (array.size and array.min() < 0):
        raise ShapeError(
            f"pad: pad_width={pad_width!r} does not fit rank {rank}; expected a number, a pair, "
            "or a pair (before, after) of sizes >= 0 for each axis."
        )
    return tuple((int(lo), int(hi)) for lo, hi in full)


_MODES = ("edge", "reflect", "symmetric", "wrap")


def _extended(x: Tensor, widths: Sequence[tuple[int, int]], mode: str) -> Tensor:
    """New elements that are copies of others."""
    if mode not in _MODES:
        raise ValueError(f"pad: mode={mode!r}; expected 'constant' or one of {_MODES}.")
    for axis, (lo, hi) in enumerate(widths):
        if not lo and not hi:
            continue
        if isinstance(x.shape[axis], Unknown):
            raise ShapeError(
                f"pad: axis {axis} has no known size; mode {mode!r} needs one."
            )
        where = np.pad(np.arange(x.shape[axis]), (lo, hi), mode=mode)  # type: ignore[call-overload]
        x = prims.take(x, to_tensor(where.astype("int32")), axis=axis)
    return x


@op
def diff(a: Any, n: int = 1, axis: int = -1) -> Tensor:
    """Each element less the one before, along an axis.

    Args:
        a: Tensor of any shape.
        n: How many times.
        axis: Axis to go along.

    Returns:
        Tensor, the axis shorter by `n`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.diff([1, 4, 9, 16]).tolist()
    [3, 5, 7]
    """
    x = to_tensor(a)
    at = axis_of(axis, x.ndim, "diff")
    for _ in range(n):
        size = x.shape[at]
        later = sub_slice(x, at, min(1, size), size)
        before = sub_slice(x, at, 0, max(size - 1, 0))
        x = prims.ne(later, before) if x.dtype == "bool" else prims.sub(later, before)
    return x


@op
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """The integral along an axis by the trapezoidal rule.

    Args:
        y: Values of the function.
        x: Where it has them; None for equal distances.
        dx: Distance, where `x` is None.
        axis: Axis to go along.

    Returns:
        Float tensor without the axis.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.trapezoid([1.0, 2.0, 3.0]).tolist()
    4.0
    """
    values, *places = promote_float(*((y,) if x is None else (y, x)))
    at = axis_of(axis, values.ndim, "trapezoid")
    n = values.shape[at]
    pairs = prims.add(sub_slice(values, at, 1, n), sub_slice(values, at, 0, n - 1))
    if x is None:
        width = const(values, dx)
    else:
        if places[0].ndim == 1:
            width = diff(places[0])
            lead = (1,) * at + (width.size,) + (1,) * (values.ndim - at - 1)
            width = prims.reshape(width, shape=lead)
        else:
            width = diff(places[0], axis=at)
    area = prims.mul(prims.mul(pairs, width), const(values, 0.5))
    return prims.sum(area, axes=(at,), keepdims=False)


@op
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """The matrix of powers of a vector.

    Args:
        x: Tensor of rank 1.
        N: Number of columns; by default as many as elements.
        increasing: Whether powers grow from left to right.

    Returns:
        Tensor `(x.size, N)`.

    Raises:
        ShapeError: If `x` is not of rank 1.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.vander([2, 3], 3).tolist()
    [[4, 2, 1], [9, 3, 1]]
    """
    x = numeric(x)
    if x.ndim != 1:
        raise ShapeError(f"vander: `x` has shape {x.shape}; expected rank 1.")
    count = x.size if N is None else N
    column = expand_dims(x, 1)
    one = prims.full(shape=column.shape, dtype=x.dtype, value=1)
    powers = [one]
    for _ in range(count - 1):
        powers.append(prims.mul(powers[-1], column))
    powers = powers[:count]
    if not powers:
        return prims.full(shape=(x.size, 0), dtype=x.dtype, value=0)
    return prims.concat(*(powers if increasing else powers[::-1]), axis=1)


@op
def unravel_index(indices: Any, shape: Any) -> tuple[Tensor, ...]:
    """Flat indices as one index for each axis.

    Args:
        indices: Integer tensor of flat indices, in row-major order.
        shape: Shape that they are indices into.

    Returns:
        Tuple of integer tensors of the shape of `indices`.

    Example:

    >>> import minikeras as keras
    >>> [i.tolist() for i in keras.ops.unravel_index(keras.ops.array([5, 1]), (2, 3))]
    [[1, 0], [2, 1]]
    """
    flat = numeric(indices)
    result = []
    for size in reversed(shape):
        d = const(flat, int(size))
        result.append(prims.mod(flat, d))
        flat = prims.floordiv(flat, d)
    return tuple(reversed(result))


def _blocks(
    x: Any, block_size: int, data_format: str | None, name: str
) -> tuple[Tensor, bool]:
    first = channels_first(data_format, name)
    x = to_tensor(x)
    if x.ndim != 4 or block_size < 1:
        raise ShapeError(
            f"{name}: `x` of shape {x.shape} with block_size={block_size}; expected rank 4 and a "
            "positive block."
        )
    return (to_last(x) if first else x), first


@op
def depth_to_space(
    x: Any, block_size: int, data_format: str = "channels_last"
) -> Tensor:
    """Groups of channels laid out as blocks of space.

    Args:
        x: Tensor `(batch, height, width, channels)`, or channels first.
        block_size: Size of a block; its square divides the channels.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor `(batch, height * block, width * block, channels / block**2)`.

    Raises:
        ShapeError: If the channels do not divide.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.depth_to_space(keras.ops.ones((1, 2, 2, 12)), 2).shape
    (1, 4, 4, 3)
    """
    x, first = _blocks(x, block_size, data_format, "depth_to_space")
    n, h, w, c = x.shape
    b = block_size
    if c % (b * b):
        raise ShapeError(f"depth_to_space: {c} channels are not divisible by {b}**2.")
    if first:
        parts = prims.reshape(x, shape=(n, h, w, c // (b * b), b, b))
        parts = prims.transpose(parts, perm=(0, 1, 4, 2, 5, 3))
    else:
        parts = prims.reshape(x, shape=(n, h, w, b, b, c // (b * b)))
        parts = prims.transpose(parts, perm=(0, 1, 3, 2, 4, 5))
    y = prims.reshape(parts, shape=(n, h * b, w * b, c // (b * b)))
    return to_first(y) if first else y


@op
def space_to_depth(
    x: Any, block_size: int, data_format: str = "channels_last"
) -> Tensor:
    """Blocks of space laid out as channels.

    Args:
        x: Tensor `(batch, height, width, channels)`, or channels first.
        block_size: Size of a block; it divides height and width.
        data_format: `"channels_last"` or `"channels_first"`; by default
            `keras.config.image_data_format()`.

    Returns:
        Tensor `(batch, height / block, width / block, channels * block**2)`.

    Raises:
        ShapeError: If height or width do not divide.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.space_to_depth(keras.ops.ones((1, 4, 4, 3)), 2).shape
    (1, 2, 2, 12)
    """
    x, first = _blocks(x, block_size, data_format, "space_to_depth")
    n, h, w, c = x.shape
    b = block_size
    if h % b or w % b:
        raise ShapeError(f"space_to_depth: size {h}x{w} is not divisible by {b}.")
    parts = prims.reshape(x, shape=(n, h // b, b, w // b, b, c))
    perm = (0, 1, 3, 5, 2, 4) if first else (0, 1, 3, 2, 4, 5)
    parts = prims.transpose(parts, perm=perm)
    y = prims.reshape(parts, shape=(n, h // b, w // b, c * b * b))
    return to_first(y) if first else y


@op
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Tensor:
    """The cross-correlation of two vectors.

    Args:
        x1: First vector.
        x2: Second vector.
        mode: `"valid"`: only where they overlap fully; `"same"`: as long as the longer
            one; `"full"`: wherever they overlap.

    Returns:
        Float tensor of rank 1.

    Raises:
        ShapeError: If an argument is no vector.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0, 0.5]).tolist()
    [3.5]
    """
    a, b = promote_float(x1, x2)
    if a.ndim != 1 or b.ndim != 1 or not a.size or not b.size:
        raise ShapeError(
            f"correlate: shapes {a.shape} and {b.shape}; expected two vectors."
        )
    if mode not in ("valid", "same", "full"):
        raise ValueError(
            f"correlate: mode={mode!r}; expected 'valid', 'same' or 'full'."
        )
    swapped = b.size > a.size
    long, short = (b, a) if swapped else (a, b)
    n, k = long.size, short.size
    side = {"valid": 0, "same": k - 1, "full": k - 1}[mode]
    y = prims.conv(
        prims.reshape(long, shape=(1, n, 1)),
        prims.reshape(short, shape=(k, 1, 1)),
        strides=(1,),
        padding=((side, side),),
        dilation=(1,),
        groups=1,
    )
    y = prims.reshape(y, shape=(y.shape[1],))
    y = prims.flip(y, axes=(0,)) if swapped else y
    if mode == "same":
        start = k // 2 if swapped else k - 1 - k // 2
        y = sub_slice(y, 0, start, start + n)
    return y


@op
def corrcoef(x: Any) -> Tensor:
    """The correlation coefficients of the rows of a matrix.

    Args:
        x: Tensor `(variables, observations)`, or a vector of observations.

    Returns:
        Float tensor `(variables, variables)`; a scalar for a vector.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.corrcoef(keras.ops.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    x = floating(x)
    if x.ndim == 0:
        return prims.div(x, x)
    flat = x.ndim == 1
    rows = expand_dims(x, 0) if flat else x
    total = prims.sum(rows, axes=(1,), keepdims=True)
    centred = prims.sub(rows, prims.div(total, const(total, rows.shape[1])))
    cov = prims.matmul(centred, centred, transpose_a=False, transpose_b=True)
    cov = prims.div(cov, const(cov, max(rows.shape[1] - 1, 1)))
    eye = prims.eq(
        prims.iota(shape=cov.shape, dtype="int32", axis=0),
        prims.iota(shape=cov.shape, dtype="int32", axis=1),
    )
    spread = prims.sum(prims.select(eye, cov, const(cov, 0)), axes=(1,), keepdims=True)
    scale = prims.sqrt(spread)
    result = prims.div(prims.div(cov, scale), prims.transpose(scale, perm=(1, 0)))
    result = prims.minimum(prims.maximum(result, const(result, -1)), const(result, 1))
    return prims.reshape(result, shape=()) if flat else result
