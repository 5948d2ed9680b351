"""Callbacks that change the learning rate: by a schedule, or when progress stops."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.callbacks.callback import Callback, Logs
from minikeras.callbacks.monitor_callback import MonitorCallback
from minikeras.console import say

if TYPE_CHECKING:
    from minikeras.models.model import Model


def rates(model: Model) -> list[tuple[str, Any]]:
    """`(name, optimizer)` of each optimizer that has a learning rate.

    The name is empty for the model's only one; those of a `MultiOptimizer` have theirs.
    """
    optimizer = getattr(model, "optimizer", None)
    if hasattr(optimizer, "learning_rate"):
        return [("", optimizer)]
    inner = getattr(optimizer, "optimizers", ())
    return [(one.name, one) for one in inner if hasattr(one, "learning_rate")]


def log_rates(model: Model, logs: Logs) -> None:
    """Add `learning_rate`, or `learning_rate_NAME` for each of several, to the logs."""
    if logs is not None:
        for name, optimizer in rates(model):
            key = f"learning_rate_{name}" if name else "learning_rate"
            logs[key] = float(np.asarray(optimizer.learning_rate))


def _needed_rates(callback: Callback) -> list[tuple[str, Any]]:
    found = rates(callback.model)
    if not found:
        raise ValueError(
            f"{type(callback).__name__}: the optimizer {callback.model.optimizer!r} has no "
            "learning_rate; expected one of keras.optimizers."
        )
    return found


def _of(name: str) -> str:
    """`"NAME "` in messages, nothing for the only optimizer."""
    return f"{name} " if name else ""


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of each epoch.

    Args:
        schedule: `schedule(epoch)` or `schedule(epoch, rate)`, which gives the new rate.
        verbose: 1 says what was set.

    Raises:
        ValueError: If the schedule gives no number (said when it is called).

    Example:
        >>> halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
        >>> halve.schedule(1, 0.5)
        0.25
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose
        self._takes_rate = _takes_two(schedule)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Ask the schedule and set the rate, that of each optimizer in turn."""
        for name, optimizer in _needed_rates(self):
            rate = float(np.asarray(optimizer.learning_rate))
            new = (
                self.schedule(epoch, rate) if self._takes_rate else self.schedule(epoch)
            )
            array = None if isinstance(new, str) else np.asarray(new)
            if array is None or array.dtype.kind not in "fiu" or array.ndim:
                raise ValueError(
                    f"LearningRateScheduler: schedule({epoch}) gave {new!r}; expected a "
                    "number."
                )
            optimizer.learning_rate = float(array)
            if self.verbose:
                say(
                    f"\nEpoch {epoch + 1}: LearningRateScheduler setting {_of(name)}"
                    f"learning rate to {float(array)}."
                )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add the rate to the logs."""
        log_rates(self.model, logs)


def _takes_two(schedule: Callable[..., Any]) -> bool:
    """Whether a schedule takes the rate as its second argument."""
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # no signature to be had: the longer form is the documented one
        return True
    return True


class ReduceLROnPlateau(MonitorCallback):
    """Lowers the learning rate after `patience` epochs without improvement.

    Args:
        monitor: The result to watch.
        factor: What the rate is multiplied by, below 1.
        patience: Epochs to wait for an improvement.
        verbose: 1 says when the rate is lowered.
        mode: `"min"`, `"max"`, or `"auto"` to judge by the name.
        min_delta: What counts as an improvement.
        cooldown: Epochs after a reduction in which nothing is counted.
        min_lr: The rate is not lowered below this.
        **kwargs: Taken and ignored, as Keras does with arguments of its past.

    Raises:
        ValueError: If `factor` is 1 or more.

    Example:
        >>> keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=2).factor
        0.5
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: object,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if factor >= 1.0:
            raise ValueError(
                f"ReduceLROnPlateau: factor={factor}; expected less than 1, e.g. 0.1."
            )
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin anew."""
        self.best = None
        self.wait = self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare, and lower the rate if it is time."""
        log_rates(self.model, logs)
        value = self.monitor_value(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def in_cooldown(self) -> bool:
        """Whether it waits after a reduction."""
        return self.cooldown_counter > 0

    def _reduce(self, epoch: int) -> None:
        reduced = False
        for name, optimizer in _needed_rates(self):
            rate = float(np.asarray(optimizer.learning_rate))
            if rate <= np.float32(self.min_lr):
                continue
            reduced = True
            new = max(rate * self.factor, self.min_lr)
            optimizer.learning_rate = new
            if self.verbose:
                say(
                    f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing {_of(name)}learning "
                    f"rate to {new}."
                )
        if reduced:
            self.cooldown_counter = self.cooldown
            self.wait = 0
