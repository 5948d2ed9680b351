"""Losses between distributions: functions that give one value for each sample."""

from __future__ import annotations

from typing import Any

from minikeras import config, ops
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.losses.pairs import check_classes, float_pair, smooth_to_uniform


def _floats(y_pred: Any) -> Tensor:
    y_pred = ops.convert_to_tensor(y_pred)
    return y_pred if "float" in y_pred.dtype else ops.cast(y_pred, config.floatx())


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Sum over the last axis of `y_true * log(y_true / y_pred)`.

    Both are clipped to `[epsilon(), 1]`.

    Args:
        y_true: Target distributions, `(batch, ..., classes)`.
        y_pred: Predicted distributions of the same shape.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> import minikeras as keras
    >>> keras.losses.kl_divergence([[0.5, 0.5]], [[0.25, 0.75]]).tolist()
    [0.144]

    Reference: Kullback and Leibler (1951), On Information and Sufficiency.
    """
    y_true, y_pred = float_pair("kl_divergence", y_true, y_pred)
    y_true = ops.clip(y_true, config.epsilon(), 1.0)
    y_pred = ops.clip(y_pred, config.epsilon(), 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """Mean over the last axis of `y_pred - y_true * log(y_pred)`.

    The negative log-likelihood of counts under Poisson rates, up to a constant.

    Args:
        y_true: Counts, `(batch, ..., features)`.
        y_pred: Rates of the same shape.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> import minikeras as keras
    >>> keras.losses.poisson([[1.0, 2.0]], [[1.0, 2.0]]).tolist()
    [0.807]
    """
    y_true, y_pred = float_pair("poisson", y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + config.epsilon()), axis=-1)


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
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

    >>> import minikeras as keras
    >>> keras.losses.binary_crossentropy([[0.0, 1.0]], [[0.5, 0.75]]).tolist()
    [0.490]
    """
    y_pred = _floats(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=y_pred.dtype)
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
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
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

    >>> import minikeras as keras
    >>> keras.losses.categorical_crossentropy([[0.0, 1.0]], [[0.75, 0.25]]).tolist()
    [1.386]
    """
    y_pred = _floats(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=y_pred.dtype)
    check_classes("categorical_crossentropy", y_true, y_pred, axis)
    y_true = smooth_to_uniform(y_true, label_smoothing, y_pred.shape[axis])
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
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

    >>> import minikeras as keras
    >>> keras.losses.sparse_categorical_crossentropy([1, 0], [[0.75, 0.25], [0.5, 0.5]])
    <Tensor shape=(2,) dtype=float32 [1.386 0.693]>
    """
    y_pred = _floats(y_pred)
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


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """`(1 - p[label] ** q) / q`, a loss that bears wrong labels.

    It goes to cross entropy for `q` to 0 and to the absolute error for `q` to 1.

    Args:
        y_true: Class indices, `(batch, ...)`.
        y_pred: Probabilities, `(batch, ..., classes)`.
        q: In `(0, 1)`; larger bears more noise.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> import minikeras as keras
    >>> keras.losses.categorical_generalized_cross_entropy([1], [[0.75, 0.25]], 0.5)
    <Tensor shape=(1,) dtype=float32 [1.]>

    Reference: Zhang and Sabuncu (2018), equation 6.
    """
    y_pred = _floats(y_pred)
    labels = ops.cast(ops.convert_to_tensor(y_true), "int32")
    one_hot = ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype)
    right = ops.sum(one_hot * y_pred, axis=-1)
    return (1.0 - ops.power(right, q)) / q
