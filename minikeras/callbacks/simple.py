"""Small callbacks: your own functions, a NaN guard, a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from minikeras.callbacks.callback import Callback, Logs
from minikeras.console import say


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin: `f(epoch, logs)`.
        on_epoch_end: `f(epoch, logs)`.
        on_train_begin: `f(logs)`.
        on_train_end: `f(logs)`.
        on_train_batch_begin: `f(batch, logs)`.
        on_train_batch_end: `f(batch, logs)`.
        **kwargs: Functions for other hooks, by the hook's name.

    Raises:
        TypeError: If there is no hook of that name.

    Example:
        >>> import minikeras as keras
        >>> log = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: print(e))
        >>> log.on_epoch_end(3, {})
        3
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Callable[..., Any],
    ) -> None:
        super().__init__()
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, function in hooks.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                raise TypeError(f"LambdaCallback: there is no hook called {name!r}.")
            if function is not None:
                setattr(self, name, function)


class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite.

    Args:
        raise_error: Whether to raise an error instead of stopping.

    Raises:
        RuntimeError: With `raise_error`, when the loss is not finite.

    Example:
        >>> import minikeras as keras
        >>> guard = keras.callbacks.TerminateOnNaN(raise_error=True)
        >>> guard.on_train_batch_end(7, {"loss": float("inf")})
        Traceback (most recent call last):
            ...
        RuntimeError: Batch 7: the loss is inf; training stops.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(loss):
            return
        text = f"Batch {batch}: the loss is {loss}; training stops."
        if self.raise_error:
            raise RuntimeError(text)
        say(text)
        self.model.stop_training = True


class CSVLogger(Callback):
    """Writes each epoch's results as a line of a CSV file.

    Args:
        filename: The file.
        separator: What stands between two values.
        append: Whether to go on with a file that exists.

    Example:
        >>> import minikeras as keras
        >>> keras.callbacks.CSVLogger("log.csv", separator=";").sep
        ';'
    """

    def __init__(
        self,
        filename: str | os.PathLike[str],
        separator: str = ",",
        append: bool = False,
    ) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self._file: Any = None
        self._writer: Any = None
        self._header = True

    def on_train_begin(self, logs: Logs = None) -> None:
        """Open the file."""
        exists = os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self._header = not (self.append and exists)
        mode = "a" if self.append else "w"
        self._file = open(self.filename, mode, newline="")  # noqa: SIM115 - open till the end
        self._writer = None
        self.keys = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write a line; names that come later than the first epoch have no column."""
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
        if self._writer is None:
            self._writer = csv.DictWriter(
                self._file,
                ["epoch", *self.keys],
                delimiter=self.sep,
                lineterminator="\n",
            )
            if self._header:
                self._writer.writeheader()
        row = {key: _cell(logs.get(key, "NA")) for key in self.keys}
        self._writer.writerow({"epoch": epoch, **row})
        self._file.flush()

    def _remembered(self) -> dict[str, Any]:
        with open(self.filename, newline="") as file:
            return {"keys": self.keys, "text": file.read()}

    def _take_back(self, state: dict[str, Any]) -> None:
        """The file as it was: lines that were written after the backup come again."""
        self._file.truncate(0)
        self._file.seek(0)
        self._file.write(state["text"])
        self._file.flush()
        self._header = self._header and not state["text"]
        self.keys = state["keys"]

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the file."""
        self._file.close()
        self._file = self._writer = None


def _cell(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return f'"[{", ".join(map(str, value.ravel()))}]"'
    return value
