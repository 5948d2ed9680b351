"""Elements moved and repeated along axes."""

from __future__ import annotations

from collections.abc import Sequence

from minikeras.engine import prims
from minikeras.engine.aval import ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.ops.numpy.shaping import broadcast_to, listed, reshape, swapaxes
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import (
    axes_of,
    axis_of,
    blank,
    int_shape,
    sub_slice,
    whole,
    with_axis,
)
from minikeras.types import ArrayLike, Axis

__all__ = ["flip", "fliplr", "flipud", "rot90", "roll", "tile", "repeat"]


@op
def flip(x: ArrayLike, axis: Axis = None) -> Tensor:
    """The order of the elements reversed along axes.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to reverse; None reverses all.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.flip([[1, 2], [3, 4]], axis=1).tolist()
    [[2, 1], [4, 3]]
    """
    x = to_tensor(x)
    axes = axes_of(axis, x.ndim, "flip")
    return prims.flip(x, axes=axes) if axes else x


@op
def fliplr(x: ArrayLike) -> Tensor:
    """The order of columns reversed: `flip` along axis 1.

    Args:
        x: Tensor of rank 2 or more.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.fliplr(keras.ops.array([[1, 2], [3, 4]])).tolist()
    [[2, 1], [4, 3]]
    """
    return flip(x, 1)


@op
def flipud(x: ArrayLike) -> Tensor:
    """The order of rows reversed: `flip` along axis 0.

    Args:
        x: Tensor of rank 1 or more.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.flipud(keras.ops.array([[1, 2], [3, 4]])).tolist()
    [[3, 4], [1, 2]]
    """
    return flip(x, 0)


@op
def rot90(array: ArrayLike, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """A quarter turn in the plane of two axes, `k` times.

    Args:
        array: Tensor of rank 2 or more.
        k: Number of turns, from the first axis towards the second.
        axes: The two axes.

    Returns:
        Tensor, the two sizes exchanged if `k` is odd.

    Raises:
        ValueError: If the two axes are one.

    Example:

    >>> keras.ops.rot90(keras.ops.array([[1, 2], [3, 4]])).tolist()
    [[2, 4], [1, 3]]
    """
    x = to_tensor(array)
    first, second = (axis_of(a, x.ndim, "rot90") for a in axes)
    if first == second:
        raise ValueError(f"rot90: axes {axes} name the same axis twice; expected two.")
    turns = whole(k, "rot90", "k") % 4
    if turns == 0:
        return x
    if turns == 2:
        return flip(x, (first, second))
    if turns == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second)


@op
def roll(
    x: Tensor, shift: int | Sequence[int] | ArrayLike, axis: int | None = None
) -> Tensor:
    """The elements moved along an axis; those that leave come back at the start.

    Args:
        x: Tensor of any shape.
        shift: Number of places, or one for each axis.
        axis: Axis or axes to move along; None moves the flattened tensor.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> keras.ops.roll([1, 2, 3, 4], 1).tolist()
    [4, 1, 2, 3]
    """
    x = to_tensor(x)
    if axis is None:
        return reshape(roll(reshape(x, (-1,)), shift, 0), x.shape)
    axes = [axis_of(a, x.ndim, "roll") for a in listed(axis)]
    shifts = [whole(by, "roll", "shift") for by in listed(shift)]
    if len(shifts) == 1:
        shifts = shifts * len(axes)
    if len(shifts) != len(axes):
        raise ValueError(
            f"roll: {len(shifts)} shifts for {len(axes)} axes; expected as many of both."
        )
    for a, by in zip(axes, shifts, strict=True):
        n = x.shape[a]
        cut = by % n if n else 0
        if cut:
            x = prims.concat(
                sub_slice(x, a, n - cut, n), sub_slice(x, a, 0, n - cut), axis=a
            )
    return x


@op
def tile(x: ArrayLike, repeats: ArrayLike) -> Tensor:
    """Whole copies of `x`, side by side.

    Args:
        x: Tensor of any shape.
        repeats: Number of copies along each axis; missing ones, at the front, count as 1.

    Returns:
        Tensor, each size times its number.

    Example:

    >>> keras.ops.tile([1, 2], 2).tolist()
    [1, 2, 1, 2]
    """
    x = to_tensor(x)
    counts = int_shape(repeats, "tile")
    rank = max(x.ndim, len(counts))
    counts = (1,) * (rank - len(counts)) + counts
    sizes = (1,) * (rank - x.ndim) + x.shape
    # Each axis as (1, size), stretched to (count, size), and made one again.
    paired = tuple(d for pair in zip((1,) * rank, sizes, strict=True) for d in pair)
    wide = tuple(d for pair in zip(counts, sizes, strict=True) for d in pair)
    total = tuple(d if c == 1 else c * d for c, d in zip(counts, sizes, strict=True))
    return prims.reshape(
        broadcast_to(prims.reshape(x, shape=paired), wide), shape=total
    )


@op
def repeat(x: ArrayLike, repeats: ArrayLike, axis: int | None = None) -> Tensor:
    """Each element several times in a row.

    Args:
        x: Tensor of any shape.
        repeats: Number of times, or one number for each element along the axis.
        axis: Axis to repeat along; None repeats the elements of the flattened tensor.

    Returns:
        Tensor with the axis made longer.

    Example:

    >>> keras.ops.repeat([1, 2], 2).tolist()
    [1, 1, 2, 2]
    """
    x = to_tensor(x)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    at = axis_of(axis, x.ndim, "repeat")
    n = x.shape[at]
    counts = int_shape(repeats, "repeat")
    if len(counts) == 1:
        c = counts[0]
        # One number for all: the axis as (size, 1), stretched, without a list of
        # indices.
        paired = (*x.shape[: at + 1], 1, *x.shape[at + 1 :])
        wide = (*x.shape[: at + 1], c, *x.shape[at + 1 :])
        spread = broadcast_to(prims.reshape(x, shape=paired), wide)
        return prims.reshape(spread, shape=with_axis(x.shape, at, n * c))
    if isinstance(n, Unknown):
        return blank(with_axis(x.shape, at, n), x.dtype)
    if len(counts) != n:
        raise ShapeError(
            f"repeat: {len(counts)} numbers in repeats, but axis {axis} of `x` of shape "
            f"{x.shape} has size {n}; expected one number, or one for each element."
        )
    # Numbers of their own for each element: which row stands at each place of the
    # result.
    rows = [i for i, c in enumerate(counts) for _ in range(c)]
    return prims.take(x, to_tensor(rows, "int32"), axis=at)
