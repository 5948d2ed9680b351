"""EarlyStopping: stop when a result gets no better."""

from __future__ import annotations

from typing import Any

from minikeras.callbacks.callback import Logs
from minikeras.callbacks.monitor_callback import MonitorCallback
from minikeras.console import say


class EarlyStopping(MonitorCallback):
    """Stops training after `patience` epochs without improvement.

    Args:
        monitor: The result to watch.
        min_delta: What counts as an improvement.
        patience: Epochs to wait for one.
        verbose: 1 says why it stopped.
        mode: `"min"`, `"max"`, or `"auto"` to judge by the name.
        baseline: A value to beat; training stops if that takes longer than `patience`.
        restore_best_weights: Whether the model gets the weights of its best epoch back,
            however training ends: also when an error or Ctrl-C ends it.
        start_from_epoch: Epochs at the beginning that are not looked at.

    Attributes:
        stopped_epoch: The epoch in which it stopped, or 0.
        best_epoch: The best epoch so far.

    Example:
        >>> stop = keras.callbacks.EarlyStopping(monitor="loss", patience=3)
        >>> stop.patience
        3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def get_monitor_value(self, logs: Logs) -> float | None:
        """The watched result; None, with a warning, if it was not logged."""
        return self.monitor_value(logs)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin anew, so that an instance can be used again."""
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = None
        self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare, remember, and stop if it is time."""
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights = self.model.get_weights()
            self.best_epoch = epoch
        self.wait += 1
        if self.is_better(value, self.best):
            self.best = value
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.is_better(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Say so, and give the best weights back."""
        if self.stopped_epoch > 0 and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        self._restore()

    def _on_train_broken(self) -> None:
        self._restore()

    def _restore(self) -> None:
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                say(
                    "Restoring model weights from the end of the best epoch: "
                    f"{self.best_epoch + 1}."
                )
            self.model.set_weights(self.best_weights)
