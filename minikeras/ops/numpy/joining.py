"""Tensors joined, and cut into parts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError
from minikeras.engine.interpret import current
from minikeras.engine.staging import Abstract
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.shaping import expand_dims, reshape
from minikeras.ops.op import op, promote, to_tensor
from minikeras.ops.support import axis_of, int_shape, sub_slice
from minikeras.types import ArrayLike

__all__ = [
    "concatenate", "append", "stack", "hstack", "vstack", "dstack", "split",
    "array_split", "hsplit", "vsplit", "dsplit",
]  # fmt: skip


@op
def concatenate(xs: Sequence[ArrayLike], axis: int | None = 0) -> Tensor:
    """Tensors joined along an axis.

    Args:
        xs: List of tensors that differ in that axis only; they are promoted.
        axis: Axis to join along; None flattens all of them first, which is refused
            symbolically, as in Keras.

    Returns:
        Tensor, as long along the axis as all of them together.

    Raises:
        ShapeError: If other sizes differ.
        ValueError: If `axis` is None in a symbolic call.

    Example:

    >>> keras.ops.concatenate([[[1, 2]], [[3, 4]]], axis=0).tolist()
    [[1, 2], [3, 4]]
    """
    parts = promote(*xs)
    if not parts:
        raise ValueError(
            "concatenate: got an empty list; expected at least one tensor."
        )
    if axis is None:
        # Their sizes are not known, so neither is the size of the result.
        if parts[0].staged and isinstance(current(), Abstract):
            raise ValueError(
                "concatenate: axis=None of symbolic tensors; expected an integer."
            )
        parts, axis = tuple(prims.reshape(p, shape=(p.size,)) for p in parts), 0
    return prims.concat(*parts, axis=axis_of(axis, parts[0].ndim, "concatenate"))


@op
def append(x1: ArrayLike, x2: ArrayLike, axis: int | None = None) -> Tensor:
    """`x2` joined to the end of `x1`.

    Args:
        x1: First tensor.
        x2: Tensor to append.
        axis: Axis to join along; None flattens both first.

    Returns:
        Tensor of both.

    Example:

    >>> keras.ops.append([1, 2], [3, 4]).tolist()
    [1, 2, 3, 4]
    """
    a, b = promote(x1, x2)
    if axis is None:
        return prims.concat(reshape(a, (-1,)), reshape(b, (-1,)), axis=0)
    return prims.concat(a, b, axis=axis_of(axis, a.ndim, "append"))


@op
def stack(x: Sequence[ArrayLike], axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis.

    Args:
        x: List of tensors.
        axis: Where the new axis stands in the result.

    Returns:
        Tensor of one rank more.

    Raises:
        ShapeError: If the shapes differ.

    Example:

    >>> keras.ops.stack([[1, 2], [3, 4]], axis=1).tolist()
    [[1, 3], [2, 4]]
    """
    parts = promote(*x)
    if not parts:
        raise ValueError("stack: got an empty list; expected at least one tensor.")
    at = axis_of(axis, parts[0].ndim + 1, "stack")
    return prims.concat(*(expand_dims(p, at) for p in parts), axis=at)


@op
def hstack(xs: Sequence[ArrayLike]) -> Tensor:
    """Tensors joined along axis 1, or axis 0 if they have one axis.

    Args:
        xs: List of tensors.

    Returns:
        Tensor of them all.

    Example:

    >>> keras.ops.hstack([[1, 2], [3]]).tolist()
    [1, 2, 3]
    """
    parts = [_at_least(1, p) for p in promote(*xs)]
    return prims.concat(*parts, axis=0 if parts[0].ndim == 1 else 1)


@op
def vstack(xs: Sequence[ArrayLike]) -> Tensor:
    """Tensors joined as rows, along axis 0; vectors become rows first.

    Args:
        xs: List of tensors.

    Returns:
        Tensor of them all, of rank 2 or more.

    Example:

    >>> keras.ops.vstack([[1, 2], [3, 4]]).tolist()
    [[1, 2], [3, 4]]
    """
    return prims.concat(*(_at_least(2, p) for p in promote(*xs)), axis=0)


@op
def dstack(xs: Sequence[ArrayLike]) -> Tensor:
    """Tensors joined along axis 2; vectors and matrices get more axes first.

    Args:
        xs: List of tensors.

    Returns:
        Tensor of them all, of rank 3 or more.

    Example:

    >>> keras.ops.dstack([[1, 2], [3, 4]]).tolist()
    [[[1, 3], [2, 4]]]
    """
    return prims.concat(*(_at_least(3, p) for p in promote(*xs)), axis=2)


def _at_least(rank: int, x: Tensor) -> Tensor:
    """`x` with axes added as NumPy's `atleast_1d`, `atleast_2d`, `atleast_3d` do."""
    if x.ndim >= rank:
        return x
    shapes = {
        (1, 0): (1,), (2, 0): (1, 1), (2, 1): (1, *x.shape),
        (3, 0): (1, 1, 1), (3, 1): (1, *x.shape, 1), (3, 2): (*x.shape, 1),
    }  # fmt: skip
    return prims.reshape(x, shape=shapes[rank, x.ndim])


@op
def split(
    x: ArrayLike, indices_or_sections: int | Sequence[int] | ArrayLike, axis: int = 0
) -> list[Tensor]:
    """A tensor cut into parts along an axis.

    Args:
        x: Tensor of any shape.
        indices_or_sections: Number of equal parts, or the indices to cut at.
        axis: Axis to cut along.

    Returns:
        List of tensors.

    Raises:
        ShapeError: If the axis cannot be cut into so many equal parts.

    Example:

    >>> [p.tolist() for p in keras.ops.split(keras.ops.arange(6), 3)]
    [[0, 1], [2, 3], [4, 5]]
    """
    x = to_tensor(x)
    at = axis_of(axis, x.ndim, "split")
    n = x.shape[at]
    cuts = _cuts(indices_or_sections, "split")
    if isinstance(cuts, int):
        if n % cuts:
            raise ShapeError(
                f"split: axis {axis} of `x` of shape {x.shape} has size {n}, which {cuts} "
                "equal parts do not make. Use array_split, or indices to cut at."
            )
        cuts = [i * (n // cuts) for i in range(1, cuts)]
    return _pieces(x, at, cuts)


_MOST_PARTS = 1_000_000


def _cuts(value: Any, op: str) -> int | list[int]:
    """A number of parts, or the indices to cut at."""
    if isinstance(value, (tuple, list)) or getattr(value, "shape", None):
        return list(int_shape(value, op))
    try:
        count = int(value)
    except (TypeError, ValueError, OverflowError):
        count = 0
    if not 1 <= count <= _MOST_PARTS or count != value:
        raise ValueError(
            f"{op}: `indices_or_sections` is {value!r}; expected a whole number of parts "
            f"from 1 to {_MOST_PARTS}, or indices to cut at."
        )
    return count


def _pieces(x: Tensor, axis: int, cuts: list[int]) -> list[Tensor]:
    n = x.shape[axis]
    places = [max(n + c, 0) if c < 0 else min(c, n) for c in cuts]
    edges = [0, *places, n]
    # An edge before the one in front of it makes an empty part, as in NumPy.
    return [sub_slice(x, axis, a, max(a, b)) for a, b in itertools.pairwise(edges)]


@op
def array_split(
    x: ArrayLike, indices_or_sections: int | Sequence[int] | ArrayLike, axis: int = 0
) -> list[Tensor]:
    """A tensor cut into parts, the first ones longer by one where they must be.

    Args:
        x: Tensor of any shape.
        indices_or_sections: Number of parts, or the indices to cut at.
        axis: Axis to cut along.

    Returns:
        List of tensors. Where there are more parts than elements the last are empty.

    Raises:
        ValueError: If the number of parts is no whole number from 1 to a million.

    Example:

    >>> [p.tolist() for p in keras.ops.array_split(keras.ops.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    """
    x = to_tensor(x)
    at = axis_of(axis, x.ndim, "array_split")
    cuts = _cuts(indices_or_sections, "array_split")
    if isinstance(cuts, int):
        # The first `more` parts are longer by one.
        size, more = divmod(x.shape[at], cuts)
        cuts = [i * size + min(i, more) for i in range(1, cuts)]
    return _pieces(x, at, cuts)


@op
def hsplit(
    x: ArrayLike, indices_or_sections: int | Sequence[int] | ArrayLike
) -> list[Tensor]:
    """A tensor cut along axis 1, or axis 0 if it has one axis.

    Args:
        x: Tensor of any shape.
        indices_or_sections: Number of equal parts, or the indices to cut at.

    Returns:
        List of tensors.

    Example:

    >>> [p.tolist() for p in keras.ops.hsplit(keras.ops.array([[1, 2], [3, 4]]), 2)]
    [[[1], [3]], [[2], [4]]]
    """
    x = to_tensor(x)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


@op
def vsplit(
    x: ArrayLike, indices_or_sections: int | Sequence[int] | ArrayLike
) -> list[Tensor]:
    """A tensor cut along axis 0.

    Args:
        x: Tensor of any shape.
        indices_or_sections: Number of equal parts, or the indices to cut at.

    Returns:
        List of tensors.

    Example:

    >>> [p.tolist() for p in keras.ops.vsplit(keras.ops.array([[1, 2], [3, 4]]), 2)]
    [[[1, 2]], [[3, 4]]]
    """
    return split(x, indices_or_sections, 0)


@op
def dsplit(
    x: ArrayLike, indices_or_sections: int | Sequence[int] | ArrayLike
) -> list[Tensor]:
    """A tensor cut along axis 2.

    Args:
        x: Tensor of rank 3 or more.
        indices_or_sections: Number of equal parts, or the indices to cut at.

    Returns:
        List of tensors.

    Example:

    >>> [p.tolist() for p in keras.ops.dsplit(keras.ops.array([[[1, 2]]]), 2)]
    [[[[1]]], [[[2]]]]
    """
    return split(x, indices_or_sections, 2)
