"""What `adapt` takes: arrays, PyDatasets, Datasets, generators, as batches of host arrays."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minikeras.engine.background import Workers
from minikeras.engine.tensor import Tensor, host_array
from minikeras.types import ArrayLike
from minikeras.variable import Variable

Array = np.ndarray[Any, Any]
_MOMENT = (
    0.002  # seconds: a thread's answer for each single row would cost more than the row
)


def batches(
    data: ArrayLike | Iterable[Any], owner: str, steps: int | None = None
) -> Iterator[Array]:
    """The batches of `data`, each a NumPy array of numbers or strings.

    Args:
        data: An array, a list, a column of a frame (one batch); or what gives batches by
            iteration or by number. Of a batch `(x, y)` the first part counts.
        owner: The layer to name in messages.
        steps: How many batches to take at most.

    Raises:
        TypeError: If it is none of these.
    """
    if steps is not None and steps < 1:
        raise ValueError(f"{owner}: adapt(steps={steps}); expected at least 1.")
    whole = _whole(data)
    return iter((whole,)) if whole is not None else _parts(data, owner, steps)


def gives_batches(data: ArrayLike | Iterable[Any]) -> bool:
    """Whether `data` is a source of batches, rather than one array."""
    return _whole(data) is None


def _whole(data: ArrayLike | Iterable[Any]) -> Array | None:
    """`data` as one array, if it is one."""
    if isinstance(data, (list, tuple)) and is_plain(data):
        return host(data)
    if isinstance(data, (str, bytes, np.ndarray, np.generic, Tensor, Variable)):
        return host(data)
    if hasattr(data, "__array__") or hasattr(data, "to_numpy"):
        return host(data)
    return None


def is_plain(values: ArrayLike) -> bool:
    """Whether a list holds numbers or strings, in lists or not: no arrays."""
    first = values
    while isinstance(first, (list, tuple)):
        if not first:
            return True
        first = first[0]
    return isinstance(first, (str, bytes, int, float, np.generic))


def _parts(data: object, owner: str, steps: int | None) -> Iterator[Array]:
    if hasattr(data, "as_numpy_iterator"):
        items = data.as_numpy_iterator()
    elif hasattr(data, "num_batches") and hasattr(data, "__getitem__"):
        items = map(data.__getitem__, range(data.num_batches))
    elif hasattr(data, "__iter__") and not isinstance(data, dict):
        items = iter(data)
    else:
        raise TypeError(
            f"{owner}: adapt() got {type(data).__name__}; expected an array, a list, or "
            "what gives batches of arrays: a Dataset, a PyDataset, a generator."
        )
    for item in each(items, owner, steps):
        if isinstance(item, (list, tuple)) and item and not is_plain(item):
            item = item[0]
        if isinstance(item, dict) or item is None:
            raise TypeError(
                f"{owner}: adapt() got a batch of type {type(item).__name__}; expected "
                "arrays. Take the feature out first: data.map(lambda x, y: x['name'])."
            )
        yield host(item)


def each(items: Iterable[Any], owner: str, most: int | None = None) -> Iterator[Any]:
    """The items, taken by a thread, those of some moments together: waits have a limit.

    Args:
        items: What gives them.
        owner: The layer to name in messages.
        most: How many to take at most.

    Raises:
        TimeoutError: If one does not come (`background.time_limit`).
    """
    source, workers = itertools.islice(items, most), Workers()
    count = 0

    def take() -> tuple[list[Any], bool]:
        taken, until = [], time.monotonic() + _MOMENT
        for item in source:
            taken.append(item)
            if time.monotonic() > until:
                return taken, True
        return taken, False

    try:
        more = True
        while more:
            job = workers.submit(take, f"{owner}: batch {count} for adapt()")
            taken, more = job.result()
            count += len(taken)
            yield from taken
    finally:
        workers.close(patience=0.0)


def host(value: ArrayLike | Iterable[Any]) -> Array:
    """An array-like as a NumPy array."""
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, Tensor):
        return host_array(value.value)
    if hasattr(value, "to_numpy"):
        return np.asarray(value.to_numpy())
    if hasattr(value, "detach"):  # torch
        value = value.detach().cpu()
    if hasattr(value, "numpy") and not isinstance(value, np.ndarray):
        return np.asarray(value.numpy())
    return np.asarray(value)


def numbers(batch: Array, owner: str) -> Array:
    """A batch, if it holds numbers.

    Raises:
        ValueError: If it does not, or one is NaN.
    """
    if batch.dtype.kind not in "fiub" and batch.dtype.name != "bfloat16":
        raise ValueError(
            f"{owner}: adapt() got values of dtype {batch.dtype}; expected numbers."
        )
    if batch.dtype.kind not in "iub" and batch.size:
        smallest = batch.min()
        if smallest != smallest:
            raise ValueError(
                f"{owner}: adapt() got data with NaN, whose mean and order are not known. "
                "Fill or drop missing values first."
            )
    return batch
