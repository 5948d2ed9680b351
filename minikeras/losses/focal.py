"""Focal losses: easy samples count less (Lin et al. 2017)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minikeras import ops, settings
from minikeras.engine.aval import ShapeError
from minikeras.losses.loss import LossFunctionWrapper
from minikeras.losses.pairs import check_classes, smooth_to_uniform, widened
from minikeras.ops.core.conversion import least_normal
from minikeras.types import PolicyLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor
    from minikeras.types import ArrayLike


def binary_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Mean over `axis` of `-(1 - q) ** gamma * log(q)`, `q` the right class's probability.

    Args:
        y_true: Targets of 0 and 1, `(batch, ..., features)`.
        y_pred: Probabilities of the same shape, or logits.
        apply_class_balancing: Weigh class 1 by `alpha` and class 0 by `1 - alpha`.
        alpha: That weight.
        gamma: How much less easy samples count.
        from_logits: Whether `y_pred` are logits.
        label_smoothing: In `[0, 1]`: how far targets move to 0.5.
        axis: The axis of the mean.

    Returns:
        Values without `axis`.

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> keras.losses.binary_focal_crossentropy([[0.0, 1.0]], [[0.6, 0.4]]).tolist()
    [0.330]

    Reference: Lin et al. (2017), equations 4 and 5.
    """
    y_true, y_pred = widened(y_true, ops.convert_to_tensor(y_pred))
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"binary_focal_crossentropy: y_true has shape {y_true.shape} and y_pred has "
            f"shape {y_pred.shape}; expected equal shapes."
        )
    y_true = smooth_to_uniform(y_true, label_smoothing, 2)
    entropy = ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits)
    least = least_normal(y_pred.dtype)
    if from_logits:
        # Beyond these the factor has no slope, which infinite entropy would make NaN.
        logits = ops.clip(y_pred, math.log(least), -math.log(least))
        yes, no = ops.sigmoid(logits), ops.sigmoid(-logits)
    else:
        yes, no = y_pred, 1.0 - y_pred
    wrong = y_true * no + (1.0 - y_true) * yes
    # A power of 0 has no finite slope below 1.
    focal = ops.power(ops.maximum(wrong, least), gamma) * entropy
    if apply_class_balancing:
        focal = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * focal
    return ops.mean(focal, axis=axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: ArrayLike,
    alpha: object = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Sum over the classes of `-alpha * (1 - p) ** gamma * y * log(p)`.

    Args:
        y_true: One-hot targets, `(batch, ..., classes)`.
        y_pred: Probabilities of the same shape, or logits.
        alpha: One weight, or one for each class.
        gamma: How much less easy samples count.
        from_logits: Whether `y_pred` are logits.
        label_smoothing: In `[0, 1]`: how far targets move to `1 / classes`.
        axis: The axis of the classes.

    Returns:
        Values without `axis`.

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> keras.losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.6, 0.4]]).tolist()
    [0.0825]

    Reference: Lin et al. (2017), equation 5.
    """
    y_true, y_pred = widened(y_true, ops.convert_to_tensor(y_pred))
    check_classes("categorical_focal_crossentropy", y_true, y_pred, axis)
    y_true = smooth_to_uniform(y_true, label_smoothing, y_pred.shape[axis])
    if from_logits:
        logs, y_pred = ops.log_softmax(y_pred, axis), ops.softmax(y_pred, axis)
        y_pred = _clipped(y_pred)
    else:
        y_pred = _clipped(y_pred / ops.sum(y_pred, axis=axis, keepdims=True))
        logs = ops.log(y_pred)
    # What is no class counts nothing, however surely it is none.
    entropy = ops.where(ops.equal(y_true, 0.0), 0.0, -y_true * logs)
    weights = ops.power(1.0 - y_pred, gamma) * alpha
    return ops.sum(weights * entropy, axis=axis)


def _clipped(shares: Tensor) -> Tensor:
    return ops.clip(shares, settings.epsilon(), 1.0 - settings.epsilon())


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Binary cross entropy in which easy samples count less.

    Args:
        apply_class_balancing: Weigh class 1 by `alpha` and class 0 by `1 - alpha`.
        alpha: That weight.
        gamma: How much less easy samples count.
        from_logits: Whether predictions are logits, not probabilities.
        label_smoothing: In `[0, 1]`: how far targets move to 0.5.
        axis: The axis of the mean.
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.BinaryFocalCrossentropy()([[0.0, 1.0]], [[0.6, 0.4]]))
    0.330

    Reference: Lin et al. (2017), equations 4 and 5.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Categorical cross entropy in which easy samples count less.

    Args:
        alpha: One weight, or one for each class.
        gamma: How much less easy samples count.
        from_logits: Whether predictions are logits, not probabilities.
        label_smoothing: In `[0, 1]`: how far targets move to `1 / classes`.
        axis: The axis of the classes.
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.6, 0.4]]))
    0.0825

    Reference: Lin et al. (2017), equation 5.
    """

    def __init__(
        self,
        alpha: ArrayLike = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
