"""ModelCheckpoint: save the model or its weights as training goes on."""

from __future__ import annotations

import os
import re
from typing import Any

from minikeras import naming
from minikeras.callbacks.callback import Logs
from minikeras.callbacks.monitor_callback import MonitorCallback
from minikeras.console import say


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after epochs or batches.

    Args:
        filepath: Where to save; may hold `{epoch:02d}` and names of results, such as
            `{val_loss:.2f}`. It ends in `.keras`, or `.weights.h5` for weights alone.
        monitor: The result to watch with `save_best_only`.
        verbose: 1 says what is saved.
        save_best_only: Whether to save only when the result is better than before. If it
            is not logged, there is a warning, and the model is saved.
        save_weights_only: Whether to save the weights alone.
        mode: `"min"`, `"max"`, or `"auto"` to judge by the name.
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: The value to beat at first.

    Raises:
        ValueError: If the file's ending or `save_freq` does not fit.

    Example:
        >>> keep = keras.callbacks.ModelCheckpoint(
        ...     "best.weights.h5", save_weights_only=True, save_best_only=True)
        >>> keep.filepath
        'best.weights.h5'
    """

    _on_first_rank = True

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial=initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._batches = 0
        self._epoch = 0
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ValueError(
                f'ModelCheckpoint: save_freq={save_freq!r}; expected "epoch" or a number of '
                "batches."
            )
        self._check_ending()

    def _check_ending(self) -> None:
        only = self.save_weights_only
        endings = (".weights.h5",) if only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            raise ValueError(
                f"ModelCheckpoint: filepath={naming.shown(self.filepath)} with save_weights_only="
                f"{only}; expected a name that ends in {' or '.join(endings)}."
            )

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch, for file names."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Save every `save_freq` batches."""
        if self.save_freq == "epoch":
            return
        self._batches += 1
        if self._batches % int(self.save_freq) == 0:
            self._save(self._epoch, logs or {}, batch)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save, if that is to be after epochs."""
        if self.save_freq == "epoch":
            self._save(epoch, logs or {}, None)

    def _save(self, epoch: int, logs: dict[str, Any], batch: int | None) -> None:
        path = self._path(epoch, logs, batch)
        value = self.monitor_value(logs) if self.save_best_only else None
        if value is None:  # also where nothing tells which is best: better than none
            self._say(f"Epoch {epoch + 1}: saving model to {path}.")
        elif not self.is_better(value, self.best):
            self._say(
                f"Epoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}."
            )
            return
        else:
            before = "None" if self.best is None else f"{self.best:.5f}"
            self.best = value
            self._say(
                f"Epoch {epoch + 1}: {self.monitor} improved from {before} to {value:.5f}, "
                f"saving model to {path}."
            )
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _say(self, text: str) -> None:
        if self.verbose:
            say(f"\n{text}")

    def _path(self, epoch: int, logs: dict[str, Any], batch: int | None) -> str:
        values = {**logs, "epoch": epoch + 1}
        if batch is not None:
            values["batch"] = batch + 1
        wanted = set(re.findall(r"{(\w+)", self.filepath))
        missing = sorted(wanted - set(values))
        if missing:
            raise KeyError(
                f"ModelCheckpoint: filepath {self.filepath!r} names {missing}; expected some "
                f"of {sorted(values)}."
            )
        return self.filepath.format(**values)
