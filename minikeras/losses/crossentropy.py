"""Cross entropies: as functions of each sample and as classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikeras import ops
from minikeras.engine.aval import ShapeError
from minikeras.losses.loss import LossFunctionWrapper
from minikeras.losses.pairs import check_classes, floats, smooth_to_uniform, widened
from minikeras.types import ArrayLike, PolicyLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def binary_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Mean over `axis` of `-y * log(p) - (1 - y) * log(1 - p)`.

    Args:
        y_true: Targets in `[0, 1]`, `(batch, ..., features)`.
        y_pred: Probabilities of the same shape, or logits.
        from_logits: Whether `y_pred` are logits: `p = sigmoid(y_pred)`.
        label_smoothing: In `[0, 1]`: how far targets move to 0.5.
        axis: The axis of the mean.

    Returns:
        Values without `axis`.

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> keras.losses.binary_crossentropy([[0.0, 1.0]], [[0.5, 0.75]]).tolist()
    [0.490]
    """
    y_true, y_pred = widened(y_true, floats(y_pred))
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"binary_crossentropy: y_true has shape {y_true.shape} and y_pred has shape "
            f"{y_pred.shape}; expected equal shapes."
        )
    y_true = smooth_to_uniform(y_true, label_smoothing, 2)
    return ops.mean(
        ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis
    )


def categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Sum over the classes of `-y * log(p)` for one-hot or soft targets.

    Probabilities are normalised to sum to 1 first. Behind a softmax they are as
    stable as logits: the engine rewrites the pair.

    Args:
        y_true: Targets, `(batch, ..., classes)`.
        y_pred: Probabilities of the same shape, or logits.
        from_logits: Whether `y_pred` are logits: `p = softmax(y_pred)`.
        label_smoothing: In `[0, 1]`: how far targets move to `1 / classes`.
        axis: The axis of the classes.

    Returns:
        Values without `axis`.

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> keras.losses.categorical_crossentropy([[0.0, 1.0]], [[0.75, 0.25]]).tolist()
    [1.386]
    """
    y_true, y_pred = widened(y_true, floats(y_pred))
    check_classes("categorical_crossentropy", y_true, y_pred, axis)
    y_true = smooth_to_uniform(y_true, label_smoothing, y_pred.shape[axis])
    return ops.categorical_crossentropy(
        y_true, y_pred, from_logits=from_logits, axis=axis
    )


def sparse_categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """`-log(p[label])` for integer targets.

    Args:
        y_true: Class indices, `(batch, ...)` or `(batch, ..., 1)`.
        y_pred: Probabilities or logits, `(batch, ..., classes)`.
        from_logits: Whether `y_pred` are logits: `p = softmax(y_pred)`.
        ignore_class: A label whose entries cost nothing and do not count in a mean.
        axis: The axis of the classes.

    Returns:
        Values of shape `(batch, ...)`; with `ignore_class`, they carry a mask.

    Raises:
        ValueError: If the shapes do not fit.

    Example:

    >>> keras.losses.sparse_categorical_crossentropy([1, 0], [[0.75, 0.25], [0.5, 0.5]])
    <Tensor shape=(2,) dtype=float32 [1.386 0.693]>
    """
    y_pred = floats(y_pred)
    y_true = ops.convert_to_tensor(y_true)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(
            y_true, y_pred, from_logits=from_logits, axis=axis
        )
    valid = ops.not_equal(y_true, ops.cast(ignore_class, y_true.dtype))
    y_true = ops.where(valid, y_true, ops.zeros_like(y_true))
    losses = ops.sparse_categorical_crossentropy(
        y_true, y_pred, from_logits=from_logits, axis=axis
    )
    losses = ops.where(valid, losses, ops.zeros_like(losses))
    losses._keras_mask = valid
    return losses


class BinaryCrossentropy(LossFunctionWrapper):
    """Mean of `-y * log(p) - (1 - y) * log(1 - p)`.

    Args:
        from_logits: Whether predictions are logits, not probabilities.
        label_smoothing: In `[0, 1]`: how far targets move to 0.5.
        axis: The axis of the mean.
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.BinaryCrossentropy()([[0.0, 1.0]], [[0.5, 0.75]]))
    0.490
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(
            binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalCrossentropy(LossFunctionWrapper):
    """Sum over the classes of `-y * log(p)` for one-hot or soft targets.

    Args:
        from_logits: Whether predictions are logits, not probabilities.
        label_smoothing: In `[0, 1]`: how far targets move to `1 / classes`.
        axis: The axis of the classes.
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.75, 0.25]]))
    1.386
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """`-log(p[label])` for integer targets.

    Args:
        from_logits: Whether predictions are logits, not probabilities.
        ignore_class: A label whose entries cost nothing and do not count in a mean.
        axis: The axis of the classes.
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> loss = keras.losses.SparseCategoricalCrossentropy()
    >>> float(loss([1, 0], [[0.75, 0.25], [0.5, 0.5]]))
    1.040
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
