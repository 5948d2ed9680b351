"""Diagonals and triangles of matrices."""

from __future__ import annotations

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.shaping import transpose
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import axis_of, blank, whole
from minikeras.types import ArrayLike

__all__ = ["diagonal", "diag", "diagflat", "trace", "tril", "triu"]


@op
def diagonal(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of the planes of two axes.

    Args:
        x: Tensor of rank 2 or more.
        offset: Which diagonal: 0 the main one, positive ones above it.
        axis1: Axis of the rows.
        axis2: Axis of the columns.

    Returns:
        Tensor without the two axes, the diagonal as its last axis.

    Raises:
        ShapeError: If `x` has fewer than two axes, or both axes are one.

    Example:

    >>> keras.ops.diagonal(keras.ops.array([[1, 2], [3, 4]])).tolist()
    [1, 4]
    """
    x = to_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"diagonal: `x` has shape {x.shape}; expected rank 2 or more.")
    i, j = axis_of(axis1, x.ndim, "diagonal"), axis_of(axis2, x.ndim, "diagonal")
    if i == j:
        raise ShapeError(
            f"diagonal: axis1 {axis1} and axis2 {axis2} are the same axis."
        )
    rest = [a for a in range(x.ndim) if a not in (i, j)]
    x = transpose(x, [*rest, i, j])
    *lead, rows, columns = x.shape
    offset = whole(offset, "diagonal", "offset")
    down, right = max(-offset, 0), max(offset, 0)
    for size in (rows, columns):
        if isinstance(size, Unknown):  # the smaller of the two is not known
            return blank((*lead, size), x.dtype)
    n = max(min(rows - down, columns - right), 0)
    flat = prims.reshape(x, shape=(*lead, rows * columns))
    # The diagonal of a matrix in row-major order is every (columns + 1)th element.
    start = down * columns + right if n else 0
    stop = start + (n - 1) * (columns + 1) + 1 if n else start
    return prims.slice(
        flat,
        starts=(0,) * len(lead) + (start,),
        stops=(*lead, stop),
        steps=(1,) * len(lead) + (columns + 1,),
    )


@op
def diag(x: ArrayLike, k: int = 0) -> Tensor:
    """The diagonal of a matrix, or a matrix with a vector as its diagonal.

    Args:
        x: Tensor of rank 1 or 2.
        k: Which diagonal: 0 the main one, positive ones above it.

    Returns:
        Vector for a matrix, matrix for a vector.

    Raises:
        ShapeError: If the rank is neither 1 nor 2.

    Example:

    >>> keras.ops.diag([1, 2]).tolist()
    [[1, 0], [0, 2]]
    """
    x = to_tensor(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ShapeError(f"diag: `x` has shape {x.shape}; expected rank 1 or 2.")
    k = whole(k, "diag", "k")
    size = x.size + abs(k)
    down, right = max(-k, 0), max(k, 0)
    if not x.size:
        return prims.full(shape=(size, size), dtype=x.dtype, value=0)
    start = down * size + right
    stop = start + (x.size - 1) * (size + 1) + 1
    # The transpose of the slice in `diagonal`: the elements written every (size + 1)th
    # place.
    flat = prims.pad_strided(
        x, shape=(size * size,), starts=(start,), stops=(stop,), steps=(size + 1,)
    )
    return prims.reshape(flat, shape=(size, size))


@op
def diagflat(x: ArrayLike, k: int = 0) -> Tensor:
    """A matrix with the flattened tensor as its diagonal.

    Args:
        x: Tensor of any shape.
        k: Which diagonal: 0 the main one, positive ones above it.

    Returns:
        Tensor of rank 2.

    Example:

    >>> keras.ops.diagflat([[1, 2]]).tolist()
    [[1, 0], [0, 2]]
    """
    x = to_tensor(x)
    return diag(prims.reshape(x, shape=(x.size,)), k)


@op
def trace(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of the diagonal of the planes of two axes.

    Args:
        x: Tensor of rank 2 or more.
        offset: Which diagonal: 0 the main one, positive ones above it.
        axis1: Axis of the rows.
        axis2: Axis of the columns.

    Returns:
        Tensor without the two axes.

    Example:

    >>> keras.ops.trace(keras.ops.array([[1, 2], [3, 4]])).tolist()
    5
    """
    line = diagonal(x, offset, axis1, axis2)
    # As sums are: small integers add up in 32 bits.
    if line.dtype in ("bool", "int8", "int16", "uint8", "uint16"):
        wide = "uint32" if line.dtype.startswith("u") else "int32"
        line = prims.cast(line, dtype=wide)
    return prims.sum(line, axes=(line.ndim - 1,), keepdims=False)


def _triangle(x: ArrayLike, k: int, lower: bool) -> Tensor:
    x = to_tensor(x)
    if x.ndim < 2:
        raise ShapeError(
            f"tril/triu: `x` has shape {x.shape}; expected rank 2 or more."
        )
    rows, columns = x.shape[-2:]
    row = prims.iota(shape=(rows, columns), dtype="int32", axis=0)
    gap = prims.sub(prims.iota(shape=(rows, columns), dtype="int32", axis=1), row)
    edge = prims.const(gap, whole(k, "tril/triu", "k"))
    keep = prims.le(gap, edge) if lower else prims.ge(gap, edge)
    return prims.select(keep, x, prims.const(x, 0))


@op
def tril(x: ArrayLike, k: int = 0) -> Tensor:
    """The lower triangle of matrices, zeros above it.

    Args:
        x: Tensor `(..., rows, columns)`.
        k: Last diagonal to keep: 0 the main one, positive ones above it.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.tril(keras.ops.array([[1, 2], [3, 4]])).tolist()
    [[1, 0], [3, 4]]
    """
    return _triangle(x, k, True)


@op
def triu(x: ArrayLike, k: int = 0) -> Tensor:
    """The upper triangle of matrices, zeros below it.

    Args:
        x: Tensor `(..., rows, columns)`.
        k: First diagonal to keep: 0 the main one, positive ones above it.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.triu(keras.ops.array([[1, 2], [3, 4]])).tolist()
    [[1, 2], [0, 4]]
    """
    return _triangle(x, k, False)
