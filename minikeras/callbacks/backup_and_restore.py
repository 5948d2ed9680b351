"""BackupAndRestore: a training run that was broken off goes on where it was."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from minikeras import naming
from minikeras.callbacks import backup
from minikeras.callbacks.callback import Callback, Logs
from minikeras.engine import ranks
from minikeras.engine.warn import warn_user
from minikeras.saving.limits import FileError

_LATEST, _BEFORE = "latest.weights.h5", "previous.weights.h5"


class BackupAndRestore(Callback):
    """Keeps the state of a run on disk, and goes on from it when the run starts again.

    After a crash, run the same script again: `fit` continues after the last backup and
    ends with the very bits of a run that was never broken off. Kept are weights,
    optimizer, metrics, random generators, epoch and batch, the order of the data, the
    history, and what the callbacks remember (their plain attributes and arrays).

    A generator as data begins anew and is read up to the place where the run was; data
    that is not the same the second time gives another run.

    Args:
        backup_dir: Folder for the backup; one run alone uses it.
        save_freq: `"epoch"`, or every so many batches.
        double_checkpoint: Whether the backup before the last one is kept too, in case
            the disk damages the last.
        delete_checkpoint: Whether the backup is deleted when training ends.

    Raises:
        ValueError: If an argument makes no sense, or the backup is of another run.

    Example:
        >>> import tempfile
        >>> x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
        >>> def run(epochs, folder):
        ...     keras.utils.set_random_seed(1)
        ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        ...     model.compile("adam", "mse")
        ...     keep = keras.callbacks.BackupAndRestore(folder, delete_checkpoint=False)
        ...     return model.fit(x, y, epochs=epochs, verbose=0, callbacks=[keep])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = run(2, folder)  # as if it were broken off after two epochs
        ...     broken = run(4, folder).history["loss"]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run(4, folder).history["loss"] == broken
        True
    """

    _comes_last = True  # of all callbacks, so that it keeps what the others remember

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not isinstance(backup_dir, (str, os.PathLike)) or not os.fspath(backup_dir):
            raise ValueError(
                f"BackupAndRestore: backup_dir={naming.shown(backup_dir)}; expected the path of a "
                "folder."
            )
        whole = isinstance(save_freq, int) and not isinstance(save_freq, bool)
        if save_freq != "epoch" and not (whole and int(save_freq) > 0):
            raise ValueError(
                f'BackupAndRestore: save_freq={save_freq!r}; expected "epoch" or a number '
                "of batches above 0."
            )
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._seconds: float | None = None  # also save in an epoch that takes longer
        self._last_time = time.monotonic()
        self._run: backup.Run | None = None
        self._batches = 0

    def attach(self, run: backup.Run) -> None:
        """Called by `fit` with the run to keep, whose callbacks include this one."""
        self._run = run

    @classmethod
    def often(cls, backup_dir: str | os.PathLike[str]) -> BackupAndRestore:
        """One that saves after each epoch, and in long ones every few minutes."""
        made = cls(backup_dir)
        made._seconds = 300.0
        return made

    def restore(self, begin_epoch: Callable[[int], None]) -> bool:
        """Put the last backup back; whether there was one.

        Args:
            begin_epoch: Called if the run goes on inside an epoch, with its number.

        Raises:
            ValueError: If it is damaged, or of another run.
        """
        self._last_time = time.monotonic()
        if ranks.several():
            return self._restore_on_all(begin_epoch)
        return self._restore_first(begin_epoch) is not None

    def _restore_on_all(self, begin_epoch: Callable[[int], None]) -> bool:
        """Rank 0 has the files; the others go on from the one that it took."""
        assert self._run is not None
        comm = ranks.communicator()
        taken = self._restore_first(begin_epoch) if ranks.first() else None
        content = comm.broadcast(None if taken is None else taken.read_bytes())
        if content is None:
            return False
        if not ranks.first():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / _LATEST
                path.write_bytes(content)
                backup.restore(self._run, path, begin_epoch)
        return True

    def _restore_first(self, begin_epoch: Callable[[int], None]) -> Path | None:
        """Put back what is in the newest file that can be read; which it was."""
        assert self._run is not None
        tried = [path for path in self._paths() if path.exists()]
        for path in tried:
            try:
                backup.restore(self._run, path, begin_epoch)
            except FileError as error:
                if path is tried[-1]:
                    raise
                warn_user(f"BackupAndRestore: {error} Going on from the one before.")
                continue
            return path
        return None

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Save every `save_freq` batches."""
        self._batches += 1
        late = (
            self._seconds is not None
            and time.monotonic() - self._last_time > self._seconds
        )
        if late or (
            self.save_freq != "epoch" and self._batches % int(self.save_freq) == 0
        ):
            # A run that stops here has nothing more to do in this epoch.
            if self._run is not None and not self.model.stop_training:
                feed = self._run.feed
                done = batch + 1 if feed is None else feed.used
                self._save(self._run.epoch, done, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save, if that is to be after epochs."""
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0, None)

    def on_train_end(self, logs: Logs = None) -> None:
        """Delete the backup: the run is complete."""
        self._run = None
        if self.delete_checkpoint and ranks.first():
            for path in self._paths():
                path.unlink(missing_ok=True)
            folder = Path(self.backup_dir)
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _paths(self) -> tuple[Path, Path]:
        folder = Path(os.path.expanduser(self.backup_dir))
        return folder / _LATEST, folder / _BEFORE

    def _save(self, epoch: int, batch: int, logs: Logs) -> None:
        self._last_time = time.monotonic()
        if not ranks.first():
            return  # what it has, rank 0 has too
        run = replace(
            self._run or backup.Run(self.model),
            epoch=epoch, batch=batch, logs=logs or {},
        )  # fmt: skip
        latest, before = self._paths()
        latest.parent.mkdir(parents=True, exist_ok=True)
        if self.double_checkpoint and latest.exists():
            os.replace(latest, before)
        backup.save(run, latest)
        self._last_time = time.monotonic()

    def _remembered(self) -> dict[str, Any]:
        return {"_batches": self._batches}
