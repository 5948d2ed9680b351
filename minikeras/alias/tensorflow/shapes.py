"""Functions of `tf` that move, join, pick and multiply."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minikeras import ops
from minikeras.alias.tensorflow.rows import functions, of_strings
from minikeras.alias.tensorflow.values import Size, Sizes, TensorShape, texts
from minikeras.engine.tensor import Tensor
from minikeras.types import ArrayLike, Axis, DTypeLike, ShapeLike

if TYPE_CHECKING:
    from minikeras.engine.aval import Shape


_FUNCTIONS = functions(
    {
        "broadcast_to": "broadcast_to:input shape",
        "concat": "concatenate:values axis",
        "expand_dims": "expand_dims:input axis",
        "meshgrid": "meshgrid:x y",
        "repeat": "repeat:input repeats axis=None",
        "reshape": "reshape:tensor shape",
        "reverse": "flip:tensor axis",
        "roll": "roll:input shift axis",
        "searchsorted": "searchsorted:sorted_sequence values side='left'",
        "squeeze": "squeeze:input axis=None",
        "stack": "stack:values axis=0",
        "stop_gradient": "stop_gradient:input",
        "tensordot": "tensordot:a b axes",
        "tile": "tile:input multiples",
        "transpose": "transpose:a perm=None",
    }
)
globals().update(_FUNCTIONS)


def argsort(
    values: ArrayLike, axis: int = -1, direction: str = "ASCENDING", stable: bool = True
) -> Tensor:
    """The order that sorts."""
    values = ops.convert_to_tensor(values)
    return ops.argsort(-values if _down(direction) else values, axis)


def sort(values: ArrayLike, axis: int = -1, direction: str = "ASCENDING") -> Tensor:
    """Values in order."""
    found = ops.sort(values, axis)
    return ops.flip(found, axis) if _down(direction) else found


def _down(direction: str) -> bool:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(
            f'tf.sort: direction={direction!r}; expected "ASCENDING" or "DESCENDING".'
        )
    return direction == "DESCENDING"


def boolean_mask(tensor: ArrayLike, mask: ArrayLike, axis: int | None = None) -> Any:
    """The rows where `mask` is true; not inside compiled functions."""
    if of_strings(tensor):
        return texts(texts(tensor)[np.asarray(mask)])
    rows = ops.nonzero(mask)
    if len(rows) > 1:
        return ops.convert_to_tensor(tensor)[tuple(rows)]
    return ops.take(tensor, rows[0], axis=axis or 0)


def clip_by_value(
    t: ArrayLike,
    clip_value_min: ArrayLike,
    clip_value_max: ArrayLike,
    name: str | None = None,
) -> Tensor:
    """Values brought between two bounds."""
    return ops.clip(t, clip_value_min, clip_value_max)


def clip_by_norm(
    t: ArrayLike, clip_norm: float, axes: Axis = None, name: str | None = None
) -> Tensor:
    """`t`, made as short as `clip_norm` where it is longer."""
    t = ops.convert_to_tensor(t)
    length = ops.sqrt(ops.sum(ops.square(t), axes, keepdims=True))
    return t * clip_norm / ops.maximum(length, clip_norm)


def clip_by_global_norm(
    t_list: Sequence[Any],
    clip_norm: float,
    use_norm: ArrayLike | None = None,
    name: str | None = None,
) -> tuple[list[Any], Any]:
    """Several tensors, made as short as `clip_norm` together, and their length before."""
    length = global_norm(t_list) if use_norm is None else use_norm
    factor = clip_norm / ops.maximum(length, clip_norm)
    return [None if t is None else t * factor for t in t_list], length


def global_norm(t_list: Sequence[Any], name: str | None = None) -> Tensor:
    """The length of several tensors as one vector."""
    return ops.sqrt(sum(ops.sum(ops.square(t)) for t in t_list if t is not None))


def einsum(equation: str, *inputs: Any, **options: object) -> Tensor:
    """Sums of products, as the equation says."""
    return ops.einsum(equation, *inputs)


def gather(
    params: ArrayLike,
    indices: ArrayLike,
    validate_indices: object = None,
    axis: int | None = None,
    batch_dims: int = 0,
    name: str | None = None,
) -> Any:
    """Slices of `params` at `indices` along `axis`, 0 by default.

    Args:
        params: `(*batch, ...)`.
        indices: `(*batch, ...)`.
        validate_indices: Accepted and ignored.
        axis: By default the first one behind the batch axes.
        batch_dims: How many leading axes both have in common: 0, or 1 with `axis` 1.
        name: Accepted and ignored.
    """
    axis = batch_dims if axis is None else axis
    if of_strings(params):
        return texts(np.take(texts(params), np.asarray(indices), axis))
    if batch_dims == 0:
        return ops.take(params, indices, axis=axis)
    if batch_dims != 1 or axis != 1:
        raise ValueError(
            f"tf.gather: batch_dims={batch_dims} with axis={axis}; expected 1 with 1, or 0."
        )
    params, indices = ops.convert_to_tensor(params), ops.convert_to_tensor(indices)
    rows = ops.arange(params.shape[0])
    rows = ops.reshape(rows, (-1, *[1] * (len(indices.shape) - 1)))
    return params[rows, indices]


def gather_nd(
    params: ArrayLike, indices: ArrayLike, batch_dims: int = 0, name: str | None = None
) -> Tensor:
    """The entries of `params` at index tuples, the last axis of `indices`."""
    if batch_dims:
        raise ValueError(f"tf.gather_nd: batch_dims={batch_dims}; expected 0.")
    indices = ops.convert_to_tensor(indices)
    places = tuple(indices[..., i] for i in range(indices.shape[-1]))
    return ops.convert_to_tensor(params)[places]


def identity(input: ArrayLike, name: str | None = None) -> Tensor:
    """The tensor itself, or a variable's value."""
    return ops.convert_to_tensor(input) + 0


def matmul(
    a: ArrayLike,
    b: ArrayLike,
    transpose_a: bool = False,
    transpose_b: bool = False,
    name: str | None = None,
) -> Tensor:
    """Products of matrices."""
    a = ops.swapaxes(a, -1, -2) if transpose_a else a
    b = ops.swapaxes(b, -1, -2) if transpose_b else b
    return ops.matmul(a, b)


def pad(
    tensor: ArrayLike,
    paddings: Any,
    mode: str = "CONSTANT",
    constant_values: ArrayLike = 0,
    name: str | None = None,
) -> Tensor:
    """Borders of a constant, or of reflected values."""
    kind = mode.lower()
    pairs = [tuple(int(n) for n in pair) for pair in paddings]
    if kind == "constant":
        return ops.pad(tensor, pairs, kind, constant_values)
    return ops.pad(tensor, pairs, kind)


def size(
    input: ArrayLike, out_type: DTypeLike | None = None, name: str | None = None
) -> Size | None:
    """The number of elements; None where a size is unknown."""
    sizes: tuple[Any, ...] = ops.shape(input)
    return None if None in sizes else Size(math.prod(sizes))


def rank(input: ArrayLike, name: str | None = None) -> Size:
    """The number of axes."""
    return Size(len(ops.shape(input)))


def split(
    value: Any,
    num_or_size_splits: int | Sequence[int],
    axis: int = 0,
    num: int | None = None,
    name: str | None = None,
) -> list[Any]:
    """Equal parts, or parts of the sizes given (one may be -1)."""
    if isinstance(num_or_size_splits, int):
        return list(ops.split(value, num_or_size_splits, axis))
    sizes = [int(size) for size in num_or_size_splits]
    whole = int(value.shape[axis])
    sizes = [whole - sum(sizes) - 1 if size == -1 else size for size in sizes]
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    return list(ops.split(value, ends, axis))


def unstack(
    value: ArrayLike, num: int | None = None, axis: int = 0, name: str | None = None
) -> list[Any]:
    """The slices along an axis, as a list."""
    return list(ops.unstack(value, num, axis))


def where(
    condition: ArrayLike,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    name: str | None = None,
) -> Any:
    """One of two, element by element; index rows of the true ones for a condition alone."""
    if x is None and y is None:
        return ops.stack(ops.nonzero(condition), axis=-1)
    if of_strings(x):
        return texts(np.where(np.asarray(condition), texts(x), texts(y)))
    return ops.where(condition, x, y)


def norm(
    tensor: ArrayLike,
    ord: object = "euclidean",
    axis: Axis = None,
    keepdims: bool = False,
    name: str | None = None,
) -> Tensor:
    """The length of vectors."""
    if axis is None:
        tensor, axis = ops.reshape(tensor, (-1,)), None if keepdims else 0
    kind = 2 if ord == "euclidean" else ord
    return ops.norm(tensor, None if axis is None else kind, axis, keepdims)


def tensor_scatter_nd_update(
    tensor: ArrayLike, indices: ArrayLike, updates: ArrayLike
) -> Tensor:
    """`tensor` with other values at index tuples."""
    return ops.scatter_update(tensor, indices, updates)


def tensor_scatter_nd_add(
    tensor: ArrayLike, indices: ArrayLike, updates: ArrayLike, name: str | None = None
) -> Tensor:
    """`tensor` with values added at index tuples."""
    tensor = ops.convert_to_tensor(tensor)
    return tensor + ops.cast(ops.scatter(indices, updates, tensor.shape), tensor.dtype)


def tensor_scatter_nd_sub(
    tensor: ArrayLike, indices: ArrayLike, updates: ArrayLike, name: str | None = None
) -> Tensor:
    """`tensor` with values taken off at index tuples."""
    return tensor_scatter_nd_add(tensor, indices, ops.negative(updates))


def slice(
    input_: ArrayLike,
    begin: Sequence[int],
    size: Sequence[int],
    name: str | None = None,
) -> Any:
    """The part of a size, from a corner on; a size of -1 means all that is left."""
    input_ = ops.convert_to_tensor(input_)
    starts = [int(n) for n in begin]
    ends = [
        have if int(n) == -1 else at + int(n)
        for have, at, n in zip(input_.shape, starts, size, strict=True)
    ]
    return input_[tuple(map(builtins.slice, starts, ends))]


def strided_slice(
    input_: ArrayLike, begin: Any, end: Any, strides: Any = None, **options: object
) -> Tensor:
    """What Python's slices from `begin` to `end` give."""
    steps = [1] * len(begin) if strides is None else [int(n) for n in strides]
    bounds = [[int(n) for n in side] for side in (begin, end)]
    return ops.convert_to_tensor(input_)[tuple(map(builtins.slice, *bounds, steps))]


def unravel_index(indices: ArrayLike, dims: Any, name: str | None = None) -> Tensor:
    """The index tuples `(axes, indices)` of numbers of elements."""
    return ops.stack(ops.unravel_index(indices, tuple(int(n) for n in dims)))


def shape(
    input: ArrayLike, out_type: DTypeLike | None = None, name: str | None = None
) -> Sizes:
    """The sizes, which are known; they compute as TensorFlow's tensor of them does.

    Args:
        input: A tensor.
        out_type: Accepted and ignored.
        name: Accepted and ignored.
    """
    return Sizes(ops.shape(input))


def ensure_shape(x: ArrayLike, shape: Shape, name: str | None = None) -> Any:
    """`x`, where it has this shape; None means any size.

    Raises:
        ValueError: If it has another.
    """
    TensorShape(ops.shape(x)).assert_is_compatible_with(shape)
    return x


def unique(x: ArrayLike, out_idx: object = "int32", name: str | None = None) -> Unique:
    """The different values of a vector as they first come, and which of them each is."""
    return Unique(*unique_with_counts(x)[:2])


def unique_with_counts(
    x: ArrayLike, out_idx: object = "int32", name: str | None = None
) -> UniqueWithCounts:
    """`unique`, and how often each value is there."""
    strings = of_strings(x)
    array = texts(x) if strings else np.asarray(ops.convert_to_tensor(x))
    found, first, which, counts = np.unique(array, True, True, True)
    order = np.argsort(first)
    rank = np.argsort(order)
    values = found[order]
    return UniqueWithCounts(
        texts(values) if strings else ops.convert_to_tensor(values),
        ops.convert_to_tensor(rank[which.ravel()].astype("int32")),
        ops.convert_to_tensor(counts[order].astype("int32")),
    )


class Unique(NamedTuple):
    """Different values, and which of them each is."""

    y: Any
    idx: Any


class UniqueWithCounts(NamedTuple):
    """Different values, which of them each is, and how often each is there."""

    y: Any
    idx: Any
    count: Any


def scatter_nd(indices: ArrayLike, updates: ArrayLike, shape: ShapeLike) -> Tensor:
    """Zeros, with values added at index tuples."""
    return ops.scatter(indices, updates, shape)


__all__ = [
    *_FUNCTIONS, "argsort", "boolean_mask", "clip_by_global_norm", "clip_by_norm",
    "clip_by_value", "einsum", "ensure_shape", "gather", "gather_nd", "global_norm",
    "identity", "matmul",
    "norm", "pad", "rank", "scatter_nd", "shape", "size", "slice", "sort", "split", "strided_slice",
    "tensor_scatter_nd_add", "tensor_scatter_nd_sub", "tensor_scatter_nd_update", "unique",
    "unique_with_counts", "unravel_index", "unstack", "where",
]  # fmt: skip
