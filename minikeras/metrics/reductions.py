"""Metrics that sum or average: Mean, Sum, and the mean of any function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from minikeras import ops
from minikeras.losses.reduction import align, apply_mask, get_mask, match_ranks
from minikeras.metrics.metric import Metric
from minikeras.saving.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
)
from minikeras.types import ArrayLike, PolicyLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


def samplewise(
    values: Any,
    sample_weight: Any,
    reduce_fn: Callable[..., Any],
    dtype: str,
) -> tuple[Any, Any]:
    """Values and weights `(batch,)`, other axes reduced; weights may be None."""
    mask = get_mask(values)
    values = ops.cast(ops.convert_to_tensor(values), dtype)
    if sample_weight is None:
        return values, None
    sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
    # Without weights Keras counts masked values too, so that is kept.
    sample_weight = apply_mask(sample_weight, mask, dtype, "sum")
    values, sample_weight = match_ranks(values, sample_weight)
    extra = tuple(range(len(sample_weight.shape), len(values.shape)))
    if sample_weight.shape and extra:
        values = reduce_fn(values, axis=extra)
    values, sample_weight = align(values, sample_weight)
    values = values * sample_weight
    if sample_weight.shape and sample_weight.shape != values.shape:
        # Each value counts with its weight, so that no mean exceeds the values.
        sample_weight = sample_weight * ops.ones_like(values)
    inner = tuple(range(1, len(values.shape)))
    if inner:
        values = reduce_fn(values, axis=inner)
        if len(sample_weight.shape) > 1:
            sample_weight = reduce_fn(sample_weight, axis=inner)
    return values, sample_weight


class Sum(Metric):
    """The weighted sum of all values.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.Sum()
    >>> metric.update_state([1, 3, 5])
    >>> metric.update_state([7], sample_weight=[0.5])
    >>> float(metric.result())
    12.5
    """

    def __init__(
        self, name: str | None = "sum", dtype: PolicyLike | None = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(
        self, values: Sequence[ArrayLike], sample_weight: object = None
    ) -> None:
        """Add values `(batch, ...)`, weighted by `(batch,)` or by their own shape."""
        values, _ = samplewise(values, sample_weight, ops.sum, self.dtype)
        self.total.assign_add(ops.sum(values))

    def reset_state(self) -> None:
        self.total.assign(0)

    def result(self) -> Tensor:
        return ops.cast(self.total, self.dtype)


class Mean(Metric):
    """The weighted mean of all values.

    Args:
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Example:

    >>> metric = keras.metrics.Mean()
    >>> metric.update_state([1, 3, 5])
    >>> metric.update_state([7], sample_weight=[0.5])
    >>> float(metric.result())
    3.571
    """

    def __init__(
        self, name: str | None = "mean", dtype: PolicyLike | None = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Any, sample_weight: ArrayLike | None = None) -> None:
        """Take in values `(batch, ...)`, weighted by `(batch,)` or by their own shape."""
        values, weights = samplewise(values, sample_weight, ops.mean, self.dtype)
        samples = int(values.shape[0]) if len(values.shape) >= 1 else 1
        if weights is None:
            # The axes behind the batch count as one value a sample.
            self.total.assign_add(ops.mean(values) * float(samples))
            self.count.assign_add(float(samples))
            return
        if len(weights.shape) == 0:
            weights = weights * float(samples)
        self.total.assign_add(ops.sum(values))
        self.count.assign_add(ops.sum(weights))

    def reset_state(self) -> None:
        self.total.assign(0)
        self.count.assign(0)

    def result(self) -> Tensor:
        return ops.divide_no_nan(self.total, ops.cast(self.count, self.dtype))


class MeanMetricWrapper(Mean):
    """The weighted mean of a function of targets and predictions.

    Args:
        fn: `fn(y_true, y_pred, **kwargs)` gives one value for each sample.
        name: Name of the metric. Default: the class's.
        dtype: What to compute in. Default: `floatx()`.
        **kwargs: Passed on to `fn`.

    Example:

    >>> metric = keras.metrics.MeanMetricWrapper(keras.losses.huber, delta=2.0)
    >>> metric.update_state([[0.0]], [[3.0]])
    >>> float(metric.result())
    4.0
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: PolicyLike | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(  # type: ignore[override]  # no targets
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any = None
    ) -> None:
        """Take in one batch.

        Args:
            y_true: Targets, `(batch, ...)`.
            y_pred: Predictions; a mask on them leaves entries out.
            sample_weight: Scalar, `(batch,)`, or of the values' shape.
        """
        mask = get_mask(y_pred)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        own = get_mask(values)  # of a loss that leaves entries out
        if own is not None and mask is not None:
            mask = ops.logical_and(*match_ranks(mask, own))
        elif own is not None:
            mask = own
        if sample_weight is not None and mask is not None:
            sample_weight = apply_mask(sample_weight, mask, self.dtype, "sum")
        elif mask is not None:
            sample_weight = ops.cast(mask, self.dtype)
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        own = {}
        if type(self) is MeanMetricWrapper:
            own["fn"] = serialize_keras_object(self._fn)
        return {**super().get_config(), **own, **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        config = dict(config)
        if "fn" in config:
            config["fn"] = deserialize_keras_object(config["fn"])
        return cls(**config)
