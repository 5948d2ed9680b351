"""Losses over whole samples: segmentation overlap, embeddings, sequences."""

from __future__ import annotations

from typing import Any

from minikeras import ops, settings
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.losses.loss import LossFunctionWrapper
from minikeras.losses.pairs import float_pair
from minikeras.types import ArrayLike, Axis, PolicyLike


def dice(y_true: ArrayLike, y_pred: ArrayLike, axis: Axis = None) -> Any:
    """`1 - 2 * overlap / (size of targets + size of predictions)`.

    Args:
        y_true: Targets in `[0, 1]`, `(batch, ...)`.
        y_pred: Predictions of the same shape.
        axis: The axes that are summed; None: all, for one value.

    Returns:
        Values without `axis`.

    Example:

    >>> float(keras.losses.dice([[1.0, 0.0]], [[0.5, 0.5]]))
    0.5

    Reference: Milletari et al. (2016), V-Net, section 3.
    """
    y_true, y_pred = float_pair("dice", y_true, y_pred)
    overlap = ops.sum(y_true * y_pred, axis=axis)
    sizes = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1.0 - ops.divide(2.0 * overlap, sizes + settings.epsilon())


def tversky(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: Axis = None,
) -> Any:
    """`1 - hits / (hits + alpha * misses + beta * false alarms)`.

    With both weights 0.5 it is the Dice loss.

    Args:
        y_true: Targets in `[0, 1]`, `(batch, ...)`.
        y_pred: Predictions of the same shape.
        alpha: What a false negative costs.
        beta: What a false positive costs.
        axis: The axes that are summed; None: all, for one value.

    Returns:
        Values without `axis`.

    Example:

    >>> float(keras.losses.tversky([[1.0, 0.0]], [[0.5, 0.5]], alpha=1.0, beta=0.0))
    0.5

    Reference: Salehi et al. (2017), equation 3.
    """
    y_true, y_pred = float_pair("tversky", y_true, y_pred)
    hits = ops.sum(y_true * y_pred, axis=axis)
    alarms = ops.sum((1.0 - y_true) * y_pred, axis=axis)
    misses = ops.sum(y_true * (1.0 - y_pred), axis=axis)
    divisor = hits + misses * alpha + alarms * beta + settings.epsilon()
    return 1.0 - ops.divide(hits, divisor)


def circle(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    ref_labels: ArrayLike | None = None,
    ref_embeddings: ArrayLike | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """The circle loss of embeddings: near within a class, far between classes.

    With cosine similarities `s`, `softplus(logsumexp_p(gamma * w_p * (s_p - delta_p) *
    -1) + logsumexp_n(gamma * w_n * (s_n - delta_n)))` over the positives `p` and the
    negatives `n` of each sample, where pairs weigh more the worse they are.

    Args:
        y_true: Class indices, `(batch,)`.
        y_pred: Embeddings of length 1, `(batch, features)`.
        ref_labels: Labels to compare with; default: `y_true`.
        ref_embeddings: Embeddings to compare with; default: `y_pred`.
        remove_diagonal: Leave out each sample's pair with itself.
        gamma: Scale.
        margin: Relaxation, in `[0, 1]`.

    Returns:
        Values of shape `(batch,)`; a mask on them leaves out samples without positives or
        negatives.

    Raises:
        ValueError: If the shapes do not fit.

    Example:

    >>> keras.losses.circle([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], gamma=1.0)
    <Tensor shape=(3,) dtype=float32 [0.5459 0.5459 0.    ]>

    Reference: Sun et al. (2020), equation 6.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    if y_pred.ndim != 2:
        raise ShapeError(
            f"circle: y_pred has shape {y_pred.shape}; expected (batch, features)."
        )
    labels = ops.cast(y_true, "int32")
    ref = y_pred if ref_embeddings is None else ops.convert_to_tensor(ref_embeddings)
    others = labels if ref_labels is None else ops.cast(ref_labels, "int32")
    ref = ops.cast(ref, y_pred.dtype)
    distance = ops.maximum(1.0 - ops.matmul(y_pred, ops.transpose(ref)), 0.0)
    same, different = _pair_masks(labels, others, remove_diagonal)
    # Optimal similarities are 1 + margin (positives) and -margin (negatives); all is
    # written with the distance 1 - similarity.
    pull = ops.maximum(margin + distance, 0.0) * (distance - margin)
    push = ops.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance)
    attract = _masked_logsumexp(gamma * pull, same)
    repel = _masked_logsumexp(gamma * push, different)
    losses = ops.softplus(attract + repel)
    # A sample without positives, or without negatives, says nothing.
    losses._keras_mask = ops.logical_and(
        ops.any(same, axis=1), ops.any(different, axis=1)
    )
    return losses


def _pair_masks(
    labels: Tensor, others: Tensor, remove_diagonal: bool
) -> tuple[Any, Any]:
    """Which pairs `(batch, references)` are of one class, and which are not."""
    labels = ops.reshape(labels, (-1, 1))
    others = ops.reshape(others, (1, -1))
    same = ops.equal(labels, others)
    different = ops.logical_not(same)
    if remove_diagonal:
        if same.shape[0] != same.shape[1]:
            raise ShapeError(
                f"circle: remove_diagonal=True with {same.shape[1]} references for "
                f"{same.shape[0]} samples; expected as many, or remove_diagonal=False."
            )
        diagonal = ops.eye(same.shape[0], dtype="bool")
        same = ops.logical_and(same, ops.logical_not(diagonal))
    return same, different


def _masked_logsumexp(values: ArrayLike, mask: ArrayLike) -> Tensor:
    """Log of the sum of the exponentials where `mask` holds, over the last axis."""
    # A finite stand-in for -inf keeps the gradient finite where nothing is left.
    return ops.logsumexp(ops.where(mask, values, -1e9), axis=1)


class Dice(LossFunctionWrapper):
    """`1 - 2 * overlap / (size of targets + size of predictions)`.

    Args:
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        axis: The axes that are summed; None: all.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.Dice()([[1.0, 0.0]], [[0.5, 0.5]]))
    0.5

    Reference: Milletari et al. (2016), V-Net, section 3.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Axis = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """`1 - hits / (hits + alpha * misses + beta * false alarms)`.

    Args:
        alpha: What a false negative costs.
        beta: What a false positive costs.
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        axis: The axes that are summed; None: all.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.Tversky(alpha=1.0, beta=0.0)([[1.0, 0.0]], [[0.5, 0.5]]))
    0.5

    Reference: Salehi et al. (2017), equation 3.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Axis = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(
            tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis
        )


class Circle(LossFunctionWrapper):
    """The circle loss of embeddings; see `circle`.

    Args:
        gamma: Scale.
        margin: Relaxation, in `[0, 1]`.
        remove_diagonal: Leave out each sample's pair with itself.
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> loss = keras.losses.Circle(gamma=1.0)
    >>> float(loss([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    0.546

    Reference: Sun et al. (2020), equation 6.
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(
            circle,
            reduction,
            name,
            dtype,
            gamma=gamma,
            margin=margin,
            remove_diagonal=remove_diagonal,
        )
