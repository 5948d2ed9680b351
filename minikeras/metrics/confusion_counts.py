"""True and false positives and negatives at many thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikeras import naming, ops
from minikeras.engine.aval import ShapeError
from minikeras.losses.reduction import align, match_ranks
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


# What top_k gives predictions that are not among the k best.
NEG_INF = -1e10

KINDS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def parse_thresholds(thresholds: Any, default: float = 0.5) -> list[float]:
    """One threshold, several or None as a list.

    Raises:
        ValueError: If one is not in `[0, 1]`.
    """
    if thresholds is None:
        return [default]
    listed = list(thresholds) if isinstance(thresholds, (list, tuple)) else [thresholds]
    bad = [t for t in listed if t is None or not 0 <= t <= 1]
    if bad:
        raise ValueError(
            f"thresholds={naming.shown(thresholds)}; expected numbers in [0, 1]."
        )
    return listed


def is_even(thresholds: Sequence[float]) -> bool:
    """Whether thresholds are `i / (n - 1)`, the ends maybe a little outside of [0, 1]."""
    gaps = len(thresholds) - 1
    return gaps > 1 and all(abs(t - i / gaps) < 2e-7 for i, t in enumerate(thresholds))


def confusion_counts(
    y_true: Any,
    y_pred: Any,
    thresholds: Sequence[float],
    dtype: str,
    sample_weight: ArrayLike | None = None,
    top_k: int | None = None,
    class_id: int | None = None,
    multi_label: bool = False,
    label_weights: Any = None,
    even: bool = False,
) -> dict[str, Any]:
    """Weighted counts of each of `KINDS`.

    Args:
        y_true: Targets of 0 and 1, `(batch, ...)`.
        y_pred: Predictions in `[0, 1]` of the same shape.
        thresholds: A prediction above one is positive there.
        dtype: Of the counts.
        sample_weight: Weights that broadcast to the targets.
        top_k: Only the k largest of each row can be positive.
        class_id: Look at this class alone.
        multi_label: Count each column apart.
        label_weights: Weights of the columns, when they are not apart.
        even: Whether the thresholds are evenly spaced; counting is then linear in the
            number of predictions alone.

    Returns:
        Arrays of shape `(thresholds,)`, or `(thresholds, labels)`.

    Raises:
        ValueError: If shapes do not fit.
    """
    y_true = ops.cast(y_true, dtype)
    y_pred = ops.cast(y_pred, dtype)
    y_true, y_pred = match_ranks(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"y_true has shape {y_true.shape} and y_pred has shape {y_pred.shape}; expected "
            "equal shapes. Integer labels must be one-hot here."
        )
    if class_id is not None and y_pred.ndim < 2:
        raise ValueError(
            f"class_id={class_id} of predictions of shape {y_pred.shape}; expected predictions "
            "(samples, classes)."
        )
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
    if top_k is not None:
        y_pred = _keep_top_k(y_pred, top_k)
    if class_id is not None:
        if sample_weight is not None and sample_weight.ndim == y_true.ndim:
            sample_weight = sample_weight[
                ..., min(class_id, sample_weight.shape[-1] - 1)
            ]
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
    weights = _weights(y_pred, sample_weight, label_weights, dtype)
    columns = y_pred.shape[-1] if multi_label else 1
    shape = (-1, columns)
    positive = ops.cast(ops.not_equal(ops.reshape(y_true, shape), 0), dtype)
    weights = ops.reshape(weights, shape)
    scores = ops.reshape(y_pred, shape)
    count = _count_even if even else _count_each
    hits = count(scores, positive * weights, thresholds)
    alarms = count(scores, (1.0 - positive) * weights, thresholds)
    counts = {
        "true_positives": hits,
        "false_positives": alarms,
        "true_negatives": ops.sum((1.0 - positive) * weights, axis=0) - alarms,
        "false_negatives": ops.sum(positive * weights, axis=0) - hits,
    }
    if multi_label:
        return counts
    return {kind: ops.squeeze(value, -1) for kind, value in counts.items()}


def _keep_top_k(y_pred: Tensor, k: int) -> Any:
    """Predictions that are not among the k largest of their row become `NEG_INF`."""
    _, best = ops.top_k(y_pred, k, sorted=False)
    kept = ops.sum(ops.one_hot(best, y_pred.shape[-1], dtype=y_pred.dtype), axis=-2)
    return y_pred * kept + NEG_INF * (1.0 - kept)


def _weights(
    y_pred: Any, sample_weight: object, label_weights: ArrayLike, dtype: str
) -> Any:
    """The weight of each prediction, in the shape of the predictions."""
    weights = ops.ones(y_pred.shape, dtype=dtype)
    if sample_weight is not None:
        _, sample_weight = align(y_pred, sample_weight)
        weights = weights * sample_weight
    if label_weights is not None:
        weights = weights * ops.convert_to_tensor(label_weights, dtype=dtype)
    return weights


def _count_each(scores: Any, amounts: Tensor, thresholds: Sequence[float]) -> Tensor:
    """Sums of `amounts` where scores are above each threshold, `(thresholds, columns)`."""
    bounds = ops.convert_to_tensor([float(t) for t in thresholds], dtype=scores.dtype)
    above = ops.greater(ops.expand_dims(scores, 0), ops.reshape(bounds, (-1, 1, 1)))
    return ops.sum(ops.where(above, ops.expand_dims(amounts, 0), 0.0), axis=1)


def _count_even(scores: Tensor, amounts: Tensor, thresholds: Sequence[float]) -> Tensor:
    """As `_count_each`: a sum for each gap between thresholds, then sums from the top."""
    gaps, columns = len(thresholds) - 1, scores.shape[-1]
    gap = ops.cast(ops.ceil(scores * float(gaps)), "int32") - 1
    gap = ops.clip(gap, 0, gaps - 1)
    segment = ops.reshape(gap * columns + ops.arange(columns, dtype="int32"), (-1,))
    sums = ops.segment_sum(ops.reshape(amounts, (-1,)), segment, gaps * columns)
    sums = ops.flip(ops.reshape(sums, (gaps, columns)), axis=0)
    total = ops.flip(ops.cumsum(sums, axis=0), axis=0)
    return ops.concatenate([total, ops.zeros((1, columns), dtype=scores.dtype)], axis=0)
