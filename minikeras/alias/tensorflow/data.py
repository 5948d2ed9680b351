"""`tf.data`."""

from __future__ import annotations

from typing import Any

from minikeras.training.data.dataset import INFINITE, UNKNOWN, Dataset

AUTOTUNE = -1
INFINITE_CARDINALITY = INFINITE
UNKNOWN_CARDINALITY = UNKNOWN


class Options:
    """Takes any option and does nothing with it."""


def cardinality(dataset: Dataset) -> Any:
    """The number of elements; -1 where there is no end, -2 where nobody knows."""
    return dataset.cardinality()


__all__ = [
    "AUTOTUNE",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "Dataset",
    "Options",
    "cardinality",
]
