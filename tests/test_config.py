import json
import subprocess
import sys

import numpy as np
import pytest

import minikeras
from minikeras import config


def ask(tmp_path, monkeypatch, content):
    """What a fresh process with this config file says, and what it warns of."""
    (tmp_path / "minikeras.json").write_text(content, encoding="utf-8")
    for name in ("MINIKERAS_BACKEND", "KERAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MINIKERAS_HOME", str(tmp_path))
    code = (
        "from minikeras import config as c;"
        "print(c.floatx(), c.epsilon(), c.image_data_format(), c.backend())"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "always", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    return ran.stdout.split(), ran.stderr


def environment():
    import os

    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def test_the_file_sets_every_default(tmp_path, monkeypatch):
    wanted = {
        "floatx": "float64",
        "epsilon": 0.001,
        "image_data_format": "channels_first",
        "backend": "numpy",
    }
    said, warned = ask(tmp_path, monkeypatch, json.dumps(wanted))
    assert said == ["float64", "0.001", "channels_first", "numpy"]
    assert warned == ""


@pytest.mark.parametrize(
    "content",
    [
        "not json",
        "[1]",
        '{"floatx": "float8"}',
        '{"floatx": ["float32"]}',
        '{"epsilon": -1}',
        '{"epsilon": "small"}',
        '{"image_data_format": "last"}',
    ],
)
def test_a_bad_file_is_named_once_and_ignored(tmp_path, monkeypatch, content):
    said, warned = ask(tmp_path, monkeypatch, content)
    assert said[:3] == ["float32", "1e-07", "channels_last"]
    assert warned.count("UserWarning") == 1
    assert str(tmp_path / "minikeras.json") in warned


@pytest.mark.parametrize(
    ("setter", "getter", "good", "bad"),
    [
        ("set_floatx", "floatx", "float16", "float8"),
        ("set_epsilon", "epsilon", 0.01, 0.0),
        ("set_epsilon", "epsilon", 0.01, "1e-3"),
        (
            "set_image_data_format",
            "image_data_format",
            "channels_first",
            "channels_middle",
        ),
    ],
)
def test_setters_take_good_values_and_refuse_bad_ones(setter, getter, good, bad):
    get, put = getattr(config, getter), getattr(config, setter)
    before = get()
    try:
        put(good)
        assert get() == good
        with pytest.raises(ValueError, match=rf"{setter}: got .*; expected"):
            put(bad)
        assert get() == good
    finally:
        put(before)


def test_an_unknown_backend_changes_nothing():
    before = config.backend()
    with pytest.raises(RuntimeError, match=r"'abacus' is not registered.*numpy"):
        config.set_backend("abacus")
    assert config.backend() == before


def test_switching_backends(backend):
    assert config.backend() == backend


@pytest.mark.parametrize("name", ["interactive_logging", "traceback_filtering"])
def test_switches(name):
    asked = getattr(config, f"is_{name}_enabled")
    assert asked()
    getattr(config, f"disable_{name}")()
    assert not asked()
    getattr(config, f"enable_{name}")()
    assert asked()


def test_flash_attention_is_a_switch_without_effect():
    assert config.is_flash_attention_enabled() is None
    config.disable_flash_attention()
    assert config.is_flash_attention_enabled() is False
    config.enable_flash_attention()
    assert config.is_flash_attention_enabled() is None


@pytest.fixture
def no_limits():
    yield
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)


def test_limits_of_training(no_limits):
    rows = np.ones((32, 2), "float32")
    model = minikeras.Sequential([minikeras.Input((2,)), minikeras.layers.Dense(1)])
    model.compile("sgd", "mse")
    seen = []
    watch = minikeras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch),
        on_epoch_end=lambda epoch, logs: seen.append(f"epoch {epoch}"),
    )
    tested = minikeras.callbacks.Callback()
    tested.on_test_batch_end = lambda batch, logs=None: seen.append(f"test {batch}")
    given = {"batch_size": 4, "verbose": 0}
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    history = model.fit(rows, rows[:, :1], epochs=5, callbacks=[watch], **given)
    assert seen == [0, 1, 2, "epoch 0", 0, 1, 2, "epoch 1"]
    assert history.params["epochs"] == 2 and history.params["steps"] == 3
    seen.clear()
    model.fit(rows, rows[:, :1], steps_per_epoch=2, callbacks=[watch], **given)
    assert seen == [0, 1, "epoch 0"]
    seen.clear()
    model.fit(rows, rows[:, :1], epochs=9, initial_epoch=3, callbacks=[watch], **given)
    model.evaluate(rows, rows[:, :1], callbacks=[tested], **given)
    assert seen == ["test 0", "test 1", "test 2"]
    assert model.predict(rows, **given).shape == (12, 1)
    config.set_max_steps_per_epoch(20)
    assert model.predict(rows, **given).shape == (32, 1)

    def endless():
        while True:
            yield rows[:4], rows[:4, :1]

    seen.clear()
    config.set_max_steps_per_epoch(2)
    model.fit(endless(), verbose=0, callbacks=[watch])
    model.fit(iter([(rows, rows[:, :1])]), verbose=0, callbacks=[watch])  # ends early
    assert seen == [0, 1, "epoch 0", 0, "epoch 0"]


def test_limits_from_the_environment(monkeypatch):
    monkeypatch.setattr(config, "_limits", {})
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "3")
    monkeypatch.setenv("MINIKERAS_MAX_STEPS_PER_EPOCH", "4")
    assert (config.max_epochs(), config.max_steps_per_epoch()) == (3, 4)
    monkeypatch.setattr(config, "_limits", {})
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "many")
    with pytest.raises(ValueError, match="KERAS_MAX_EPOCHS is 'many'"):
        config.max_epochs()


@pytest.mark.parametrize("value", [0, -1, 2.5, "a", True])
def test_wrong_limits(value):
    with pytest.raises(ValueError, match="set_max_epochs: got"):
        config.set_max_epochs(value)
    with pytest.raises(ValueError, match="set_max_steps_per_epoch: got"):
        config.set_max_steps_per_epoch(value)
    assert config.max_epochs() is None and config.max_steps_per_epoch() is None
