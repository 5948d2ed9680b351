"""What type checkers and editors know of a user's script."""

import importlib.util
import inspect
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import minikeras as keras

ROOT = pathlib.Path(__file__).parents[2]
TEXT = pathlib.Path(__file__).with_name("script.txt").read_text()
WRONG = {i for i, line in enumerate(TEXT.splitlines(), 1) if line.endswith("# wrong")}


@pytest.fixture
def script(tmp_path):
    """The script as a Python file, where no test runner or linter meets it."""
    path = tmp_path / "script.py"
    path.write_text(TEXT)
    return path


def test_mypy_knows_types_and_finds_what_is_misspelt(script, tmp_path):
    pytest.importorskip("mypy")
    config = tmp_path / "mypy.ini"
    config.write_text(f"[mypy]\nmypy_path = {ROOT}{os.pathsep}{ROOT / 'backends'}\n")
    command = [sys.executable, "-m", "mypy", "--config-file", config, script]
    command += ["--cache-dir", tmp_path / "cache", "--follow-imports", "silent"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    found = re.findall(r"script\.py:(\d+): error", done.stdout)
    assert {int(line) for line in found} == WRONG, done.stdout + done.stderr


def test_pyright_does_too(script, tmp_path):
    command = shutil.which("pyright", path=os.path.dirname(sys.executable))
    command = command or shutil.which("pyright")
    if command is None:
        pytest.skip("pyright is not installed")
    project = {
        "include": [str(script)],
        "extraPaths": [str(ROOT), str(ROOT / "backends")],
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(project))
    arguments = ["--outputjson", "-p", tmp_path, "--pythonpath", sys.executable]
    done = subprocess.run([command, *arguments], capture_output=True, text=True)
    try:
        report = json.loads(done.stdout)["generalDiagnostics"]
    except ValueError:
        pytest.skip(f"pyright cannot run here: {done.stderr[-200:]}")
    errors = {
        d["range"]["start"]["line"] + 1 for d in report if d["severity"] == "error"
    }
    assert errors == WRONG, done.stdout


def test_signatures_are_those_of_constructors():
    class Mine(keras.layers.Dense):
        def __init__(self, width, **kwargs):
            super().__init__(width, **kwargs)

    assert list(inspect.signature(keras.Sequential).parameters) == [
        "layers", "trainable", "name",
    ]  # fmt: skip
    assert list(inspect.signature(Mine).parameters) == ["width", "kwargs"]
    assert [*inspect.signature(keras.layers.LSTM).parameters][:2] == [
        "units",
        "activation",
    ]
    assert "inputs" not in inspect.signature(keras.layers.Dense(3)).parameters


def test_a_namespace_shows_its_public_names_only():
    assert dir(keras) == sorted(keras.__all__)
    for name in keras.__all__:
        namespace = getattr(keras, name)
        if inspect.ismodule(namespace):
            assert set(dir(namespace)) == set(namespace.__all__), name
            if name == "wrappers" and importlib.util.find_spec("sklearn") is None:
                continue  # its names are classes of scikit-learn's
            assert all(hasattr(namespace, public) for public in dir(namespace)), name


def test_a_namespace_that_is_imported_by_itself_shows_the_same():
    code = "import minikeras.losses as l; assert dir(l) == sorted(l.__all__), dir(l)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
