"""A training run that is killed at random moments, and goes on when it runs again.

`python -m tests.callbacks.resumed_run KILLS [SEED]` kills runs so many times, each one to
three times, and checks that each of them ends with the bits of a run that was never
killed. It prints how many runs ended so, how often one went on from what an earlier one
had left, and how many kills there were.
"""

import os
import pathlib
import signal
import sys
import tempfile
import time
import traceback

import numpy as np

import minikeras as keras
from minikeras import layers


class Sums(keras.callbacks.Callback):
    """One's own callback, with numbers and arrays that it gathers."""

    def __init__(self):
        super().__init__()
        self.total = 0.0
        self.trace = np.zeros(4)
        self.draws = []

    def on_train_batch_end(self, batch, logs=None):
        self.total += logs["loss"]
        self.trace[batch % 4] += logs["loss"]

    def on_epoch_end(self, epoch, logs=None):
        self.draws.append(float(np.random.rand()))  # noqa: NPY002
        logs["sum"] = self.total


class Batches(keras.utils.PyDataset):
    """Rows in batches, by their number."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x) // 8

    def __getitem__(self, index):
        rows = slice(8 * index, 8 * index + 8)
        return self.x[rows], self.y[rows]


def _rows_for_ever(x, y):
    while True:
        yield from Batches(x, y)


KINDS = ("arrays", "sequence", "generator", "backup_dir")
MOST_KILLS = 3  # of a run


def _data(kind, x, y):
    """What `fit` is given, for one of `KINDS`."""
    if kind == "arrays":
        return {"x": x, "y": y, "batch_size": 8, "validation_split": 0.2}
    held = {"validation_data": (x[:14], y[:14])}
    if kind == "sequence":
        return {"x": Batches(x, y), "shuffle": True, **held}
    if kind == "generator":
        return {"x": _rows_for_ever(x, y), "steps_per_epoch": 5, **held}
    return {"x": x, "y": y, "batch_size": 8, **held}


def result(folder, save_freq="epoch", epochs=4, kind="arrays"):
    """Train, with everything that draws or remembers; what it comes to, as arrays."""
    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(70, 6)).astype("float32")
    y = (x[:, :1] * x[:, 1:2] + 0.1 * rng.normal(size=(70, 1))).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.3),
            layers.BatchNormalization(),
            layers.GaussianNoise(0.05),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    sums = Sums()
    backup = keras.callbacks.BackupAndRestore(folder / "backup", save_freq)
    by_folder = kind == "backup_dir"
    callbacks = [
        *([] if by_folder else [backup]),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        keras.callbacks.ReduceLROnPlateau("val_loss", 0.7, patience=1),
        keras.callbacks.EarlyStopping(
            "val_loss", patience=3, restore_best_weights=True
        ),
        keras.callbacks.CSVLogger(folder / "log.csv"),
        keras.callbacks.ModelCheckpoint(
            folder / "best.keras", "val_loss", save_best_only=True
        ),
        sums,
    ]
    history = model.fit(
        **_data(kind, x, y), epochs=epochs, verbose=0, callbacks=callbacks,
        backup_dir=folder / "backup" if by_folder else None,
    )  # fmt: skip
    found = {f"weight {i}": w for i, w in enumerate(model.get_weights())}
    found.update(
        (f"optimizer {i}", v.numpy()) for i, v in enumerate(model.optimizer.variables)
    )
    found.update((f"history {k}", np.array(v)) for k, v in history.history.items())
    found["epochs"] = np.array(history.epoch)
    found["sums"] = np.array([sums.total, *sums.trace, *sums.draws])
    found["next draw"] = keras.random.uniform((3,)).numpy()
    found["log"] = np.frombuffer((folder / "log.csv").read_bytes(), "uint8")
    return found


def _child(folder, save_freq, kind):
    """Fork a process that trains; its number."""
    child = os.fork()
    if child == 0:
        try:
            np.savez(folder / "result.npz", **result(folder, save_freq, kind=kind))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def _unbroken(kind):
    """What a run comes to that nobody kills, and how long it takes."""
    with tempfile.TemporaryDirectory() as root:
        start = time.monotonic()
        assert os.waitpid(_child(pathlib.Path(root), "epoch", kind), 0)[1] == 0
        return _read(pathlib.Path(root)), time.monotonic() - start


def _killed(child, moment):
    """Kill a process after so many seconds, if it goes on so long; whether it did."""
    until = time.monotonic() + moment
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert status == 0
            return False
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    return os.WIFSIGNALED(status)


def _broken_run(folder, save_freq, kind, moments):
    """Run until it is done, killed at these moments.

    Returns:
        How often it went on from a backup, and the kills that hit.
    """
    resumed = hits = 0
    for moment in (*moments, None):
        resumed += any((folder / "backup").glob("*"))
        child = _child(folder, save_freq, kind)
        if moment is None:
            assert os.waitpid(child, 0)[1] == 0
        elif not _killed(child, moment):
            break
        else:
            hits += 1
    return resumed, hits


def killed_runs(kills, seed=0):
    """Kill runs at random moments until there were so many; each ends in the end.

    Returns:
        How many runs were completed, how often one went on from a backup, and how many
        kills hit a run that was going on.

    Raises:
        AssertionError: If a run ends with other bits than an unbroken one.
    """
    rng = np.random.default_rng(seed)
    unbroken = {}
    done = resumed = hits = 0
    while hits < kills:
        kind = KINDS[done % len(KINDS)]
        if kind not in unbroken:
            if not unbroken:
                _unbroken(kind)  # compiles what the others find in the cache
            unbroken[kind] = _unbroken(kind)
        wanted, longest = unbroken[kind]
        save_freq = ("epoch", 1, 3)[int(rng.integers(3))]
        count = min(int(rng.integers(1, MOST_KILLS + 1)), kills - hits)
        with tempfile.TemporaryDirectory() as root:
            folder = pathlib.Path(root)
            moments = rng.uniform(0.02, 1.1 * longest, count)
            more, hit = _broken_run(folder, save_freq, kind, moments)
            resumed, hits = resumed + more, hits + hit
            found = _read(folder)
        for name in wanted:
            np.testing.assert_array_equal(found[name], wanted[name], f"{kind} {name}")
        done += 1
    return done, resumed, hits


def _read(folder):
    with np.load(folder / "result.npz") as found:
        return {name: found[name] for name in found.files}


if __name__ == "__main__":
    print(*killed_runs(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
