"""Batches that come ready made: generators, loaders of other libraries, iterables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from minikeras.training.data.adapter import Batch, DataAdapter
from minikeras.training.data.class_weight import ClassWeight, sample_weight_of
from minikeras.training.data.leaves import host_structure, is_array
from minikeras.training.data.packing import unpack_x_y_sample_weight
from minikeras.types import ArrayLike, Nested

# Lengths from here on stand for "no end": what `repeat()` of grain reports.
_ENDLESS = 1 << 62


def standard_batch(
    data: Nested[ArrayLike], class_weight: ClassWeight, source: str
) -> Batch:
    """What a generator or loader yielded, as `(x, y, sample_weight)` of host arrays.

    Raises:
        ValueError: If it is no batch, or holds what is no array.
    """
    # What is inside is looked at once, where it is made an array.
    if not _may_be_batch(data):
        raise ValueError(
            f"{source} gave a batch of type {type(data).__name__}; expected arrays as (x,), "
            "(x, y) or (x, y, sample_weight)."
        )
    x, y, weight = unpack_x_y_sample_weight(data)
    x = host_structure(x, "x")
    y = host_structure(y, "y")
    if class_weight is not None and y is not None:
        if weight is not None:
            raise ValueError(
                f"{source} gives sample_weight and class_weight was passed too; expected one "
                "of the two."
            )
        weight = sample_weight_of(y, class_weight)
    return x, y, host_structure(weight, "sample_weight")


def _may_be_batch(data: object) -> bool:
    if isinstance(data, dict):
        return bool(data)
    return data is None or isinstance(data, (list, tuple)) or is_array(data)


class GeneratorAdapter(DataAdapter):
    """A Python generator or iterator: its batches come once."""

    repeatable = False
    ahead = True
    kind = "the generator"

    def __init__(
        self, generator: Iterable[Any], class_weight: ClassWeight = None
    ) -> None:
        self._generator = iter(generator)
        self._class_weight = class_weight

    def epoch(self) -> Iterator[Batch]:
        """The batches that are left."""
        for data in self._generator:
            yield standard_batch(data, self._class_weight, self.kind)


class IterableAdapter(DataAdapter):
    """Anything that can be iterated again and again.

    PyTorch's `DataLoader`, `tf.data.Dataset`, the datasets and loaders of grain, or an
    object with `__iter__` (and perhaps `__len__`), recognised by what they can do.
    """

    ahead = True

    def __init__(self, iterable: Any, class_weight: ClassWeight = None) -> None:
        self._iterable = iterable
        self._class_weight = class_weight
        self.kind = type(iterable).__name__
        self.divided = bool(getattr(iterable, "_divided", False))
        count = length(iterable)
        self.infinite = count == -1
        self.num_batches = count if count is not None and count >= 0 else None

    def epoch(self) -> Iterator[Batch]:
        """The batches of one pass."""
        # Datasets of `tf.data` and ours give NumPy arrays at once, without tensors
        # between.
        as_numpy = getattr(self._iterable, "as_numpy_iterator", None)
        for data in self._iterable if as_numpy is None else as_numpy():
            yield standard_batch(data, self._class_weight, self.kind)


def length(source: Any) -> int | None:
    """The number of batches where the source knows it; -1 for no end, None for unknown."""
    # tf.data: -1 for no end, -2 for unknown
    cardinality = getattr(source, "cardinality", None)
    try:
        count = int(cardinality()) if cardinality is not None else len(source)
    except TypeError:
        return None
    if count >= _ENDLESS or count == -1:
        return -1
    return count if count >= 0 else None
