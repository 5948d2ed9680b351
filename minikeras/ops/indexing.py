"""Reading at positions: gather, and `x[...]`.

Indices count from the end if negative. One that is beyond the end is moved to the
last element, as raising would need the values, which compiled code does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras.engine import dtypes, prims
from minikeras.engine.aval import Shape, ShapeError, Unknown
from minikeras.engine.tensor import Tensor
from minikeras.ops.core_op import op, to_tensor
from minikeras.ops.shaping import broadcast_to
from minikeras.ops.support import axis_of, cast_to, const, with_axis


def in_range(indices: Any, size: int) -> Tensor:
    """Integer indices, wrapped if negative and clipped to `0 <= i < size`."""
    i = to_tensor(indices)
    if not dtypes.is_integer(i.dtype):
        i = prims.cast(i, dtype="int32")
    if i.dtype in ("int8", "int16", "uint8", "uint16"):
        i = prims.cast(i, dtype="int32")  # they may not be able to hold `size`
    if i.dtype.startswith("int"):
        zero = const(i, 0)
        i = prims.select(prims.lt(i, zero), prims.add(i, const(i, size)), i)
        i = prims.maximum(i, zero)
    return prims.minimum(i, const(i, max(size - 1, 0)))


@op
def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """The elements at indices along an axis.

    Args:
        x: Tensor of any shape.
        indices: Integer tensor of any shape. Negative ones count from the end.
        axis: Axis to take along; None takes from the flattened tensor.

    Returns:
        Tensor: the shape of `indices` stands in the place of the axis.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.take([10, 20, 30], [2, 0]).tolist()
    [30, 10]
    """
    x = to_tensor(x)
    if axis is None:
        x, axis = prims.reshape(x, shape=(x.size,)), 0
    at = axis_of(axis, x.ndim, "take")
    return prims.take(x, in_range(indices, x.shape[at]), axis=at)


@op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """For each place of `indices`, the element of `x` at that index along an axis.

    Args:
        x: Tensor of any shape.
        indices: Integer tensor of the rank of `x`; other sizes are those of `x` or 1.
        axis: Axis to take along; None takes from the flattened tensor.

    Returns:
        Tensor of the shape of `indices`, broadcast.

    Example:

    >>> import minikeras as keras
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
    return prims.take_along_axis(x, in_range(indices, x.shape[at]), axis=at)


@op
def get_item(x: Any, key: Any) -> Tensor:
    """`x[key]`, with NumPy's rules.

    Args:
        x: Tensor of any shape.
        key: Integers, slices, `None`, `...`, integer arrays or tensors, bool masks, or a
            tuple of them. A bool mask works eagerly only, as its result's shape depends
            on its values.

    Returns:
        Tensor.

    Raises:
        ShapeError: If there are more indices than axes, or one is beyond the end.

    Example:

    >>> import minikeras as keras
    >>> keras.ops.get_item(keras.ops.arange(6), slice(1, 5, 2)).tolist()
    [1, 3]
    """
    x = to_tensor(x)
    entries = _entries(key, x)
    arrays = [e for e in entries if isinstance(e, Tensor)]
    plain: list[Any] = []
    advanced: dict[int, Any] = {}
    for e in entries:
        place = sum(not isinstance(p, int) for p in plain)
        if isinstance(e, Tensor) or (arrays and isinstance(e, int)):
            advanced[place] = e
            plain.append(slice(None))
        else:
            plain.append(e)
    x = _basic(x, plain)
    return _advanced(x, advanced) if advanced else x


def _entries(key: Any, x: Tensor) -> list[Any]:
    """The key as one entry for each axis (and each new one), masks as integers."""
    parts = list(key) if isinstance(key, tuple) else [key]
    entries: list[Any] = []
    for part in parts:
        plain = part is None or part is Ellipsis or isinstance(part, (slice, int))
        if plain and not isinstance(part, bool):
            entries.append(part)
        else:
            entries.extend(_index_arrays(part))
    used = sum(e is not None and e is not Ellipsis for e in entries)
    if used > x.ndim:
        raise ShapeError(
            f"get_item: {used} indices for `x` of shape {x.shape}; expected at most {x.ndim}."
        )
    gap = [slice(None)] * (x.ndim - used)
    dots = [i for i, e in enumerate(entries) if e is Ellipsis]
    if len(dots) > 1:
        raise ShapeError("get_item: more than one `...` in the key; expected one.")
    if not dots:
        return entries + gap
    return entries[: dots[0]] + gap + entries[dots[0] + 1 :]


def _index_arrays(part: Any) -> list[Any]:
    tensor = to_tensor(part)
    if tensor.dtype == "bool":
        found = tensor.numpy().nonzero()
        return [to_tensor(i.astype("int32")) for i in found]
    if not dtypes.is_integer(tensor.dtype):
        raise ShapeError(
            f"get_item: an index is of dtype {tensor.dtype}; expected integers, slices, "
            "None, `...` or a bool mask."
        )
    if tensor.ndim == 0 and not tensor.staged:
        return [int(tensor)]
    return [tensor]


def _basic(x: Tensor, entries: Sequence[Any]) -> Tensor:
    """Integers, slices and new axes."""
    starts, stops, steps, shape = [], [], [], []
    axis = 0
    for e in entries:
        if e is None:
            shape.append(1)
            continue
        size = x.shape[axis]
        axis += 1
        if isinstance(e, int):
            start = _checked(e, size, axis - 1, x.shape)
            stop, step = start + 1, 1
        elif e == slice(None):
            start, stop, step = 0, size, 1
            shape.append(size)
        else:
            start, stop, step = e.indices(size)
            shape.append(len(range(start, stop, step)))
            if not shape[-1]:
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
    return x if x.shape == tuple(shape) else prims.reshape(x, shape=tuple(shape))


def _checked(index: int, size: int, axis: int, shape: Shape) -> int:
    if not -size <= index < size:
        raise ShapeError(
            f"get_item: index {index} is beyond axis {axis} of `x` of shape {shape}; "
            f"expected {-size} <= index < {size}."
        )
    return index + size if index < 0 else index


def _advanced(x: Tensor, indices: dict[int, Any]) -> Tensor:
    """Integer arrays at the axes that are the keys of `indices`."""
    axes = list(indices)
    arrays = [in_range(i, x.shape[a]) for a, i in indices.items()]
    if len(axes) == 1:
        return prims.take(x, arrays[0], axis=axes[0])
    dtype = dtypes.result_type(*(a.dtype for a in arrays))
    shape = _broadcast(arrays)
    columns = [
        prims.reshape(broadcast_to(cast_to(a, dtype), shape), shape=(*shape, 1))
        for a in arrays
    ]
    rest = [a for a in range(x.ndim) if a not in axes]
    moved = prims.transpose(x, perm=(*axes, *rest))
    found = prims.gather_nd(moved, prims.concat(*columns, axis=len(shape)))
    if axes != list(range(axes[0], axes[0] + len(axes))) or axes[0] == 0:
        return found
    # Indices side by side: their axes stand where the first one stood.
    n, before = len(shape), axes[0]
    perm = (*range(n, n + before), *range(n), *range(n + before, found.ndim))
    return prims.transpose(found, perm=perm)


def _broadcast(arrays: Sequence[Tensor]) -> Shape:
    rank = max(a.ndim for a in arrays)
    shape = (1,) * rank
    for a in arrays:
        padded = (1,) * (rank - a.ndim) + a.shape
        shape = tuple(
            max(p, s) if 1 in (p, s) else s for p, s in zip(padded, shape, strict=True)
        )
    return shape
