"""F-scores and the coefficient of determination."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikeras import naming, ops, settings
from minikeras.engine.aval import ShapeError
from minikeras.losses.reduction import align
from minikeras.metrics.metric import Metric
from minikeras.types import ArrayLike, PolicyLike

if TYPE_CHECKING:
    from minikeras.engine.tensor import Tensor


AVERAGES = (None, "micro", "macro", "weighted")


def _check_2d(owner: str, y_true: Tensor, y_pred: Tensor) -> None:
    if y_true.ndim != 2 or y_true.shape != y_pred.shape:
        raise ShapeError(
            f"{owner}: y_true has shape {y_true.shape} and y_pred has shape {y_pred.shape}; "
            "expected (batch, outputs) for both."
        )


class FBetaScore(Metric):
    """`(1 + beta ** 2) * precision * recall / (beta ** 2 * precision + recall)`.

    Args:
        average: `"micro"` counts all classes together, `"macro"` is the mean over the
            classes, `"weighted"` weighs them by their frequency, None gives each.
        beta: How much more recall counts than precision.
        threshold: A prediction above is positive; None: the largest of a sample is.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    >>> metric = keras.metrics.FBetaScore(beta=2.0, threshold=0.5)
    >>> metric.update_state([[1, 1], [1, 0], [1, 1]], [[0.2, 0.6], [0.6, 0.4], [0.6, 0.8]])
    >>> metric.result().tolist()
    [0.714, 1.0]

    Reference: van Rijsbergen (1979), Information Retrieval, chapter 7.
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: PolicyLike | None = None,
    ) -> None:
        owner = type(self).__name__
        if average not in AVERAGES:
            raise ValueError(
                f"{owner}: average={naming.shown(average)}; expected one of {AVERAGES}."
            )
        if not isinstance(beta, float) or not beta > 0:
            raise ValueError(f"{owner}: beta={beta!r}; expected a float above 0.")
        if threshold is not None and not (
            isinstance(threshold, float) and 0 < threshold <= 1
        ):
            raise ValueError(
                f"{owner}: threshold={threshold!r}; expected a float in (0, 1], or None."
            )
        super().__init__(name=name, dtype=dtype)
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._built = False

    def _build(self, classes: int) -> None:
        shape = () if self.average == "micro" else (classes,)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        self.false_positives = self.add_variable(shape, "zeros", name="false_positives")
        self.false_negatives = self.add_variable(shape, "zeros", name="false_negatives")
        self.intermediate_weights = self.add_variable(
            shape, "zeros", name="intermediate_weights"
        )
        self._built = True

    def update_state(
        self, y_true: Any, y_pred: ArrayLike, sample_weight: Any = None
    ) -> None:
        """Take in one batch.

        Args:
            y_true: One-hot targets, `(batch, classes)`.
            y_pred: Predictions of the same shape.
            sample_weight: `(batch,)`.

        Raises:
            ValueError: If shapes do not fit.
        """
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        _check_2d(type(self).__name__, y_true, y_pred)
        if not self._built:
            self._build(int(y_true.shape[1]))
        if self.threshold is None:
            best = ops.max(y_pred, axis=-1, keepdims=True)
            # A row of zeros decides for no class rather than for all.
            chosen = ops.logical_and(y_pred >= best, ops.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self.threshold
        chosen = ops.cast(chosen, self.dtype)
        y_true = ops.cast(y_true, self.dtype)
        self.true_positives.assign_add(self._sum(chosen * y_true, sample_weight))
        self.false_positives.assign_add(self._sum(chosen * (1 - y_true), sample_weight))
        self.false_negatives.assign_add(self._sum((1 - chosen) * y_true, sample_weight))
        self.intermediate_weights.assign_add(self._sum(y_true, sample_weight))

    def _sum(self, values: Sequence[ArrayLike], sample_weight: ArrayLike) -> Tensor:
        if sample_weight is not None:
            weights = ops.convert_to_tensor(sample_weight, dtype=self.dtype)
            values = values * align(values, weights)[1]
        return ops.sum(values, axis=None if self.average == "micro" else 0)

    def result(self) -> Tensor:
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        hits, eps = self.true_positives.value, settings.epsilon()
        precision = hits / (hits + self.false_positives + eps)
        recall = hits / (hits + self.false_negatives + eps)
        square = self.beta**2
        score = precision * recall * (1 + square) / (square * precision + recall + eps)
        if self.average == "weighted":
            total = ops.sum(self.intermediate_weights.value)
            return ops.sum(score * (self.intermediate_weights / (total + eps)))
        return score if self.average is None else ops.mean(score)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
        }


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall.

    Args:
        average: As in `FBetaScore`.
        threshold: A prediction above is positive; None: the largest of a sample is.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    >>> metric = keras.metrics.F1Score(threshold=0.5)
    >>> metric.update_state([[1, 1], [1, 0], [1, 1]], [[0.2, 0.6], [0.6, 0.4], [0.6, 0.8]])
    >>> metric.result().tolist()
    [0.8, 1.0]
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config


class R2Score(Metric):
    """`1 - sum of squared errors / sum of squares around the mean`.

    Args:
        class_aggregation: `"uniform_average"` over the outputs,
            `"variance_weighted_average"`, or None for each.
        num_regressors: How many inputs the model has, for the adjusted score; 0: plain.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    >>> metric = keras.metrics.R2Score()
    >>> metric.update_state([[1], [4], [3]], [[2], [4], [4]])
    >>> float(metric.result())
    0.571

    Reference: Glantz and Slinker (1990), Primer of Applied Regression.
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: PolicyLike | None = None,
    ) -> None:
        choices = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in choices:
            raise ValueError(
                f"R2Score: class_aggregation={naming.shown(class_aggregation)}; "
                f"expected one of {choices}."
            )
        if num_regressors < 0:
            raise ValueError(
                f"R2Score: num_regressors={num_regressors}; expected an integer >= 0."
            )
        super().__init__(name=name, dtype=dtype)
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, outputs: int) -> None:
        self.squared_sum = self.add_variable((outputs,), "zeros", name="squared_sum")
        self.sum = self.add_variable((outputs,), "zeros", name="sum")
        self.total_mse = self.add_variable((outputs,), "zeros", name="residual")
        self.count = self.add_variable((outputs,), "zeros", name="count")
        self._built = True

    def update_state(
        self, y_true: Any, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in one batch.

        Args:
            y_true: Targets, `(batch, outputs)`.
            y_pred: Predictions of the same shape.
            sample_weight: `(batch,)` or `(batch, 1)`.

        Raises:
            ValueError: If shapes do not fit.
        """
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        _check_2d("R2Score", y_true, y_pred)
        if not self._built:
            self._build(int(y_true.shape[1]))
        weights = ops.ones_like(y_true)
        if sample_weight is not None:
            given = ops.convert_to_tensor(sample_weight, dtype=self.dtype)
            weights = weights * align(y_true, given)[1]
        weighted = y_true * weights
        self.sum.assign_add(ops.sum(weighted, axis=0))
        self.squared_sum.assign_add(ops.sum(y_true * weighted, axis=0))
        self.total_mse.assign_add(
            ops.sum(ops.square(y_true - y_pred) * weights, axis=0)
        )
        self.count.assign_add(ops.sum(weights, axis=0))
        self.num_samples.assign_add(float(y_true.size))

    def result(self) -> Tensor:
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        total = self.squared_sum - self.sum * (self.sum / self.count)
        scores = 1.0 - self.total_mse / total
        scores = ops.where(ops.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = ops.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = ops.sum(total * scores) / ops.sum(total)
        if not self.num_regressors:
            return scores
        left = self.num_samples - 1.0 - self.num_regressors
        # With too few samples for the adjustment the plain score stands.
        adjusted = 1.0 - (1.0 - scores) * (self.num_samples - 1.0) / ops.maximum(
            left, 1.0
        )
        return ops.where(left > 0.0, adjusted, scores)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
