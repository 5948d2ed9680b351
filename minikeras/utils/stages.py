"""The steps of a `Dataset` over host arrays: slicing, gathering, stacking, shuffling."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minikeras.config import floatx
from minikeras.engine import tree
from minikeras.engine.tensor import Tensor, host_array

Array = np.ndarray[Any, Any]


def leaf_array(leaf: Any, dtype: Any = None) -> Any:
    """A leaf as an array; Python floats get the default dtype, integers int32."""
    if isinstance(leaf, Tensor):
        return host_array(leaf.value)
    value = getattr(leaf, "state", None)
    if value is not None:
        return leaf.numpy()
    if dtype is not None and str(dtype) == "string":
        return np.asarray(leaf, object)
    array = np.asarray(leaf) if dtype is None else np.asarray(leaf, str(dtype))
    if dtype is None and not hasattr(leaf, "dtype"):
        small = {"f": floatx(), "i": "int32"}.get(array.dtype.kind)
        array = array if small is None else array.astype(small)
    return array


def arrays_of(element: Any, dtypes: Any = None) -> Any:
    """A structure of arrays: tuples and dicts are structures, a list is one array.

    Args:
        element: What a function gave.
        dtypes: One dtype for all, or a structure of them; None for those that are there.
    """
    if isinstance(element, dict):
        each = dtypes if isinstance(dtypes, dict) else dict.fromkeys(element, dtypes)
        return {key: arrays_of(value, each[key]) for key, value in element.items()}
    if isinstance(element, tuple):
        several = dtypes if isinstance(dtypes, tuple) else (dtypes,) * len(element)
        parts = [arrays_of(v, d) for v, d in zip(element, several, strict=True)]
        return type(element)(*parts) if hasattr(element, "_fields") else tuple(parts)
    if hasattr(element, "as_numpy_iterator"):
        return element  # a data set within one
    return leaf_array(element, dtypes)


def slices_of(tensors: Any) -> tuple[Any, int]:
    """The arrays of a structure, and their number of rows.

    Lists are one array each, as a tuple or a dict is a structure.
    """
    if isinstance(tensors, dict):
        arrays: Any = {key: slices_of(value)[0] for key, value in tensors.items()}
    elif isinstance(tensors, tuple):
        arrays = tuple(slices_of(value)[0] for value in tensors)
    else:
        if hasattr(tensors, "to_numpy"):  # a column or a table of pandas or polars
            tensors = tensors.to_numpy()
        arrays = leaf_array(tensors)
    leaves = tree.flatten(arrays)
    if not leaves or any(leaf.ndim == 0 for leaf in leaves):
        raise ValueError(
            "from_tensor_slices: got a number where rows are sliced; expected arrays with "
            "one axis or more."
        )
    sizes = {len(leaf) for leaf in leaves}
    if len(sizes) > 1:
        raise ValueError(
            f"from_tensor_slices: the arrays have {sorted(sizes)} rows; expected the same "
            "number in each."
        )
    return arrays, sizes.pop()


def rows_at(arrays: Any, rows: Any) -> Any:
    """A row of each array, or several rows."""
    return tree.map_structure(lambda array: array[rows], arrays)


def gathered(
    arrays: Any, order: Iterable[int], size: int, drop_remainder: bool
) -> Iterator[Any]:
    """Batches of rows of arrays."""
    rows = iter(order)
    while chosen := list(itertools.islice(rows, size)):
        if len(chosen) < size and drop_remainder:
            return
        yield rows_at(arrays, chosen)


def batches(elements: Iterator[Any], size: int, drop_remainder: bool) -> Iterator[Any]:
    """Batches of elements, stacked."""
    while group := list(itertools.islice(elements, size)):
        if len(group) < size and drop_remainder:
            return
        yield tree.map_structure(_stack, *group)


def _stack(*leaves: Any) -> Array:
    shapes = {np.shape(leaf) for leaf in leaves}
    if len(shapes) > 1:
        raise ValueError(
            f"Dataset.batch: elements have shapes {sorted(shapes)}; expected one shape. Use "
            "padded_batch, or bring them to one size in map."
        )
    return np.stack(leaves)


def padded(
    elements: Iterator[Any], size: int, shapes: Any, values: Any, drop_remainder: bool
) -> Iterator[Any]:
    """Batches of elements that differ in length."""
    while group := list(itertools.islice(elements, size)):
        if len(group) < size and drop_remainder:
            return
        columns = [tree.flatten(element) for element in group]
        wanted = _per_leaf(group[0], shapes)
        fills = _per_leaf(group[0], values)
        leaves = [
            _pad(list(leaves), shape, fill)
            for leaves, shape, fill in zip(zip(*columns), wanted, fills)
        ]
        yield tree.unflatten(tree.flatten_spec(group[0])[1], leaves)


def _per_leaf(element: Any, given: Any) -> list[Any]:
    count = len(tree.flatten(element))
    if isinstance(element, dict) and isinstance(given, dict):
        return [given[key] for key in sorted(given)]
    if isinstance(element, tuple) and isinstance(given, tuple):
        return list(given)
    return [given] * count


def _pad(leaves: list[Array], shape: Any, fill: Any) -> Array:
    arrays = [np.asarray(leaf) for leaf in leaves]
    longest = [max(sizes) for sizes in zip(*(a.shape for a in arrays))]
    wanted = longest if shape is None else list(shape)
    goal = [
        n if w in (None, -1) else int(w) for w, n in zip(wanted, longest, strict=True)
    ]
    if any(n > g for n, g in zip(longest, goal)):
        raise ValueError(
            f"Dataset.padded_batch: an element has shape {tuple(longest)}; expected none "
            f"beyond {tuple(goal)}."
        )
    out = np.full((len(arrays), *goal), 0 if fill is None else fill, arrays[0].dtype)
    for place, array in zip(out, arrays):
        place[tuple(slice(n) for n in array.shape)] = array
    return out


def shuffled(
    elements: Iterator[Any], size: int, draws: np.random.Generator
) -> Iterator[Any]:
    """Elements drawn from a buffer that is filled again after each."""
    held = list(itertools.islice(elements, max(size, 1)))
    for element in elements:
        place = int(draws.integers(len(held)))
        yield held[place]
        held[place] = element
    for place in draws.permutation(len(held)):
        yield held[place]
