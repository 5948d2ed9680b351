"""Inverses, determinants, and systems of linear equations."""

from __future__ import annotations

import numpy as np

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError, broadcast_shapes
from minikeras.engine.tensor import Tensor
from minikeras.ops.linalg.decompositions import adjoint, unit_like
from minikeras.ops.numpy.determinants import determinant, matrix
from minikeras.ops.op import op, promote_float
from minikeras.ops.support import cast_to, const
from minikeras.types import ArrayLike

__all__ = ["det", "inv", "solve", "solve_triangular", "pinv", "matrix_rank", "lstsq"]


def _mm(a: Tensor, b: Tensor) -> Tensor:
    return prims.matmul(a, b, transpose_a=False, transpose_b=False)


@op
def det(x: ArrayLike) -> Tensor:
    """The determinant of square matrices; of singular ones the gradient is finite too.

    Args:
        x: Tensor `(..., n, n)`.

    Returns:
        Tensor `(...)`.

    Example:

    >>> keras.ops.det([[2.0, 1.0], [1.0, 3.0]]).tolist()
    5.0
    """
    return determinant(matrix(x, "det", square=True))


@op
def inv(x: ArrayLike) -> Tensor:
    """The inverse of square matrices.

    Args:
        x: Tensor `(..., n, n)`.

    Returns:
        Tensor `(..., n, n)`; nan where a matrix is singular.

    Example:

    >>> keras.ops.inv([[2.0, 0.0], [0.0, 4.0]]).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    x = matrix(x, "inv", square=True)
    return prims.solve(x, unit_like(x))


def _system(a: ArrayLike, b: ArrayLike, name: str) -> tuple[Tensor, Tensor, bool]:
    """Matrices and right-hand sides of one batch shape; whether these are vectors."""
    a, b = promote_float(a, b)
    a = matrix(a, name, square=True)
    # As in NumPy 1: a stack of vectors is told from a matrix by its shape.
    vector = b.ndim == 1 or (b.ndim == a.ndim - 1 and b.shape == a.shape[:-1])
    b = prims.reshape(b, shape=(*b.shape, 1)) if vector else b
    if b.ndim < 2 or b.shape[-2] != a.shape[-1]:
        raise ShapeError(
            f"{name}: shapes {a.shape} and {b.shape}; expected `a` (..., n, n) and `b` "
            "(n,), (..., n) or (..., n, columns)."
        )
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2], op=name)
    a = _spread(a, batch)
    return a, _spread(b, batch), vector


def _spread(x: Tensor, batch: tuple[int, ...]) -> Tensor:
    shape = (*batch, *x.shape[-2:])
    return x if x.shape == shape else prims.broadcast_to(x, shape=shape)


def _unvectored(x: Tensor, vector: bool) -> Tensor:
    return prims.reshape(x, shape=x.shape[:-1]) if vector else x


@op
def solve(a: ArrayLike, b: ArrayLike) -> Tensor:
    """The solution `x` of `a @ x == b`.

    Args:
        a: Tensor `(..., n, n)`.
        b: Tensor `(n,)`, `(..., n, columns)`, whose batch axes broadcast, or
            `(..., n)` with the batch axes of `a`.

    Returns:
        Tensor of the shape of `b`.

    Raises:
        ShapeError: If shapes do not fit.

    Example:

    >>> keras.ops.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]).tolist()
    [1.0, 0.5]
    """
    a, b, vector = _system(a, b, "solve")
    return _unvectored(prims.solve(a, b), vector)


@op
def solve_triangular(a: ArrayLike, b: ArrayLike, lower: bool = False) -> Tensor:
    """The solution `x` of `a @ x == b` for triangular `a`, by substitution.

    Args:
        a: Tensor `(..., n, n)`, of which one triangle is read.
        b: Tensor `(n,)`, `(..., n, columns)`, whose batch axes broadcast, or
            `(..., n)` with the batch axes of `a`.
        lower: Whether to read the lower triangle.

    Returns:
        Tensor of the shape of `b`.

    Raises:
        ShapeError: If shapes do not fit.

    Example:

    >>> keras.ops.solve_triangular([[2.0, 1.0], [9.0, 4.0]], [3.0, 4.0]).tolist()
    [1.0, 1.0]
    """
    a, b, vector = _system(a, b, "solve_triangular")
    x = prims.triangular_solve(a, b, lower=bool(lower), transpose_a=False)
    return _unvectored(x, vector)


def _cut(s: Tensor, limit: Tensor) -> Tensor:
    """One over each singular value, 0 for those not above the limit."""
    large = prims.gt(s, limit)
    safe = prims.select(large, s, const(s, 1))
    return prims.select(large, prims.div(const(s, 1), safe), const(s, 0))


def _greatest(s: Tensor) -> Tensor:
    return prims.max(s, axes=(s.ndim - 1,), keepdims=True)


def _epsilon(dtype: str) -> float:
    if dtype == "bfloat16":
        return 2.0**-7
    return float(np.finfo(dtype).eps)


@op
def pinv(x: ArrayLike, rcond: float | None = None) -> Tensor:
    """The Moore-Penrose pseudoinverse.

    Args:
        x: Tensor `(..., rows, columns)`.
        rcond: Singular values up to this times the greatest count as 0; by default 10
            times the larger size times the machine epsilon.

    Returns:
        Tensor `(..., columns, rows)`.

    Example:

    >>> keras.ops.pinv([[2.0, 0.0], [0.0, 0.0]]).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    x = matrix(x, "pinv")
    if x.dtype in ("float16", "bfloat16"):
        # The epsilon of a half would cut off most of what there is.
        return cast_to(pinv(prims.cast(x, dtype="float32"), rcond), x.dtype)
    if rcond is None:
        rcond = 10.0 * max(x.shape[-2:]) * _epsilon(x.dtype)
    u, s, v = prims.svd(x, full=False)
    # Singular values below this are noise of rounding; one over them would be all that
    # is seen.
    limit = prims.mul(_greatest(s), const(s, float(rcond)))
    inverse = cast_to(_cut(s, limit), x.dtype)
    scaled = prims.mul(
        adjoint(v), prims.reshape(inverse, shape=(*s.shape[:-1], 1, s.shape[-1]))
    )
    return _mm(scaled, adjoint(u))


@op
def matrix_rank(x: ArrayLike, tol: float | None = None) -> Tensor:
    """The number of singular values that are not 0.

    Args:
        x: Tensor `(..., rows, columns)`.
        tol: Singular values up to this count as 0; by default the greatest times the
            larger size times the machine epsilon.

    Returns:
        Tensor `(...)` of int32.

    Example:

    >>> keras.ops.matrix_rank([[1.0, 2.0], [2.0, 4.0]]).tolist()
    1
    """
    x = matrix(x, "matrix_rank")
    s = prims.svd(x, full=False)[1]
    if tol is None:
        factor = max(x.shape[-2:]) * _epsilon(x.dtype)
        limit = prims.mul(_greatest(s), const(s, factor))
    else:
        limit = const(s, float(tol))
    hits = prims.cast(prims.gt(s, limit), dtype="int32")
    return prims.sum(hits, axes=(s.ndim - 1,), keepdims=False)


@op
def lstsq(a: ArrayLike, b: ArrayLike, rcond: float | None = None) -> Tensor:
    """The `x` of least norm among those that make `a @ x - b` smallest.

    Args:
        a: Tensor `(rows, columns)`.
        b: Tensor `(rows,)` or `(rows, k)`.
        rcond: Singular values up to this times the greatest count as 0; by default the
            larger size times the machine epsilon.

    Returns:
        Tensor `(columns,)` or `(columns, k)`.

    Raises:
        ShapeError: If shapes do not fit.

    Example:

    >>> keras.ops.lstsq([[1.0], [1.0]], [1.0, 3.0]).tolist()
    [2.0]
    """
    a, b = promote_float(a, b)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ShapeError(
            f"lstsq: shapes {a.shape} and {b.shape}; expected `a` (rows, columns) and "
            "`b` (rows,) or (rows, k)."
        )
    vector = b.ndim == 1
    b = prims.reshape(b, shape=(*b.shape, 1)) if vector else b
    u, s, v = prims.svd(a, full=False)
    if rcond is None:
        rcond = max(a.shape) * _epsilon(a.dtype)
    limit = prims.mul(_greatest(s), const(s, float(rcond)))
    inverse = cast_to(_cut(s, limit), a.dtype)
    inside = prims.mul(_mm(adjoint(u), b), prims.reshape(inverse, shape=(*s.shape, 1)))
    return _unvectored(_mm(adjoint(v), inside), vector)
