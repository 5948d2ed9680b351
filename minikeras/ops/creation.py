"""Tensors out of nothing: filled ones, sequences, windows."""

from __future__ import annotations

import math
from typing import Any

from minikeras.engine import dtypes, prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, promote, promote_float, to_tensor, weak
from minikeras.ops.shaping import broadcast_to, expand_dims, moveaxis
from minikeras.ops.support import axis_of, cast_to, const, int_shape


def _full(shape: Any, value: float, dtype: Any, op: str) -> Tensor:
    return prims.full(
        shape=int_shape(shape, op), dtype=dtypes.standardize(dtype), value=value
    )


@op
def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of zeros.

    Args:
        shape: Shape of the result.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of that shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.zeros((2, 2)).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    """
    return _full(shape, 0, dtype, "zeros")


@op
def ones(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of ones.

    Args:
        shape: Shape of the result.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of that shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.ones((2, 2)).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    return _full(shape, 1, dtype, "ones")


@op
def empty(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor whose values do not matter; they are zeros.

    Args:
        shape: Shape of the result.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of that shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.empty((2, 2)).shape
    (2, 2)
    """
    return _full(shape, 0, dtype, "empty")


@op
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """A tensor filled with one value.

    Args:
        shape: Shape of the result.
        fill_value: Number, or a tensor that broadcasts to the shape.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of that shape.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.full((2,), 7.0).tolist()
    [7.0, 7.0]
    """
    sizes = int_shape(shape, "full")
    name = dtypes.standardize(dtype)
    if isinstance(fill_value, (int, float)):
        return prims.full(shape=sizes, dtype=name, value=fill_value)
    return broadcast_to(to_tensor(fill_value, name), sizes)


def _like(x: Any, value: float, dtype: Any) -> Tensor:
    x = to_tensor(x)
    name = x.dtype if dtype is None else dtypes.standardize(dtype)
    return prims.full(shape=x.shape, dtype=name, value=value)


@op
def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros of the shape and dtype of `x`.

    Args:
        x: Tensor of any shape.
        dtype: Dtype of the result; by default that of `x`.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.zeros_like([1, 2]).tolist()
    [0, 0]
    """
    return _like(x, 0, dtype)


@op
def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones of the shape and dtype of `x`.

    Args:
        x: Tensor of any shape.
        dtype: Dtype of the result; by default that of `x`.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.ones_like([1, 2]).tolist()
    [1, 1]
    """
    return _like(x, 1, dtype)


@op
def empty_like(x: Any, dtype: Any = None) -> Tensor:
    """A tensor of the shape and dtype of `x` whose values do not matter.

    Args:
        x: Tensor of any shape.
        dtype: Dtype of the result; by default that of `x`.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.empty_like(keras.ops.zeros((2, 3))).shape
    (2, 3)
    """
    return _like(x, 0, dtype)


@op
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """One value in the shape and dtype of `x`.

    Args:
        x: Tensor of any shape.
        fill_value: Number, or a tensor that broadcasts to the shape.
        dtype: Dtype of the result; by default that of `x`.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.full_like([1, 2], 7).tolist()
    [7, 7]
    """
    x = to_tensor(x)
    return full(x.shape, fill_value, x.dtype if dtype is None else dtype)


@op
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """Numbers from `start` up to but without `stop`, `step` apart.

    Args:
        start: First number; with `start` alone, it is the stop and 0 the start.
        stop: Where to end.
        step: Distance; by default 1.
        dtype: Dtype of the result; by default int32 for integers, else `floatx()`.

    Returns:
        Tensor of rank 1.

    Raises:
        ValueError: If `step` is 0.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.arange(2, 8, 2).tolist()
    [2, 4, 6]
    """
    if dtype is None:
        given = [weak(v) for v in (start, stop, step) if v is not None]
        dtype = dtypes.result_type(*given)
    dtype = dtypes.standardize(dtype)
    first, last, by = (_number(v) for v in (start, stop, step))
    if last is None:
        first, last = 0, first
    by = 1 if by is None else by
    if by == 0:
        raise ValueError("arange: step is 0; expected a number that is not 0.")
    count = max(0, math.ceil((last - first) / by))
    if dtype == "bool":
        return to_tensor([bool(first + by * i) for i in range(count)], "bool")
    if dtypes.is_float(dtype) and by != 1:
        # Through float64, so that no rounding adds up.
        exact = [first + by * i for i in range(count)]
        return to_tensor(exact, dtype) if count else zeros((0,), dtype)
    result = prims.iota(shape=(count,), dtype=dtype, axis=0)
    if by != 1:
        result = prims.mul(result, const(result, by))
    return prims.add(result, const(result, first)) if first else result


def _number(value: Any) -> Any:
    """A Python number out of a scalar; None stays None."""
    if value is None or isinstance(value, (int, float)):
        return value
    return to_tensor(value).item()


def _steps(
    start: Any, stop: Any, num: int, endpoint: bool, axis: int
) -> tuple[Tensor, Tensor]:
    """Values from start to stop, new axis included, and the distance between them."""
    a, b = promote_float(start, stop)
    gaps = max(num - 1 if endpoint else num, 1)
    step = prims.div(prims.sub(b, a), const(a, gaps))
    a, b = (
        prims.add(a, prims.mul(b, const(b, 0))),
        prims.add(b, prims.mul(a, const(a, 0))),
    )
    at = axis_of(axis, a.ndim + 1, "linspace")
    t = prims.iota(shape=(num,), dtype=a.dtype, axis=0)
    t = prims.reshape(t, shape=tuple(num if i == at else 1 for i in range(a.ndim + 1)))
    a, b = expand_dims(a, at), expand_dims(b, at)
    share = prims.div(t, const(t, gaps))
    rest = prims.sub(const(t, 1), share)
    values = prims.add(prims.mul(a, rest), prims.mul(b, share))
    return values, step


@op
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """Numbers from `start` to `stop` at equal distances.

    Args:
        start: First number, or a tensor of them.
        stop: Last number, or a tensor of them.
        num: How many numbers.
        endpoint: Whether `stop` is one of them.
        retstep: Whether the distance is returned too.
        dtype: Dtype of the result; by default that of the arguments, as a float.
        axis: Where the new axis stands in the result.

    Returns:
        Tensor with a new axis of size `num`; with `retstep` a pair of it and the
        distance.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.linspace(0.0, 1.0, num=5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    values, step = _steps(start, stop, num, endpoint, axis)
    if dtype is not None:
        name = dtypes.standardize(dtype)
        if not dtypes.is_float(name):
            values = prims.floor(values)
        values = cast_to(values, name)
    return (values, step) if retstep else values


@op
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """Numbers from `base**start` to `base**stop` at equal distances on a log scale.

    Args:
        start: First exponent.
        stop: Last exponent.
        num: How many numbers.
        endpoint: Whether the last exponent is one of them.
        base: Base of the powers.
        dtype: Dtype of the result.
        axis: Where the new axis stands in the result.

    Returns:
        Tensor with a new axis of size `num`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.logspace(0.0, 3.0, num=4).tolist()
    [1.0, 10.0, 100.0, 1000.0]
    """
    exponents, _ = _steps(start, stop, num, endpoint, axis)
    b, exponents = promote(base, exponents)
    result = prims.pow(b, exponents)
    return result if dtype is None else cast_to(result, dtypes.standardize(dtype))


@op
def geomspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """Numbers from `start` to `stop`, each the same multiple of the one before.

    Args:
        start: First number; not 0.
        stop: Last number; not 0, of the sign of `start`.
        num: How many numbers.
        endpoint: Whether `stop` is one of them.
        dtype: Dtype of the result.
        axis: Where the new axis stands in the result.

    Returns:
        Tensor with a new axis of size `num`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.geomspace(1.0, 8.0, num=4).tolist()
    [1.0, 2.0, 4.0, 8.0]
    """
    a, b = promote_float(start, stop)
    sign = prims.sign(a)
    logs, _ = _steps(
        prims.log(prims.abs(a)), prims.log(prims.abs(b)), num, endpoint, axis
    )
    at = axis_of(axis, logs.ndim, "geomspace")
    result = prims.mul(prims.exp(logs), expand_dims(sign, at) if sign.ndim else sign)
    return result if dtype is None else cast_to(result, dtypes.standardize(dtype))


@op
def meshgrid(*x: Any, indexing: str = "xy") -> list[Tensor]:
    """Coordinate grids of vectors.

    Args:
        *x: Vectors, one for each axis.
        indexing: `"xy"`: the first vector runs along axis 1, the second along axis 0;
            `"ij"`: each vector along its own axis.

    Returns:
        List of tensors of one shape, one for each vector.

    Raises:
        ValueError: If `indexing` is neither.

    Example:

    >>> import minikeras as keras
    >>> [g.tolist() for g in keras.ops.meshgrid([1, 2], [3, 4])]
    [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f'meshgrid: indexing={indexing!r}; expected "xy" or "ij".')
    vectors = [to_tensor(v) for v in x]
    rank = len(vectors)
    sizes = tuple(v.size for v in vectors)
    grids = []
    for i, v in enumerate(vectors):
        line = prims.reshape(
            v, shape=tuple(sizes[i] if j == i else 1 for j in range(rank))
        )
        grid = broadcast_to(line, sizes)
        grids.append(moveaxis(grid, 0, 1) if indexing == "xy" and rank > 1 else grid)
    return grids


def offset_grid(rows: int, columns: int) -> Tensor:
    """Column less row for each place of a matrix, int32."""
    row = prims.iota(shape=(rows, columns), dtype="int32", axis=0)
    return prims.sub(prims.iota(shape=(rows, columns), dtype="int32", axis=1), row)


@op
def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Ones on a diagonal, zeros elsewhere.

    Args:
        N: Number of rows.
        M: Number of columns; by default as many.
        k: Which diagonal: 0 the main one, positive ones above it.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of shape `(N, M)`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.eye(2, 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    columns = N if M is None else M
    grid = offset_grid(int(N), int(columns))
    return prims.cast(
        prims.eq(grid, const(grid, int(k))), dtype=dtypes.standardize(dtype)
    )


@op
def identity(n: int, dtype: Any = None) -> Tensor:
    """The identity matrix.

    Args:
        n: Number of rows and columns.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of shape `(n, n)`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.identity(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return eye(n, dtype=dtype)


@op
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Ones on and below a diagonal, zeros above.

    Args:
        N: Number of rows.
        M: Number of columns; by default as many.
        k: Which diagonal: 0 the main one, positive ones above it.
        dtype: Dtype of the result; by default `keras.config.floatx()`.

    Returns:
        Tensor of shape `(N, M)`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.tri(3).tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
    """
    columns = N if M is None else M
    grid = offset_grid(int(N), int(columns))
    return prims.cast(
        prims.le(grid, const(grid, int(k))), dtype=dtypes.standardize(dtype)
    )
