"""Arrays as they are: their values, bytes, axes and size."""

from __future__ import annotations

from typing import Any

import numpy as np

from minikeras.engine import backend as registry
from minikeras.engine import dtypes
from minikeras.engine.aval import Aval, Shape, ShapeError, Unknown
from minikeras.engine.interpret import current
from minikeras.engine.staging import Abstract
from minikeras.engine.tensor import Tensor
from minikeras.ops.core.conversion import shape
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import blank
from minikeras.types import ArrayLike, DTypeLike
from minikeras.variable import Variable

__all__ = ["array", "view", "ndim", "size", "copy"]


@op
def array(x: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """Any array-like as a tensor; NumPy's name for `convert_to_tensor`.

    Args:
        x: Number, nested list, NumPy array, variable or tensor.
        dtype: Dtype of the result; by default that of `x`.

    Returns:
        Tensor with the values of `x`.

    Example:

    >>> keras.ops.array([1, 2, 3]).tolist()
    [1, 2, 3]
    """
    return to_tensor(x, None if dtype is None else dtypes.standardize(dtype))


@op
def view(x: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """The same bytes read as another dtype.

    Args:
        x: Tensor of any shape.
        dtype: Dtype to read the bytes as; None gives `x` itself.

    Returns:
        Tensor; the last axis grows or shrinks with the size of one element.

    Raises:
        ShapeError: If the bytes of the last axis do not fill elements of the dtype.
        TraceError: Inside a compiled function, where there are no bytes yet.

    Example:

    >>> keras.ops.view(np.array([1.0], "float32"), "int32").tolist()
    [1065353216]
    """
    x = to_tensor(x)
    if dtype is None:
        return x
    name = dtypes.standardize(dtype)
    shape = _shape_as(x, name)
    if x.staged and isinstance(current(), Abstract):
        return blank(shape, name)
    wanted = dtypes.numpy_dtype(name)
    # Views of other item sizes exist for contiguous memory only.
    found = np.ascontiguousarray(x.__array__(copy=False)).reshape(-1).view(wanted)
    read: np.ndarray[Any, Any] = found.reshape(shape)
    # No tensor ever changes, so two of them may lie at the same bytes.
    read = read if read.flags.aligned else read.copy()
    return Tensor(registry.active().from_host(read), Aval(shape, name))


def _shape_as(x: Tensor, dtype: str) -> Shape:
    """The shape of the bytes of `x` as elements of another dtype."""
    before, after = dtypes.itemsize(x.dtype), dtypes.itemsize(dtype)
    if before == after:
        return x.shape
    last = x.shape[-1] if x.ndim else 0
    if not x.ndim or (last * before % after and not isinstance(last, Unknown)):
        raise ShapeError(
            f"view: `x` of shape {x.shape} and dtype {x.dtype} has {last * before} bytes "
            f"along its last axis; expected a multiple of {after}, the size of {dtype}."
            if x.ndim
            else f"view: a scalar of {before} bytes as {dtype}, which has {after}; "
            "expected a dtype of that size."
        )
    size = last * before // after
    return (*x.shape[:-1], Unknown(size) if isinstance(last, Unknown) else size)


def ndim(x: ArrayLike) -> int:
    """The number of axes.

    Args:
        x: Tensor, symbolic tensor, variable or array-like.

    Example:

    >>> keras.ops.ndim([[1, 2], [3, 4]])
    2
    """
    return len(shape(x))


def size(x: ArrayLike) -> int | None:
    """The number of elements.

    Args:
        x: Tensor, symbolic tensor, variable or array-like.

    Returns:
        Integer; None if a symbolic tensor does not know it.

    Example:

    >>> keras.ops.size([[1, 2], [3, 4]])
    4
    """
    total = 1
    for d in shape(x):
        if d is None:
            return None
        total *= d
    return total


@op
def copy(x: ArrayLike) -> Tensor:
    """A tensor with the values of `x`. Tensors never change, so nothing is copied.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> keras.ops.copy([1, 2]).tolist()
    [1, 2]
    """
    if isinstance(x, Variable):
        return x.value
    return to_tensor(x)
