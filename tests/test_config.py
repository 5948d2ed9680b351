import json
import subprocess
import sys

import pytest

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
