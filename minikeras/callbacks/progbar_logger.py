"""ProgbarLogger: the progress bar of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

from typing import Any

from minikeras import console
from minikeras.callbacks.callback import Callback, Logs
from minikeras.callbacks.notebook import Board, NotebookBar
from minikeras.callbacks.progbar import Progbar
from minikeras.engine.tensor import Tensor


class ProgbarLogger(Callback):
    """Writes progress and results to standard output; `fit` adds one unless silent.

    Results are fetched from the device only when the bar is drawn.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> model.compile("sgd", "mse")
    >>> bar = keras.callbacks.ProgbarLogger()  # what verbose=1 adds by itself
    >>> history = model.fit(np.ones((4, 3)), np.ones((4, 2)), callbacks=[bar], verbose=0)
    """

    _takes_tensors = True
    _on_first_rank = True

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self._bar: Progbar | None = None
        self._board: Board | None = None
        self._training = False

    @property
    def _verbose(self) -> int:
        return int(self.params.get("verbose", 1))

    def _begin(self, heading: str = "") -> None:
        self.seen = 0
        steps = self.params.get("steps")
        display = console.notebook() if self._verbose == 1 else None
        if display is not None:
            self._board = self._board or Board(display)
            self._bar = NotebookBar(self._board, heading, steps)
            return
        if heading:
            console.say(heading)
        # Ten drawings a second keep progress under 1 % of the time of steps of 1 ms.
        self._bar = Progbar(
            steps, verbose=self._verbose, interval=0.1, stateless_metrics=()
        )

    def _remembered(self) -> dict[str, Any]:
        return {}  # a bar is drawn anew

    def _counted(self, steps: int | None) -> None:
        if self._bar is not None and self._bar.target is None:
            self._bar.target = steps

    def _step(self, batch: int, logs: Logs) -> None:
        self.seen = batch + 1
        bar = self._bar
        if bar is None or (bar.target is not None and self.seen >= bar.target):
            return  # the last step is drawn when everything is known
        if bar.wants_values(self.seen):
            bar.update(self.seen, _pairs(logs), finalize=False)
        elif bar._first is None:
            bar.update(self.seen, finalize=False)

    def _finish(self, logs: Logs) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            if bar.target is None:
                bar.target = self.seen
            self.params["steps"] = bar.target
            # Of a group of batches that ends early, `seen` is where it would have ended.
            bar.update(min(self.seen, bar.target), _pairs(logs), finalize=True)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Note that a training run has begun: its evaluations draw no bar."""
        self._board = None
        self._training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Training is over."""
        self._training = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Write the number of the epoch and begin a bar."""
        several = self._verbose and self.params.get("epochs", 1) > 1
        self._begin(f"Epoch {epoch + 1}/{self.params['epochs']}" if several else "")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Finish the bar."""
        self._finish(logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the bar on."""
        self._step(batch, logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        """Begin a bar, unless `fit` is evaluating."""
        if not self._training:
            self._begin()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the bar on, unless `fit` is evaluating."""
        if not self._training:
            self._step(batch, logs)

    def on_test_end(self, logs: Logs = None) -> None:
        """Finish the bar, unless `fit` is evaluating."""
        if not self._training:
            self._finish(logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Begin a bar."""
        self._begin()

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the bar on."""
        self._step(batch, None)

    def on_predict_end(self, logs: Logs = None) -> None:
        """Finish the bar."""
        self._finish(None)


def _pairs(logs: Logs) -> list[tuple[str, Any]]:
    """Names and numbers, in their order; arrays are left out."""
    pairs = []
    for name, value in (logs or {}).items():
        if isinstance(value, (Tensor, float, int)) and not getattr(value, "shape", ()):
            pairs.append((name, value))
    return pairs
