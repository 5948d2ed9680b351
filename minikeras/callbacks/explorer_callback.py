"""ExplorerCallback: how a network came to be, for the explorer's page."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from minikeras import tree
from minikeras.callbacks.callback import Callback, Logs
from minikeras.engine.autodiff import GradientTape
from minikeras.engine.errors import TraceError
from minikeras.engine.tensor import from_numpy, host_array
from minikeras.layers.base.stateless import StatelessScope
from minikeras.saving.atomic import replaced_file

Array = np.ndarray[Any, Any]

_LEVELS = 2**16 - 1  # steps of a weight while it is kept; the page has 2**8
_BINS = 30


class ExplorerCallback(Callback):
    """Records a training for `keras.visualization.explore`: the page scrubs through it.

    Kept are the weights before training and after epochs (rounded to 16 bits; the page
    gets 8), their histograms, the metrics of all epochs, and how long each layer's part of
    the gradient is. Gradients are of the loss on the epoch's last batch, without dropout:
    recording changes nothing in the training.

    Args:
        every: Keep the weights after every so many epochs. The last epoch's are kept in
            any case.
        gradients: Whether to record the gradients, one pass forwards and backwards for
            each recorded epoch.

    Attributes:
        epochs: The epochs whose weights are kept, counted from 0; -1 is before training.
        metrics: Name -> values of all epochs.

    Raises:
        ValueError: If `every` is below 1.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> recording = keras.callbacks.ExplorerCallback()
        >>> x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
        >>> _ = model.fit(x, y, epochs=2, verbose=0, callbacks=[recording])
        >>> recording.epochs
        [-1, 0, 1]
        >>> keras.visualization.explore(model, x, recording=recording)
        <Explorer of 'sequential...': save(path)>
    """

    _sees_batches = True

    def __init__(self, every: int = 1, gradients: bool = True) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"ExplorerCallback: every={every}; expected 1 or more.")
        self.every, self.gradients = every, gradients
        self._batch: Any = None
        self._begin()

    def _begin(self) -> None:
        self.epochs: list[int] = []
        self.metrics: dict[str, list[float | None]] = {}
        self.frames: list[list[Frame]] = []
        self.norms: list[dict[str, float]] = []
        self.names: list[str] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        """Keep the weights as they are before the first epoch."""
        self._begin()
        if self.model.built:
            self._keep(-1)

    def _see_batch(self, step: int, data: object) -> None:
        self._batch = data

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Note the metrics; keep the weights if it is their turn."""
        before = max((len(v) for v in self.metrics.values()), default=0)
        for name, value in (logs or {}).items():
            values = self.metrics.setdefault(name, [None] * before)
            values.append(float(value) if math.isfinite(value) else None)
        for values in self.metrics.values():
            values += [None] * (before + 1 - len(values))
        self._last = epoch
        if (epoch + 1) % self.every == 0:
            self._keep(epoch)

    def on_train_end(self, logs: Logs = None) -> None:
        """Keep the last epoch's weights, and let go of the batch."""
        if self.metrics and self.epochs[-1:] != [self._last]:
            self._keep(self._last)
        self._batch = None

    def _on_train_broken(self) -> None:
        self._batch = None

    def _keep(self, epoch: int) -> None:
        weights = self.model.weights
        names = [w.path for w in weights]
        if names != self.names:  # weights that were not there before training
            self._begin_weights(names)
        self.epochs.append(epoch)
        self.frames.append([Frame.of(host_array(w.state.array())) for w in weights])
        self.norms.append(
            self._gradient_norms() if epoch >= 0 and self.gradients else {}
        )

    def _begin_weights(self, names: list[str]) -> None:
        self.names, self.epochs, self.frames, self.norms = names, [], [], []

    def _gradient_norms(self) -> dict[str, float]:
        """Layer -> length of the gradient by its weights; {} where it cannot be taken."""
        data = self._batch
        if not isinstance(data, tuple) or len(data) < 2 or data[1] is None:
            return {}
        model = self.model
        try:
            data = tree.map_structure(_tensor, data)
            x, y, sample_weight = (*data, None)[:3]
            # What the loss would note in metrics is dropped with the scope.
            with StatelessScope(), GradientTape() as tape:
                y_pred = model(x, training=False)
                loss = model.compute_loss(
                    x=x, y=y, y_pred=y_pred, sample_weight=sample_weight
                )
            found = tape.gradient(loss, model.trainable_weights)
        except (TypeError, ValueError, NotImplementedError, TraceError):
            return {}  # batches or losses of the user's own
        squares: dict[str, float] = {}
        for weight, g in zip(model.trainable_weights, found, strict=True):
            if g is None:
                continue
            layer = weight.path.rsplit("/", 1)[0]
            value = float(np.sum(np.square(host_array(g.value).astype("float64"))))
            squares[layer] = squares.get(layer, 0.0) + value
        return {layer: math.sqrt(value) for layer, value in squares.items()}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recording to an `.npz` file, for `minikeras explore --recording`.

        Raises:
            OSError: If it cannot be written.
        """
        about = {
            "epochs": self.epochs, "metrics": self.metrics, "norms": self.norms,
            "names": self.names,
        }  # fmt: skip
        arrays = {"about": np.array(json.dumps(about))}
        for i, frame in enumerate(self.frames):
            for k, part in enumerate(frame):
                arrays[f"{i}/{k}/levels"] = part.levels
                arrays[f"{i}/{k}/range"] = np.array([part.low, part.step])
                arrays[f"{i}/{k}/counts"] = part.counts
        with replaced_file(path) as beside, open(beside, "wb") as stream:
            np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]  # the names are not `allow_pickle`

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ExplorerCallback:
        """The recording that `save` wrote.

        Raises:
            ValueError: If the file holds something else.
        """
        made = cls()
        with np.load(Path(path), allow_pickle=False) as archive:
            if "about" not in archive:
                raise ValueError(f"{path}: no recording of an ExplorerCallback.")
            about = json.loads(str(archive["about"]))
            made.epochs, made.metrics = about["epochs"], about["metrics"]
            made.norms, made.names = about["norms"], about["names"]
            made.frames = [
                [
                    Frame(
                        archive[f"{i}/{k}/levels"],
                        float(archive[f"{i}/{k}/range"][0]),
                        float(archive[f"{i}/{k}/range"][1]),
                        archive[f"{i}/{k}/counts"],
                    )
                    for k in range(len(made.names))
                ]
                for i in range(len(made.epochs))
            ]
        return made


class Frame:
    """One weight at one time: numbers from 0 to 65535 between its least and greatest value.

    Attributes:
        levels: uint16, of the weight's shape.
        low: The least value.
        step: What a number counts.
        counts: A histogram between the ends.
    """

    def __init__(self, levels: Array, low: float, step: float, counts: Array) -> None:
        self.levels, self.low, self.step, self.counts = levels, low, step, counts

    @classmethod
    def of(cls, value: Array) -> Frame:
        """A weight now; nan and infinities are kept as 0."""
        values = np.nan_to_num(value.astype("float64"), posinf=0.0, neginf=0.0)
        low = float(values.min()) if values.size else 0.0
        high = float(values.max()) if values.size else 0.0
        step = (high - low) / _LEVELS or 1.0
        levels = np.rint((values - low) / step).astype(np.uint16)
        counts = np.histogram(values, _BINS, (low, high if high > low else low + 1.0))[
            0
        ]
        return cls(levels, low, step, counts)

    @property
    def high(self) -> float:
        """The greatest value."""
        return self.low + self.step * float(self.levels.max(initial=0))

    def values(self) -> Array:
        """The weight, in float32, to 1/131070 of its range."""
        found: Array = (self.low + self.step * self.levels.astype("float64")).astype(
            "float32"
        )
        return found


def _tensor(value: object) -> Any:
    return from_numpy(value) if isinstance(value, np.ndarray) else value
