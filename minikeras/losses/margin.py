"""Losses of maximum margin: as functions of each sample and as classes."""

from __future__ import annotations

from typing import Any

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.losses.loss import LossFunctionWrapper
from minikeras.losses.pairs import pair
from minikeras.types import ArrayLike, PolicyLike


def _signs(y_true: Tensor) -> Any:
    """Targets of 0 and 1 as -1 and 1; any other target as it is."""
    binary = ops.all(ops.logical_or(y_true == 0, y_true == 1))
    return ops.where(binary, 2 * y_true - 1, y_true)


def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Mean over the last axis of `max(1 - y_true * y_pred, 0)`.

    Args:
        y_true: Targets of -1 and 1, `(batch, ..., features)`; 0 and 1 are converted.
        y_pred: Predictions of the same shape.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.losses.hinge([[-1.0, 1.0]], [[0.5, 2.0]]).tolist()
    [0.75]
    """
    y_true, y_pred = pair("hinge", y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Mean over the last axis of `max(1 - y_true * y_pred, 0) ** 2`.

    Args:
        y_true: Targets of -1 and 1, `(batch, ..., features)`; 0 and 1 are converted.
        y_pred: Predictions of the same shape.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.losses.squared_hinge([[-1.0, 1.0]], [[0.5, 2.0]]).tolist()
    [1.125]
    """
    y_true, y_pred = pair("squared_hinge", y_true, y_pred)
    return ops.mean(
        ops.square(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), axis=-1
    )


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """`max(1 + best wrong score - right score, 0)` for one-hot targets.

    Args:
        y_true: One-hot targets, `(batch, ..., classes)`.
        y_pred: Scores of the same shape.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.losses.categorical_hinge([[0.0, 1.0, 0.0]], [[0.5, 0.75, 0.25]]).tolist()
    [0.75]
    """
    y_true, y_pred = pair("categorical_hinge", y_true, y_pred)
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


class Hinge(LossFunctionWrapper):
    """Mean of `max(1 - y_true * y_pred, 0)`, targets being -1 and 1 (or 0 and 1).

    Args:
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.Hinge()([[-1.0, 1.0]], [[0.5, 2.0]]))
    0.75
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "hinge",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """Mean of `max(1 - y_true * y_pred, 0) ** 2`.

    Args:
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.SquaredHinge()([[-1.0, 1.0]], [[0.5, 2.0]]))
    1.125
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "squared_hinge",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """`max(1 + best wrong score - right score, 0)` for one-hot targets.

    Args:
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.75]]))
    0.75
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)
