"""Tensors filled with values: zeros, ones, the identity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.shaping import broadcast_to, expand_dims
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import (
    const,
    int_shape,
    numeric,
    whole,
)
from minikeras.types import ArrayLike, DTypeLike, ShapeLike

__all__ = [
    "zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like",
    "full_like", "eye", "identity", "tri", "vander",
]  # fmt: skip


def _full(shape: ShapeLike, value: float, dtype: DTypeLike | None, op: str) -> Tensor:
    return prims.full(
        shape=int_shape(shape, op), dtype=dtypes.standardize(dtype), value=value
    )


@op
def zeros(shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor of zeros.

    Args:
        shape: Shape of the result.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of that shape.

    Example:

    >>> keras.ops.zeros((2, 2)).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    return _full(shape, 0, dtype, "zeros")


@op
def ones(shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor of ones.

    Args:
        shape: Shape of the result.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of that shape.

    Example:

    >>> keras.ops.ones((2, 2)).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    return _full(shape, 1, dtype, "ones")


@op
def empty(shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor whose values do not matter; they are zeros.

    Args:
        shape: Shape of the result.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of that shape.

    Example:

    >>> keras.ops.empty((2, 2)).shape
    (2, 2)
    """
    return _full(shape, 0, dtype, "empty")


@op
def full(
    shape: ShapeLike, fill_value: ArrayLike, dtype: DTypeLike | None = None
) -> Tensor:
    """A tensor filled with one value.

    Args:
        shape: Shape of the result.
        fill_value: Number, or a tensor that broadcasts to the shape.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of that shape.

    Example:

    >>> keras.ops.full((2,), 7.0).tolist()
    [7.0, 7.0]
    """
    sizes = int_shape(shape, "full")
    if dtype is None and isinstance(fill_value, complex):
        dtype = complex
    name = dtypes.standardize(dtype)
    # Of an integer dtype the number is converted first, since a row's number must be
    # one of its dtype.
    if isinstance(fill_value, (int, float)) and not dtypes.is_integer(name):
        return prims.full(shape=sizes, dtype=name, value=fill_value)
    filled = to_tensor(fill_value, name)
    if isinstance(fill_value, (int, float)):
        return prims.full(shape=sizes, dtype=name, value=filled.item())
    return broadcast_to(filled, sizes)


def _like(x: ArrayLike, value: float, dtype: DTypeLike | None) -> Tensor:
    x = to_tensor(x)
    name = x.dtype if dtype is None else dtypes.standardize(dtype)
    return prims.full(shape=x.shape, dtype=name, value=value)


@op
def zeros_like(x: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """Zeros of the shape and dtype of `x`.

    Args:
        x: Tensor of any shape.
        dtype: Dtype of the result; by default that of `x`.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.zeros_like([1, 2]).tolist()
    [0, 0]
    """
    return _like(x, 0, dtype)


@op
def ones_like(x: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """Ones of the shape and dtype of `x`.

    Args:
        x: Tensor of any shape.
        dtype: Dtype of the result; by default that of `x`.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.ones_like([1, 2]).tolist()
    [1, 1]
    """
    return _like(x, 1, dtype)


@op
def empty_like(x: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor of the shape and dtype of `x` whose values do not matter.

    Args:
        x: Tensor of any shape.
        dtype: Dtype of the result; by default that of `x`.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.empty_like(keras.ops.zeros((2, 3))).shape
    (2, 3)
    """
    return _like(x, 0, dtype)


@op
def full_like(
    x: ArrayLike, fill_value: ArrayLike, dtype: DTypeLike | None = None
) -> Tensor:
    """One value in the shape and dtype of `x`.

    Args:
        x: Tensor of any shape.
        fill_value: Number, or a tensor that broadcasts to the shape.
        dtype: Dtype of the result; by default that of `x`.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.full_like([1, 2], 7).tolist()
    [7, 7]
    """
    x = to_tensor(x)
    return full(x.shape, fill_value, x.dtype if dtype is None else dtype)


def offset_grid(rows: int, columns: int) -> Tensor:
    """Column less row for each place of a matrix, int32."""
    row = prims.iota(shape=(rows, columns), dtype="int32", axis=0)
    return prims.sub(prims.iota(shape=(rows, columns), dtype="int32", axis=1), row)


def _where_places(
    compare: Callable[..., Any],
    rows: int,
    columns: int,
    k: int,
    dtype: DTypeLike | None,
) -> Tensor:
    """Ones where a column compares so with its row and `k`, zeros elsewhere."""
    column = prims.iota(shape=(1, columns), dtype="int32", axis=1)
    row = prims.iota(shape=(rows, 1), dtype="int32", axis=0)
    return prims.cast(
        compare(column, prims.add(row, const(row, k))),
        dtype=dtypes.standardize(dtype),
    )


@op
def eye(
    N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None
) -> Tensor:
    """Ones on a diagonal, zeros elsewhere.

    Args:
        N: Number of rows.
        M: Number of columns; by default as many.
        k: Which diagonal: 0 the main one, positive ones above it.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of shape `(N, M)`.

    Example:

    >>> keras.ops.eye(2, 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    rows = whole(N, "eye", "N")
    columns = rows if M is None else whole(M, "eye", "M")
    return _where_places(prims.eq, rows, columns, whole(k, "eye", "k"), dtype)


@op
def identity(n: int, dtype: DTypeLike | None = None) -> Tensor:
    """The identity matrix.

    Args:
        n: Number of rows and columns.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of shape `(n, n)`.

    Example:

    >>> keras.ops.identity(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return eye(n, dtype=dtype)


@op
def tri(
    N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None
) -> Tensor:
    """Ones on and below a diagonal, zeros above.

    Args:
        N: Number of rows.
        M: Number of columns; by default as many.
        k: Which diagonal: 0 the main one, positive ones above it.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of shape `(N, M)`.

    Example:

    >>> keras.ops.tri(3).tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
    """
    rows = whole(N, "tri", "N")
    columns = rows if M is None else whole(M, "tri", "M")
    return _where_places(prims.le, rows, columns, whole(k, "tri", "k"), dtype)


_MOST_POWERS = 1_000_000  # each column is a product of its own


@op
def vander(x: ArrayLike, N: int | None = None, increasing: bool = False) -> Tensor:
    """The matrix of powers of a vector.

    Args:
        x: Tensor of rank 1.
        N: Number of columns; by default as many as elements.
        increasing: Whether powers grow from left to right.

    Returns:
        Tensor `(x.size, N)`.

    Raises:
        ShapeError: If `x` is not of rank 1.
        ValueError: If there would be more than a million columns.

    Example:

    >>> keras.ops.vander([2, 3], 3).tolist()
    [[4, 2, 1], [9, 3, 1]]
    """
    x = numeric(x)
    if x.ndim != 1:
        raise ShapeError(f"vander: `x` has shape {x.shape}; expected rank 1.")
    count = x.size if N is None else whole(N, "vander", "N")
    if count > _MOST_POWERS:
        raise ValueError(f"vander: N={N!r}; expected at most {_MOST_POWERS} columns.")
    column = expand_dims(x, 1)
    one = prims.full(shape=column.shape, dtype=x.dtype, value=1)
    powers = [one]
    for _ in range(count - 1):
        powers.append(prims.mul(powers[-1], column))
    powers = powers[:count]
    if not powers:
        return prims.full(shape=(x.size, 0), dtype=x.dtype, value=0)
    return prims.concat(*(powers if increasing else powers[::-1]), axis=1)
