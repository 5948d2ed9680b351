"""`tf.data`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from minikeras.engine.strings import as_strings
from minikeras.engine.tensor import Tensor
from minikeras.training.data.dataset import Dataset
from minikeras.training.data.dataset.base import INFINITE, UNKNOWN

AUTOTUNE = -1
INFINITE_CARDINALITY = INFINITE
UNKNOWN_CARDINALITY = UNKNOWN


class Options:
    """Takes any option and does nothing with it."""

    def __getattr__(self, name: str) -> Options:
        made = Options()
        object.__setattr__(self, name, made)
        return made


class AutoShardPolicy:
    """Names of ways to divide data among processes, which mean nothing here."""

    AUTO, FILE, DATA, HINT, OFF = 0, 1, 2, 3, -1


def TextLineDataset(
    filenames: object,
    compression_type: str | None = None,
    buffer_size: int | None = None,
    num_parallel_reads: int | None = None,
    name: str | None = None,
) -> Dataset:
    """The lines of files, as strings without their ends."""
    if compression_type:
        raise ValueError(
            f"tf.data.TextLineDataset: compression_type={compression_type!r}; expected none."
        )
    paths = [str(path) for path in as_strings(filenames).ravel()]

    def items() -> Iterator[Any]:
        for path in paths:
            with open(os.fspath(path), encoding="utf-8") as file:
                for line in file:
                    yield as_strings(line.rstrip("\r\n"))

    return Dataset(items)


sample_from_datasets = Dataset.sample_from_datasets
choose_from_datasets = Dataset.choose_from_datasets


def get_single_element(dataset: Dataset, name: str | None = None) -> Any:
    """The element of a Dataset that has one.

    Raises:
        ValueError: If it has none, or more.
    """
    found = list(dataset.take(2))
    if len(found) != 1:
        raise ValueError(
            f"tf.data.get_single_element: {dataset!r} has not one element."
        )
    return found[0]


def cardinality(dataset: Dataset) -> Tensor:
    """The number of elements; -1 where there is no end, -2 where nobody knows."""
    return dataset.cardinality()


__all__ = [
    "AUTOTUNE",
    "AutoShardPolicy",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "Dataset",
    "Options",
    "TextLineDataset",
    "cardinality",
    "choose_from_datasets",
    "get_single_element",
    "sample_from_datasets",
]
