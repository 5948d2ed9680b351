"""Losses and metrics whose kind is chosen by shapes: `"accuracy"`, `"crossentropy"`."""

from __future__ import annotations

from typing import Any

from minikeras import losses
from minikeras.losses import Loss
from minikeras.types import ArrayLike

_KINDS = {
    "accuracy": "accuracy",
    "acc": "accuracy",
    "crossentropy": "crossentropy",
    "ce": "crossentropy",
}


def kind_by_shape(identifier: object) -> str | None:
    """`"accuracy"`, `"crossentropy"`, or None for what says by itself what it is."""
    return _KINDS.get(identifier.lower()) if isinstance(identifier, str) else None


def label_kind(truth: Any, pred: Any) -> str:
    """Whether targets are 0/1, class numbers or one-hot, judging by shapes."""
    classes = pred.shape[-1] if pred.shape else 1
    if classes == 1:
        return "binary"
    shape = None if truth is None else truth.shape
    # Keras's rule: class numbers have one axis less than the probabilities, or a last
    # one of 1.
    if shape is None or len(shape) < len(pred.shape) or shape[-1] == 1:
        return "sparse_categorical"
    return "categorical"


class CrossentropyByShape(Loss):
    """`loss="crossentropy"`: the crossentropy that takes targets of the shape given."""

    def __init__(self) -> None:
        super().__init__(name="crossentropy")
        self._losses = {
            "binary": losses.BinaryCrossentropy(),
            "categorical": losses.CategoricalCrossentropy(),
            "sparse_categorical": losses.SparseCategoricalCrossentropy(),
        }

    def chosen(self, y_true: ArrayLike, y_pred: ArrayLike) -> Loss:
        """The loss for targets and predictions like these."""
        return self._losses[label_kind(y_true, y_pred)]

    def call(self, y_true: ArrayLike, y_pred: ArrayLike) -> Any:
        """One value for each sample."""
        return self.chosen(y_true, y_pred).call(y_true, y_pred)

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Any:
        return self.chosen(y_true, y_pred)(y_true, y_pred, sample_weight)
