"""Metrics of maximum margin."""

from __future__ import annotations

from minikeras.losses.margin import categorical_hinge, hinge, squared_hinge
from minikeras.metrics.reductions import MeanMetricWrapper
from minikeras.types import PolicyLike


class Hinge(MeanMetricWrapper):
    """Mean of `max(1 - y_true * y_pred, 0)`, targets being -1 and 1 (or 0 and 1).

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.Hinge()
    >>> metric.update_state([[-1.0, 1.0]], [[0.5, 2.0]])
    >>> float(metric.result())
    0.75
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "hinge",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """Mean of `max(1 - y_true * y_pred, 0) ** 2`.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.SquaredHinge()
    >>> metric.update_state([[-1.0, 1.0]], [[0.5, 2.0]])
    >>> float(metric.result())
    1.125
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "squared_hinge",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """Mean of `max(1 + best wrong score - right score, 0)`.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.CategoricalHinge()
    >>> metric.update_state([[0.0, 1.0]], [[0.5, 0.75]])
    >>> float(metric.result())
    0.75
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "categorical_hinge",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(categorical_hinge, name, dtype)
