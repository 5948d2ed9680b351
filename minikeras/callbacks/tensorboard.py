"""TensorBoard: event files for TensorBoard, by that package's own writer."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.callbacks.callback import Callback, Logs
from minikeras.callbacks.event_writer import EventWriter
from minikeras.callbacks.learning_rate import log_rates
from minikeras.engine.warn import warn_user

if TYPE_CHECKING:
    from minikeras.models.model import Model


class TensorBoard(Callback):
    """Writes what TensorBoard shows: results, weights, the model.

    Results of training go to `log_dir/train`, those of validation to
    `log_dir/validation`. Needs the package `tensorboard`, not TensorFlow. Look at them by
    `tensorboard --logdir logs`.

    Args:
        log_dir: The folder; no other callback may write there.
        histogram_freq: Epochs between two histograms of all weights; 0 for none.
        write_graph: Whether to write the model: as the JSON that TensorBoard draws, and
            as a table of its layers.
        write_images: Whether to write weights as pictures, with the histograms.
        write_steps_per_second: Whether to write how fast training is.
        update_freq: `"epoch"`, `"batch"`, or a number of batches: when results are
            written besides after each epoch.
        profile_batch: Only 0: there is no profile; use `keras.utils.profile`.
        embeddings_freq: Epochs between two files of the embeddings; 0 for none.
        embeddings_metadata: File of the embeddings' labels, or a dict of them by the
            layers' names.

    Raises:
        ImportError: If the package `tensorboard` is not installed.
        ValueError: If `update_freq` is none of these, or metadata name no Embedding.

    Example:
        >>> keras.callbacks.TensorBoard("logs", histogram_freq=1).log_dir
        'logs'
    """

    _on_first_rank = True

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | str = "epoch",
        profile_batch: int | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        whole = isinstance(update_freq, int) and update_freq > 0
        if update_freq not in ("epoch", "batch") and not whole:
            raise ValueError(
                f"TensorBoard: update_freq={update_freq!r}; expected "
                '"epoch", "batch" or a number of batches.'
            )
        self.update_freq = 1 if update_freq == "batch" else update_freq
        if profile_batch:
            warn_user(
                f"TensorBoard: profile_batch={profile_batch!r}: there is no profile for "
                "TensorBoard; use keras.utils.profile. Going on without."
            )
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._writers: dict[str, EventWriter] = {}
        self._step = 0  # batches of training so far, over all epochs
        self._since = (0.0, 0)  # when an epoch began, and at which batch
        self._batch_began = 0.0
        self._shown = False
        self._training = False

    def _writer(self, run: str) -> EventWriter:
        """The writer of `"train"` or `"validation"`, made when it is first used."""
        if run not in self._writers:
            self._writers[run] = EventWriter(os.path.join(self.log_dir, run))
        return self._writers[run]

    def set_model(self, model: Model) -> None:
        """Note the model; it is written once."""
        super().set_model(model)
        self._shown = False

    def on_train_begin(self, logs: Logs = None) -> None:
        """Open the files, and write the model."""
        self._training = True
        self._step = self._iterations()
        if self.write_graph and not self._shown:
            self._shown = True
            self._writer("train").model(self.model)
        if self.embeddings_freq:
            self._writer("train").projector(self.model, self.embeddings_metadata)

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the files."""
        self._training = False
        self._close()

    def _on_train_broken(self) -> None:
        self._training = False
        self._close()

    def _remembered(self) -> dict[str, Any]:
        return {"_step": self._step}

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note when the epoch began."""
        self._since = (time.perf_counter(), self._step)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Note when the batch began."""
        self._batch_began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Write the batch's results, where that is asked for."""
        self._step += 1
        if self.update_freq == "epoch" or self._step % int(self.update_freq):
            return
        writer = self._writer("train")
        if self.write_steps_per_second:
            speed = 1.0 / max(time.perf_counter() - self._batch_began, 1e-9)
            writer.scalar("batch_steps_per_second", speed, self._step)
        for name, value in _numbers(logs):
            writer.scalar(f"batch_{name}", value, self._step)

    def on_test_end(self, logs: Logs = None) -> None:
        """Write results of an evaluation over the updates done so far."""
        step = self._iterations()
        for name, value in _numbers(logs):
            tag = f"evaluation_{name}_vs_iterations"
            self._writer("validation").scalar(tag, value, step)
        if not self._training:
            self._close()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the epoch's results, and the weights where it is time."""
        train = self._writer("train")
        for name, value in self._epoch_numbers(logs):
            held = name.startswith("val_")
            writer = self._writer("validation") if held else train
            writer.scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for path, values in self._weights():
                train.histogram(f"{path}/histogram", values, epoch)
                if self.write_images:
                    train.image(f"{path}/image", values, epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            train.embeddings(self.model, epoch)
        for writer in self._writers.values():
            writer.flush()

    def _epoch_numbers(self, logs: Logs) -> list[tuple[str, float]]:
        found = dict(_numbers(logs))
        log_rates(self.model, found)
        if self.write_steps_per_second:
            began, step = self._since
            seconds = max(time.perf_counter() - began, 1e-9)
            found["steps_per_second"] = (self._step - step) / seconds
        return list(found.items())

    def _weights(self) -> list[tuple[str, Any]]:
        return [(w.path, np.asarray(w.numpy())) for w in self.model.weights]

    def _iterations(self) -> int:
        counter = getattr(getattr(self.model, "optimizer", None), "iterations", None)
        return 0 if counter is None else int(np.asarray(counter))


def _numbers(logs: Logs) -> list[tuple[str, float]]:
    """The results that are single numbers."""
    return [
        (name, float(value))
        for name, value in (logs or {}).items()
        if isinstance(value, (int, float, np.generic)) or np.ndim(value) == 0
    ]
