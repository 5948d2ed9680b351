"""Shapes and axes: the same elements in another form."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from minikeras.engine import prims
from minikeras.engine.aval import Shape, ShapeError, Unknown, broadcast_shapes
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, promote, to_tensor
from minikeras.ops.support import axes_of, axis_of, int_shape, sub_slice, with_axis


@op
def reshape(x: Any, newshape: Any) -> Tensor:
    """The elements, in the same order, in another shape.

    Args:
        x: Tensor of any shape.
        newshape: Sizes wanted; one may be -1 and is found from the others.

    Returns:
        Tensor of shape `newshape`.

    Raises:
        ShapeError: If the numbers of elements differ.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.reshape([1, 2, 3, 4], (2, -1)).tolist()
    [[1, 2], [3, 4]]
    """
    x = to_tensor(x)
    wanted = tuple(-1 if d is None else d for d in _sequence(newshape))
    target = resolve(x.shape, int_shape(wanted, "reshape"))
    return x if target == x.shape else prims.reshape(x, shape=target)


def _sequence(shape: Any) -> Sequence[Any]:
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
    unknown = _unknowns(source) > _unknowns(target)
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


@op
def ravel(x: Any) -> Tensor:
    """The elements in one axis, in row-major order.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of rank 1.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.ravel([[1, 2], [3, 4]]).tolist()
    [1, 2, 3, 4]
    """
    return reshape(to_tensor(x), (-1,))


@op
def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """The axes in another order.

    Args:
        x: Tensor of any shape.
        axes: For each axis of the result, the axis of `x`; None reverses them.

    Returns:
        Tensor with the axes permuted.

    Raises:
        ShapeError: If `axes` does not name each axis once.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.transpose([[1, 2, 3], [4, 5, 6]]).tolist()
    [[1, 4], [2, 5], [3, 6]]
    """
    x = to_tensor(x)
    if axes is None:
        perm = tuple(reversed(range(x.ndim)))
    else:
        perm = tuple(axis_of(a, x.ndim, "transpose") for a in axes)
    return x if perm == tuple(range(x.ndim)) else prims.transpose(x, perm=perm)


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged.

    Args:
        x: Tensor of any shape.
        axis1: First axis.
        axis2: Second axis.

    Returns:
        Tensor with the axes exchanged.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.swapaxes([[1, 2, 3]], 0, 1).tolist()
    [[1], [2], [3]]
    """
    x = to_tensor(x)
    a, b = axis_of(axis1, x.ndim, "swapaxes"), axis_of(axis2, x.ndim, "swapaxes")
    perm = list(range(x.ndim))
    perm[a], perm[b] = b, a
    return transpose(x, perm)


@op
def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
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

    >>> import minikeras as keras
    >>> keras.ops.moveaxis(keras.ops.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = to_tensor(x)
    rank = x.ndim
    sources = [axis_of(a, rank, "moveaxis") for a in _listed(source)]
    places = [axis_of(a, rank, "moveaxis") for a in _listed(destination)]
    if len(sources) != len(places):
        raise ValueError(
            f"moveaxis: source {source} and destination {destination} differ in length; "
            "expected one place for each axis."
        )
    perm = [a for a in range(rank) if a not in sources]
    for place, a in sorted(zip(places, sources, strict=True)):
        perm.insert(place, a)
    return transpose(x, perm)


def _listed(value: Any) -> Sequence[int]:
    return value if isinstance(value, (tuple, list)) else (value,)


@op
def expand_dims(x: Any, axis: Any) -> Tensor:
    """New axes of size 1.

    Args:
        x: Tensor of any shape.
        axis: Where the new axes stand in the result; one or several.

    Returns:
        Tensor of higher rank.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.expand_dims([1, 2], axis=-1).tolist()
    [[1], [2]]
    """
    x = to_tensor(x)
    rank = x.ndim + len(_listed(axis))
    new = axes_of(axis, rank, "expand_dims")
    sizes = iter(x.shape)
    shape = tuple(1 if i in new else next(sizes) for i in range(rank))
    return prims.reshape(x, shape=shape)


@op
def squeeze(x: Any, axis: Any = None) -> Tensor:
    """Axes of size 1 taken away.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to take away; None takes all of size 1.

    Returns:
        Tensor of lower rank.

    Raises:
        ShapeError: If an axis named is not of size 1.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.squeeze([[[1], [2]]]).tolist()
    [1, 2]
    """
    x = to_tensor(x)
    if axis is None:
        gone = tuple(i for i, d in enumerate(x.shape) if d == 1)
    else:
        gone = axes_of(axis, x.ndim, "squeeze")
        for a in gone:
            if x.shape[a] != 1 and not isinstance(x.shape[a], Unknown):
                raise ShapeError(
                    f"squeeze: axis {a} of `x` of shape {x.shape} has size {x.shape[a]}; "
                    "only axes of size 1 can be taken away."
                )
    if not gone:
        return x
    left = tuple(d for i, d in enumerate(x.shape) if i not in gone)
    return prims.reshape(x, shape=left)


@op
def broadcast_to(x: Any, shape: Any) -> Tensor:
    """`x` repeated along axes of size 1 and new ones, to another shape.

    Args:
        x: Tensor of any shape.
        shape: Shape wanted; the sizes of `x`, from the last, are equal to it or 1.

    Returns:
        Tensor of that shape.

    Raises:
        ShapeError: If `x` does not broadcast to it.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.broadcast_to([1, 2], (2, 2)).tolist()
    [[1, 2], [1, 2]]
    """
    x = to_tensor(x)
    target = int_shape(shape, "broadcast_to")
    return x if target == x.shape else prims.broadcast_to(x, shape=target)


def broadcast_arrays(*tensors: Tensor) -> list[Tensor]:
    """Tensors broadcast to their common shape."""
    shape = broadcast_shapes(*(t.shape for t in tensors))
    return [broadcast_to(t, shape) for t in tensors]


@op
def flip(x: Any, axis: Any = None) -> Tensor:
    """The order of the elements reversed along axes.

    Args:
        x: Tensor of any shape.
        axis: Axis or axes to reverse; None reverses all.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.flip([[1, 2], [3, 4]], axis=1).tolist()
    [[2, 1], [4, 3]]
    """
    x = to_tensor(x)
    axes = axes_of(axis, x.ndim, "flip")
    return prims.flip(x, axes=axes) if axes else x


@op
def fliplr(x: Any) -> Tensor:
    """The order of columns reversed: `flip` along axis 1.

    Args:
        x: Tensor of rank 2 or more.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.fliplr(keras.ops.array([[1, 2], [3, 4]])).tolist()
    [[2, 1], [4, 3]]
    """
    return flip(x, 1)


@op
def flipud(x: Any) -> Tensor:
    """The order of rows reversed: `flip` along axis 0.

    Args:
        x: Tensor of rank 1 or more.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.flipud(keras.ops.array([[1, 2], [3, 4]])).tolist()
    [[3, 4], [1, 2]]
    """
    return flip(x, 0)


@op
def rot90(array: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
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

    >>> import minikeras as keras
    >>> keras.ops.rot90(keras.ops.array([[1, 2], [3, 4]])).tolist()
    [[2, 4], [1, 3]]
    """
    x = to_tensor(array)
    first, second = (axis_of(a, x.ndim, "rot90") for a in axes)
    if first == second:
        raise ValueError(f"rot90: axes {axes} name the same axis twice; expected two.")
    turns = k % 4
    if turns == 0:
        return x
    if turns == 2:
        return flip(x, (first, second))
    if turns == 1:
        return swapaxes(flip(x, second), first, second)
    return flip(swapaxes(x, first, second), second)


@op
def roll(x: Any, shift: Any, axis: Any = None) -> Tensor:
    """The elements moved along an axis; those that leave come back at the start.

    Args:
        x: Tensor of any shape.
        shift: Number of places, or one for each axis.
        axis: Axis or axes to move along; None moves the flattened tensor.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.roll([1, 2, 3, 4], 1).tolist()
    [4, 1, 2, 3]
    """
    x = to_tensor(x)
    if axis is None:
        return reshape(roll(reshape(x, (-1,)), shift, 0), x.shape)
    axes = [axis_of(a, x.ndim, "roll") for a in _listed(axis)]
    shifts = list(_listed(shift))
    if len(shifts) == 1:
        shifts = shifts * len(axes)
    for a, by in zip(axes, shifts, strict=True):
        n = x.shape[a]
        cut = int(by) % n if n else 0
        if cut:
            x = prims.concat(
                sub_slice(x, a, n - cut, n), sub_slice(x, a, 0, n - cut), axis=a
            )
    return x


@op
def tile(x: Any, repeats: Any) -> Tensor:
    """Whole copies of `x`, side by side.

    Args:
        x: Tensor of any shape.
        repeats: Number of copies along each axis; missing ones, at the front, count as 1.

    Returns:
        Tensor, each size times its number.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.tile([1, 2], 2).tolist()
    [1, 2, 1, 2]
    """
    x = to_tensor(x)
    counts = int_shape(repeats, "tile")
    rank = max(x.ndim, len(counts))
    counts = (1,) * (rank - len(counts)) + counts
    sizes = (1,) * (rank - x.ndim) + x.shape
    paired = tuple(d for pair in zip((1,) * rank, sizes, strict=True) for d in pair)
    wide = tuple(d for pair in zip(counts, sizes, strict=True) for d in pair)
    total = tuple(d if c == 1 else c * d for c, d in zip(counts, sizes, strict=True))
    return prims.reshape(
        broadcast_to(prims.reshape(x, shape=paired), wide), shape=total
    )


@op
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element several times in a row.

    Args:
        x: Tensor of any shape.
        repeats: Number of times, or one number for each element along the axis.
        axis: Axis to repeat along; None repeats the elements of the flattened tensor.

    Returns:
        Tensor with the axis made longer.

    Example:

    >>> import minikeras as keras
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
        paired = (*x.shape[: at + 1], 1, *x.shape[at + 1 :])
        wide = (*x.shape[: at + 1], c, *x.shape[at + 1 :])
        spread = broadcast_to(prims.reshape(x, shape=paired), wide)
        return prims.reshape(spread, shape=with_axis(x.shape, at, n * c))
    if len(counts) != n:
        raise ShapeError(
            f"repeat: {len(counts)} numbers in repeats, but axis {axis} of `x` of shape "
            f"{x.shape} has size {n}; expected one number, or one for each element."
        )
    rows = [i for i, c in enumerate(counts) for _ in range(c)]
    return prims.take(x, to_tensor(rows, "int32"), axis=at)


@op
def concatenate(xs: Any, axis: int = 0) -> Tensor:
    """Tensors joined along an axis.

    Args:
        xs: List of tensors that differ in that axis only; they are promoted.
        axis: Axis to join along.

    Returns:
        Tensor, as long along the axis as all of them together.

    Raises:
        ShapeError: If other sizes differ.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.concatenate([[[1, 2]], [[3, 4]]], axis=0).tolist()
    [[1, 2], [3, 4]]
    """
    parts = promote(*xs)
    if not parts:
        raise ValueError(
            "concatenate: got an empty list; expected at least one tensor."
        )
    return prims.concat(*parts, axis=axis_of(axis, parts[0].ndim, "concatenate"))


@op
def append(x1: Any, x2: Any, axis: int | None = None) -> Tensor:
    """`x2` joined to the end of `x1`.

    Args:
        x1: First tensor.
        x2: Tensor to append.
        axis: Axis to join along; None flattens both first.

    Returns:
        Tensor of both.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.append([1, 2], [3, 4]).tolist()
    [1, 2, 3, 4]
    """
    a, b = promote(x1, x2)
    if axis is None:
        return prims.concat(reshape(a, (-1,)), reshape(b, (-1,)), axis=0)
    return prims.concat(a, b, axis=axis_of(axis, a.ndim, "append"))


@op
def stack(x: Any, axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis.

    Args:
        x: List of tensors.
        axis: Where the new axis stands in the result.

    Returns:
        Tensor of one rank more.

    Raises:
        ShapeError: If the shapes differ.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.stack([[1, 2], [3, 4]], axis=1).tolist()
    [[1, 3], [2, 4]]
    """
    parts = promote(*x)
    if not parts:
        raise ValueError("stack: got an empty list; expected at least one tensor.")
    at = axis_of(axis, parts[0].ndim + 1, "stack")
    return prims.concat(*(expand_dims(p, at) for p in parts), axis=at)


@op
def hstack(xs: Any) -> Tensor:
    """Tensors joined along axis 1, or axis 0 if they have one axis.

    Args:
        xs: List of tensors.

    Returns:
        Tensor of them all.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.hstack([[1, 2], [3]]).tolist()
    [1, 2, 3]
    """
    parts = [_at_least(1, p) for p in promote(*xs)]
    return prims.concat(*parts, axis=0 if parts[0].ndim == 1 else 1)


@op
def vstack(xs: Any) -> Tensor:
    """Tensors joined as rows, along axis 0; vectors become rows first.

    Args:
        xs: List of tensors.

    Returns:
        Tensor of them all, of rank 2 or more.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.vstack([[1, 2], [3, 4]]).tolist()
    [[1, 2], [3, 4]]
    """
    return prims.concat(*(_at_least(2, p) for p in promote(*xs)), axis=0)


@op
def dstack(xs: Any) -> Tensor:
    """Tensors joined along axis 2; vectors and matrices get more axes first.

    Args:
        xs: List of tensors.

    Returns:
        Tensor of them all, of rank 3 or more.

    Example:

    >>> import minikeras as keras
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
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
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

    >>> import minikeras as keras
    >>> [p.tolist() for p in keras.ops.split(keras.ops.arange(6), 3)]
    [[0, 1], [2, 3], [4, 5]]
    """
    x = to_tensor(x)
    at = axis_of(axis, x.ndim, "split")
    n = x.shape[at]
    cuts = _cuts(indices_or_sections)
    if isinstance(cuts, int):
        if n % cuts:
            raise ShapeError(
                f"split: axis {axis} of `x` of shape {x.shape} has size {n}, which {cuts} "
                "equal parts do not make. Use array_split, or indices to cut at."
            )
        cuts = [i * (n // cuts) for i in range(1, cuts)]
    return _pieces(x, at, cuts)


def _cuts(value: Any) -> int | list[int]:
    if isinstance(value, (tuple, list)) or getattr(value, "shape", ()):
        return list(int_shape(value, "split"))
    return int(value)


def _pieces(x: Tensor, axis: int, cuts: list[int]) -> list[Tensor]:
    n = x.shape[axis]
    places = [max(n + c, 0) if c < 0 else min(c, n) for c in cuts]
    edges = [0, *places, n]
    return [sub_slice(x, axis, a, max(a, b)) for a, b in itertools.pairwise(edges)]


@op
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """A tensor cut into parts, the first ones longer by one where they must be.

    Args:
        x: Tensor of any shape.
        indices_or_sections: Number of parts, or the indices to cut at.
        axis: Axis to cut along.

    Returns:
        List of tensors.

    Example:

    >>> import minikeras as keras
    >>> [p.tolist() for p in keras.ops.array_split(keras.ops.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    """
    x = to_tensor(x)
    at = axis_of(axis, x.ndim, "array_split")
    cuts = _cuts(indices_or_sections)
    if isinstance(cuts, int):
        size, more = divmod(x.shape[at], cuts)
        cuts = [i * size + min(i, more) for i in range(1, cuts)]
    return _pieces(x, at, cuts)


@op
def hsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """A tensor cut along axis 1, or axis 0 if it has one axis.

    Args:
        x: Tensor of any shape.
        indices_or_sections: Number of equal parts, or the indices to cut at.

    Returns:
        List of tensors.

    Example:

    >>> import minikeras as keras
    >>> [p.tolist() for p in keras.ops.hsplit(keras.ops.array([[1, 2], [3, 4]]), 2)]
    [[[1], [3]], [[2], [4]]]
    """
    x = to_tensor(x)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


@op
def vsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """A tensor cut along axis 0.

    Args:
        x: Tensor of any shape.
        indices_or_sections: Number of equal parts, or the indices to cut at.

    Returns:
        List of tensors.

    Example:

    >>> import minikeras as keras
    >>> [p.tolist() for p in keras.ops.vsplit(keras.ops.array([[1, 2], [3, 4]]), 2)]
    [[[1, 2]], [[3, 4]]]
    """
    return split(x, indices_or_sections, 0)


@op
def dsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """A tensor cut along axis 2.

    Args:
        x: Tensor of rank 3 or more.
        indices_or_sections: Number of equal parts, or the indices to cut at.

    Returns:
        List of tensors.

    Example:

    >>> import minikeras as keras
    >>> [p.tolist() for p in keras.ops.dsplit(keras.ops.array([[[1, 2]]]), 2)]
    [[[[1]]], [[[2]]]]
    """
    return split(x, indices_or_sections, 2)


@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
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

    >>> import minikeras as keras
    >>> [p.tolist() for p in keras.ops.unstack(keras.ops.array([[1, 2], [3, 4]]))]
    [[1, 2], [3, 4]]
    """
    x = to_tensor(x)
    at = axis_of(axis, x.ndim, "unstack")
    count = x.shape[at] if num is None else num
    if isinstance(count, Unknown):
        raise ValueError(
            f"unstack: axis {axis} of `x` of shape {x.shape} is not known; give num=."
        )
    left = x.shape[:at] + x.shape[at + 1 :]
    return [prims.reshape(sub_slice(x, at, i, i + 1), shape=left) for i in range(count)]
