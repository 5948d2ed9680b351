"""Decompositions of matrices, and what follows from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError, Unknown, broadcast_shapes
from minikeras.engine.tensor import Tensor
from minikeras.ops.complex import joined
from minikeras.ops.core_op import op, promote_float
from minikeras.ops.determinants import determinant, diagonal_of, identity_like, signs
from minikeras.ops.support import cast_to, const, floating


def matrix(x: Any, name: str, square: bool = False) -> Tensor:
    """`x` in floats, with at least two axes.

    Raises:
        ShapeError: If it has fewer, or is to be square and is not.
    """
    x = floating(x)
    if x.ndim < 2:
        raise ShapeError(
            f"{name}: argument `x` has shape {x.shape}; expected (..., rows, columns)."
        )
    m, n = x.shape[-2:]
    known = not (isinstance(m, Unknown) or isinstance(n, Unknown))
    if square and known and m != n:
        raise ShapeError(
            f"{name}: argument `x` has shape {x.shape}; expected square matrices, the "
            "last two sizes equal."
        )
    return x


def turned(x: Tensor) -> Tensor:
    """The matrices transposed."""
    n = x.ndim
    result: Tensor = prims.transpose(x, perm=(*range(n - 2), n - 1, n - 2))
    return result


def _mm(a: Tensor, b: Tensor) -> Tensor:
    result: Tensor = prims.matmul(a, b, transpose_a=False, transpose_b=False)
    return result


def _unit(like: Tensor) -> Tensor:
    """Identity matrices of the shape of `like`."""
    unit: Tensor = prims.broadcast_to(identity_like(like), shape=like.shape)
    return unit


@op
def cholesky(x: Any, upper: bool = False) -> Tensor:
    """The Cholesky factor of symmetric positive definite matrices.

    Args:
        x: Tensor `(..., n, n)`.
        upper: Whether to give the upper factor `r` with `r.T @ r == x`, instead of the
            lower `l` with `l @ l.T == x`.

    Returns:
        Tensor `(..., n, n)`, triangular.

    Raises:
        ValueError: If a matrix is not positive definite. Inside a compiled function
            its factor is nan instead.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.cholesky([[4.0, 2.0], [2.0, 2.0]]).tolist()
    [[2.0, 0.0], [1.0, 1.0]]
    """
    factor: Tensor = prims.cholesky(matrix(x, "cholesky", square=True))
    if not factor.staged:
        axes = tuple(range(factor.ndim))
        if bool(prims.any(prims.isnan(factor), axes=axes, keepdims=False)):
            raise ValueError(
                f"cholesky: a matrix of `x` of shape {factor.shape} is not positive "
                "definite; expected symmetric matrices with positive eigenvalues. Add a "
                "small multiple of the identity."
            )
    return turned(factor) if upper else factor


@op
def cholesky_inverse(x: Any, upper: bool = False) -> Tensor:
    """The inverse of a matrix that is given by its Cholesky factor.

    Args:
        x: Tensor `(..., n, n)`, a Cholesky factor.
        upper: Whether it is the upper factor.

    Returns:
        Tensor `(..., n, n)`: the inverse of `x @ x.T` (`upper`: of `x.T @ x`).

    Example:

    >>> import minikeras as keras
    >>> keras.ops.cholesky_inverse([[2.0, 0.0], [0.0, 1.0]]).tolist()
    [[0.25, 0.0], [0.0, 1.0]]
    """
    x = matrix(x, "cholesky_inverse", square=True)
    lower = not upper
    first = prims.triangular_solve(x, _unit(x), lower=lower, transpose_a=upper)
    return prims.triangular_solve(x, first, lower=lower, transpose_a=lower)


@op
def det(x: Any) -> Tensor:
    """The determinant of square matrices; of singular ones the gradient is finite too.

    Args:
        x: Tensor `(..., n, n)`.

    Returns:
        Tensor `(...)`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.det([[2.0, 1.0], [1.0, 3.0]]).tolist()
    5.0
    """
    return determinant(matrix(x, "det", square=True))


@op
def slogdet(x: Any) -> tuple[Tensor, Tensor]:
    """The sign and the logarithm of the size of the determinant of square matrices.

    Args:
        x: Tensor `(..., n, n)`.

    Returns:
        Pair of tensors `(...)`: sign, and log of the absolute determinant.

    Example:

    >>> import minikeras as keras
    >>> sign, log = keras.ops.slogdet([[0.0, 1.0], [1.0, 0.0]])
    >>> sign.tolist(), log.tolist()
    (-1.0, 0.0)
    """
    x = matrix(x, "slogdet", square=True)
    packed, pivots, _ = prims.lu(x)
    pivot_values = diagonal_of(packed)
    last = (x.ndim - 2,)
    sign = prims.prod(prims.sign(pivot_values), axes=last, keepdims=False)
    logs = prims.log(prims.abs(pivot_values))
    return (
        prims.mul(sign, signs(pivots, x)),
        prims.sum(logs, axes=last, keepdims=False),
    )


@op
def logdet(x: Any) -> Tensor:
    """The logarithm of the determinant of positive definite matrices.

    Args:
        x: Tensor `(..., n, n)`.

    Returns:
        Tensor `(...)`.

    Example:

    >>> import minikeras as keras
    >>> round(keras.ops.logdet([[2.0, 0.0], [0.0, 2.0]]).item(), 4)
    1.3863
    """
    return slogdet(x)[1]


@op
def eig(x: Any) -> tuple[Tensor, Tensor]:
    """Eigenvalues and right eigenvectors of square matrices.

    Not differentiable; see `eigh` for symmetric matrices.

    Args:
        x: Tensor `(..., n, n)`, of real numbers.

    Returns:
        Pair of complex tensors: eigenvalues `(..., n)`, and eigenvectors `(..., n, n)`,
        one in each column.

    Example:

    >>> import minikeras as keras
    >>> values, vectors = keras.ops.eig([[1.0, 0.0], [0.0, 3.0]])
    >>> values.tolist()
    [(1+0j), (3+0j)]
    """
    values, values_imag, vectors, vectors_imag = prims.eig(
        matrix(x, "eig", square=True)
    )
    return joined(values, values_imag), joined(vectors, vectors_imag)


@op
def eigh(x: Any) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of symmetric matrices.

    Args:
        x: Tensor `(..., n, n)`. The mean of it and its transpose is decomposed.

    Returns:
        Pair of tensors: eigenvalues `(..., n)` in ascending order, and eigenvectors
        `(..., n, n)`, one in each column.

    Example:

    >>> import minikeras as keras
    >>> values, vectors = keras.ops.eigh([[3.0, 0.0], [0.0, 1.0]])
    >>> values.tolist()
    [1.0, 3.0]
    """
    values, vectors = prims.eigh(matrix(x, "eigh", square=True))
    return values, vectors


@op
def inv(x: Any) -> Tensor:
    """The inverse of square matrices.

    Args:
        x: Tensor `(..., n, n)`.

    Returns:
        Tensor `(..., n, n)`; nan where a matrix is singular.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.inv([[2.0, 0.0], [0.0, 4.0]]).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    x = matrix(x, "inv", square=True)
    return prims.solve(x, _unit(x))


@op
def lu_factor(x: Any) -> tuple[Tensor, Tensor]:
    """The LU decomposition with row exchanges, packed in one matrix.

    Args:
        x: Tensor `(..., rows, columns)`.

    Returns:
        Pair of a tensor of the shape of `x`, which holds `u` at and above the diagonal
        and `l` (whose diagonal is 1) below; and int32 pivots `(..., min(rows,
        columns))`: at step `i` rows `i` and `pivots[i]` are exchanged.

    Example:

    >>> import minikeras as keras
    >>> packed, pivots = keras.ops.lu_factor([[1.0, 2.0], [2.0, 2.0]])
    >>> packed.tolist(), pivots.tolist()
    ([[2.0, 2.0], [0.5, 1.0]], [1, 1])
    """
    packed, pivots, _ = prims.lu(matrix(x, "lu_factor"))
    return packed, pivots


@op
def qr(x: Any, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """The decomposition into an orthonormal and an upper triangular matrix.

    Args:
        x: Tensor `(..., rows, columns)`.
        mode: `"reduced"` or `"complete"`.

    Returns:
        Pair of `q` `(..., rows, k)` and `r` `(..., k, columns)`, where `k` is the
        smaller size, or with `"complete"` the number of rows.

    Raises:
        ValueError: If the mode is neither.

    Example:

    >>> import minikeras as keras
    >>> q, r = keras.ops.qr([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> q.shape, r.shape
    ((3, 2), (2, 2))
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode={mode!r}; expected 'reduced' or 'complete'.")
    q, r = prims.qr(matrix(x, "qr"), full=mode == "complete")
    return q, r


@op
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The singular value decomposition `x == u @ diag(s) @ v`.

    Args:
        x: Tensor `(..., rows, columns)`.
        full_matrices: Whether `u` and `v` are square.
        compute_uv: Whether to give `u` and `v` at all.

    Returns:
        Tuple of `u` `(..., rows, k)`, `s` `(..., k)` in descending order, and `v`
        `(..., k, columns)`, where `k` is the smaller size; or `s` alone.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False).tolist()
    [4.0, 3.0]
    """
    x = matrix(x, "svd")
    u, s, v = prims.svd(x, full=bool(full_matrices and compute_uv))
    return (u, s, v) if compute_uv else s


def _system(a: Any, b: Any, name: str) -> tuple[Tensor, Tensor, bool]:
    """Matrices and right-hand sides of one batch shape; whether these are vectors."""
    a, b = promote_float(a, b)
    a = matrix(a, name, square=True)
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
def solve(a: Any, b: Any) -> Tensor:
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

    >>> import minikeras as keras
    >>> keras.ops.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]).tolist()
    [1.0, 0.5]
    """
    a, b, vector = _system(a, b, "solve")
    return _unvectored(prims.solve(a, b), vector)


@op
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Tensor:
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

    >>> import minikeras as keras
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
def pinv(x: Any, rcond: float | None = None) -> Tensor:
    """The Moore-Penrose pseudoinverse.

    Args:
        x: Tensor `(..., rows, columns)`.
        rcond: Singular values up to this times the greatest count as 0; by default 10
            times the larger size times the machine epsilon.

    Returns:
        Tensor `(..., columns, rows)`.

    Example:

    >>> import minikeras as keras
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
    limit = prims.mul(_greatest(s), const(s, float(rcond)))
    inverse = _cut(s, limit)
    scaled = prims.mul(
        turned(v), prims.reshape(inverse, shape=(*s.shape[:-1], 1, s.shape[-1]))
    )
    return _mm(scaled, turned(u))


@op
def matrix_rank(x: Any, tol: float | None = None) -> Tensor:
    """The number of singular values that are not 0.

    Args:
        x: Tensor `(..., rows, columns)`.
        tol: Singular values up to this count as 0; by default the greatest times the
            larger size times the machine epsilon.

    Returns:
        Tensor `(...)` of int32.

    Example:

    >>> import minikeras as keras
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
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Tensor:
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

    >>> import minikeras as keras
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
    inside = prims.mul(
        _mm(turned(u), b), prims.reshape(_cut(s, limit), shape=(*s.shape, 1))
    )
    return _unvectored(_mm(turned(v), inside), vector)
