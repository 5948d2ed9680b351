"""`keras.src.losses` and `keras.src.metrics`: helpers of losses and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikeras import ops
from minikeras.losses import reduction as _reduction
from minikeras.losses.loss import LossFunctionWrapper
from minikeras.losses.reduction import apply_mask
from minikeras.losses.reduction import match_ranks as squeeze_or_expand_to_same_rank
from minikeras.metrics.reductions import MeanMetricWrapper
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def standardize_reduction(reduction: str | None) -> None:
    """Nothing, where it is a known reduction.

    Raises:
        ValueError: If it is not.
    """
    _reduction.check_reduction(reduction)


def reduce_values(
    values: ArrayLike,
    sample_weight: ArrayLike | None = None,
    reduction: str = "sum_over_batch_size",
) -> Tensor:
    """One number from values."""
    return _reduction.reduce_values(values, sample_weight, reduction)


def reduce_weighted_values(
    values: ArrayLike,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    reduction: str = "sum_over_batch_size",
    dtype: str | None = None,
) -> Tensor:
    """Mask, weight, then reduce."""
    return _reduction.reduce_weighted_values(
        values, reduction, sample_weight, mask, dtype
    )


def scale_loss_for_distribution(value: object) -> Any:
    """`value`: every process has losses of its own batch."""
    return value


def confusion_matrix(
    labels: ArrayLike,
    predictions: ArrayLike,
    num_classes: int,
    weights: ArrayLike | None = None,
    dtype: str = "int32",
) -> Tensor:
    """How often each true class (rows) was taken for each class (columns)."""
    rows = ops.one_hot(ops.cast(labels, "int32"), num_classes)
    if weights is not None:
        rows = rows * ops.reshape(ops.cast(weights, rows.dtype), (-1, 1))
    columns = ops.one_hot(ops.cast(predictions, "int32"), num_classes)
    return ops.cast(ops.matmul(ops.transpose(rows), columns), dtype)


__all__ = [
    "LossFunctionWrapper",
    "MeanMetricWrapper",
    "apply_mask",
    "confusion_matrix",
    "reduce_values",
    "reduce_weighted_values",
    "scale_loss_for_distribution",
    "squeeze_or_expand_to_same_rank",
    "standardize_reduction",
]
