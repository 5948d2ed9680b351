"""Every source of batches: the history of the arrays it came from; ends, crashes, hangs."""

import faulthandler
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import tracemalloc
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minikeras as keras
from minikeras.engine.background import time_limit
from minikeras.training.data import make_adapter, sample_weight_of
from minikeras.training.data.order import STORED, LongOrder, shuffled
from minikeras.training.data.processes import ProcessWorker
from tests.training.datasets import NEVER, Dies, Parts, Raises, Sleeps, Uneven, stream
from tests.training.models import data_threads_end, linear, two_outputs

rng = np.random.default_rng(3)
X = rng.normal(size=(18, 4)).astype("float32")
X[np.abs(X) < 0.5] = 0
Y = X.sum(1, keepdims=True)


@pytest.fixture(autouse=True)
def _no_hang():
    """A test that hangs ends the run with the stacks of all threads."""
    faulthandler.dump_traceback_later(400, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def history(x, y=None, epochs=2, **arguments):
    keras.utils.set_random_seed(5)
    model = linear(optimizer=keras.optimizers.SGD(0.05), metrics=["mae"])
    arguments = {"verbose": 0, "shuffle": False, "epochs": epochs, **arguments}
    return model.fit(x, y, **arguments).history


class Iterable:
    def __iter__(self):
        return stream(X, Y)


class Indexed:
    """By number, with a length, and nothing else."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


class Numbers:
    """By number from 0, until there is no more."""

    def __getitem__(self, index):
        if index >= 5:
            raise IndexError(index)
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


class Columns:
    """What a Dataset of Hugging Face looks like."""

    features = None
    column_names = ("a", "label")

    def with_format(self, kind):
        assert kind == "numpy"
        return self

    def __len__(self):
        return len(X)

    def __getitem__(self, rows):
        return {"a": X[rows], "label": Y[rows]}

    def iter(self, batch_size):
        for start in range(0, len(X), batch_size):
            yield self[list(range(start, min(start + batch_size, len(X))))]


def pandas():
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(X, columns=list("abcd")), pd.Series(Y[:, 0])


def pandas_nullable():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    return frame.assign(a=frame["a"].astype("Float64")), pd.DataFrame(Y)


def polars():
    pl = pytest.importorskip("polars")
    return pl.DataFrame(X, schema=list("abcd")), pl.Series(Y[:, 0])


def pyarrow():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({c: X[:, i] for i, c in enumerate("abcd")})
    return table, pa.array(Y[:, 0])


def sparse(kind):
    def make():
        scipy = pytest.importorskip("scipy.sparse")
        return getattr(scipy, kind)(X), Y

    return make


def memory_map(path):
    np.save(path / "x.npy", X.astype("float64"))
    return np.load(path / "x.npy", mmap_mode="r"), Y


def hdf5(path):
    import h5py

    file = h5py.File(path / "data.h5", "w")
    return file.create_dataset("x", data=X), file.create_dataset("y", data=Y)


ARRAYS = {
    "float64": lambda: (X.astype("float64"), Y.astype("float64")),
    "one dimension": lambda: (X, Y[:, 0]),
    "list": lambda: ([X], [Y]),
    "tensors": lambda: (keras.ops.convert_to_tensor(X), keras.Variable(Y)),
    "pandas": pandas,
    "pandas nullable": pandas_nullable,
    "polars": polars,
    "pyarrow": pyarrow,
    "csr": sparse("csr_matrix"),
    "coo array": sparse("coo_array"),
    "dok": sparse("dok_matrix"),
    "memoryview": lambda: (memoryview(X), memoryview(Y)),
    "memory map": memory_map,
    "hdf5": hdf5,
}
BATCHES = {
    "iterable": Iterable,
    "list of batches behind an iterator": lambda: iter([*stream(X, Y)]),
    "by number": Indexed,
    "until the last number": Numbers,
    "PyDataset": lambda: Parts(X, Y),
    "PyDataset, three threads": lambda: Uneven(X, Y, workers=3, max_queue_size=2),
}


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
@pytest.mark.parametrize("source", ARRAYS)
def test_arrays_of_every_kind_train_as_numpy_does(source, shuffle, tmp_path):
    make = ARRAYS[source]
    x, y = make(tmp_path) if make in (memory_map, hdf5) else make()
    found = history(x, y, batch_size=4, shuffle=shuffle, validation_split=0.3)
    assert found == history(X, Y, batch_size=4, shuffle=shuffle, validation_split=0.3)
    model = linear()
    for method in (model.evaluate, model.train_on_batch, model.test_on_batch):
        verbose = {"verbose": 0} if method == model.evaluate else {}
        assert np.isfinite(method(x, y, **verbose))
    expected = model.predict(X, batch_size=4, verbose=0)
    np.testing.assert_array_equal(model.predict(x, batch_size=4, verbose=0), expected)


@pytest.mark.parametrize("source", BATCHES)
def test_batches_of_every_kind_train_as_numpy_does(source):
    once = source.endswith("iterator")
    epochs = 1 if once else 3
    expected = history(X, Y, batch_size=4, epochs=epochs)
    assert history(BATCHES[source](), epochs=epochs) == expected
    held = {"validation_data": BATCHES[source](), "validation_freq": 3 if once else 1}
    found = history(BATCHES[source](), epochs=epochs, **held)
    assert {k: v for k, v in found.items() if not k.startswith("val_")} == expected
    model = linear()
    np.testing.assert_array_equal(
        model.predict(BATCHES[source](), verbose=0),
        model.predict(X, batch_size=4, verbose=0),
    )


def test_dicts_and_several_inputs():
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    total = keras.layers.Concatenate()([left, right])
    model = keras.Model([left, right], keras.layers.Dense(1)(total))
    model.compile("sgd", "mse")
    sp = pytest.importorskip("scipy.sparse")
    loss = model.evaluate([X, X], Y, verbose=0, batch_size=5)
    mixed = {"left": sp.csr_array(X), "right": X}
    assert model.evaluate(mixed, Y, verbose=0, batch_size=5) == loss


def test_hugging_face_columns():
    expected = history(X, Y, batch_size=4)
    assert history(Columns(), batch_size=4) == expected
    shuffled = history(X, Y, batch_size=4, shuffle=True)
    assert history(Columns(), batch_size=4, shuffle=True) == shuffled


def test_a_frame_with_strings_names_the_column():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd")).assign(city="Ulm")
    with pytest.raises(ValueError, match=r"x\['city'\] holds .*Encode"):
        history(frame, Y)


def test_a_torch_dataset_is_told_from_a_loader():
    Dataset = type("TensorDataset", (Indexed,), {"__module__": "torch.utils.data"})
    with pytest.raises(ValueError, match="DataLoader"):
        history(Dataset())


# --- hooks, epochs


@pytest.mark.parametrize("workers", [1, 2])
def test_hooks_are_called_once_an_epoch(workers):
    train, held = Parts(X, Y, workers=workers), Parts(X, Y, workers=workers)
    history(train, epochs=3, validation_data=held, validation_freq=2)
    assert train.log == ["begin", "end"] * 3 and held.log == ["begin", "end"]
    for steps in (2, 7):
        data = Parts(X, Y, workers=workers)
        with pytest.warns(UserWarning, match=f"expected {steps} each"):
            history(data, epochs=3, steps_per_epoch=steps)
        assert data.log == ["begin", "end"] * 3
    data = Parts(X, Y, workers=workers)
    model = linear()
    model.evaluate(data, verbose=0)
    model.predict(data, verbose=0)
    assert data.log == ["begin", "end"] * 2


@pytest.mark.parametrize("workers", [1, 2])
def test_an_epoch_that_is_broken_off_ends_too(workers):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    data = Parts(X, Y, workers=workers)
    history(data, callbacks=[Stop()])
    assert data.log == ["begin", "end"]
    assert data_threads_end()


def test_a_dataset_can_be_iterated():
    batches = list(Parts(X, Y))
    assert [len(x) for x, _ in batches] == [4, 4, 4, 4, 2]

    class Endless(keras.utils.PyDataset):
        def __getitem__(self, index):
            return index

    assert [index for index, _ in zip(Endless(), range(9))] == list(range(9))


def test_a_dataset_may_shrink():
    class Shrinks(Parts):
        def on_epoch_end(self):
            self.x = self.x[4:]
            self.y = self.y[4:]

    found = history(Shrinks(X, Y), epochs=3)
    assert len(found["loss"]) == 3
    assert len(history(Shrinks(X, Y), steps_per_epoch=2, epochs=3)["loss"]) == 3


def test_a_generator_is_never_read_beyond_what_is_needed():
    source = stream(X, Y)
    history(source, epochs=1, steps_per_epoch=2)
    np.testing.assert_array_equal(next(source)[0], X[8:12])


def test_the_next_batch_is_made_while_one_computes():
    made, used = threading.Event(), []

    def batches():
        yield X, Y
        made.set()
        yield X, Y

    class Waits(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            used.append(made.wait(60))

    history(batches(), epochs=1, callbacks=[Waits()])
    assert used == [True, True]


@pytest.mark.parametrize("eagerly", [True, False])
def test_batches_are_made_in_the_main_thread_where_that_is_wanted(eagerly, monkeypatch):
    if not eagerly:
        monkeypatch.setenv("MINIKERAS_DATA_AHEAD", "0")
    threads = []

    def batches():
        for part in stream(X, Y):
            threads.append(threading.current_thread())
            yield part

    linear(run_eagerly=eagerly).fit(batches(), verbose=0)
    assert threads == [threading.main_thread()] * 5


@pytest.mark.parametrize("shuffle", [True, "batch"])
def test_large_batches_are_gathered_ahead_in_the_same_order(shuffle, monkeypatch):
    x = rng.random((22, 70_000)).astype("float32")
    y = x[:, :1] * 3
    found = []
    for ahead in ("1", "0"):
        monkeypatch.setenv("MINIKERAS_DATA_AHEAD", ahead)
        keras.utils.set_random_seed(2)
        model = linear(features=70_000, optimizer=keras.optimizers.SGD(1e-6))
        assert make_adapter(x, y, batch_size=4, shuffle=shuffle).ahead
        fit = {"batch_size": 4, "shuffle": shuffle, "epochs": 3, "verbose": 0}
        found.append(model.fit(x, y, **fit).history["loss"])
    assert found[0] == found[1]


# --- what goes wrong


@pytest.mark.parametrize("workers", [1, 3])
def test_a_dataset_that_raises_ends_fit_with_its_traceback(workers):
    with pytest.raises(OSError, match="the disk is gone") as caught:
        history(Raises(X, Y, workers=workers))
    assert "__getitem__" in [entry.name for entry in caught.traceback]
    assert "batch 2 of Raises" in caught.value.__notes__[0]
    assert data_threads_end()


def test_a_generator_that_raises_ends_fit_with_its_traceback():
    def broken():
        yield X, Y
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as caught:
        history(broken())
    assert "broken" in [entry.name for entry in caught.traceback]
    assert "batch 1 of the generator" in caught.value.__notes__[0]


def test_what_does_not_come_is_named(monkeypatch):
    monkeypatch.setenv("MINIKERAS_DATA_TIMEOUT", "0.3")
    never = threading.Event()

    def stuck():
        yield X, Y
        never.wait()

    with pytest.raises(TimeoutError, match=r"batch 1 of the generator.*DATA_TIMEOUT"):
        history(stuck())
    never.set()
    with pytest.raises(TimeoutError, match="batch 2 of Sleeps"):
        history(Sleeps(X, Y, workers=2))
    with pytest.raises(TimeoutError, match="batch 2 of Sleeps"):
        history(Sleeps(X, Y), shuffle=True)  # by its number, not by its place
    NEVER.set()
    assert data_threads_end()
    NEVER.clear()
    monkeypatch.setenv("MINIKERAS_DATA_TIMEOUT", "soon")
    with pytest.raises(ValueError, match="MINIKERAS_DATA_TIMEOUT='soon'"):
        time_limit()
    monkeypatch.setenv("MINIKERAS_DATA_TIMEOUT", "0")
    assert time_limit() is None


def test_empty_sources():
    for empty in (iter(()), Parts(X[:0], Y[:0]), Parts(X[:0], Y[:0], workers=2)):
        with pytest.raises(ValueError, match="there is no first batch"):
            history(empty)


def test_batches_of_other_sizes():
    def batches():
        for size in (1, 5, 2, 5):
            yield X[:size], Y[:size]

    assert len(history(batches(), epochs=1)["loss"]) == 1


# --- processes: one test starts them, since that takes a second


def test_worker_processes(monkeypatch):
    options = {"workers": 2, "use_multiprocessing": True, "max_queue_size": 3}
    data = Parts(X, Y, shift=0.5, **options)
    expected = history(Parts(X, Y, shift=0.5))
    assert history(data) == expected
    assert data.log == ["begin", "end"] * 2

    options["workers"] = 1
    with pytest.raises(OSError, match="the disk is gone") as caught:
        history(Raises(X, Y, **options))
    assert any("in __getitem__" in note for note in caught.value.__notes__)
    with pytest.raises(RuntimeError, match=r"batch 2 of Dies ended with exit code 7"):
        history(Dies(X, Y, **options))
    # Batch 2 never comes; the others have all the time that a busy machine needs.
    monkeypatch.setenv("MINIKERAS_DATA_TIMEOUT", "300")
    make, limits = ProcessWorker.make, set()

    def timed(self, number, limit):
        limits.add(limit)
        return make(self, number, 0.3 if number == 2 else None)

    monkeypatch.setattr(ProcessWorker, "make", timed)
    with pytest.raises(TimeoutError, match="batch 2 of Sleeps"):
        history(Sleeps(X, Y, **options))
    assert limits == {300}

    data.handle = lambda: None  # cannot be pickled
    with pytest.raises(Exception, match=r"(?i)pickle") as caught:
        history(data)
    assert "use_multiprocessing=True" in caught.value.__notes__[0]


def test_classes_that_worker_processes_cannot_import(monkeypatch):
    """As those of a notebook's cells: the error says what to do."""
    cell = types.ModuleType("notebook_cell")
    kind = type("InACell", (Parts,), {"__module__": "notebook_cell"})
    cell.InACell = kind
    monkeypatch.setitem(sys.modules, "notebook_cell", cell)
    with pytest.raises(ModuleNotFoundError, match="notebook_cell") as caught:
        history(kind(X, Y, workers=1, use_multiprocessing=True))
    assert "Write it into a .py file" in caught.value.__notes__[-1]


STUCK = """
    import threading, numpy as np
    from tests.training.models import linear

    def source():
        yield np.ones((4, 4), "float32"), np.ones((4, 1), "float32")
        print("waiting", flush=True)
        threading.Event().wait()
"""
STUCK_PROCESSES = """
    import numpy as np
    from tests.training.datasets import Sleeps
    from tests.training.models import linear

    def source():
        x = np.ones((12, 4), "float32")
        return Sleeps(x, x[:, :1], workers=2, use_multiprocessing=True)
"""
RUN = """
    import signal

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
    try:
        linear().fit(source(), verbose=0)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="sends a signal to a group of processes")
@pytest.mark.parametrize("script", [STUCK, STUCK_PROCESSES])
def test_ctrl_c_ends_fit_though_workers_hang(script):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script) + textwrap.dedent(RUN)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    try:
        assert process.stdout.readline() == "waiting\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.communicate(timeout=60)[0] == "interrupted\n"
    finally:
        process.kill()
    assert process.returncode == 0


# --- great data


@given(size=st.integers(1, 3000))
def test_a_long_order_is_a_permutation(size):
    order = LongOrder(size)
    found = np.concatenate([order[i : min(i + 7, size)] for i in range(0, size, 7)])
    np.testing.assert_array_equal(np.sort(found), np.arange(size))


def test_a_long_order_mixes_well():
    size = STORED + 5
    keras.utils.set_random_seed(1)
    first, second = shuffled(size), shuffled(size)
    assert isinstance(first, LongOrder)
    a, b = (o[size // 2 : size // 2 + 4096].astype(float) for o in (first, second))
    for found in (a, b, np.diff(a) % size):
        assert abs(found.mean() / size - 0.5) < 0.03
        assert abs(found.std() / size - np.sqrt(1 / 12)) < 0.03
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.08
    assert abs(np.corrcoef(a[1:], a[:-1])[0, 1]) < 0.08


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
def test_ten_million_rows_of_a_memory_map_take_the_memory_of_a_few_batches(
    tmp_path, shuffle
):
    rows = 10_000_000
    x = np.memmap(tmp_path / "x", "float64", "w+", shape=(rows, 2))  # a sparse file
    y = np.memmap(tmp_path / "y", "uint8", "w+", shape=(rows,))
    model = linear(features=2)
    fit = {"batch_size": 256, "steps_per_epoch": 20, "epochs": 2, "verbose": 0}
    model.fit(x[:10_240], y[:10_240], **fit)
    gc.collect()
    tracemalloc.start()
    try:
        model.fit(x, y, shuffle=shuffle, validation_split=0.5, validation_steps=3,
                  class_weight={0: 1.0, 1: 2.0}, **fit)  # fmt: skip
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000


# --- class weights of several outputs


def test_class_weights_of_several_outputs():
    labels = np.array([0, 1, 2, 1])
    weights = [{0: 2.0}, None, {1: 0.5}]
    found = sample_weight_of([labels, labels, np.eye(3)[labels]], weights)
    assert found[0].tolist() == [2, 1, 1, 1] and found[1] is None
    assert found[2].tolist() == [1, 0.5, 1, 0.5]
    found = sample_weight_of({"a": labels, "b": labels}, {"b": {2: 3.0}})
    assert found["a"] is None and found["b"].tolist() == [1, 1, 3, 1]

    y = [np.arange(18) % 3, np.ones((18, 2), "float32")]
    loss = ["sparse_categorical_crossentropy", "mse"]
    model = two_outputs(optimizer=keras.optimizers.SGD(0.0), loss=loss)
    by_name = {"a": {0: 0.0, 2: 4.0}}
    expected = model.evaluate(
        X, y, sample_weight=[sample_weight_of(y[0], by_name["a"]), None], verbose=0
    )
    named = {"a": y[0], "b": y[1]}
    for targets in (y, named):
        for weight in (by_name, [by_name["a"], None]):
            if targets is named and isinstance(weight, list):
                continue
            found = model.fit(X, targets, class_weight=weight, verbose=0, shuffle=False)
            assert found.history["loss"][0] == pytest.approx(expected[0])
    for bad in ({"c": {0: 1.0}}, {0: 1.0}, [{0: 1.0}], "balanced", {"a": 3}):
        with pytest.raises(ValueError, match="class_weight"):
            model.fit(X, y, class_weight=bad, verbose=0)


def test_class_weights_are_not_for_validation():
    y = (np.arange(18) % 2).astype("float32")[:, None]
    weighted = history(X, y, class_weight={0: 5.0, 1: 0.0}, validation_split=0.3,
                       epochs=1, callbacks=[keep := Keep()])  # fmt: skip
    model = keep.model
    plain = model.evaluate(X[12:], y[12:], verbose=0)[0]
    assert weighted["val_loss"][0] == pytest.approx(plain)


class Keep(keras.callbacks.Callback):
    """Has the model that was trained."""


def test_make_adapter_says_what_it_takes():
    for wrong in (3, "abc", object(), dict):
        with pytest.raises(ValueError, match=r"x is a .*expected arrays"):
            make_adapter(wrong)
