"""How often predictions are right: functions that give one value for each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras import ops, settings
from minikeras.losses.pairs import pair
from minikeras.losses.reduction import match_ranks
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """1 where targets and predictions are equal, else 0."""
    y_true, y_pred = pair("accuracy", y_true, y_pred)
    return ops.cast(ops.equal(y_true, y_pred), settings.floatx())


def binary_accuracy(y_true: Tensor, y_pred: Tensor, threshold: float = 0.5) -> Tensor:
    """1 where `y_pred > threshold` tells the target of 0 or 1, else 0.

    Args:
        y_true: Targets, `(batch, ...)`.
        y_pred: Predictions of the same shape.
        threshold: Above it, class 1 is meant.

    Returns:
        Values of the same shape.

    Example:

    >>> keras.metrics.binary_accuracy([[1], [0]], [[0.6], [0.7]]).tolist()
    [[1.0], [0.0]]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true)
    y_true, y_pred = match_ranks(y_true, y_pred)
    positive = ops.cast(ops.greater(y_pred, threshold), y_true.dtype)
    return ops.cast(ops.equal(y_true, positive), settings.floatx())


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """1 where the largest prediction is that of the one-hot target, else 0.

    Args:
        y_true: One-hot targets, `(batch, ..., classes)`.
        y_pred: Scores of the same shape.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.metrics.categorical_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.3, 0.7]]).tolist()
    [1.0, 0.0]
    """
    labels = ops.argmax(ops.convert_to_tensor(y_true), axis=-1)
    guesses = ops.argmax(ops.convert_to_tensor(y_pred), axis=-1)
    return ops.cast(ops.equal(labels, guesses), settings.floatx())


def sparse_categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """1 where the largest prediction is that of the label, else 0.

    Args:
        y_true: Class indices, `(batch, ...)` or `(batch, ..., 1)`.
        y_pred: Scores, `(batch, ..., classes)`.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.metrics.sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.3, 0.7]]).tolist()
    [1.0, 0.0]
    """
    y_true = ops.convert_to_tensor(y_true)
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = _labels(y_true, y_pred)
    guesses = ops.cast(ops.argmax(y_pred, axis=-1), y_true.dtype)
    return ops.cast(ops.equal(y_true, guesses), settings.floatx())


def _labels(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Labels without a last axis of size 1 that the predictions' rank shows to be extra."""
    if y_true.ndim == y_pred.ndim and y_true.ndim > 0 and y_true.shape[-1] == 1:
        return ops.squeeze(y_true, -1)
    return y_true


def top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5
) -> Tensor:
    """1 where the one-hot target is among the `k` largest predictions, else 0.

    Args:
        y_true: One-hot targets, `(batch, ..., classes)`.
        y_pred: Scores of the same shape.
        k: How many guesses there are.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.metrics.top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.7, 0.2]], k=2).tolist()
    [1.0]
    """
    labels = ops.argmax(ops.convert_to_tensor(y_true), axis=-1)
    return _in_top_k(labels, ops.convert_to_tensor(y_pred), k)


def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """1 where the label is among the `k` largest predictions, else 0.

    Args:
        y_true: Class indices, `(batch, ...)`.
        y_pred: Scores, `(batch, ..., classes)`; or class indices, the best first.
        k: How many guesses there are.
        from_sorted_ids: Whether `y_pred` are indices.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.metrics.sparse_top_k_categorical_accuracy([2], [[0.1, 0.7, 0.2]], k=2).tolist()
    [1.0]
    """
    y_true = ops.convert_to_tensor(y_true)
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = _labels(y_true, y_pred)
    if not from_sorted_ids:
        return _in_top_k(y_true, y_pred, k)
    first = y_pred[..., :k]
    found = ops.any(
        ops.equal(ops.expand_dims(ops.cast(y_true, first.dtype), -1), first), -1
    )
    return ops.cast(found, settings.floatx())


def _in_top_k(labels: Any, y_pred: Tensor, k: int) -> Tensor:
    shape = labels.shape
    rows = ops.reshape(y_pred, (-1, y_pred.shape[-1]))
    found = ops.in_top_k(ops.cast(ops.reshape(labels, (-1,)), "int32"), rows, k=k)
    return ops.cast(ops.reshape(found, shape), settings.floatx())
