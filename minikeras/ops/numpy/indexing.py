"""Reading at positions: gather, and `x[...]`.

Indices count from the end if negative. One that is beyond the end is moved to the
last element, as raising would need the values, which compiled code does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import Shape, ShapeError, Unknown, broadcast_shapes
from minikeras.engine.prims.reduce import index_dtype
from minikeras.engine.tensor import Tensor, TraceError
from minikeras.ops.numpy.shaping import broadcast_to
from minikeras.ops.op import op, to_tensor
from minikeras.ops.support import (
    axis_of,
    cast_to,
    const,
    index,
    known,
    numeric,
    with_axis,
)
from minikeras.types import ArrayLike

__all__ = ["take", "take_along_axis", "get_item", "unravel_index"]

_KEYS = "integers, slices, None, `...`, integer arrays or a bool mask"


class OutOfRange(ShapeError, IndexError):
    """An index beyond the end of its axis, or more indices than axes."""


def wrapped(indices: ArrayLike, size: int, op: str) -> Tensor:
    """Integer indices, those from -size to -1 counted from the end."""
    i = index(indices, op)
    # Unsigned indices have nothing to wrap.
    if i.dtype.startswith("int"):
        i = prims.select(prims.lt(i, const(i, 0)), prims.add(i, const(i, size)), i)
    return i


def in_range(indices: ArrayLike, size: int, op: str) -> Tensor:
    """Integer indices, wrapped if negative and clipped to `0 <= i < size`."""
    i = wrapped(indices, size, op)
    if i.dtype.startswith("int"):
        i = prims.maximum(i, const(i, 0))
    return prims.minimum(i, const(i, max(size - 1, 0)))


@op
def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """The elements at indices along an axis.

    Args:
        x: Tensor of any shape.
        indices: Integer tensor of any shape. Negative ones count from the end.
        axis: Axis to take along; None takes from the flattened tensor.

    Returns:
        Tensor: the shape of `indices` stands in the place of the axis. An index out of
        range gives NaN (of integers the lowest, of unsigned ones the highest), and has
        no gradient.

    Example:

    >>> keras.ops.take([10, 20, 30], [2, 0]).tolist()
    [30, 10]
    """
    x = to_tensor(x)
    if axis is None:
        x, axis = prims.reshape(x, shape=(x.size,)), 0
    at = axis_of(axis, x.ndim, "take")
    i = to_tensor(indices)
    # Keras takes bools for 0 and 1 here, though nowhere else.
    i = cast_to(i, "int32") if i.dtype == "bool" else i
    return prims.take(x, wrapped(i, x.shape[at], "take"), axis=at)


@op
def take_along_axis(x: Tensor, indices: Any, axis: int | None = None) -> Tensor:
    """For each place of `indices`, the element of `x` at that index along an axis.

    Args:
        x: Tensor of any shape.
        indices: Integer tensor of the rank of `x`; other sizes are those of `x` or 1.
        axis: Axis to take along; None takes from the flattened tensor.

    Returns:
        Tensor of the shape of `indices`, broadcast. An index out of range gives NaN, as
        in `take`.

    Example:

    >>> keras.ops.take_along_axis([[3, 1, 2]], [[1, 2, 0]], axis=1).tolist()
    [[1, 2, 3]]
    """
    x, indices = to_tensor(x), to_tensor(indices)
    if axis is None:
        x, indices = (prims.reshape(v, shape=(v.size,)) for v in (x, indices))
        axis = 0
    at = axis_of(axis, x.ndim, "take_along_axis")
    if indices.ndim == x.ndim and not isinstance(x.shape[at], Unknown):
        target = with_axis(x.shape, at, indices.shape[at])
        wide = tuple(
            max(a, b) if 1 in (a, b) else a
            for a, b in zip(target, indices.shape, strict=True)
        )
        indices = broadcast_to(indices, wide)
        x = broadcast_to(x, with_axis(wide, at, x.shape[at]))
    i = wrapped(indices, x.shape[at], "take_along_axis")
    return prims.take_along_axis(x, i, axis=at)


@op
def get_item(x: ArrayLike, key: ArrayLike) -> Tensor:
    """`x[key]`, with NumPy's rules.

    Args:
        x: Tensor of any shape.
        key: Integers, slices, `None`, `...`, integer arrays or tensors, bool masks, or a
            tuple of them. A bool mask works eagerly only, as its result's shape depends
            on its values.

    Returns:
        Tensor. A slice of an axis of unknown size has unknown size.

    Raises:
        ShapeError: If there are more indices than axes or an integer is beyond the end
            (both are IndexErrors too), or if the key holds something else.

    Example:

    >>> keras.ops.get_item(keras.ops.arange(6), slice(1, 5, 2)).tolist()
    [1, 3]
    """
    x = to_tensor(x)
    entries = _entries(key, x)
    arrays = any(isinstance(e, Tensor) for e in entries)
    plain: list[Any] = []
    advanced: dict[int, Any] = {}
    axis = before = 0
    for e in entries:
        # Only an empty `...` is left here: it tells that arrays stand on both of its
        # sides.
        if e is Ellipsis:
            before = len(advanced)
            continue
        place = sum(not isinstance(p, int) for p in plain)
        if isinstance(e, int):
            e = _checked(e, axis, x.shape)
        # Beside arrays an integer is an array too, as in NumPy; alone it cuts.
        if isinstance(e, Tensor) or (arrays and isinstance(e, int)):
            advanced[place] = e
            plain.append(slice(None))
        else:
            plain.append(e)
        axis += e is not None
    x = _basic(x, plain)
    if not advanced:
        return x
    return _advanced(x, advanced, apart=0 < before < len(advanced))


def _entries(key: ArrayLike, x: Tensor) -> list[Any]:
    """The key as one entry for each axis (and each new one), masks as integers."""
    parts = [_entry(part) for part in (key if isinstance(key, tuple) else (key,))]
    used = sum(map(_width, parts))
    if used > x.ndim:
        raise OutOfRange(
            f"get_item: {used} indices for `x` of shape {x.shape}; expected at most {x.ndim}."
        )
    # An empty `...` still parts the arrays on its sides.
    gap: list[Any] = [slice(None)] * (x.ndim - used) or [Ellipsis]
    dots = [i for i, e in enumerate(parts) if e is Ellipsis]
    if len(dots) > 1:
        raise ShapeError("get_item: more than one `...` in the key; expected one.")
    at = dots[0] if dots else len(parts)
    entries: list[Any] = []
    axis = 0
    for part in (*parts[:at], *gap, *parts[at + 1 :]):
        if isinstance(part, Tensor) and part.dtype == "bool":
            entries.extend(_true_places(part, axis, x.shape))
        else:
            entries.append(part)
        axis += _width(part)
    return entries


def _width(entry: object) -> int:
    """How many axes of `x` an entry takes."""
    if isinstance(entry, Tensor) and entry.dtype == "bool":
        return entry.ndim
    return int(entry is not None and entry is not Ellipsis)


def _entry(part: Any) -> Any:
    """One part of a key: None, `...`, a slice, an integer, or a Tensor of indices."""
    if part is None or part is Ellipsis or isinstance(part, (slice, int)):
        if not isinstance(part, bool):
            return part
    if isinstance(part, list) and not part:
        return to_tensor(part, "int32")
    if isinstance(part, (str, bytes, float)):
        raise ShapeError(f"get_item: an index is {part!r}; expected {_KEYS}.")
    tensor = to_tensor(part)
    if not dtypes.is_integer(tensor.dtype) and (
        tensor.dtype != "bool" or not tensor.ndim
    ):
        raise ShapeError(
            f"get_item: an index has dtype {tensor.dtype} and shape {tensor.shape}; "
            f"expected {_KEYS}."
        )
    # A number that is known is an index like Python's, and its range can be checked.
    if tensor.ndim == 0 and not tensor.staged:
        return int(tensor)
    return tensor


def _true_places(mask: Tensor, axis: int, shape: Shape) -> list[Tensor]:
    """A bool mask as the indices, for each of its axes, of what is true."""
    known(mask, "get_item with a bool mask", "ops.where(mask, x, 0)")
    part = shape[axis : axis + mask.ndim]
    if any(a != b for a, b in zip(mask.shape, part) if not isinstance(b, Unknown)):
        raise OutOfRange(
            f"get_item: a bool mask of shape {mask.shape} at axis {axis} of `x` of shape "
            f"{shape}; expected shape {part}."
        )
    dtype = index_dtype(max(mask.shape))
    return [to_tensor(i.astype(dtype)) for i in mask.numpy().nonzero()]


def _basic(x: Tensor, entries: Sequence[Any]) -> Tensor:
    """Integers (from the front), slices and new axes."""
    starts, stops, steps, shape = [], [], [], []
    axis = 0
    for e in entries:
        if e is None:
            shape.append(1)
            continue
        size = x.shape[axis]
        axis += 1
        if isinstance(e, int):
            start, stop, step = e, e + 1, 1
        elif e == slice(None):
            start, stop, step = 0, size, 1
            shape.append(size)
        else:
            start, stop, step = _bounds(e, axis - 1, x.shape)
            length = len(range(start, stop, step))
            # How much there is of an axis of unknown size, or up to one, is unknown too.
            sizes = size, e.start, e.stop, e.step
            unknown = any(isinstance(n, Unknown) for n in sizes)
            shape.append(Unknown(length) if unknown else length)
            if not length:
                stop = start if step > 0 else stop
                start = stop if step < 0 else start
        starts.append(start)
        stops.append(stop)
        steps.append(step)
    whole = all(
        (a, s) == (0, 1) and b == d
        for a, b, s, d in zip(starts, stops, steps, x.shape, strict=True)
    )
    if not whole:
        x = prims.slice(x, starts=tuple(starts), stops=tuple(stops), steps=tuple(steps))
    same = x.shape == tuple(shape) and not any(isinstance(d, Unknown) for d in shape)
    return x if same else prims.reshape(x, shape=tuple(shape))


def _bounds(part: slice, axis: int, shape: Shape) -> tuple[int, int, int]:
    try:
        return part.indices(shape[axis])
    except TraceError:
        raise
    except (TypeError, ValueError) as error:
        raise ShapeError(
            f"get_item: {part} at axis {axis} of `x` of shape {shape}: {error}."
        ) from None


def _checked(index: int, axis: int, shape: Shape) -> int:
    """An integer index, counted from the front."""
    size = shape[axis]
    # A probe's size says nothing about the range: any index is let through.
    if isinstance(size, Unknown):
        return max(0, min(index if index >= 0 else index + size, size - 1))
    if not -size <= index < size:
        raise OutOfRange(
            f"get_item: index {index} is beyond axis {axis} of `x` of shape {shape}; "
            f"expected {-size} <= index < {size}."
        )
    return index + size if index < 0 else index


def _advanced(x: Tensor, indices: dict[int, Any], apart: bool) -> Tensor:
    """Integer arrays at the axes that are the keys of `indices`.

    Their own axes come where the first of them stood; or in front, if they do not stand
    side by side, or an empty `...` is between them (`apart`).
    """
    axes = list(indices)
    arrays = [in_range(i, x.shape[a], "get_item") for a, i in indices.items()]
    # The common case needs no transpose and no rows of indices.
    if len(axes) == 1:
        return prims.take(x, arrays[0], axis=axes[0])
    dtype = dtypes.result_type(*(a.dtype for a in arrays))
    shape = broadcast_shapes(*(a.shape for a in arrays), op="get_item")
    columns = [
        prims.reshape(broadcast_to(cast_to(a, dtype), shape), shape=(*shape, 1))
        for a in arrays
    ]
    rest = [a for a in range(x.ndim) if a not in axes]
    # The indexed axes in front, where `gather_nd` reads them as one row of indices
    # each.
    moved = prims.transpose(x, perm=(*axes, *rest))
    found = prims.gather_nd(moved, prims.concat(*columns, axis=len(shape)))
    # NumPy's rule: with something between the arrays, their axes come first.
    if apart or axes != list(range(axes[0], axes[0] + len(axes))) or axes[0] == 0:
        return found
    # Indices side by side: their axes stand where the first one stood.
    n, before = len(shape), axes[0]
    perm = (*range(n, n + before), *range(n), *range(n + before, found.ndim))
    return prims.transpose(found, perm=perm)


@op
def unravel_index(indices: ArrayLike, shape: Shape) -> tuple[Tensor, ...]:
    """Flat indices as one index for each axis.

    Args:
        indices: Integer tensor of flat indices, in row-major order.
        shape: Shape that they are indices into.

    Returns:
        Tuple of integer tensors of the shape of `indices`.

    Example:

    >>> [i.tolist() for i in keras.ops.unravel_index(keras.ops.array([5, 1]), (2, 3))]
    [[1, 0], [2, 1]]
    """
    flat = numeric(indices)
    result = []
    for size in reversed(shape):
        d = const(flat, int(size))
        result.append(prims.mod(flat, d))
        flat = prims.floordiv(flat, d)
    return tuple(reversed(result))
