"""History: what `fit` returns, one value an epoch of everything that was logged."""

from __future__ import annotations

from typing import Any

from minikeras.callbacks.callback import Callback, Logs
from minikeras.drawing.charts import history_charts


class History(Callback):
    """Records the logs of each epoch; `fit` adds one and returns it.

    A notebook shows it as curves.

    Attributes:
        epoch: The epochs that ran, counted from 0.
        history: One list a name, e.g. `{"loss": [0.7, 0.5], "val_loss": [0.8, 0.6]}`.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((4, 3)), np.ones((4, 2)), epochs=2, verbose=0)
    >>> history.epoch, list(history.history)
    ([0, 1], ['loss'])
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin with no epochs."""
        self.epoch = []
        self.history = {}

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Append the epoch's logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def _repr_html_(self) -> str:
        return history_charts(self.history)
