"""Elements of a Dataset: NumPy arrays in tuples and dicts; strings as arrays of objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minikeras.engine import tree
from minikeras.engine.frames import frame_array, is_frame
from minikeras.engine.strings import StringArray, as_strings
from minikeras.engine.tensor import Tensor, from_numpy, host_array
from minikeras.training.data.rows import Rows, is_sparse
from minikeras.variable import Variable


@dataclass(frozen=True)
class TensorSpec:
    """Shape, with None for what differs, and dtype of a part of the elements."""

    shape: tuple[int | None, ...]
    dtype: str


class Elements:
    """An iterator over elements, with the names that TensorFlow's has besides."""

    def __init__(self, elements: Iterator[Any]) -> None:
        self._elements = elements

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._elements)

    next = get_next = __next__


def scalars(element: object) -> Any:
    """An element with NumPy's scalars in place of arrays without axes."""
    return tree.map_structure(_scalar, element)


def _scalar(leaf: Any) -> Any:
    plain = isinstance(leaf, np.ndarray) and not leaf.shape
    return leaf[()] if plain and leaf.dtype != object else leaf


def to_host(value: object) -> Any:
    """A value as an element: tuples and dicts stay, everything else becomes an array.

    Python's ints become int32 and its floats float32, also in lists; strings become a
    `StringArray`.
    """
    if isinstance(value, tuple):
        parts = [to_host(v) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, dict):
        return {k: to_host(v) for k, v in value.items()}
    return _leaf(value)


def _leaf(value: Any) -> Any:
    if value is None or isinstance(value, Rows):
        return value
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, Tensor):
        return host_array(value.value)
    if is_frame(value):
        return frame_array(value, "the table")
    if is_sparse(value):
        return np.asarray(value.toarray())
    if hasattr(value, "detach"):  # torch
        value = value.detach().cpu()
    if isinstance(value, list):
        value = [_leaf(v) if not isinstance(v, (int, float, str)) else v for v in value]
    array = np.asarray(value)
    # Python numbers become 32 bits, as in TensorFlow; arrays keep the width they came
    # with.
    if not hasattr(value, "dtype") and array.dtype.name in ("int64", "float64"):
        plain = all(not hasattr(v, "dtype") for v in tree.flatten(value))
        return array.astype(f"{array.dtype.name[:-2]}32") if plain else array
    if array.dtype.kind in "US":
        return as_strings(array)
    return array.view(StringArray) if array.dtype.kind in "OT" else array


def to_public(element: object) -> Any:
    """What iteration shows: tensors, and `StringArray`s for strings."""
    return tree.map_structure(_shown, element)


def _shown(leaf: object) -> Any:
    # A window's parts are Datasets, and stay so.
    plain = not isinstance(leaf, np.ndarray | np.generic) or leaf.dtype.kind in "OT"
    return leaf if plain else from_numpy(leaf)


def stack(elements: Sequence[Any]) -> Any:
    """Elements as one batch.

    Raises:
        ValueError: If their shapes differ.
    """
    if not isinstance(elements[0], (tuple, dict)):
        return _stacked(elements)
    return tree.map_structure(lambda *leaves: _stacked(leaves), *elements)


def _stacked(leaves: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    if leaves[0] is None:
        return None
    try:
        stacked = np.stack(leaves)
    except ValueError:
        shapes = sorted({tuple(np.shape(leaf)) for leaf in leaves})
        raise ValueError(
            f"Dataset.batch: elements of shapes {', '.join(map(str, shapes))} make no batch; "
            "expected equal shapes. Pad them first (padded_batch does)."
        ) from None
    return stacked.view(StringArray) if stacked.dtype.kind in "OT" else stacked


def _shapes_of(shapes: object) -> list[Any]:
    """The shapes of a structure of shapes, flat."""
    if shapes is None:
        return []
    if isinstance(shapes, dict):
        return [s for key in sorted(shapes) for s in _shapes_of(shapes[key])]
    if isinstance(shapes, tuple) and any(
        isinstance(s, (list, tuple, dict)) for s in shapes
    ):
        return [s for part in shapes for s in _shapes_of(part)]
    return [shapes]


def _padded_shape(longest: Sequence[Any], wanted: Any) -> tuple[int, ...]:
    if wanted is None:
        return tuple(longest)
    pairs = zip(longest, wanted, strict=True)
    shape = tuple(int(a if b is None or b == -1 else b) for a, b in pairs)
    if any(a > b for a, b in zip(longest, shape, strict=True)):
        raise ValueError(
            f"Dataset.padded_batch: an element of shape {tuple(map(int, longest))} is longer "
            f"than padded_shapes={wanted}."
        )
    return shape


def stack_padded(elements: Sequence[Any], value: Any, shapes: object = None) -> Any:
    """Elements as one batch, filled up to the longest along each axis.

    Args:
        elements: The elements.
        value: What to fill up with; None: 0, and "" for strings.
        shapes: For each part of an element the shape to fill up to, with None or -1 for
            the longest; or None.

    Raises:
        ValueError: If an element is longer than its part's shape.
    """
    wanted = iter(_shapes_of(shapes))

    def pad(*leaves: Any) -> np.ndarray[Any, Any]:
        longest = np.max([leaf.shape for leaf in leaves], axis=0)
        shape = _padded_shape(longest, next(wanted, None))
        fill = value if value is not None else "" if leaves[0].dtype.kind in "OT" else 0
        out = np.full((len(leaves), *shape), fill, leaves[0].dtype)
        for i, leaf in enumerate(leaves):
            where: Any = (i, *map(slice, leaf.shape))
            out[where] = leaf
        return out.view(StringArray) if out.dtype.kind in "OT" else out

    return tree.map_structure(pad, *elements)


def row(leaf: Any, number: int) -> Any:
    """A row of an array; strings stay arrays."""
    if leaf is None or leaf.dtype.kind not in "OT":
        return None if leaf is None else leaf[number]
    # A slice, since one element of an array of objects would be a bare `str`.
    return leaf[number : number + 1].reshape(leaf.shape[1:])


def rows(element: object) -> list[Any]:
    """The rows of a batch as elements."""
    leaves, spec = tree.flatten_spec(element)
    sizes = {len(leaf) for leaf in leaves if leaf is not None}
    if len(sizes) != 1:
        raise ValueError(
            f"Dataset.unbatch: parts with {sorted(sizes)} rows; expected as many in each."
        )
    return [
        tree.unflatten(spec, [row(a, i) for a in leaves]) for i in range(sizes.pop())
    ]


def spec_of(element: object, batched: bool) -> Any:
    """The `TensorSpec`s of an element."""

    def spec(leaf: Any) -> TensorSpec:
        shape: tuple[int | None, ...] = tuple(np.shape(leaf))
        dtype = "string" if leaf.dtype.kind in "OT" else leaf.dtype.name
        return TensorSpec((None, *shape[1:]) if batched and shape else shape, dtype)

    return tree.map_structure(spec, element)


def called(function: Callable[..., Any], element: object) -> Any:
    """`function` of an element as users see it; a tuple's parts are its arguments."""
    public = to_public(element)
    return function(*public) if isinstance(public, tuple) else function(public)
