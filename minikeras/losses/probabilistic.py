"""Losses between distributions: as functions of each sample and as classes."""

from __future__ import annotations

from typing import Any

from minikeras import ops, settings
from minikeras.engine.tensor import Tensor
from minikeras.losses.loss import LossFunctionWrapper
from minikeras.losses.pairs import float_pair, floats
from minikeras.types import ArrayLike, PolicyLike


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Sum over the last axis of `y_true * log(y_true / y_pred)`.

    Both are clipped to `[epsilon(), 1]`.

    Args:
        y_true: Target distributions, `(batch, ..., classes)`.
        y_pred: Predicted distributions of the same shape.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.losses.kl_divergence([[0.5, 0.5]], [[0.25, 0.75]]).tolist()
    [0.144]

    Reference: Kullback and Leibler (1951), On Information and Sufficiency.
    """
    y_true, y_pred = float_pair("kl_divergence", y_true, y_pred)
    y_true = ops.clip(y_true, settings.epsilon(), 1.0)
    y_pred = ops.clip(y_pred, settings.epsilon(), 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Mean over the last axis of `y_pred - y_true * log(y_pred)`.

    The negative log-likelihood of counts under Poisson rates, up to a constant.

    Args:
        y_true: Counts, `(batch, ..., features)`.
        y_pred: Rates of the same shape.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.losses.poisson([[1.0, 2.0]], [[1.0, 2.0]]).tolist()
    [0.807]
    """
    y_true, y_pred = float_pair("poisson", y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + settings.epsilon()), axis=-1)


def categorical_generalized_cross_entropy(
    y_true: ArrayLike, y_pred: ArrayLike, q: float
) -> Any:
    """`(1 - p[label] ** q) / q`, a loss that bears wrong labels.

    It goes to cross entropy for `q` to 0 and to the absolute error for `q` to 1.

    Args:
        y_true: Class indices, `(batch, ...)`.
        y_pred: Probabilities, `(batch, ..., classes)`.
        q: In `(0, 1)`; larger bears more noise.

    Returns:
        Values of shape `(batch, ...)`.

    Example:

    >>> keras.losses.categorical_generalized_cross_entropy([1], [[0.75, 0.25]], 0.5)
    <Tensor shape=(1,) dtype=float32 [1.]>

    Reference: Zhang and Sabuncu (2018), equation 6.
    """
    y_pred = floats(y_pred)
    labels = ops.cast(ops.convert_to_tensor(y_true), "int32")
    one_hot = ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype)
    right = ops.sum(one_hot * y_pred, axis=-1)
    return (1.0 - ops.power(right, q)) / q


class KLDivergence(LossFunctionWrapper):
    """Sum over the classes of `y_true * log(y_true / y_pred)`.

    Args:
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]))
    0.144

    Reference: Kullback and Leibler (1951), On Information and Sufficiency.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """Mean of `y_pred - y_true * log(y_pred)`, for counts.

    Args:
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Example:

    >>> float(keras.losses.Poisson()([[1.0, 2.0]], [[1.0, 2.0]]))
    0.807
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """`(1 - p[label] ** q) / q`, a loss that bears wrong labels.

    Args:
        q: In `(0, 1)`; larger bears more noise.
        reduction: What becomes of the values, one for each sample; see `Loss`.
        name: Name of the loss.
        dtype: What to compute in, a name or a policy. Default: `floatx()`.

    Raises:
        ValueError: If `q` is not in `(0, 1)`.

    Example:

    >>> loss = keras.losses.CategoricalGeneralizedCrossEntropy()
    >>> float(loss([1], [[0.75, 0.25]]))
    1.0

    Reference: Zhang and Sabuncu (2018), equation 6.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: PolicyLike | None = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(
                f"CategoricalGeneralizedCrossEntropy: q={q}; expected 0 < q < 1."
            )
        super().__init__(
            categorical_generalized_cross_entropy, reduction, name, dtype, q=q
        )
