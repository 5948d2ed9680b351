"""MonitorCallback: the part that callbacks share which watch one result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import naming, ops
from minikeras.callbacks.callback import Callback, Logs
from minikeras.engine.warn import warn_user

if TYPE_CHECKING:
    from minikeras.metrics.metric import Metric


# Results that are better when higher, by how their names end.
_HIGHER = (
    "acc", "accuracy", "auc", "precision", "recall", "f1_score", "fbeta_score", "r2_score",
    "iou", "top_k", "true_positives", "true_negatives", "similarity", "io_u",
    "sensitivity_at_specificity", "specificity_at_sensitivity", "precision_at_recall",
    "recall_at_precision",
)  # fmt: skip
_LOWER = (
    "loss", "error", "mse", "mae", "mape", "msle", "crossentropy", "hinge", "poisson",
    "divergence", "false_positives", "false_negatives", "logcosh", "huber", "log_cosh",
)  # fmt: skip


class MonitorCallback(Callback):
    """Watches one result and knows which of two values of it is better.

    Args:
        monitor: The name of the result, e.g. `"val_loss"`.
        mode: `"min"`, `"max"`, or `"auto"` to judge by the name.
        min_delta: By how much a value must be better.
        initial: The value to beat at first, or None.

    Attributes:
        monitor_op: `ops.less` or `ops.greater`, by which values are compared; None until
            the first comparison, or what a subclass set.

    Raises:
        ValueError: With `"auto"`, if the name tells nothing (said at the first epoch).

    Example:

    >>> stopping = keras.callbacks.EarlyStopping(monitor="val_mae")
    >>> isinstance(stopping, keras.callbacks.MonitorCallback), stopping.monitor
    (True, 'val_mae')
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        min_delta: float = 0.0,
        initial: float | None = None,
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warn_user(
                f"{type(self).__name__} mode {naming.shown(mode)} is unknown; expected "
                '"min", "max" or "auto", which is used now.'
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.best = initial
        self.monitor_op: Callable[[Any, Any], Any] | None = None

    def monitor_value(self, logs: Logs) -> float | None:
        """The watched result, or None after a warning that lists what there is.

        Raises:
            ValueError: If it is not one number; with `"auto"`, if it was not logged and is
                no metric of the model either.
        """
        value = (logs or {}).get(self.monitor)
        if value is None:
            listed = ", ".join(sorted(logs or {}))
            if self.mode == "auto" and self.monitor_op is None and self._told() is None:
                raise ValueError(
                    f"{type(self).__name__}: monitor={self.monitor!r} was not logged and is "
                    f"no metric of the model; expected one of: {listed}."
                )
            warn_user(
                f"{type(self).__name__} watches {self.monitor!r}, which was not logged; "
                f"expected one of: {listed}. Pass validation data for names with val_."
            )
            return None
        number = np.asarray(value)
        if (
            number.size != 1
        ):  # one number in an array is what a metric by class may give
            raise ValueError(
                f"{type(self).__name__}: monitor={self.monitor!r} has the shape "
                f"{number.shape}; expected one number. Metrics by class have an average="
                "..., which gives one."
            )
        found: float = number.item()
        return found

    def higher_is_better(self) -> bool:
        """The direction, from `mode`, from the metric, or from the name."""
        if self.mode != "auto":
            return self.mode == "max"
        told = self._told()
        if told is None:
            told = _by_name(self.monitor.removeprefix("val_"))
        if told is None:
            raise ValueError(
                f"{type(self).__name__}: monitor={self.monitor!r} does not tell whether higher "
                'is better; expected mode="max" or mode="min" for it.'
            )
        return told

    def _told(self) -> bool | None:
        """Whether higher is better, where the model has such a loss or metric."""
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return False
        for metric in getattr(self.model, "metrics", ()):
            names = getattr(metric, "names", None)
            if names is not None and name in names:
                return _direction(metric.metrics[names.index(name)], name)
            if metric.name == name:
                return _direction(metric, name)
        return None

    def is_better(self, value: float, than: float | None) -> bool:
        """Whether `value` beats `than` by more than `min_delta`; a NaN never does."""
        if math.isnan(value):
            return False
        if self.monitor_op is None:
            higher = self.higher_is_better()
            self.monitor_op = ops.greater if higher else ops.less
            # Signed, as Keras has it: what is to be beaten is `value - min_delta`. (It may
            # be signed already, taken from a backup.)
            self.min_delta = abs(self.min_delta) if higher else -abs(self.min_delta)
        if than is None:
            return True
        return bool(self.monitor_op(value - self.min_delta, than))


def _direction(metric: Metric, name: str) -> bool | None:
    told = getattr(metric, "_direction", None)
    return told == "up" if told in ("up", "down") else _by_name(name)


def _by_name(name: str) -> bool | None:
    name = name.rstrip("0123456789").rstrip("_")
    if name.endswith(_LOWER):
        return False
    return True if name.endswith(_HIGHER) else None
