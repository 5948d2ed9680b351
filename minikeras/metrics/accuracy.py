"""Accuracies: how often predictions are right."""

from __future__ import annotations

from minikeras.metrics.accuracy_functions import (
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from minikeras.metrics.reductions import MeanMetricWrapper
from minikeras.types import PolicyLike


class Accuracy(MeanMetricWrapper):
    """How often predictions equal targets.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.Accuracy()
    >>> metric.update_state([1, 2, 3, 4], [0, 2, 3, 4])
    >>> float(metric.result())
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        name: str | None = "accuracy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often `y_pred > threshold` tells targets of 0 and 1.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.
        threshold: Above it, class 1 is meant.

    Example:

    >>> metric = keras.metrics.BinaryAccuracy()
    >>> metric.update_state([1, 1, 0, 0], [0.98, 1, 0, 0.6])
    >>> float(metric.result())
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        name: str | None = "binary_accuracy",
        dtype: PolicyLike | None = None,
        threshold: float = 0.5,
    ) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction is that of the one-hot target.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.CategoricalAccuracy()
    >>> metric.update_state([[0, 1], [1, 0]], [[0.1, 0.9], [0.3, 0.7]])
    >>> float(metric.result())
    0.5
    """

    _direction = "up"

    def __init__(
        self,
        name: str | None = "categorical_accuracy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction is that of the label.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.SparseCategoricalAccuracy()
    >>> metric.update_state([1, 0], [[0.1, 0.9], [0.3, 0.7]])
    >>> float(metric.result())
    0.5
    """

    _direction = "up"

    def __init__(
        self,
        name: str | None = "sparse_categorical_accuracy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the one-hot target is among the `k` largest predictions.

    Args:
        k: How many guesses there are.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.TopKCategoricalAccuracy()
    >>> metric.update_state([[0, 0, 1]], [[0.1, 0.7, 0.2]])
    >>> float(metric.result())
    1.0
    """

    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "top_k_categorical_accuracy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the label is among the `k` largest predictions.

    Args:
        k: How many guesses there are.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.
        from_sorted_ids: Whether predictions are class indices, the best first.

    Example:

    >>> metric = keras.metrics.SparseTopKCategoricalAccuracy()
    >>> metric.update_state([2], [[0.1, 0.7, 0.2]])
    >>> float(metric.result())
    1.0
    """

    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: PolicyLike | None = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            sparse_top_k_categorical_accuracy,
            name,
            dtype,
            k=k,
            from_sorted_ids=from_sorted_ids,
        )
        self.k = k
        self.from_sorted_ids = from_sorted_ids
