"""The other words of the command `minikeras`."""

import re
import subprocess
import sys

import pytest

import minikeras
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
