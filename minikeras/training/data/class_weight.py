"""class_weight: one weight a class, made one weight a sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minikeras.engine import dtypes, tree
from minikeras.training.data.leaves import Array


def sample_weight_of(y: Any, class_weight: Mapping[int, float]) -> Array:
    """The weight of each sample's class; 1 for a class that is not named.

    Args:
        y: Labels `(samples,)`, `(samples, 1)` or one-hot `(samples, classes)`.
        class_weight: Weights by class number.

    Returns:
        `(samples,)` of `floatx()`.

    Raises:
        ValueError: If there are several targets, or the keys are no class numbers.

    Example:
        >>> sample_weight_of(np.array([0, 1, 1]), {0: 2.0}).tolist()
        [2.0, 1.0, 1.0]
    """
    leaves = tree.flatten(y)
    if len(leaves) != 1 or leaves[0] is None:
        raise ValueError(
            f"class_weight works for models with one target; y has {len(leaves)}. Pass "
            "sample_weight, one array for each output, instead."
        )
    if not isinstance(class_weight, Mapping) or not all(
        isinstance(k, (int, np.integer)) and k >= 0 for k in class_weight
    ):
        raise ValueError(
            f"class_weight={class_weight!r}; expected a dict from class number to weight, "
            "such as {0: 1.0, 1: 3.0}."
        )
    labels = leaves[0]
    if labels.ndim > 1 and labels.shape[-1] > 1:
        labels = labels.argmax(axis=-1)
    elif labels.ndim > 1:
        labels = labels[..., 0]
    labels = np.round(labels).astype(np.int64)
    table = np.ones(max([*class_weight, int(labels.max(initial=0))]) + 1)
    for number, weight in class_weight.items():
        table[number] = weight
    floatx = dtypes.numpy_dtype(dtypes.floatx())
    # A label below 0 is none of the classes (losses may be told to ignore it).
    return np.where(labels >= 0, table[np.maximum(labels, 0)], 1.0).astype(floatx)
