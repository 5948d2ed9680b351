"""Windows of tensors."""

from __future__ import annotations

from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import Shape, ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import (
    axis_of,
    blank,
    cast_to,
    const,
    index,
    int_shape,
    sub_slice,
    unknown_size,
    whole,
)
from minikeras.types import ArrayLike

__all__ = ["slice", "slice_update", "unstack"]


def _is_static(starts: object) -> bool:
    if isinstance(starts, (tuple, list)):
        return all(isinstance(s, int) for s in starts)
    return False


def _starts(start_indices: ArrayLike, shape: Shape, sizes: Shape, op: str) -> Tensor:
    """Starts as an int32 vector, moved so that the window lies within."""
    starts = cast_to(index(start_indices, op, "start_indices"), "int32")
    room = to_tensor([d - s for d, s in zip(shape, sizes, strict=True)], "int32")
    zero = const(starts, 0)
    return prims.minimum(prims.maximum(starts, zero), room)


@op
def slice(inputs: ArrayLike, start_indices: Any, shape: object) -> Tensor:
    """A window of a tensor.

    Args:
        inputs: Tensor of any shape.
        start_indices: Where the window begins, one index for each axis; may be a tensor.
        shape: Size of the window, one for each axis; -1 means up to the end, and needs
            indices whose values are known.

    Returns:
        Tensor of shape `shape`. A window that would stick out is moved inside.

    Raises:
        ShapeError: If the window is larger than the tensor.

    Example:

    >>> keras.ops.slice(keras.ops.reshape(keras.ops.arange(9), (3, 3)), (1, 0), (2, 2)).tolist()
    [[3, 4], [6, 7]]
    """
    x = to_tensor(inputs)
    sizes = int_shape(shape, "slice")
    # Known starts within the tensor make a plain slice, which is a view; others are
    # moved inside.
    if _is_static(start_indices) and len(start_indices) == len(sizes) == x.ndim:
        starts = [int(s) for s in start_indices]
        sizes = tuple(
            d - s if n == -1 else n
            for d, s, n in zip(x.shape, starts, sizes, strict=True)
        )
        if all(0 <= s <= d - n for d, s, n in zip(x.shape, starts, sizes, strict=True)):
            stops = tuple(s + n for s, n in zip(starts, sizes, strict=True))
            return prims.slice(
                x, starts=tuple(starts), stops=stops, steps=(1,) * x.ndim
            )
    if any(isinstance(n, Unknown) for n in sizes):  # as much as data will have
        return blank(sizes, x.dtype)
    if -1 in sizes:
        at = to_tensor(start_indices)
        any_size = unknown_size(at, "slice", "a shape without -1")
        if any_size is not None:
            shape = tuple(any_size if n == -1 else n for n in sizes)
            return blank(shape, x.dtype)
        at = at.tolist()
        return slice(x, [int(s) for s in at], sizes)
    return prims.dynamic_slice(
        x, _starts(start_indices, x.shape, sizes, "slice"), sizes=sizes
    )


@op
def slice_update(
    inputs: ArrayLike, start_indices: ArrayLike, updates: ArrayLike
) -> Tensor:
    """A tensor with a window of it replaced.

    Args:
        inputs: Tensor of any shape.
        start_indices: Where the window begins, one index for each axis; may be a tensor.
        updates: Values of the window, of the rank of `inputs`.

    Returns:
        Tensor of the shape and dtype of `inputs`.

    Raises:
        ShapeError: If the window is larger than the tensor.

    Example:

    >>> keras.ops.slice_update(keras.ops.zeros((3, 3)), (1, 1), keras.ops.ones((2, 2))).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]]
    """
    x = to_tensor(inputs)
    u = to_tensor(updates, x.dtype)
    if u.ndim != x.ndim:
        raise ShapeError(
            f"slice_update: updates of shape {u.shape} do not fit inputs of shape {x.shape}; "
            "expected the same rank."
        )
    starts = _starts(start_indices, x.shape, u.shape, "slice_update")
    return prims.dynamic_update_slice(x, u, starts)


@op
def unstack(x: ArrayLike, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices of a tensor along an axis, without that axis.

    Args:
        x: Tensor of any shape.
        num: Number of slices, where the shape does not tell.
        axis: Axis to go along.

    Returns:
        List of tensors of one rank less.

    Raises:
        ValueError: If the number is neither known nor given.

    Example:

    >>> [p.tolist() for p in keras.ops.unstack(keras.ops.array([[1, 2], [3, 4]]))]
    [[1, 2], [3, 4]]
    """
    x = to_tensor(x)
    at = axis_of(axis, x.ndim, "unstack")
    count = x.shape[at] if num is None else whole(num, "unstack", "num")
    if isinstance(count, Unknown):
        raise ValueError(
            f"unstack: axis {axis} of `x` of shape {x.shape} is not known; give num=."
        )
    left = x.shape[:at] + x.shape[at + 1 :]
    return [prims.reshape(sub_slice(x, at, i, i + 1), shape=left) for i in range(count)]
