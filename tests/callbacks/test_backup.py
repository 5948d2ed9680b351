"""BackupAndRestore: broken-off runs end with the bits of unbroken ones."""

import gc
import json
import os
import pathlib
import subprocess
import sys
import warnings

import h5py
import numpy as np
import pytest

import minikeras as keras
from minikeras import layers
from tests.callbacks import resumed_run
from tests.conftest import BACKENDS


class Stop(Exception):
    pass


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    return resumed_run.result(tmp_path_factory.mktemp("unbroken"))


@pytest.mark.parametrize(("save_freq", "at"), [("epoch", 2), ("epoch", 16), (1, 9), (1, 15),
                                               (3, 12), (3, 22)])  # fmt: skip
def test_it_goes_on_to_the_bit(tmp_path, monkeypatch, unbroken, save_freq, at):
    begun = []

    def begin(self, batch, logs=None):
        begun.append(batch)
        if len(begun) == at:
            raise Stop

    with monkeypatch.context() as broken, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        broken.setattr(resumed_run.Sums, "on_train_batch_begin", begin)
        with pytest.raises(Stop):
            resumed_run.result(tmp_path, save_freq)
        gc.collect()  # the file that the broken run has left open
    begun.clear()
    found = resumed_run.result(tmp_path, save_freq)
    for name, value in unbroken.items():
        np.testing.assert_array_equal(found[name], value, name)
    assert not (tmp_path / "backup").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="forks and kills")
@pytest.mark.parametrize("backend", BACKENDS)
def test_ten_kills(backend):
    done = subprocess.run(
        [sys.executable, "-m", "tests.callbacks.resumed_run", "10"],
        env={**os.environ, "MINIKERAS_BACKEND": backend},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "10"


def line(folder, **options):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    x = np.arange(20, dtype="float32").reshape(10, 2) / 10
    model.fit(x, x[:, :1], batch_size=2, verbose=0, **options)
    return model


def test_fit_takes_a_folder(tmp_path):
    class Break(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                raise Stop

    with pytest.raises(Stop):
        line(tmp_path, epochs=5, backup_dir=tmp_path / "b", callbacks=Break())
    assert [p.name for p in (tmp_path / "b").iterdir()] == ["latest.weights.h5"]
    found = line(tmp_path, epochs=5, backup_dir=tmp_path / "b").get_weights()
    for value, wanted in zip(found, line(tmp_path, epochs=5).get_weights()):
        np.testing.assert_array_equal(value, wanted)


def test_it_goes_on_with_other_callbacks(tmp_path):
    """As in Keras's own example: without the callback that broke it off."""

    class Break(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                raise Stop

    class Counts(keras.callbacks.Callback):
        count = 0

        def on_epoch_end(self, epoch, logs=None):
            self.count += 1

    def keep():
        return keras.callbacks.BackupAndRestore(tmp_path / "b")

    def broken(*more):
        with pytest.raises(Stop):
            line(tmp_path, epochs=5, callbacks=[keep(), *more, Break()])

    first = Counts()
    broken(first)
    again, stops = Counts(), keras.callbacks.EarlyStopping("loss", patience=9)
    model = line(tmp_path, epochs=5, callbacks=[stops, again, keep()])
    assert (first.count, again.count) == (3, 5) and model.history.epoch == [
        0,
        1,
        2,
        3,
        4,
    ]
    assert stops.wait == 0 and not (tmp_path / "b").exists()
    broken(first, Counts())
    alone = Counts()
    with pytest.warns(UserWarning, match=r"had 2 callbacks Counts, this one has 1"):
        line(tmp_path, epochs=5, callbacks=[alone, keep()])
    assert alone.count == 2


def test_history_is_whole(tmp_path):
    keep = keras.callbacks.BackupAndRestore(tmp_path / "b", delete_checkpoint=False)
    line(tmp_path, epochs=2, callbacks=[keep])
    keep = keras.callbacks.BackupAndRestore(tmp_path / "b", delete_checkpoint=False)
    model = line(tmp_path, epochs=5, callbacks=[keep])
    assert model.history.epoch == [0, 1, 2, 3, 4]
    assert model.history.history == line(tmp_path, epochs=5).history.history


def test_the_backup_before_the_last_serves_if_the_last_is_damaged(tmp_path):
    def keep():
        return keras.callbacks.BackupAndRestore(
            tmp_path, double_checkpoint=True, delete_checkpoint=False
        )

    line(tmp_path, epochs=3, callbacks=[keep()])
    latest = tmp_path / "latest.weights.h5"
    latest.write_bytes(latest.read_bytes()[:1000])
    with pytest.warns(UserWarning, match="Going on from the one before"):
        model = line(tmp_path, epochs=4, callbacks=[keep()])
    assert model.history.history == line(tmp_path, epochs=4).history.history
    latest.write_bytes(b"no backup")
    (tmp_path / "previous.weights.h5").unlink()
    with pytest.raises(ValueError, match="damaged"):
        line(tmp_path, epochs=4, callbacks=[keep()])


def test_a_backup_of_another_model_is_refused(tmp_path):
    keep = keras.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    line(tmp_path, epochs=1, callbacks=[keep])
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.compile("adam", "mse")
    before = model.get_weights()
    x = np.ones((4, 2), "float32")
    with pytest.raises(ValueError, match="could not be loaded"):
        model.fit(x, np.ones((4, 3)), verbose=0, callbacks=[
            keras.callbacks.BackupAndRestore(tmp_path)])  # fmt: skip
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)


def test_data_by_steps_goes_on_where_it_was(tmp_path):
    """Epochs that do not end with the data, and a generator that is read anew."""
    x = np.arange(32, dtype="float32").reshape(16, 2) / 10

    def batches():
        for i in range(100):
            yield x[i % 16 : i % 16 + 1], x[i % 16 : i % 16 + 1, :1]

    def run(data, keep, epochs):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        source = {"x": batches()} if data == "generator" else {"x": x, "y": x[:, :1],
                                                               "batch_size": 2}  # fmt: skip
        model.fit(**source, steps_per_epoch=4, epochs=epochs, verbose=0, callbacks=keep)
        return model.history.history

    for data in ("arrays", "generator"):
        folder = tmp_path / data

        def keep(folder=folder):
            return keras.callbacks.BackupAndRestore(folder, delete_checkpoint=False)

        run(data, [keep()], 3)
        assert run(data, [keep()], 5) == run(data, [], 5)


def test_arguments_are_checked():
    for arguments in ({"backup_dir": ""}, {"backup_dir": "b", "save_freq": 0},
                      {"backup_dir": "b", "save_freq": "batch"}):  # fmt: skip
        with pytest.raises(ValueError, match="BackupAndRestore"):
            keras.callbacks.BackupAndRestore(**arguments)


def test_outside_of_fit_it_saves_weights(tmp_path):
    model = line(tmp_path, epochs=1)
    keep = keras.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    keep.set_model(model)
    keep.on_epoch_end(0)
    other = line(tmp_path, epochs=2)
    other.load_weights(pathlib.Path(tmp_path, "latest.weights.h5"))
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])


def test_corrections_of_low_rank_go_on_to_the_bit(tmp_path):
    """A file of weights folds them into the weight; a backup must not."""

    def run(folder, at):
        class Break(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == at:
                    raise Stop

        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        model.layers[0].enable_lora(2)
        model.compile(keras.optimizers.Adam(0.1), "mse")
        x = np.linspace(-1, 1, 40, dtype="float32").reshape(10, 4)
        model.fit(x, x[:, :3], batch_size=3, epochs=4, verbose=0,
                  backup_dir=folder, callbacks=Break())  # fmt: skip
        return model

    whole = run(tmp_path / "a", None)
    with pytest.raises(Stop):
        run(tmp_path / "b", 2)
    resumed = run(tmp_path / "b", None)
    for a, b in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), a.path)


def test_metrics_that_make_variables_at_the_first_batch(tmp_path):
    def run(folder, at):
        class Break(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == at:
                    raise Stop

        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        metrics = [keras.metrics.R2Score(), keras.metrics.F1Score()]
        model.compile(keras.optimizers.Adam(0.1), "mse", metrics=metrics)
        x = np.linspace(-1, 1, 40, dtype="float32").reshape(10, 4)
        done = model.fit(x, x[:, :3], batch_size=3, epochs=4, verbose=0,
                         backup_dir=folder, callbacks=Break())  # fmt: skip
        return done.history

    whole = run(tmp_path / "a", None)
    with pytest.raises(Stop):
        run(tmp_path / "b", 2)
    assert str(run(tmp_path / "b", None)) == str(whole)


def test_a_least_improvement_keeps_its_sign(tmp_path):
    """It is signed at the first comparison, and then comes signed from the backup."""
    x, y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")

    def run(folder, stop):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(1e-3), "mse")
        slower = keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=0.5)
        begun = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: _maybe_stop(epoch, stop)
        )
        model.fit(
            x, y, epochs=6, verbose=0, callbacks=[slower, begun], backup_dir=folder
        )
        return [float(rate) for rate in model.history.history["learning_rate"]]

    whole = run(tmp_path / "whole", [])
    assert whole[-1] < whole[0]
    with pytest.raises(Stop):
        run(tmp_path / "broken", [2])
    assert run(tmp_path / "broken", []) == whole


def _maybe_stop(epoch, stop):
    if epoch in stop:
        raise Stop


class Reordered(keras.utils.PyDataset):
    """Brings its batches into an order of its own after each epoch, or before."""

    def __init__(self, hook):
        super().__init__()
        self.order, self.random = np.arange(12), np.random.RandomState(3)
        setattr(self, hook, lambda: self.random.shuffle(self.order))

    def __len__(self):
        return 4

    def __getitem__(self, index):
        rows = self.order[3 * index : 3 * index + 3, None]
        return np.sin(rows).astype("float32"), np.cos(rows).astype("float32")


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_epoch_end"])
@pytest.mark.parametrize("at", [6, 8, 11])
def test_data_that_reorders_itself_goes_on(tmp_path, hook, at):
    def run(folder, stop):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        steps = iter(range(100))
        broken = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: _maybe_stop(next(steps), stop)
        )
        backup = keras.callbacks.BackupAndRestore(folder, save_freq=1)
        model.fit(Reordered(hook), epochs=4, verbose=0, callbacks=[broken, backup])
        return np.concatenate([w.ravel() for w in model.get_weights()])

    whole = run(tmp_path / "whole", [])
    with pytest.raises(Stop):
        run(tmp_path / "broken", [at])
    np.testing.assert_array_equal(run(tmp_path / "broken", []), whole)


class TwoSteps(keras.Model):
    """A model whose step has two optimizers, of which `compile` knows none."""

    def __init__(self):
        super().__init__()
        self.body, self.head = layers.Dense(4), layers.Dense(1)
        self.dropout = layers.Dropout(0.3)
        self.body_optimizer = keras.optimizers.Adam(0.01)
        self.head_optimizer = keras.optimizers.RMSprop(0.02)

    def call(self, x, training=False):
        return self.head(self.dropout(self.body(x), training=training))

    def train_step(self, data):
        x, y = data
        for part, optimizer in (
            (self.head, self.head_optimizer),
            (self.body, self.body_optimizer),
        ):
            with keras.GradientTape() as tape:
                loss = keras.ops.mean((self(x, training=True) - y) ** 2)
            own = part.trainable_variables
            optimizer.apply(tape.gradient(loss, own), own)
        return {"loss": loss}


def two_steps(folder, stop=None):
    keras.utils.set_random_seed(3)
    x = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
    model = TwoSteps()
    model(x[:1])
    model.compile()
    backup = keras.callbacks.BackupAndRestore(folder / "backup", save_freq=1)
    done = []

    def end(batch, logs):
        done.append(batch)
        if len(done) == stop:
            raise Stop

    ends = keras.callbacks.LambdaCallback(on_train_batch_begin=end)
    model.fit(x, x[:, :1], batch_size=8, epochs=3, verbose=0, callbacks=[backup, ends])
    kept = model.body_optimizer.variables + model.head_optimizer.variables
    return [v.numpy() for v in model.variables + kept]


@pytest.mark.parametrize("at", [2, 5])
def test_optimizers_that_compile_does_not_know_go_on(tmp_path, at):
    unbroken = two_steps(tmp_path / "unbroken")
    with pytest.raises(Stop):
        two_steps(tmp_path, at)
    for found, wanted in zip(two_steps(tmp_path), unbroken, strict=True):
        np.testing.assert_array_equal(found, wanted)


_WRONG = {
    "epoch": [-1, "two", 1e400, 10**30],
    "batch": [10**12],
    "stop": ["maybe"],
    "random": [[1], {}],
    "metrics": [{"array": 10**9}],
    "kept": [[1, 2]],
    "callbacks": [None, [["History"]]],
    "feed": [{"dict": [["a", 1]]}],
    "optimizers": [[1]],
}


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory):
    class Break(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise Stop

    folder = tmp_path_factory.mktemp("broken_off")
    with pytest.raises(Stop):
        line(folder, epochs=2, callbacks=[Break()], backup_dir=folder / "b")
    (path,) = (p for p in (folder / "b").iterdir() if p.is_file())
    return path


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in _WRONG for value in _WRONG[name]]
)
def test_a_backup_that_says_nonsense_changes_nothing(tmp_path, broken_off, name, value):
    path = tmp_path / broken_off.name
    path.write_bytes(broken_off.read_bytes())
    with h5py.File(path, "r+") as file:
        state = json.loads(file["run/state"][()].tobytes())
        state[name] = value
        del file["run/state"]
        file["run/state"] = np.frombuffer(json.dumps(state).encode(), "uint8")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    before, draws = model.get_weights(), np.random.get_state()[1].copy()  # noqa: NPY002
    with pytest.raises(ValueError, match=r"the backup .* damaged"):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, backup_dir=tmp_path)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    np.testing.assert_array_equal(np.random.get_state()[1], draws)  # noqa: NPY002
