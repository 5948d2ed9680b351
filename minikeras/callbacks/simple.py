"""Small callbacks: your own functions, a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minikeras.callbacks.callback import Callback, Logs


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin: `f(epoch, logs)`.
        on_epoch_end: `f(epoch, logs)`.
        on_train_begin: `f(logs)`.
        on_train_end: `f(logs)`.
        on_train_batch_begin: `f(batch, logs)`.
        on_train_batch_end: `f(batch, logs)`.
        **kwargs: Functions for other hooks, by the hook's name; other attributes.

    Raises:
        TypeError: If a name begins like a hook's (`on_`) and there is none.

    Example:
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
            if name.startswith("on_") and not callable(getattr(Callback, name, None)):
                raise TypeError(f"LambdaCallback: there is no hook called {name!r}.")
            if function is not None:
                setattr(self, name, function)


class CSVLogger(Callback):
    """Writes each epoch's results as a line of a CSV file.

    The columns are the epoch and what the first epoch logged, sorted. Validation may come
    in later epochs only, so its results have columns too; `NA` stands where there is none.

    Args:
        filename: The file.
        separator: What stands between two values.
        append: Whether to go on with a file that exists.

    Example:
        >>> keras.callbacks.CSVLogger("log.csv", separator=";").sep
        ';'
    """

    _on_first_rank = True

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
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]
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


def _cell(value: object) -> Any:
    if isinstance(value, np.ndarray) and not value.ndim:
        return value.item()
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return f'"[{", ".join(map(str, value))}]"'
    return value
