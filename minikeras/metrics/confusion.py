"""Counts of right and wrong decisions, and ratios of them."""

from __future__ import annotations

from typing import Any

from minikeras import ops
from minikeras.engine.tensor import Tensor
from minikeras.metrics.confusion_counts import (
    NEG_INF,
    confusion_counts,
    parse_thresholds,
)
from minikeras.metrics.metric import Metric
from minikeras.types import ArrayLike, PolicyLike
from minikeras.variable import Variable


class ConfusionCount(Metric):
    """Base class of the four counts; a subclass names its kind."""

    kind = ""

    def __init__(
        self,
        thresholds: object = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = parse_thresholds(thresholds)
        self.accumulator = self.add_variable(
            (len(self.thresholds),), "zeros", name="accumulator"
        )

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        """Take in one batch of targets and predictions."""
        counts = confusion_counts(
            y_true, y_pred, self.thresholds, self.dtype, sample_weight
        )
        self.accumulator.assign_add(counts[self.kind])

    def result(self) -> Tensor:
        return (
            self.accumulator[0] if len(self.thresholds) == 1 else self.accumulator.value
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(ConfusionCount):
    """How many positives are predicted as such.

    Args:
        thresholds: Numbers in `[0, 1]`; a prediction above is positive. Default: 0.5.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If a threshold is not in `[0, 1]`.

    Example:

    >>> metric = keras.metrics.TruePositives()
    >>> metric.update_state([0, 1, 1, 0], [0.1, 0.9, 0.2, 0.3])
    >>> float(metric.result())
    1.0
    """

    kind = "true_positives"


class FalsePositives(ConfusionCount):
    """How many negatives are predicted to be positive.

    Args:
        thresholds: Numbers in `[0, 1]`; a prediction above is positive. Default: 0.5.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If a threshold is not in `[0, 1]`.

    Example:

    >>> metric = keras.metrics.FalsePositives()
    >>> metric.update_state([0, 1, 1, 0], [0.1, 0.9, 0.2, 0.3])
    >>> float(metric.result())
    0.0
    """

    kind = "false_positives"


class TrueNegatives(ConfusionCount):
    """How many negatives are predicted as such.

    Args:
        thresholds: Numbers in `[0, 1]`; a prediction above is positive. Default: 0.5.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If a threshold is not in `[0, 1]`.

    Example:

    >>> metric = keras.metrics.TrueNegatives()
    >>> metric.update_state([0, 1, 1, 0], [0.1, 0.9, 0.2, 0.3])
    >>> float(metric.result())
    2.0
    """

    kind = "true_negatives"


class FalseNegatives(ConfusionCount):
    """How many positives are predicted to be negative.

    Args:
        thresholds: Numbers in `[0, 1]`; a prediction above is positive. Default: 0.5.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If a threshold is not in `[0, 1]`.

    Example:

    >>> metric = keras.metrics.FalseNegatives()
    >>> metric.update_state([0, 1, 1, 0], [0.1, 0.9, 0.2, 0.3])
    >>> float(metric.result())
    1.0
    """

    kind = "false_negatives"


class _Ratio(Metric):
    """`true_positives / (true_positives + other)`, the base of Precision and Recall."""

    _direction = "up"
    other = ""

    def __init__(
        self,
        thresholds: object = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = parse_thresholds(
            thresholds, 0.5 if top_k is None else NEG_INF
        )
        shape = (len(self.thresholds),)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        self._others = self.add_variable(shape, "zeros", name=self.other)

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        """Take in one batch of targets and predictions."""
        counts = confusion_counts(
            y_true,
            y_pred,
            self.thresholds,
            self.dtype,
            sample_weight,
            top_k=self.top_k,
            class_id=self.class_id,
        )
        self.true_positives.assign_add(counts["true_positives"])
        self._others.assign_add(counts[self.other])

    def result(self) -> Tensor:
        hits = self.true_positives.value
        result = ops.divide_no_nan(hits, hits + self._others)
        return result[0] if len(self.thresholds) == 1 else result

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class Precision(_Ratio):
    """How many of the predicted positives are right.

    Args:
        thresholds: Numbers in `[0, 1]`; a prediction above is positive. Default: 0.5, or
            none with `top_k`.
        top_k: Only the k largest predictions of a sample can be positive.
        class_id: Look at this class alone.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If a threshold is not in `[0, 1]`.

    Example:

    >>> metric = keras.metrics.Precision()
    >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
    >>> float(metric.result())
    0.666
    """

    other = "false_positives"

    @property
    def false_positives(self) -> Variable:
        """The variable that counts false alarms."""
        return self._others


class Recall(_Ratio):
    """How many of the positives are found.

    Args:
        thresholds: Numbers in `[0, 1]`; a prediction above is positive. Default: 0.5, or
            none with `top_k`.
        top_k: Only the k largest predictions of a sample can be positive.
        class_id: Look at this class alone.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If a threshold is not in `[0, 1]`.

    Example:

    >>> metric = keras.metrics.Recall()
    >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
    >>> float(metric.result())
    0.666
    """

    other = "false_negatives"

    @property
    def false_negatives(self) -> Variable:
        """The variable that counts misses."""
        return self._others
