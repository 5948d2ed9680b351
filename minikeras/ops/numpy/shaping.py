"""Shapes and axes: the same elements in another form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import Shape, ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import (
    axes_of,
    axis_of,
    blank,
    int_shape,
    known,
    unknown_size,
)
from minikeras.types import ArrayLike, Axis, ShapeLike

__all__ = [
    "reshape", "ravel", "transpose", "swapaxes", "moveaxis", "expand_dims", "squeeze",
    "broadcast_to",
]  # fmt: skip


@op
def reshape(x: ArrayLike, newshape: ShapeLike) -> Tensor:
    """The elements, in the same order, in another shape.

    Args:
        x: Tensor of any shape.
        newshape: Sizes wanted; one may be -1 and is found from the others. A symbolic
            tensor of them gives a shape of so many unknown sizes.

    Returns:
        Tensor of shape `newshape`.

    Raises:
        ShapeError: If the numbers of elements differ.

    Example:

    >>> keras.ops.reshape([1, 2, 3, 4], (2, -1)).tolist()
    [[1, 2], [3, 4]]
    """
    x = to_tensor(x)
    sizes = _sizes_to_come(newshape)
    if sizes is not None:
        return blank(sizes, x.dtype)
    wanted = tuple(-1 if d is None else d for d in _sequence(newshape))
    target = resolve(x.shape, int_shape(wanted, "reshape"))
    return x if target == x.shape else prims.reshape(x, shape=target)


def _sizes_to_come(shape: ShapeLike) -> Shape | None:
    """So many unknown sizes as a tensor holds, where only shapes are wanted."""
    if isinstance(shape, (tuple, list)):
        late = [isinstance(d, Tensor) and d.staged for d in shape]
        size = (
            unknown_size(shape[late.index(True)], "reshape", "-1")
            if any(late)
            else None
        )
        if size is None:
            return None
        return tuple(
            size if to_come or d in (-1, None) else int(d)
            for d, to_come in zip(shape, late)
        )
    if not isinstance(shape, Tensor) or not shape.staged or shape.ndim != 1:
        return None
    if isinstance(shape.shape[0], Unknown):
        known(shape, "reshape", "as many sizes as are known")
    size = unknown_size(shape, "reshape", "a tuple of integers")
    return None if size is None else (size,) * shape.shape[0]


def _sequence(shape: ShapeLike) -> Sequence[Any]:
    return shape if isinstance(shape, (tuple, list)) else int_shape(shape, "reshape")


def resolve(source: Shape, target: Shape) -> Shape:
    """`target` with its -1 worked out.

    A size stays unknown if the source has more unknown sizes than the target names.
    """
    if -1 not in target:
        return target
    if target.count(-1) > 1:
        raise ShapeError(
            f"reshape: newshape {target} has more than one -1; expected one."
        )
    known = math.prod(d for d in target if d != -1)
    total = math.prod(source)
    # The size is known where all unknown sizes of the source stand in the target
    # already.
    unknown = _unknowns(source) > _named(target, source)
    if not known or (total % known and not unknown):
        raise ShapeError(
            f"reshape: `x` of shape {source} holds {total} elements, which no size in "
            f"place of -1 makes of {target}."
        )
    found = total // known
    size = Unknown(found) if unknown else found
    return tuple(size if d == -1 else d for d in target)


def _unknowns(shape: Shape) -> int:
    return sum(isinstance(d, Unknown) for d in shape)


def _named(target: Shape, source: Shape) -> int:
    """How many of the source's unknown sizes the target's are made of.

    A product such as `batch * steps` is a number like any other; that it is a multiple
    of the size that stands for an unknown one gives it away.
    """
    probes = [d for d in source if isinstance(d, Unknown) and d > 1]
    count = 0
    for d in target:
        factors = 0
        rest = int(d)
        while probes and rest > 0 and rest % probes[0] == 0:
            rest, factors = rest // probes[0], factors + 1
        count += max(factors, isinstance(d, Unknown))
    return count


@op
def ravel(x: ArrayLike) -> Tensor:
    """The elements in one axis, in row-major order.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of rank 1.

    Example:

    >>> keras.ops.ravel([[1, 2], [3, 4]]).tolist()
    [1, 2, 3, 4]
    """
    return reshape(to_tensor(x), (-1,))


@op
def transpose(x: ArrayLike, axes: Sequence[int] | None = None) -> Tensor:
    """The axes in another order.

    Args:
        x: Tensor of any shape.
        axes: For each axis of the result, the axis of `x`; None reverses them.

    Returns:
        Tensor with the axes permuted.

    Raises:
        ShapeError: If `axes` does not name each axis once.

    Example:

    >>> keras.ops.transpose([[1, 2, 3], [4, 5, 6]]).tolist()
    [[1, 4], [2, 5], [3, 6]]
    """
    x = to_tensor(x)
    if axes is None:
        perm = tuple(reversed(range(x.ndim)))
    else:
        listed = axes if hasattr(axes, "__iter__") else (axes,)
        perm = tuple(axis_of(a, x.ndim, "transpose") for a in listed)
    return x if perm == tuple(range(x.ndim)) else prims.transpose(x, perm=perm)


@op
def swapaxes(x: ArrayLike, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged.

    Args:
        x: Tensor of any shape.
        axis1: First axis.
        axis2: Second axis.

    Returns:
        Tensor with the axes exchanged.

    Example:

    >>> keras.ops.swapaxes([[1, 2, 3]], 0, 1).tolist()
    [[1], [2], [3]]
    """
    x = to_tensor(x)
    a, b = axis_of(axis1, x.ndim, "swapaxes"), axis_of(axis2, x.ndim, "swapaxes")
    perm = list(range(x.ndim))
    perm[a], perm[b] = b, a
    return transpose(x, perm)


@op
def moveaxis(
    x: ArrayLike, source: int | Sequence[int], destination: int | Sequence[int]
) -> Tensor:
    """Axes moved to other places; the rest keep their order.

    Args:
        x: Tensor of any shape.
        source: Axis or axes to move.
        destination: Where they go, one place for each.

    Returns:
        Tensor with the axes moved.

    Raises:
        ValueError: If there are not as many places as axes.

    Example:

    >>> keras.ops.moveaxis(keras.ops.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = to_tensor(x)
    rank = x.ndim
    sources = [axis_of(a, rank, "moveaxis") for a in listed(source)]
    places = [axis_of(a, rank, "moveaxis") for a in listed(destination)]
    if len(sources) != len(places):
        raise ValueError(
            f"moveaxis: source {source} and destination {destination} differ in length; "
            "expected one place for each axis."
        )
    perm = [a for a in range(rank) if a not in sources]
    # In ascending order, since each insertion moves what stands behind it.
    for place, a in sorted(zip(places, sources, strict=True)):
        perm.insert(place, a)
    return transpose(x, perm)


def listed(value: ArrayLike) -> Sequence[int]:
    """One or several axes as a sequence."""
    return value if isinstance(value, (tuple, list)) else (value,)


@op
def expand_dims(x: ArrayLike, axis: Any) -> Tensor:
    """New axes of size 1.

    Args:
        x: Tensor of any shape.
        axis: Where the new axes stand in the result; one or several.

    Returns:
        Tensor of higher rank.

    Example:

    >>> keras.ops.expand_dims([1, 2], axis=-1).tolist()
    [[1], [2]]
    """
    x = to_tensor(x)
    rank = x.ndim + len(listed(axis))
    new = axes_of(axis, rank, "expand_dims")
    sizes = iter(x.shape)
    shape = tuple(1 if i in new else next(sizes) for i in range(rank))
    return prims.reshape(x, shape=shape)


@op
def squeeze(x: ArrayLike, axis: Axis = None) -> Tensor:
    """Axes of size 1 taken away.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to take away; None takes all of size 1.

    Returns:
        Tensor of lower rank.

    Raises:
        ShapeError: If an axis named is not of size 1.

    Example:

    >>> keras.ops.squeeze([[[1], [2]]]).tolist()
    [1, 2]
    """
    x = to_tensor(x)
    if axis is None:
        gone = tuple(i for i, d in enumerate(x.shape) if d == 1)
    else:
        gone = axes_of(axis, x.ndim, "squeeze")
        for a in gone:
            if x.shape[a] != 1 or isinstance(x.shape[a], Unknown):
                raise ShapeError(
                    f"squeeze: axis {a} of `x` of shape {x.shape} has size {x.shape[a]}; "
                    "only axes of size 1 can be taken away."
                )
    if not gone:
        return x
    left = tuple(d for i, d in enumerate(x.shape) if i not in gone)
    return prims.reshape(x, shape=left)


@op
def broadcast_to(x: ArrayLike, shape: ShapeLike) -> Tensor:
    """`x` repeated along axes of size 1 and new ones, to another shape.

    Args:
        x: Tensor of any shape.
        shape: Shape wanted; the sizes of `x`, from the last, are equal to it or 1.

    Returns:
        Tensor of that shape.

    Raises:
        ShapeError: If `x` does not broadcast to it.

    Example:

    >>> keras.ops.broadcast_to([1, 2], (2, 2)).tolist()
    [[1, 2], [1, 2]]
    """
    x = to_tensor(x)
    target = int_shape(shape, "broadcast_to")
    return x if target == x.shape else prims.broadcast_to(x, shape=target)
