"""Matrices as products of simpler ones."""

from __future__ import annotations

from typing import Any

from minikeras.engine import prims
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.complex import conjugate, joined
from minikeras.ops.numpy.determinants import (
    identity_like,
    matrix,
)
from minikeras.ops.op import op
from minikeras.types import ArrayLike

__all__ = ["cholesky", "cholesky_inverse", "eig", "eigh", "lu_factor", "qr", "svd"]


def turned(x: Tensor) -> Tensor:
    """The matrices transposed."""
    n = x.ndim
    return prims.transpose(x, perm=(*range(n - 2), n - 1, n - 2))


def adjoint(x: Tensor) -> Tensor:
    """The matrices transposed, complex ones conjugate too."""
    return turned(conjugate(x))


def unit_like(like: Tensor) -> Tensor:
    """Identity matrices of the shape of `like`."""
    return prims.broadcast_to(identity_like(like), shape=like.shape)


@op
def cholesky(x: ArrayLike, upper: bool = False) -> Tensor:
    """The Cholesky factor of symmetric (complex: Hermitian) positive definite matrices.

    Args:
        x: Tensor `(..., n, n)`.
        upper: Whether to give the upper factor `r` with `r.T @ r == x`, instead of the
            lower `l` with `l @ l.T == x`; where x is complex, what is transposed is
            conjugate too.

    Returns:
        Tensor `(..., n, n)`, triangular.

    Raises:
        ValueError: If a matrix is not positive definite. Inside a compiled function
            its factor is nan instead.

    Example:

    >>> keras.ops.cholesky([[4.0, 2.0], [2.0, 2.0]]).tolist()
    [[2.0, 0.0], [1.0, 1.0]]
    """
    factor: Tensor = prims.cholesky(matrix(x, "cholesky", square=True))
    # nan in the factor is how kernels tell of a matrix that has none; a staged one
    # cannot be looked at.
    if not factor.staged:
        axes = tuple(range(factor.ndim))
        if bool(prims.any(prims.isnan(factor), axes=axes, keepdims=False)):
            raise ValueError(
                f"cholesky: a matrix of `x` of shape {factor.shape} is not positive "
                "definite; expected symmetric matrices with positive eigenvalues. Add a "
                "small multiple of the identity."
            )
    return adjoint(factor) if upper else factor


@op
def cholesky_inverse(x: ArrayLike, upper: bool = False) -> Tensor:
    """The inverse of a matrix that is given by its Cholesky factor.

    Args:
        x: Tensor `(..., n, n)`, a Cholesky factor.
        upper: Whether it is the upper factor.

    Returns:
        Tensor `(..., n, n)`: the inverse of `x @ x.T` (`upper`: of `x.T @ x`), the
        transposed one conjugate where x is complex.

    Example:

    >>> keras.ops.cholesky_inverse([[2.0, 0.0], [0.0, 1.0]]).tolist()
    [[0.25, 0.0], [0.0, 1.0]]
    """
    x = matrix(x, "cholesky_inverse", square=True)
    lower = not upper
    mate = conjugate(x)
    inner, outer = (mate, x) if upper else (x, mate)
    # A^-1 = L^-H L^-1: two triangular systems, and no inverse.
    first = prims.triangular_solve(inner, unit_like(x), lower=lower, transpose_a=upper)
    return prims.triangular_solve(outer, first, lower=lower, transpose_a=lower)


@op
def eig(x: ArrayLike) -> tuple[Tensor, Tensor]:
    """Eigenvalues and right eigenvectors of square matrices.

    Not differentiable; see `eigh` for symmetric matrices.

    Args:
        x: Tensor `(..., n, n)`.

    Returns:
        Pair of complex tensors: eigenvalues `(..., n)`, and eigenvectors `(..., n, n)`,
        one in each column.

    Example:

    >>> values, vectors = keras.ops.eig([[1.0, 0.0], [0.0, 3.0]])
    >>> values.tolist()
    [(1+0j), (3+0j)]
    """
    values, values_imag, vectors, vectors_imag = prims.eig(
        matrix(x, "eig", square=True)
    )
    return joined(values, values_imag), joined(vectors, vectors_imag)


@op
def eigh(x: ArrayLike) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of symmetric, or complex Hermitian, matrices.

    Args:
        x: Tensor `(..., n, n)`. The mean of it and its transpose is decomposed, the
            transpose conjugate where x is complex.

    Returns:
        Pair of tensors: real eigenvalues `(..., n)` in ascending order, and eigenvectors
        `(..., n, n)`, one in each column.

    Example:

    >>> values, vectors = keras.ops.eigh([[3.0, 0.0], [0.0, 1.0]])
    >>> values.tolist()
    [1.0, 3.0]
    """
    values, vectors = prims.eigh(matrix(x, "eigh", square=True))
    return values, vectors


@op
def lu_factor(x: ArrayLike) -> tuple[Tensor, Tensor]:
    """The LU decomposition with row exchanges, packed in one matrix.

    Args:
        x: Tensor `(..., rows, columns)`.

    Returns:
        Pair of a tensor of the shape of `x`, which holds `u` at and above the diagonal
        and `l` (whose diagonal is 1) below; and int32 pivots `(..., min(rows,
        columns))`: at step `i` rows `i` and `pivots[i]` are exchanged.

    Example:

    >>> packed, pivots = keras.ops.lu_factor([[1.0, 2.0], [2.0, 2.0]])
    >>> packed.tolist(), pivots.tolist()
    ([[2.0, 2.0], [0.5, 1.0]], [1, 1])
    """
    packed, pivots, _ = prims.lu(matrix(x, "lu_factor"))
    return packed, pivots


@op
def qr(x: ArrayLike, mode: str = "reduced") -> tuple[Tensor, Tensor]:
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

    >>> q, r = keras.ops.qr([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> q.shape, r.shape
    ((3, 2), (2, 2))
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode={mode!r}; expected 'reduced' or 'complete'.")
    q, r = prims.qr(matrix(x, "qr"), full=mode == "complete")
    return q, r


@op
def svd(x: ArrayLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The singular value decomposition `x == u @ diag(s) @ v`.

    Args:
        x: Tensor `(..., rows, columns)`.
        full_matrices: Whether `u` and `v` are square.
        compute_uv: Whether to give `u` and `v` at all.

    Returns:
        Tuple of `u` `(..., rows, k)`, real `s` `(..., k)` in descending order, and `v`
        `(..., k, columns)`, where `k` is the smaller size; or `s` alone.

    Example:

    >>> keras.ops.svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False).tolist()
    [4.0, 3.0]
    """
    x = matrix(x, "svd")
    u, s, v = prims.svd(x, full=bool(full_matrices and compute_uv))
    return (u, s, v) if compute_uv else s
