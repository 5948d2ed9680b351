"""Metrics between distributions."""

from __future__ import annotations

from minikeras.losses.crossentropy import (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from minikeras.losses.probabilistic import kl_divergence, poisson
from minikeras.metrics.reductions import MeanMetricWrapper
from minikeras.types import PolicyLike


class KLDivergence(MeanMetricWrapper):
    """Mean of the sums of `y_true * log(y_true / y_pred)`.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.KLDivergence()
    >>> metric.update_state([[0.5, 0.5]], [[0.25, 0.75]])
    >>> float(metric.result())
    0.144
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "kl_divergence",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(kl_divergence, name, dtype)


class Poisson(MeanMetricWrapper):
    """Mean of `y_pred - y_true * log(y_pred)`.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.Poisson()
    >>> metric.update_state([[1.0, 2.0]], [[1.0, 2.0]])
    >>> float(metric.result())
    0.807
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "poisson",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(poisson, name, dtype)


class BinaryCrossentropy(MeanMetricWrapper):
    """Mean of `-y * log(p) - (1 - y) * log(1 - p)`.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.
        from_logits: Whether predictions are logits, not probabilities.
        label_smoothing: How far targets move to a uniform distribution.

    Example:

    >>> metric = keras.metrics.BinaryCrossentropy()
    >>> metric.update_state([[0.0, 1.0]], [[0.5, 0.75]])
    >>> float(metric.result())
    0.490
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: PolicyLike | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            binary_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )


class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean of the sums of `-y * log(p)` over the classes.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.
        from_logits: Whether predictions are logits, not probabilities.
        label_smoothing: How far targets move to a uniform distribution.
        axis: The axis of the classes.

    Example:

    >>> metric = keras.metrics.CategoricalCrossentropy()
    >>> metric.update_state([[0.0, 1.0]], [[0.75, 0.25]])
    >>> float(metric.result())
    1.386
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: PolicyLike | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean of `-log(p[label])`.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.
        from_logits: Whether predictions are logits, not probabilities.
        ignore_class: A label whose entries cost nothing.
        axis: The axis of the classes.

    Example:

    >>> metric = keras.metrics.SparseCategoricalCrossentropy()
    >>> metric.update_state([1, 0], [[0.75, 0.25], [0.5, 0.5]])
    >>> float(metric.result())
    1.040
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: PolicyLike | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
