"""The determinant of singular matrices: 0, with the gradient of their cofactors.

Elsewhere the gradient is the determinant times the inverse. Where A has no inverse but
P A = L U has a single zero among the pivots, at j, the cofactors are still a product of
two vectors. With U1 the factor U whose pivot j is set to 1, and e the unit vector of j,

    adj(U) = det(U1) (U1^-1 e) (U1^-T e)^T        adj(A) = det(P) adj(U) L^-1 P

since det(U1 + t e e^T) is linear in t. With more zeros among the pivots we give 0.
"""

from __future__ import annotations

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op
from minikeras.ops.support import cast_to, const, floating
from minikeras.types import ArrayLike

__all__ = ["slogdet"]


def determinant(x: Tensor) -> Tensor:
    """The determinants `(...)` of square matrices `(..., n, n)`."""
    packed, exchanges, order = prims.lu(x)
    pivots = diagonal_of(packed)
    regular: Tensor = prims.mul(_product(pivots), signs(exchanges, x))
    zero = prims.eq(pivots, const(pivots, 0))
    singular = prims.any(zero, axes=(x.ndim - 2,), keepdims=False)
    if not singular.staged and not bool(singular.numpy().any()):
        return regular
    packed, pivots = prims.stop_gradient(packed), prims.stop_gradient(pivots)
    lent = _zeros(x, packed, pivots, order, signs(exchanges, x))
    # The value is there; what follows is for the gradient alone.
    value = prims.stop_gradient(prims.select(singular, lent, regular))
    # Where there is no inverse, the gradient of the factors would be nan.
    flat = prims.reshape(singular, shape=(*singular.shape, 1, 1))
    factors, swaps, _ = prims.lu(prims.select(flat, identity_like(x), x))
    regular = prims.mul(_product(diagonal_of(factors)), signs(swaps, x))
    smooth = prims.select(singular, lent, regular)
    return prims.with_gradient_of(value, smooth)


def _zeros(
    x: Tensor, packed: Tensor, pivots: Tensor, order: Tensor, sign: Tensor
) -> Tensor:
    """Zeros `(...)` whose gradient by singular `x` is its matrix of cofactors."""
    zero = prims.eq(pivots, const(pivots, 0))
    last = pivots.ndim - 1
    column = (*pivots.shape, 1)
    unit = prims.cast(zero, dtype=x.dtype)
    others = prims.select(zero, const(pivots, 1), pivots)
    count = prims.sum(unit, axes=(last,), keepdims=False)
    scale = prims.mul(_product(others), sign)
    scale = prims.select(prims.eq(count, const(count, 1)), scale, const(scale, 0))
    diagonal = _is_diagonal(x)
    upper = prims.select(diagonal, prims.reshape(others, shape=column), packed)
    lower = prims.select(diagonal, const(x, 1), packed)
    unit = prims.reshape(unit, shape=column)
    right = prims.triangular_solve(upper, unit, lower=False, transpose_a=False)
    left = prims.triangular_solve(upper, unit, lower=False, transpose_a=True)
    left = prims.triangular_solve(lower, left, lower=True, transpose_a=True)
    rows = prims.broadcast_to(prims.reshape(order, shape=column), shape=x.shape)
    moved = prims.take_along_axis(x, rows, axis=x.ndim - 2)
    image = prims.matmul(moved, right, transpose_a=False, transpose_b=False)
    form = prims.sum(prims.mul(image, left), axes=(last, last + 1), keepdims=False)
    form = prims.mul(form, scale)
    zeros = prims.select(prims.eq(scale, scale), const(scale, 0), scale)
    return prims.with_gradient_of(zeros, form)


def signs(exchanges: Tensor, like: Tensor) -> Tensor:
    """The sign of the row exchanges of an LU decomposition."""
    axis = exchanges.ndim - 1
    places = prims.iota(shape=exchanges.shape, dtype="int32", axis=axis)
    kept = prims.eq(exchanges, places)
    return _product(prims.select(kept, const(like, 1), const(like, -1)))


def _product(x: Tensor) -> Tensor:
    return prims.prod(x, axes=(x.ndim - 1,), keepdims=False)


def _is_diagonal(x: Tensor) -> Tensor:
    rows = prims.iota(shape=x.shape[-2:], dtype="int32", axis=0)
    columns = prims.iota(shape=x.shape[-2:], dtype="int32", axis=1)
    return prims.eq(rows, columns)


def identity_like(x: Tensor) -> Tensor:
    """The identity matrix of the sizes and dtype of square matrices."""
    return cast_to(_is_diagonal(x), x.dtype)


def diagonal_of(x: Tensor) -> Tensor:
    """The diagonals of square matrices."""
    kept = prims.select(_is_diagonal(x), x, const(x, 0))
    return prims.sum(kept, axes=(x.ndim - 1,), keepdims=False)


def matrix(x: ArrayLike, name: str, square: bool = False) -> Tensor:
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


@op
def slogdet(x: ArrayLike) -> tuple[Tensor, Tensor]:
    """The sign and the logarithm of the size of the determinant of square matrices.

    Args:
        x: Tensor `(..., n, n)`.

    Returns:
        Pair of tensors `(...)`: sign, and real log of the absolute determinant. The sign
        of a complex number is the number of size 1 in its direction.

    Example:

    >>> sign, log = keras.ops.slogdet([[0.0, 1.0], [1.0, 0.0]])
    >>> sign.tolist(), log.tolist()
    (-1.0, 0.0)
    """
    x = matrix(x, "slogdet", square=True)
    packed, pivots, _ = prims.lu(x)
    pivot_values = diagonal_of(packed)
    last = (x.ndim - 2,)
    sign = prims.prod(_direction(pivot_values), axes=last, keepdims=False)
    logs = prims.log(prims.abs(pivot_values))
    return (
        prims.mul(sign, signs(pivots, x)),
        prims.sum(logs, axes=last, keepdims=False),
    )


def _direction(x: Tensor) -> Tensor:
    """The sign; of complex numbers with its gradient."""
    if not dtypes.is_complex(x.dtype):
        return prims.sign(x)
    none = prims.eq(x, const(x, 0))
    size = cast_to(prims.abs(prims.select(none, const(x, 1), x)), x.dtype)
    return prims.div(x, size)
