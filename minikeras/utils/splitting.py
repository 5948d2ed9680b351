"""A dataset cut in two."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from minikeras.engine import tree
from minikeras.training.data.dataset import Dataset
from minikeras.training.data.dataset.elements import to_host
from minikeras.training.data.leaves import is_array
from minikeras.utils.directories import new_seed


def split_dataset(
    dataset: object,
    left_size: float | int | None = None,
    right_size: float | int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """The first and the last elements of a dataset as two.

    Args:
        dataset: An array, a list or tuple of arrays of equal length, or anything that can
            be iterated, such as a Dataset or a PyTorch Dataset; it is read to its end.
        left_size: How many elements the first one has, or which fraction.
        right_size: How many the second one has, or which fraction. One of the two may be
            left out: it is then the rest.
        shuffle: Whether to shuffle before.
        seed: For the shuffling.
        preferred_backend: Keras's; a `keras.utils.Dataset` in any case.

    Returns:
        Two `keras.utils.Dataset`s.

    Raises:
        TypeError: If it is no dataset, or a size is no number.
        ValueError: If the sizes do not fit.

    Example:
        >>> left, right = keras.utils.split_dataset(np.arange(10), left_size=0.7)
        >>> len(left), [x.item() for x in right]
        (7, [7, 8, 9])
    """
    elements = _elements(dataset)
    left, right = _sizes(len(elements), left_size, right_size)
    order = list(range(len(elements)))
    if shuffle:
        generator = np.random.PCG64(new_seed() if seed is None else seed)
        order = np.argsort(generator.random_raw(len(order)), kind="stable").tolist()
    parts = order[:left], order[len(order) - right :]
    return (
        _picked(elements, parts[0]),
        _picked(elements, parts[1]),
    )


def _picked(elements: list[Any], rows: list[int]) -> Dataset:
    return Dataset(lambda: iter([elements[i] for i in rows]), len(rows))


def _elements(dataset: object) -> list[Any]:
    """All elements, as NumPy arrays."""
    if isinstance(dataset, Dataset):
        if dataset.cardinality() == -1:
            raise ValueError(
                "split_dataset: the dataset has no end; expected a finite one."
            )
        return list(dataset.as_numpy_iterator())
    if isinstance(dataset, (dict, str, bytes)):
        raise TypeError(
            f"split_dataset: dataset is a {type(dataset).__name__}; expected arrays, in a list "
            "or tuple for several, or a Dataset."
        )
    if isinstance(dataset, (list, tuple)):
        for i, leaf in enumerate(tree.flatten(dataset)):
            if not is_array(leaf):
                raise ValueError(
                    f"split_dataset: number {i} is a {type(leaf).__name__}; expected arrays of "
                    "equal length."
                )
        return list(Dataset.from_tensor_slices(tuple(dataset)).as_numpy_iterator())
    if is_array(dataset):
        return list(Dataset.from_tensor_slices(dataset).as_numpy_iterator())
    if hasattr(dataset, "as_numpy_iterator"):
        return list(dataset.as_numpy_iterator())
    if hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):
        return [to_host(_tuple(dataset[i])) for i in range(len(dataset))]
    if hasattr(dataset, "__iter__"):
        return [to_host(_tuple(e)) for e in itertools.chain(dataset)]
    raise TypeError(
        f"split_dataset: dataset is a {type(dataset).__name__}; expected arrays, in a list or "
        "tuple for several, or a Dataset."
    )


def _tuple(element: object) -> Any:
    return tuple(element) if isinstance(element, list) else element


def _sizes(total: int, left: object, right: object) -> tuple[int, int]:
    """How many elements are left and right.

    Raises:
        TypeError, ValueError: If the sizes are no numbers, or do not fit.
    """
    if left is None and right is None:
        raise ValueError(
            "split_dataset: left_size and right_size are both None; expected one of them."
        )
    counts: list[int | None] = []
    for name, size in (("left_size", left), ("right_size", right)):
        if size is None:
            counts.append(None)
            continue
        if isinstance(size, bool) or not isinstance(size, (int, float)):
            raise TypeError(
                f"split_dataset: {name}={size!r}; expected an int, a float or None."
            )
        whole = isinstance(size, int)
        if size <= 0 or (whole and size >= total) or (not whole and size >= 1):
            raise ValueError(
                f"split_dataset: {name}={size} of {total} elements; expected an integer from 1 "
                f"to {total - 1}, or a float between 0 and 1."
            )
        counts.append(int(size) if whole else round(size * total))
    if isinstance(left, float) and isinstance(right, float) and left + right > 1:
        raise ValueError(
            f"split_dataset: left_size + right_size = {left + right}; expected at most 1."
        )
    first = (
        total - counts[1] if counts[0] is None and counts[1] is not None else counts[0]
    )
    second = (
        total - counts[0] if counts[1] is None and counts[0] is not None else counts[1]
    )
    assert first is not None and second is not None
    if first + second > total or not first or not second:
        raise ValueError(
            f"split_dataset: {first} and {second} of {total} elements; expected at least one "
            "on each side, and no more than there are."
        )
    return first, second
