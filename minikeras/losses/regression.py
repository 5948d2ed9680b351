"""Losses of regression: as functions of each sample and as classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minikeras import ops, settings
from minikeras.losses.loss import LossFunctionWrapper
from minikeras.losses.pairs import float_pair, pair
from minikeras.types import ArrayLike, PolicyLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Mean over the last axis of `(y_true - y_pred) ** 2`.

    Args:
        y_true: Targets, `(batch, ..., features)`.
        y_pred: Predictions of the same shape.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.losses.mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
    [2.5]
    """
    y_true, y_pred = pair("mean_squared_error", y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Mean over the last axis of `|y_true - y_pred|`.

    Args:
        y_true: Targets, `(batch, ..., features)`.
        y_pred: Predictions of the same shape.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.losses.mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
    [1.5]
    """
    y_true, y_pred = pair("mean_absolute_error", y_true, y_pred)
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """Mean over the last axis of `100 * |y_true - y_pred| / |y_true|`.

    Targets nearer to 0 than `epsilon()` count as `epsilon()` in the divisor.

    Args:
        y_true: Targets, `(batch, ..., features)`.
        y_pred: Predictions of the same shape.

    Returns:
        Values of shape `(batch, ...)`, in percent.

    Example:

    >>> keras.losses.mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]]).tolist()
    [25.0]
    """
    y_true, y_pred = float_pair("mean_absolute_percentage_error", y_true, y_pred)
    size = ops.maximum(ops.abs(y_true), settings.epsilon())
    return 100.0 * ops.mean(ops.abs((y_true - y_pred) / size), axis=-1)


def mean_squared_logarithmic_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Mean over the last axis of `(log(1 + y_true) - log(1 + y_pred)) ** 2`.

    Values below `epsilon()` count as `epsilon()`.

    Args:
        y_true: Targets, `(batch, ..., features)`.
        y_pred: Predictions of the same shape.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.losses.mean_squared_logarithmic_error([[0.0, 1.0]], [[0.0, 3.0]]).tolist()
    [0.240]
    """
    y_true, y_pred = float_pair("mean_squared_logarithmic_error", y_true, y_pred)
    first = ops.log(ops.maximum(y_pred, settings.epsilon()) + 1.0)
    second = ops.log(ops.maximum(y_true, settings.epsilon()) + 1.0)
    return ops.mean(ops.square(first - second), axis=-1)


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> Tensor:
    """Squared error near the target, absolute error far from it.

    `0.5 * e ** 2` where `|e| <= delta`, else `delta * |e| - 0.5 * delta ** 2`, with
    `e = y_true - y_pred`; the mean over the last axis.

    Args:
        y_true: Targets, `(batch, ..., features)`.
        y_pred: Predictions of the same shape.
        delta: Where the quadratic part ends.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.losses.huber([[0.0, 0.0]], [[0.5, 3.0]]).tolist()
    [1.3125]

    Reference: Huber (1964), Robust Estimation of a Location Parameter.
    """
    y_true, y_pred = float_pair("huber", y_true, y_pred)
    size = ops.abs(y_true - y_pred)
    near = 0.5 * ops.square(size)
    far = delta * size - 0.5 * delta * delta
    return ops.mean(ops.where(size <= delta, near, far), axis=-1)


def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Mean over the last axis of `log(cosh(y_pred - y_true))`.

    About `e ** 2 / 2` for small errors and `|e| - log(2)` for large ones.

    Args:
        y_true: Targets, `(batch, ..., features)`.
        y_pred: Predictions of the same shape.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.losses.log_cosh([[0.0, 0.0]], [[1.0, 100.0]]).tolist()
    [49.870]
    """
    y_true, y_pred = float_pair("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    # cosh(e) = (exp(e) + exp(-e)) / 2, kept in logarithms so that large e do not overflow
    return ops.mean(ops.logaddexp(error, -error) - math.log(2.0), axis=-1)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Any:
    """Minus the cosine of the angle between targets and predictions.

    -1 for equal directions, 0 for orthogonal ones or a zero vector, 1 for opposite ones.

    Args:
        y_true: Targets, `(batch, ..., features)`.
        y_pred: Predictions of the same shape.
        axis: The axis of the vectors.

    Returns:
        Values without `axis`.

    Example:

    >>> keras.losses.cosine_similarity([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [2.0, 2.0]])
    <Tensor shape=(2,) dtype=float32 [-0. -1.]>
    """
    y_true, y_pred = float_pair("cosine_similarity", y_true, y_pred)
    y_true = ops.normalize(y_true, axis=axis)
    y_pred = ops.normalize(y_pred, axis=axis)
    return -ops.sum(y_true * y_pred, axis=axis)


class MeanSquaredError(LossFunctionWrapper):
    """Mean of `(y_true - y_pred) ** 2`.

    Args:
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.MeanSquaredError()([[0.0, 1.0], [2.0, 4.0]], [[1.0, 1.0], [1.0, 4.0]]))
    0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """Mean of `|y_true - y_pred|`.

    Args:
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.MeanAbsoluteError()([[0.0, 1.0], [2.0, 4.0]], [[1.0, 1.0], [1.0, 4.0]]))
    0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """Mean of `100 * |y_true - y_pred| / |y_true|`.

    Args:
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> loss = keras.losses.MeanAbsolutePercentageError()
    >>> float(loss([[2.0, 4.0]], [[1.0, 4.0]]))
    25.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """Mean of `(log(1 + y_true) - log(1 + y_pred)) ** 2`.

    Args:
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> loss = keras.losses.MeanSquaredLogarithmicError()
    >>> float(loss([[0.0, 1.0]], [[0.0, 3.0]]))
    0.240
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine of the angle between targets and predictions.

    Args:
        axis: The axis of the vectors.
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> loss = keras.losses.CosineSimilarity()
    >>> float(loss([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [2.0, 2.0]]))
    -0.5
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(LossFunctionWrapper):
    """Squared error near the target, absolute error far from it; see `huber`.

    Args:
        delta: Where the quadratic part ends.
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.Huber()([[0.0, 0.0]], [[0.5, 3.0]]))
    1.3125

    Reference: Huber (1964), Robust Estimation of a Location Parameter.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(LossFunctionWrapper):
    """Mean of `log(cosh(y_pred - y_true))`.

    Args:
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.LogCosh()([[0.0, 0.0]], [[1.0, 100.0]]))
    49.870
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)
