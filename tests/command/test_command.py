"""The other words of the command `minikeras`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minikeras
import minikeras as keras
from minikeras import __main__ as command
from minikeras.command import COMMANDS, cache, completion, info


def test_info_says_what_a_report_needs(capsys):
    assert command.main(["info"]) == 0
    out = capsys.readouterr().out
    for part in (
        f"minikeras {minikeras.__version__}",
        "NumPy",
        "numpy: ready",
        "BLAS",
        f"Processor: {info._processor()}",
        "CPU features",
        f"{info._threads()} threads",
        "Caches",
    ):
        assert part in out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each(name, capsys):
    with pytest.raises(SystemExit) as leaving:
        command.main([name, "--help"])
    assert leaving.value.code == 0
    out = capsys.readouterr().out
    assert f"minikeras {name}" in out and len(out.splitlines()) > 3


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_flag_shows_the_usage_of_its_command(name, capsys):
    words = {
        "launch": ["-n", "2", "--bogus", "--", "true"],
        "completion": ["bash", "--bogus"],
        "convert": ["a", "b", "--bogus"],
        "inspect": ["a", "--bogus"],
        "explore": ["a", "--bogus"],
    }.get(name, ["--bogus"])
    with pytest.raises(SystemExit) as leaving:
        command.main([name, *words])
    assert leaving.value.code == 2
    out, err = capsys.readouterr()
    assert not out
    assert f"usage: minikeras {name}" in err
    assert f"minikeras {name}: error: " in err and "--bogus" in err


def test_without_a_word_the_help_is_shown(capsys):
    assert command.main([]) == 2
    out, err = capsys.readouterr()
    assert not out and all(name in err for name in COMMANDS)


def test_cache_is_shown_and_cleared(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    file = tmp_path / "datasets" / "mnist.npz"
    file.parent.mkdir()
    file.write_bytes(b"x" * 2500)
    monkeypatch.setattr(cache, "folders", lambda: {"data sets": file.parent})
    assert command.main(["cache"]) == 0
    assert capsys.readouterr().out == f"data sets: {file.parent}, 1 file, 2.5 kB\n"
    assert command.main(["cache", "--clear", "kernels"]) == 0 and file.exists()
    assert command.main(["cache", "--clear", "data"]) == 0 and not file.exists()


def test_cached_kernels_are_of_the_backend_that_says_so(monkeypatch, tmp_path):
    pytest.importorskip("llvmlite")
    monkeypatch.setenv("MINIKERAS_CACHE_DIR", str(tmp_path))
    assert cache.folders()["kernels of numba"] == tmp_path / "numba"


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_completion_knows_every_word(shell, capsys):
    assert command.main(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert all(re.search(rf"\b{name}\b", out) for name in COMMANDS)
    assert "epochs" in out and "no-tensorflow" in out


def test_bash_completes():
    lines = completion._bash() + (
        "\nCOMP_WORDS=(minikeras demo --ep) COMP_CWORD=2; _minikeras; echo ${COMPREPLY[@]}"
        "\nCOMP_WORDS=(minikeras inf) COMP_CWORD=1; _minikeras; echo ${COMPREPLY[@]}"
    )
    ran = subprocess.run(["bash", "-c", lines], capture_output=True, text=True)
    assert ran.stdout.split() == ["--epochs", "info"], ran.stderr


def test_only_the_module_asked_for_is_imported():
    code = (
        "import sys; from minikeras.__main__ import parser; parser(['info']); "
        "print('minikeras.demo' in sys.modules, 'minikeras.command.info' in sys.modules)"
    )
    path = f"import sys; sys.path[:] = {sys.path!r}; "
    ran = subprocess.run(
        [sys.executable, "-c", path + code], capture_output=True, text=True
    )
    assert ran.stdout == "False True\n", ran.stderr


def test_a_reader_that_leaves_is_no_error():
    code = "import sys; from minikeras.__main__ import main; sys.exit(main(['completion', 'fish']))"
    path = f"import sys; sys.path[:] = {sys.path!r}; "
    ran = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" | true', sys.executable, path + code],
        capture_output=True,
        text=True,
    )
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["demo", "--backend", "none"], "backend 'none' is not registered"),
        (["demo", "--epochs", "1", "--out", "{file}/x.html"], "file exists"),
        (["convert", "{model}", "{file}/o.keras"], "file exists"),
        (["explore", "{model}", "--out", "{file}/x.html"], "file exists"),
    ],
)
def test_what_cannot_be_meant_is_status_2(words, said, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("text")
    model = tmp_path / "m.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(model)
    words = [word.format(file=file, model=model) for word in words]
    assert command.main(words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["convert", "a.keras", "b.keras", "--shard", "0"],
        ["convert", "a.keras", "b.keras", "--shard", "nan"],
        ["launch", "-n", "0", "--", "true"],
        ["launch", "-n", "2", "--threads", "0", "--", "true"],
        ["launch", "-n", "2", "--max-restarts", "-1", "--", "true"],
        ["launch", "-n", "2", "--timeout", "-1", "--", "true"],
    ],
)
def test_numbers_out_of_range_are_refused(words, capsys):
    with pytest.raises(SystemExit) as leaving:
        command.main(words)
    assert leaving.value.code == 2
    assert "expected a" in capsys.readouterr().err


def test_a_missing_backend_is_not_the_fault_of_a_file(tmp_path):
    model = tmp_path / "m.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(model)
    ran = subprocess.run(
        [sys.executable, "-m", "minikeras", "convert", str(model), "o.h5"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            "MINIKERAS_BACKEND": "none",
        },
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith("minikeras convert: error: backend 'none'")


def test_the_start_page_lists_every_word():
    page = Path(__file__).parents[2] / "docs/index.md"
    if not page.is_file():
        pytest.skip("not in a source tree")
    listed = re.findall(r"^\| `(\w+)", page.read_text("utf-8"), re.M)
    assert set(COMMANDS) == set(listed) - {"minikeras"}
