"""AUC: the area under the ROC, precision-recall or gain curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from minikeras import naming, ops, settings
from minikeras.budget import NUMBER, check_constant
from minikeras.engine.aval import ShapeError
from minikeras.engine.tensor import Tensor
from minikeras.metrics.confusion_counts import KINDS, confusion_counts, is_even
from minikeras.metrics.metric import Metric
from minikeras.types import ArrayLike

if TYPE_CHECKING:
    from minikeras.types import PolicyLike


CURVES = ("ROC", "PR", "PRGAIN")
METHODS = ("interpolation", "minoring", "majoring")


class AUC(Metric):
    """The area under a curve of binary decisions, by a sum over thresholds.

    Args:
        num_thresholds: How many evenly spaced thresholds there are.
        curve: `"ROC"` (sensitivity over false positive rate), `"PR"` (precision over
            recall), `"PRGAIN"` (precision gain over recall gain).
        summation_method: `"interpolation"`, or the smaller or larger of the two heights
            of each piece: `"minoring"`, `"majoring"`.
        name: Name of the metric.
        dtype: What to compute in. Default: `floatx()`.
        thresholds: Numbers in `[0, 1]` in place of evenly spaced ones; 0 and 1 are added.
        multi_label: Whether each column is a decision of its own: the mean of their
            areas.
        num_labels: How many columns there are, if known.
        label_weights: Weights of the columns.
        from_logits: Whether predictions are logits, not probabilities.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    >>> metric = keras.metrics.AUC(num_thresholds=3)
    >>> metric.update_state([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
    >>> float(metric.result())
    0.75

    Reference: Davis and Goadrich (2006) for the interpolation of PR; Flach and Kull
    (2015) for gains.
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: PolicyLike | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: ArrayLike | None = None,
        from_logits: bool = False,
    ) -> None:
        _check_choice("curve", curve, CURVES)
        _check_choice("summation_method", summation_method, METHODS)
        if num_labels is not None and not multi_label:
            raise ValueError("AUC: num_labels goes with multi_label=True alone.")
        inner = _inner_thresholds(num_thresholds, thresholds)
        super().__init__(name=name, dtype=dtype)
        self._init_from_thresholds = thresholds is not None
        # The ends lie a little outside, so that 0 and 1 are decided as the limits are.
        self._thresholds = [-settings.epsilon(), *inner, 1.0 + settings.epsilon()]
        self.num_thresholds = len(self._thresholds)
        self._even = is_even(self._thresholds)
        self.curve = curve
        self.summation_method = summation_method
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = label_weights
        self._from_logits = from_logits
        self._built = False
        if not multi_label:
            self._build(())
        elif num_labels:
            self._build((num_labels,))

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, the ends included."""
        return list(self._thresholds)

    def _build(self, labels: tuple[int, ...]) -> None:
        shape = (self.num_thresholds, *labels)
        for kind in KINDS:
            setattr(self, kind, self.add_variable(shape, "zeros", name=kind))
        self._built = True

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        """Take in one batch.

        Args:
            y_true: Targets of 0 and 1, `(batch, ...)`, with `multi_label`
                `(batch, labels)`.
            y_pred: Predictions of the same shape.
            sample_weight: Weights that broadcast to the targets.

        Raises:
            ValueError: If shapes do not fit.
        """
        y_pred = ops.cast(y_pred, self.dtype)
        if self.multi_label:
            self._check_labels(y_pred)
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        counts = confusion_counts(
            y_true,
            y_pred,
            self._thresholds,
            self.dtype,
            sample_weight,
            multi_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
            even=self._even,
        )
        for kind in KINDS:
            getattr(self, kind).assign_add(counts[kind])

    def _check_labels(self, y_pred: Tensor) -> None:
        if y_pred.ndim != 2:
            raise ShapeError(
                f"AUC: y_pred has shape {y_pred.shape}; with multi_label=True expected "
                "(batch, labels)."
            )
        if not self._built:
            self._build((int(y_pred.shape[1]),))
        labels: int = cast(Any, self).true_positives.shape[1]
        if y_pred.shape[1] != labels:
            raise ShapeError(
                f"AUC: y_pred has shape {y_pred.shape}; expected (batch, {labels})."
            )

    def interpolate_pr_auc(self) -> Tensor:
        """The area under the PR curve, interpolated after Davis and Goadrich."""
        return _interpolated_pr(*(getattr(self, kind).value for kind in KINDS))

    def result(self) -> Tensor:
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        counts = [getattr(self, kind).value for kind in KINDS]
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = self.interpolate_pr_auc()
        else:
            areas = _area(*_CURVE[self.curve](*counts), self.summation_method)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return ops.mean(areas)
        weights = ops.convert_to_tensor(self.label_weights, dtype=self.dtype)
        return ops.divide_no_nan(ops.sum(areas * weights), ops.sum(weights))

    def get_config(self) -> dict[str, Any]:
        own = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self._from_logits,
        }
        if self._init_from_thresholds:
            own["thresholds"] = self._thresholds[1:-1]
        return {**super().get_config(), **own}


def _check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(
            f"AUC: {name}={naming.shown(value)}; expected one of {', '.join(choices)}."
        )


def _inner_thresholds(num_thresholds: int, thresholds: Any) -> list[float]:
    if thresholds is not None:
        inner = sorted(float(t) for t in thresholds)
        if inner and not (inner[0] >= 0 and inner[-1] <= 1):
            raise ValueError(
                f"AUC: thresholds={thresholds}; expected numbers in [0, 1]."
            )
        return inner
    if num_thresholds <= 1:
        raise ValueError(
            f"AUC: num_thresholds={num_thresholds}; expected an integer > 1."
        )
    check_constant((num_thresholds, NUMBER), "float64", "AUC")
    return [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]


def _roc(tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> tuple[Any, Any]:
    return ops.divide_no_nan(fp, fp + tn), ops.divide_no_nan(tp, tp + fn)


def _pr(tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> tuple[Any, Any]:
    return ops.divide_no_nan(tp, tp + fn), ops.divide_no_nan(tp, tp + fp)


def _gains(tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> tuple[Any, Any]:
    """Recall gain and precision gain: 1 minus the errors per hit, over those of chance."""
    odds = ops.divide_no_nan(tp + fn, fp + tn)
    recall = 1.0 - odds * ops.divide_no_nan(fn, tp)
    precision = 1.0 - odds * ops.divide_no_nan(fp, tp)
    return ops.where(tp > 0.0, ops.maximum(recall, 0.0), 0.0), precision


_CURVE = {"ROC": _roc, "PR": _pr, "PRGAIN": _gains}


def _area(x: Tensor, y: Tensor, method: str) -> Tensor:
    """The sum of rectangles; `x` falls with the threshold."""
    if method == "interpolation":
        heights = (y[:-1] + y[1:]) / 2.0
    elif method == "minoring":
        heights = ops.minimum(y[:-1], y[1:])
    else:
        heights = ops.maximum(y[:-1], y[1:])
    return ops.sum((x[:-1] - x[1:]) * heights, axis=0)


def _interpolated_pr(tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> Tensor:
    """The area under PR with TP and FP linear between thresholds.

    With `P = TP + FP` and the line `TP = a + b * P`, a piece has the area
    `b * (dTP + a * log(P_start / P_end)) / (TP + FN)`.
    """
    positives = tp + fp
    gained = tp[:-1] - tp[1:]
    slope = ops.divide_no_nan(gained, ops.maximum(positives[:-1] - positives[1:], 0.0))
    intercept = tp[1:] - slope * positives[1:]
    both = ops.logical_and(positives[:-1] > 0, positives[1:] > 0)
    ratio = ops.where(
        both,
        ops.divide_no_nan(positives[:-1], ops.maximum(positives[1:], 0.0)),
        ops.ones_like(positives[1:]),
    )
    pieces = slope * (gained + intercept * ops.log(ratio))
    total = ops.maximum(tp[1:] + fn[1:], 0.0)
    return ops.sum(ops.divide_no_nan(pieces, total), axis=0)
