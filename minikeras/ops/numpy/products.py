"""Products of tensors: matrix products and contractions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.shaping import expand_dims, moveaxis, reshape, transpose
from minikeras.ops.op import op, promote, to_tensor
from minikeras.ops.support import axis_of, boolean, cast_to, conjugated, numeric
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["matmul", "dot", "inner", "vdot", "outer", "tensordot", "kron", "cross"]


@op
def matmul(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The matrix product over the last two axes; those before them broadcast.

    A vector counts as a row on the left and as a column on the right, and its axis is
    taken away from the result.

    Args:
        x1: Tensor `(..., rows, inner)` or `(inner,)`.
        x2: Tensor `(..., inner, columns)` or `(inner,)`.

    Returns:
        Tensor `(..., rows, columns)`. Two int8 tensors are multiplied in int32; bools
        give whether any pair is true in both.

    Raises:
        ShapeError: If the inner sizes differ, or an argument is a scalar.

    Example:

    >>> keras.ops.matmul([[1, 2], [3, 4]], [[1, 0], [0, 2]]).tolist()
    [[1, 4], [3, 8]]
    """
    a, b = _promoted(x1, x2)
    if a.dtype == "bool":
        return boolean(matmul(numeric(a), numeric(b)))
    if not a.ndim or not b.ndim:
        raise ShapeError(
            f"matmul: shapes {a.shape} and {b.shape}; expected rank 1 or more. Use multiply "
            "with a scalar."
        )
    # A vector is a row on the left and a column on the right; its axis goes again at
    # the end.
    row, column = a.ndim == 1, b.ndim == 1
    a = expand_dims(a, 0) if row else a
    b = expand_dims(b, 1) if column else b
    result = prims.matmul(a, b, transpose_a=False, transpose_b=False)
    if not row and not column:
        return result
    lead, rows, columns = result.shape[:-2], result.shape[-2], result.shape[-1]
    kept = (() if row else (rows,)) + (() if column else (columns,))
    return prims.reshape(result, shape=(*lead, *kept))


def _promoted(x1: ArrayLike, x2: ArrayLike) -> tuple[Tensor, Tensor]:
    a, b = to_tensor(x1), to_tensor(x2)
    # Products of bytes are added up in 32 bits, as in Keras.
    if a.dtype == b.dtype == "int8":
        return cast_to(a, "int32"), cast_to(b, "int32")
    if a.dtype != b.dtype:
        a, b = promote(x1, x2)
    return a, b


@op
def dot(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The product over the last axis of `x1` and the last but one of `x2`.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor `(*x1.shape[:-1], *x2.shape[:-2], x2.shape[-1])`; with scalars the
        elementwise product, with vectors a scalar.

    Raises:
        ShapeError: If the inner sizes differ.

    Example:

    >>> keras.ops.dot([1, 2], [3, 4]).tolist()
    11
    """
    a, b = promote(x1, x2)
    if not a.ndim or not b.ndim:
        return _times(a, b)
    return _contract(a, b, [a.ndim - 1], [max(b.ndim - 2, 0)], "dot")


@op
def inner(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The product over the last axes of both.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.

    Returns:
        Tensor `(*x1.shape[:-1], *x2.shape[:-1])`.

    Example:

    >>> keras.ops.inner([1, 2], [3, 4]).tolist()
    11
    """
    a, b = promote(x1, x2)
    if not a.ndim or not b.ndim:
        return _times(a, b)
    return _contract(a, b, [a.ndim - 1], [b.ndim - 1], "inner")


@op
def vdot(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The product of two tensors taken as vectors.

    Args:
        x1: First tensor; of complex numbers the conjugates are taken.
        x2: Second tensor, with as many elements.

    Returns:
        Tensor of shape `()`.

    Example:

    >>> keras.ops.vdot([[1, 2]], [[3], [4]]).tolist()
    11
    """
    a, b = promote(x1, x2)
    a, b = reshape(conjugated(a), (-1,)), reshape(b, (-1,))
    return _contract(a, b, [0], [0], "vdot")


@op
def outer(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """Each element of `x1` times each of `x2`, both flattened.

    Args:
        x1: First tensor.
        x2: Second tensor.

    Returns:
        Tensor of shape `(x1.size, x2.size)`.

    Example:

    >>> keras.ops.outer([1, 2], [3, 4]).tolist()
    [[3, 4], [6, 8]]
    """
    a, b = promote(x1, x2)
    return _times(
        prims.reshape(a, shape=(a.size, 1)), prims.reshape(b, shape=(1, b.size))
    )


def _times(a: Tensor, b: Tensor) -> Tensor:
    """The elementwise product; of bools their logical and."""
    return (prims.bitwise_and if a.dtype == "bool" else prims.mul)(a, b)


@op
def tensordot(
    x1: ArrayLike,
    x2: ArrayLike,
    axes: int | Sequence[int] | Sequence[Sequence[int]] = 2,
) -> Tensor:
    """The product over several axes of both.

    Args:
        x1: First tensor.
        x2: Second tensor.
        axes: Number of axes, the last of `x1` with the first of `x2`; or a pair of lists,
            the axes of `x1` and those of `x2` that go with them.

    Returns:
        Tensor of the axes left: those of `x1`, then those of `x2`.

    Raises:
        ShapeError: If sizes of axes that go together differ.

    Example:

    >>> keras.ops.tensordot(keras.ops.ones((2, 3)), keras.ops.ones((3, 4)), axes=1).shape
    (2, 4)
    """
    a, b = promote(x1, x2)
    if isinstance(axes, int):
        left = list(range(a.ndim - axes, a.ndim))
        right = list(range(axes))
    else:
        left, right = ([v] if isinstance(v, int) else list(v) for v in axes)
    left = [axis_of(v, a.ndim, "tensordot") for v in left]
    right = [axis_of(v, b.ndim, "tensordot") for v in right]
    return _contract(a, b, left, right, "tensordot")


def _contract(
    a: Tensor, b: Tensor, left: list[int], right: list[int], name: str
) -> Tensor:
    """The sum of products over paired axes: one matrix product.

    Of bools: whether any pair is true in both.
    """
    if a.dtype == "bool":
        return boolean(_contract(numeric(a), numeric(b), left, right, name))
    if [a.shape[i] for i in left] != [b.shape[i] for i in right] and not _unknown(a, b):
        raise ShapeError(
            f"{name}: shapes {a.shape} and {b.shape} do not match: axes {left} of the first "
            f"and {right} of the second must have equal sizes."
        )
    free_a = [i for i in range(a.ndim) if i not in left]
    free_b = [i for i in range(b.ndim) if i not in right]
    if a.ndim == b.ndim == 1 and left and a.dtype in ("float32", "float64"):
        # One number: a loop over both, and so are the gradients.
        return prims.sum(prims.mul(a, b), axes=(0,), keepdims=False)
    depth = math.prod(b.shape[i] for i in right)
    shape_a, shape_b = [a.shape[i] for i in free_a], [b.shape[i] for i in free_b]
    rows = prims.reshape(transpose(a, free_a + left), shape=(math.prod(shape_a), depth))
    columns = prims.reshape(
        transpose(b, right + free_b), shape=(depth, math.prod(shape_b))
    )
    result = prims.matmul(rows, columns, transpose_a=False, transpose_b=False)
    return prims.reshape(result, shape=(*shape_a, *shape_b))


def _unknown(*tensors: Tensor) -> bool:
    return any(type(d) is not int for t in tensors for d in t.shape)


@op
def kron(x1: ArrayLike, x2: ArrayLike) -> Tensor:
    """The Kronecker product: `x2`, once for each element of `x1` and multiplied by it.

    Args:
        x1: First tensor.
        x2: Second tensor.

    Returns:
        Tensor, each size the product of the two.

    Example:

    >>> keras.ops.kron([[1, 2]], [[1, 1]]).tolist()
    [[1, 1, 2, 2]]
    """
    a, b = (numeric(v) for v in promote(x1, x2))
    rank = max(a.ndim, b.ndim)
    sa = (1,) * (rank - a.ndim) + a.shape
    sb = (1,) * (rank - b.ndim) + b.shape
    # Axes in pairs, (s, 1) times (1, t): each pair joined is one axis of the result.
    wide_a = tuple(d for s in sa for d in (s, 1))
    wide_b = tuple(d for s in sb for d in (1, s))
    product = prims.mul(prims.reshape(a, shape=wide_a), prims.reshape(b, shape=wide_b))
    return prims.reshape(
        product, shape=tuple(p * q for p, q in zip(sa, sb, strict=True))
    )


@op
def cross(
    x1: ArrayLike,
    x2: ArrayLike,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor:
    """The cross product of vectors of size 2 or 3.

    Args:
        x1: First tensor.
        x2: Second tensor; shapes broadcast.
        axisa: Axis of `x1` that holds the vectors.
        axisb: Axis of `x2` that holds the vectors.
        axisc: Axis of the result that holds the vectors.
        axis: One axis for all three.

    Returns:
        Tensor of vectors; of scalars where both have size 2.

    Raises:
        ShapeError: If the vectors are not of size 2 or 3.

    Example:

    >>> keras.ops.cross([1, 0, 0], [0, 1, 0]).tolist()
    [0, 0, 1]
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = (numeric(v) for v in promote(x1, x2))
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ShapeError(
            f"cross: vectors of size {a.shape[-1]} and {b.shape[-1]}; expected 2 or 3."
        )
    a0, a1, a2 = _components(a)
    b0, b1, b2 = _components(b)
    # Vectors of size 2 lie in a plane: their product has this component alone.
    last = prims.sub(prims.mul(a0, b1), prims.mul(a1, b0))
    if a2 is None and b2 is None:
        return last
    first = _minus(_product(a1, b2), _product(a2, b1))
    second = _minus(_product(a2, b0), _product(a0, b2))
    parts = [expand_dims(p, -1) for p in (first, second, last)]
    return moveaxis(prims.concat(*parts, axis=last.ndim), -1, axisc)


def _components(x: Tensor) -> list[Any]:
    parts: list[Any] = [x[..., i] for i in range(x.shape[-1])]
    return parts if len(parts) == 3 else [*parts, None]


def _product(a: Tensor, b: Tensor) -> Any:
    return None if a is None or b is None else prims.mul(a, b)


def _minus(a: Tensor, b: Tensor) -> Any:
    if a is None:
        return prims.neg(b)
    return a if b is None else prims.sub(a, b)
