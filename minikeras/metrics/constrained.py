"""The best of one ratio where another one is high enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikeras import ops
from minikeras.budget import NUMBER, check_constant
from minikeras.engine.tensor import Tensor
from minikeras.metrics.confusion_counts import KINDS, confusion_counts
from minikeras.metrics.metric import Metric
from minikeras.types import ArrayLike, PolicyLike


class ConstrainedBest(Metric):
    """Base class: the four counts at evenly spaced thresholds.

    Args:
        value: What the constrained ratio must reach, in `[0, 1]`.
        num_thresholds: How many thresholds are tried.
        class_id: Look at this class alone.
        name: Name of the metric.
        dtype: What to compute in.
    """

    _direction = "up"
    argument = ""  # the name of `value` in the subclass's signature

    def __init__(
        self,
        value: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        owner = type(self).__name__
        if not 0 <= value <= 1:
            raise ValueError(
                f"{owner}: {self.argument}={value}; expected a number in [0, 1]."
            )
        if num_thresholds <= 0:
            raise ValueError(
                f"{owner}: num_thresholds={num_thresholds}; expected an integer > 0."
            )
        check_constant((num_thresholds, NUMBER), "float64", owner)
        super().__init__(name=name, dtype=dtype)
        self.value = value
        self.class_id = class_id
        self.num_thresholds = num_thresholds
        gaps = num_thresholds - 1
        self.thresholds = [i / gaps for i in range(num_thresholds)] if gaps else [0.5]
        self._even = gaps > 0
        shape = (len(self.thresholds),)
        self._counts = {k: self.add_variable(shape, "zeros", name=k) for k in KINDS}

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
            class_id=self.class_id,
            even=self._even,
        )
        for kept in KINDS:
            self._counts[kept].assign_add(counts[kept])

    def _ratio(self, part: str, rest: str) -> Tensor:
        count = self._counts[part].value
        return ops.divide_no_nan(count, count + self._counts[rest].value)

    def _precision(self) -> Any:
        return self._ratio("true_positives", "false_positives")

    def _sensitivity(self) -> Any:
        return self._ratio("true_positives", "false_negatives")

    def _specificity(self) -> Any:
        return self._ratio("true_negatives", "false_positives")

    def _best(self, constrained: Sequence[Any], wanted: Sequence[Any]) -> Any:
        """The largest `wanted` where `constrained` is high enough; 0 if nowhere."""
        return ops.max(
            ops.where(ops.greater_equal(constrained, self.value), wanted, 0.0)
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "class_id": self.class_id,
            self.argument: self.value,
        }


class SensitivityAtSpecificity(ConstrainedBest):
    """The best sensitivity where the specificity is high enough.

    Args:
        specificity: The least specificity, in `[0, 1]`.
        num_thresholds: How many evenly spaced thresholds are tried.
        class_id: Look at this class alone.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> metric = keras.metrics.SensitivityAtSpecificity(0.5)
    >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    >>> float(metric.result())
    0.5
    """

    argument = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> Tensor:
        return self._best(self._specificity(), self._sensitivity())


class SpecificityAtSensitivity(ConstrainedBest):
    """The best specificity where the sensitivity is high enough.

    Args:
        sensitivity: The least sensitivity, in `[0, 1]`.
        num_thresholds: How many evenly spaced thresholds are tried.
        class_id: Look at this class alone.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> metric = keras.metrics.SpecificityAtSensitivity(0.5)
    >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    >>> float(metric.result())
    0.666
    """

    argument = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> Tensor:
        return self._best(self._sensitivity(), self._specificity())


class PrecisionAtRecall(ConstrainedBest):
    """The best precision where the recall is high enough.

    Args:
        recall: The least recall, in `[0, 1]`.
        num_thresholds: How many evenly spaced thresholds are tried.
        class_id: Look at this class alone.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> metric = keras.metrics.PrecisionAtRecall(0.5)
    >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    >>> float(metric.result())
    0.5
    """

    argument = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> Tensor:
        return self._best(self._sensitivity(), self._precision())


class RecallAtPrecision(ConstrainedBest):
    """The best recall where the precision is high enough.

    Args:
        precision: The least precision, in `[0, 1]`.
        num_thresholds: How many evenly spaced thresholds are tried.
        class_id: Look at this class alone.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> metric = keras.metrics.RecallAtPrecision(0.5)
    >>> metric.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    >>> float(metric.result())
    1.0
    """

    argument = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> Tensor:
        return self._best(self._precision(), self._sensitivity())
