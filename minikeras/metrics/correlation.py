"""How far predictions and targets vary together."""

from __future__ import annotations

from typing import Any

from minikeras import ops, settings
from minikeras.engine.tensor import Tensor
from minikeras.losses.pairs import float_pair
from minikeras.metrics.reductions import MeanMetricWrapper
from minikeras.types import ArrayLike, PolicyLike


def pearson_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Tensor:
    """`cov(y_true, y_pred) / (std(y_true) * std(y_pred))`.

    Args:
        y_true: Targets, `(batch, ..., features)`.
        y_pred: Predictions of the same shape.
        axis: The axis that the covariance is over.

    Returns:
        Values without `axis`, in `[-1, 1]`; NaN where one side is constant.

    Example:

    >>> keras.metrics.pearson_correlation([[0, 1, 2]], [[0.0, 2.0, 1.0]]).tolist()
    [0.5]
    """
    y_true, y_pred = float_pair("pearson_correlation", y_true, y_pred)
    guess = (y_pred - ops.mean(y_pred, axis, keepdims=True)) / ops.std(
        y_pred, axis, keepdims=True
    )
    truth = (y_true - ops.mean(y_true, axis, keepdims=True)) / ops.std(
        y_true, axis, keepdims=True
    )
    return ops.mean(guess * truth, axis)


def concordance_correlation(
    y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1
) -> Any:
    """`2 * cov / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred)) ** 2)`.

    Unlike Pearson's, it falls when scale or mean differ.

    Args:
        y_true: Targets, `(batch, ..., features)`.
        y_pred: Predictions of the same shape.
        axis: The axis that the covariance is over.

    Returns:
        Values without `axis`, in `[-1, 1]`.

    Example:

    >>> keras.metrics.concordance_correlation([[0, 1, 2]], [[1.0, 2.0, 3.0]]).tolist()
    [0.571]

    Reference: Lin (1989), A Concordance Correlation Coefficient to Evaluate
    Reproducibility, equation 1.
    """
    y_true, y_pred = float_pair("concordance_correlation", y_true, y_pred)
    truth = y_true - ops.mean(y_true, axis, keepdims=True)
    guess = y_pred - ops.mean(y_pred, axis, keepdims=True)
    covariance = ops.mean(truth * guess, axis)
    spread = ops.mean(ops.square(truth), axis) + ops.mean(ops.square(guess), axis)
    shift = ops.square(ops.mean(y_true, axis) - ops.mean(y_pred, axis))
    return 2.0 * covariance / (spread + shift + settings.epsilon())


class PearsonCorrelation(MeanMetricWrapper):
    """Mean of the correlation coefficients of the samples.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.
        axis: The axis that the covariance is over.

    Example:

    >>> metric = keras.metrics.PearsonCorrelation()
    >>> metric.update_state([[0, 1, 2]], [[0.0, 2.0, 1.0]])
    >>> float(metric.result())
    0.5
    """

    _direction = "up"

    def __init__(
        self,
        name: str | None = "pearson_correlation",
        dtype: PolicyLike | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean of Lin's concordance of the samples.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.
        axis: The axis that the covariance is over.

    Example:

    >>> metric = keras.metrics.ConcordanceCorrelation()
    >>> metric.update_state([[0, 1, 2]], [[1.0, 2.0, 3.0]])
    >>> float(metric.result())
    0.571

    Reference: Lin (1989), A Concordance Correlation Coefficient to Evaluate
    Reproducibility, equation 1.
    """

    _direction = "up"

    def __init__(
        self,
        name: str | None = "concordance_correlation",
        dtype: PolicyLike | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
