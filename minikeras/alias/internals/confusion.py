"""`keras.src.metrics.metrics_utils`: counts at thresholds, for metrics of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Self

from minikeras.metrics.confusion_counts import (
    confusion_counts,
    is_even,
    parse_thresholds,
)
from minikeras.metrics.constrained import ConstrainedBest
from minikeras.types import ArrayLike


class ConfusionMatrix(Enum):
    """The four cells of a confusion matrix of two classes."""

    TRUE_POSITIVES = "tp"
    FALSE_POSITIVES = "fp"
    TRUE_NEGATIVES = "tn"
    FALSE_NEGATIVES = "fn"


class _Named(Enum):
    """Members that are found by their names in any case."""

    @classmethod
    def from_str(cls, key: str) -> Self:
        """The member of a name.

        Raises:
            ValueError: If there is none.
        """
        for member in cls:
            if key.lower() == member.value.lower():
                return member
        known = ", ".join(member.value for member in cls)
        raise ValueError(f"{cls.__name__}: {key!r}; expected one of {known}.")


class AUCCurve(_Named):
    """What `AUC` is the area under."""

    ROC = "ROC"
    PR = "PR"
    PRGAIN = "PRGAIN"


class AUCSummationMethod(_Named):
    """How `AUC` fills the space between thresholds."""

    INTERPOLATION = "interpolation"
    MAJORING = "majoring"
    MINORING = "minoring"


def assert_thresholds_range(thresholds: Sequence[float] | None) -> None:
    """Nothing, where all thresholds are in `[0, 1]`.

    Raises:
        ValueError: If one is not.
    """
    if thresholds is not None:
        parse_thresholds(list(thresholds))


def parse_init_thresholds(
    thresholds: float | Sequence[float] | None, default_threshold: float = 0.5
) -> list[float]:
    """One threshold, several or None as a list.

    Raises:
        ValueError: If one is not in `[0, 1]`.
    """
    return parse_thresholds(thresholds, default_threshold)


def is_evenly_distributed_thresholds(thresholds: Sequence[float]) -> bool:
    """Whether three thresholds or more are evenly spaced from 0 to 1."""
    return is_even(list(thresholds))


def update_confusion_matrix_variables(
    variables_to_update: Mapping[ConfusionMatrix, Any] | None,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    thresholds: Sequence[float],
    top_k: int | None = None,
    class_id: int | None = None,
    sample_weight: ArrayLike | None = None,
    multi_label: bool = False,
    label_weights: ArrayLike | None = None,
    thresholds_distributed_evenly: bool = False,
) -> None:
    """Adds the counts of a batch to variables.

    Args:
        variables_to_update: A variable for each `ConfusionMatrix` member that is wanted,
            `(thresholds,)`, or `(thresholds, labels)` with `multi_label`.
        y_true: Targets of 0 and 1, `(batch, ...)`.
        y_pred: Predictions in `[0, 1]` of the same shape.
        thresholds: A prediction above one is positive there.
        top_k: Only the k largest of each row can be positive.
        class_id: Look at this class alone.
        sample_weight: Weights that broadcast to the targets.
        multi_label: Count each column apart.
        label_weights: Weights of the columns, when they are not apart.
        thresholds_distributed_evenly: Whether `is_evenly_distributed_thresholds`.

    Raises:
        ValueError: If no member of `ConfusionMatrix` is among the keys, or shapes do not fit.
    """
    if variables_to_update is None:
        return
    wanted = {
        k: v for k, v in variables_to_update.items() if k in list(ConfusionMatrix)
    }
    if not wanted:
        raise ValueError(
            f"variables_to_update has the keys {list(variables_to_update)}; expected members of "
            f"ConfusionMatrix: {', '.join(str(m) for m in ConfusionMatrix)}."
        )
    counts = confusion_counts(
        y_true,
        y_pred,
        thresholds,
        next(iter(wanted.values())).dtype,
        sample_weight,
        top_k,
        class_id,
        multi_label,
        label_weights,
        thresholds_distributed_evenly,
    )
    for cell, variable in wanted.items():
        variable.assign_add(counts[cell.name.lower()])


SensitivitySpecificityBase = ConstrainedBest

__all__ = [
    "AUCCurve",
    "AUCSummationMethod",
    "ConfusionMatrix",
    "SensitivitySpecificityBase",
    "assert_thresholds_range",
    "is_evenly_distributed_thresholds",
    "parse_init_thresholds",
    "update_confusion_matrix_variables",
]
