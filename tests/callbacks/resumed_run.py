"""A training run that is killed at random moments, and goes on when it runs again.

`python -m tests.callbacks.resumed_run KILLS [SEED]` kills runs so many times, and checks
that each of them ends with the bits of a run that was never killed.
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


def result(folder, save_freq="epoch", epochs=4):
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
    callbacks = [
        keras.callbacks.BackupAndRestore(folder / "backup", save_freq),
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
        x, y, batch_size=8, epochs=epochs, verbose=0, validation_split=0.2,
        callbacks=callbacks,
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


def _child(folder, save_freq):
    """Fork a process that trains; its number."""
    child = os.fork()
    if child == 0:
        try:
            np.savez(folder / "result.npz", **result(folder, save_freq))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def killed_runs(kills, seed=0):
    """Kill runs at random moments until there were so many, each run until it is done.

    Returns:
        How many runs were completed, and how many kills hit a run that was going on.
    """
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as root:
        start = time.monotonic()
        assert os.waitpid(_child(pathlib.Path(root), "epoch"), 0)[1] == 0
        longest = time.monotonic() - start
        wanted = _read(pathlib.Path(root))
    done = hits = 0
    while hits < kills:
        with tempfile.TemporaryDirectory() as root:
            folder = pathlib.Path(root)
            save_freq = ("epoch", 1, 3)[int(rng.integers(3))]
            while True:
                child = _child(folder, save_freq)
                until = time.monotonic() + rng.uniform(0.02, 1.2 * longest)
                over = 0
                while time.monotonic() < until and not over:
                    over = os.waitpid(child, os.WNOHANG)[0]
                    time.sleep(0.001)
                if not over and hits < kills:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    hits += 1
                    continue
                if not over:
                    os.waitpid(child, 0)
                break
            found = _read(folder)
            for name in wanted:
                np.testing.assert_array_equal(found[name], wanted[name], name)
            done += 1
    return done, hits


def _read(folder):
    with np.load(folder / "result.npz") as found:
        return {name: found[name] for name in found.files}


if __name__ == "__main__":
    print(*killed_runs(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
