"""Which hooks are called when, with what, beside Keras itself; files and endings."""

import http.server
import json
import sys
import threading
import types
import urllib.parse

import numpy as np
import pytest

import minikeras as keras
from minikeras import callbacks as cb
from tests.training.models import line, linear

X, Y = line(samples=10)
PLAIN = ("train", "test", "predict")


def recorder(lib):
    """A callback that notes each hook with its number and the names in its logs."""

    class Records(lib.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seen = []

    def note(hook, numbered):
        def numbered_hook(self, number, logs=None):
            self.seen.append((hook, number, None if logs is None else sorted(logs)))

        def plain_hook(self, logs=None):
            self.seen.append((hook, None if logs is None else sorted(logs)))

        setattr(Records, hook, numbered_hook if numbered else plain_hook)

    for when in ("begin", "end"):
        note(f"on_epoch_{when}", True)
        for mode in PLAIN:
            note(f"on_{mode}_{when}", False)
            note(f"on_{mode}_batch_{when}", True)
    return Records()


def test_hooks_and_their_order(lib):
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    record, both = recorder(lib), ["loss", "mae"]
    model.fit(
        X, Y, 4, 2, 0, [record], validation_data=(X[:3], Y[:3]), validation_freq=2
    )
    batches = [
        (f"on_train_batch_{when}", i, names)
        for i in range(3)
        for when, names in (("begin", []), ("end", both))
    ]
    assert record.seen == [
        ("on_train_begin", []),
        ("on_epoch_begin", 0, []),
        *batches,
        ("on_epoch_end", 0, both),
        ("on_epoch_begin", 1, []),
        *batches,
        ("on_test_begin", []),
        ("on_test_batch_begin", 0, []),
        ("on_test_batch_end", 0, both),
        ("on_test_end", both),
        ("on_epoch_end", 1, [*both, "val_loss", "val_mae"]),
        ("on_train_end", [*both, "val_loss", "val_mae"]),
    ]
    record = recorder(lib)
    model.predict(X, 8, 0, callbacks=[record])
    assert record.seen == [
        ("on_predict_begin", []),
        ("on_predict_batch_begin", 0, []),
        ("on_predict_batch_end", 0, ["outputs"]),
        ("on_predict_batch_begin", 1, []),
        ("on_predict_batch_end", 1, ["outputs"]),
        ("on_predict_end", []),
    ]
    assert record.params == {"verbose": 0, "epochs": 1, "steps": 2}


def test_functions_for_any_hook(lib):
    seen = []
    watch = lib.callbacks.LambdaCallback(
        on_batch_end=lambda batch, logs: seen.append(batch),
        set_model=lambda model: seen.append(type(model).__name__),
        on_predict_end=lambda logs: seen.append("predicted"),
    )
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=5, verbose=0, callbacks=[watch])
    assert seen == ["Sequential", 0, 1]


def test_csv_files(lib, tmp_path):
    """Columns for validation that comes later; arrays and texts as cells."""

    class Adds(lib.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["a"], logs["b"] = np.arange(2), [1, "x"]
            logs["c"], logs["loss"] = 'say "a,b"', 0.5

    path = tmp_path / "log.csv"
    model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(1)])
    model.compile("sgd", "mse")
    data = {"validation_data": (X[:2], 0 * Y[:2]), "validation_freq": 2, "verbose": 0}
    model.set_weights([np.zeros((4, 1)), np.zeros(1)])
    model.compile(lib.optimizers.SGD(0.0), "mse")
    log = lib.callbacks.CSVLogger(str(path))
    model.fit(X, Y, epochs=2, callbacks=[Adds(), log], **data)
    on = lib.callbacks.CSVLogger(str(path), append=True)
    model.fit(X, Y, initial_epoch=2, epochs=3, callbacks=[Adds(), on], **data)
    cells = '"""[0, 1]""","""[1, x]""","say ""a,b""",0.5,NA,NA,NA'
    assert path.read_text().splitlines() == [
        "epoch,a,b,c,loss,val_a,val_b,val_c,val_loss",
        f"0,{cells},NA",
        f"1,{cells},0.0",
        f"2,{cells},NA",
    ]


class Falls(cb.Callback):
    """Ends training by an error after three epochs, each worse than the one before."""

    def __init__(self, error):
        super().__init__()
        self.error, self.first = error, None

    def on_epoch_end(self, epoch, logs=None):
        logs["val_loss"] = float(epoch)
        if epoch == 0:
            self.first = self.model.get_weights()

    def on_train_batch_end(self, batch, logs=None):
        if self.first is not None and self.model.optimizer.iterations.numpy() == 6:
            raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError("mine")])
def test_the_best_weights_come_back_after_an_error(error):
    model, falls = linear(), Falls(error)
    stop = cb.EarlyStopping(patience=9, restore_best_weights=True)
    with pytest.raises((KeyboardInterrupt, ZeroDivisionError)):
        model.fit(X, Y, batch_size=5, epochs=9, verbose=0, callbacks=[falls, stop])
    for now, best in zip(model.get_weights(), falls.first, strict=True):
        np.testing.assert_array_equal(now, best)


def test_the_best_weights_come_back_at_the_last_epoch():
    class Worse(Falls):
        def on_train_batch_end(self, batch, logs=None):
            pass

    model, worse = linear(), Worse(None)
    stop = cb.EarlyStopping(patience=9, restore_best_weights=True)
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[worse, stop])
    np.testing.assert_array_equal(model.get_weights()[0], worse.first[0])


@pytest.fixture
def server():
    """A local server that keeps what it gets."""
    got = []

    class Keeps(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            got.append((self.path, dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    serving = http.server.HTTPServer(("127.0.0.1", 0), Keeps)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}", got
    serving.shutdown()
    thread.join(10)
    serving.server_close()


@pytest.mark.parametrize("by", ["requests", "urllib"])
def test_remote_monitor(server, by, monkeypatch):
    if by == "requests":
        pytest.importorskip("requests")
    else:
        monkeypatch.setitem(sys.modules, "requests", None)
    root, got = server
    form = cb.RemoteMonitor(root, field="mine", headers={"X-Key": "7"})
    whole = cb.RemoteMonitor(root, path="/other", send_as_json=True)
    history = linear().fit(X, Y, epochs=2, verbose=0, callbacks=[form, whole])
    (path, headers, body), (other, _, text) = got[:2]
    assert (path, other) == ("/publish/epoch/end/", "/other")
    assert headers["X-Key"] == "7"
    expected = {"epoch": 0, "loss": history.history["loss"][0]}
    assert json.loads(urllib.parse.parse_qs(body)["mine"][0]) == expected
    assert json.loads(text) == expected and len(got) == 4
    form.on_epoch_end(4, {"a": np.float32(0.5), "b": np.arange(2), "c": np.ones(1)})
    sent = json.loads(urllib.parse.parse_qs(got[-1][2])["mine"][0])
    assert sent == {"epoch": 4, "a": 0.5, "b": [0, 1], "c": 1.0}


def test_a_remote_monitor_uses_requests_where_it_is(monkeypatch):
    """Which packages that answer in a server's place, as tests have them, count on."""
    posted = []
    stand_in = types.SimpleNamespace(post=lambda *a, **k: posted.append((a, k)))
    monkeypatch.setitem(sys.modules, "requests", stand_in)
    cb.RemoteMonitor(send_as_json=True).on_epoch_end(0, {"loss": np.float32(0.5)})
    cb.RemoteMonitor(headers={"X-Key": "7"}).on_epoch_end(1, {"loss": 0.5})
    address = "http://localhost:9000/publish/epoch/end/"
    assert posted == [
        ((address,), {"json": {"epoch": 0, "loss": 0.5}, "headers": None}),
        (
            (address, {"data": '{"epoch": 1, "loss": 0.5}'}),
            {"headers": {"X-Key": "7"}},
        ),
    ]


def test_a_remote_server_that_does_not_answer_holds_nothing(monkeypatch):
    end = threading.Event()
    stand_in = types.SimpleNamespace(post=lambda *a, **k: end.wait(60))
    monkeypatch.setitem(sys.modules, "requests", stand_in)
    monkeypatch.setattr("minikeras.callbacks.remote_monitor._SECONDS", 0.05)
    with pytest.warns(UserWarning, match="no answer in 0.05 seconds"):
        cb.RemoteMonitor().on_epoch_end(0, {})
    end.set()


def test_mistakes_in_a_post_come_out(monkeypatch):
    def post(*args, **kwargs):
        raise TypeError("a mistake")

    monkeypatch.setitem(sys.modules, "requests", types.SimpleNamespace(post=post))
    with pytest.raises(TypeError, match="a mistake"):
        cb.RemoteMonitor().on_epoch_end(0, {})


def test_a_remote_server_that_is_not_there_stops_nothing():
    nobody = cb.RemoteMonitor("http://127.0.0.1:9")
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server"):
        linear().fit(X, Y, verbose=0, callbacks=[nobody])
    with pytest.raises(ValueError, match="expected an address"):
        cb.RemoteMonitor("localhost")


def test_averages_are_swapped_for_validation_and_checkpoints(lib):
    """What validation sees, and what is there after an epoch."""

    class Notes(lib.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.held, self.ended = [], []

        def on_test_batch_begin(self, batch, logs=None):
            self.held.append(np.asarray(self.model.get_weights()[0]))

        def on_epoch_end(self, epoch, logs=None):
            self.ended.append(np.asarray(self.model.get_weights()[0]))

    def run(swap_on_epoch):
        model = lib.Sequential([lib.Input((4,)), lib.layers.Dense(1)])
        model.set_weights([np.ones((4, 1)), np.zeros(1)])
        sgd = lib.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
        model.compile(sgd, "mse")
        notes, swap = Notes(), lib.callbacks.SwapEMAWeights(swap_on_epoch)
        model.fit(X, Y, 10, 2, 0, [swap, notes], validation_data=(X, Y), shuffle=False)
        return notes

    plain, swapped = run(False), run(True)
    for notes in (plain, swapped):
        assert not np.allclose(notes.held[1], plain.ended[1])
        np.testing.assert_allclose(notes.held, plain.held, rtol=1e-5)
    np.testing.assert_allclose(swapped.ended, plain.held, rtol=1e-5)
    assert np.isfinite(keras.ops.convert_to_numpy(swapped.ended)).all()
