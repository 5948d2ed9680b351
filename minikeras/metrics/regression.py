"""Metrics of regression that are means of a loss function."""

from __future__ import annotations

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.losses.pairs import float_pair, pair
from minikeras.losses.regression import (
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from minikeras.metrics.reductions import Mean, MeanMetricWrapper
from minikeras.types import ArrayLike, PolicyLike


class MeanSquaredError(MeanMetricWrapper):
    """Mean of `(y_true - y_pred) ** 2`.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.MeanSquaredError()
    >>> metric.update_state([[0.0, 1.0], [2.0, 4.0]], [[1.0, 1.0], [1.0, 4.0]])
    >>> float(metric.result())
    0.5
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "mean_squared_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """Mean of `|y_true - y_pred|`.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.MeanAbsoluteError()
    >>> metric.update_state([[0.0, 1.0], [2.0, 4.0]], [[1.0, 1.0], [1.0, 4.0]])
    >>> float(metric.result())
    0.5
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "mean_absolute_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """Mean of `100 * |y_true - y_pred| / |y_true|`.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.MeanAbsolutePercentageError()
    >>> metric.update_state([[2.0, 4.0]], [[1.0, 4.0]])
    >>> float(metric.result())
    25.0
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "mean_absolute_percentage_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """Mean of `(log(1 + y_true) - log(1 + y_pred)) ** 2`.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.MeanSquaredLogarithmicError()
    >>> metric.update_state([[0.0, 1.0]], [[0.0, 3.0]])
    >>> float(metric.result())
    0.240
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "mean_squared_logarithmic_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """Mean of `log(cosh(y_pred - y_true))`.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.LogCoshError()
    >>> metric.update_state([[0.0, 0.0]], [[1.0, 100.0]])
    >>> float(metric.result())
    49.870
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "logcosh",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(log_cosh, name, dtype)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Tensor:
    """The cosine of the angle between targets and predictions."""
    y_true, y_pred = float_pair("cosine_similarity", y_true, y_pred)
    y_true = ops.normalize(y_true, axis=axis)
    y_pred = ops.normalize(y_pred, axis=axis)
    return ops.sum(y_true * y_pred, axis=axis)


class CosineSimilarity(MeanMetricWrapper):
    """Mean of the cosine of the angle between targets and predictions.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.
        axis: The axis of the vectors.

    Example:

    >>> metric = keras.metrics.CosineSimilarity()
    >>> metric.update_state([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [2.0, 2.0]])
    >>> float(metric.result())
    0.5
    """

    _direction = "up"

    def __init__(
        self,
        name: str | None = "cosine_similarity",
        dtype: PolicyLike | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


class RootMeanSquaredError(Mean):
    """The root of the mean of `(y_true - y_pred) ** 2`.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.RootMeanSquaredError()
    >>> metric.update_state([[0.0, 1.0]], [[3.0, 5.0]])
    >>> float(metric.result())
    3.535
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "root_mean_squared_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)

    def update_state(  # type: ignore[override]  # no targets
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        """Take in one batch of targets and predictions."""
        y_true, y_pred = pair("root_mean_squared_error", y_true, y_pred)
        super().update_state(ops.square(y_pred - y_true), sample_weight)

    def result(self) -> Tensor:
        return ops.sqrt(super().result())
