"""`minikeras run`, as a user starts it, and what its processes start."""

import os
import subprocess
import sys
import textwrap

import pytest

from minikeras import alias
from minikeras.command import run as command


def start(*words, input=None, **environment):
    path = os.pathsep.join(p for p in sys.path if p)
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        input=input,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )


def run(*words, **environment):
    return start("-m", "minikeras", "run", *words, **environment)


@pytest.fixture
def script(tmp_path):
    def write(text):
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(text), "utf-8")
        return str(path)

    return write


def test_script_arguments_status_and_traceback(script):
    path = script(
        """
        import sys
        from tensorflow import keras
        import tensorflow.keras.layers
        print(sys.argv[1:], __name__, keras.__version__, keras)
        def broken():
            raise KeyError("mine")
        broken()
        """
    )
    ran = run(path, "--epochs", "3")
    assert ran.stdout.split("\n")[0] == (
        "['--epochs', '3'] __main__ 3.15.1 <module 'keras' (minikeras)>"
    )
    assert ran.returncode == 1
    assert f'File "{path}", line 8, in <module>\n    broken()' in ran.stderr
    assert "minikeras" not in ran.stderr


def test_module_code_and_exit_status():
    assert run("-m", "platform").returncode == 0
    ran = run("-c", "import keras, sys; print(keras.ops.ones(2)); sys.exit(7)", "-x")
    assert ran.returncode == 7 and "shape=(2,)" in ran.stdout
    assert run().returncode == 2


def test_pytest(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import keras, minikeras\n"
        "def test_it():\n    assert keras.layers.Dense is minikeras.layers.Dense\n"
    )
    ran = run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path))
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_processes_of_the_script(script, method):
    if method == "fork" and not hasattr(os, "fork"):
        pytest.skip("there is no fork here")
    path = script(
        f"""
        import multiprocessing, subprocess, sys

        def work(n):
            import keras
            return repr(keras), float(keras.ops.sum(keras.ops.ones((n,))))

        if __name__ == "__main__":
            with multiprocessing.get_context({method!r}).Pool(1) as pool:
                print(*pool.map(work, [3])[0])
            subprocess.run([sys.executable, "-c", "import keras.layers; print(keras)"])
        """
    )
    ran = run(path)
    assert ran.stdout.splitlines() == [
        "<module 'keras' (minikeras)> 3.0",
        "<module 'keras' (minikeras)>",
    ], ran.stderr


def test_install_with_children(script):
    path = script(
        """
        import subprocess, sys, minikeras
        minikeras.install_as_keras(children=True)
        import keras
        subprocess.run([sys.executable, "-c", "import keras; print(keras)"])
        """
    )
    assert start(path).stdout == "<module 'keras' (minikeras)>\n"


def test_real_leaves_everything_alone(tmp_path):
    (tmp_path / "keras.py").write_text("name = 'the installed one'\n")
    path = os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)])
    words = ("-c", "import keras; print(getattr(keras, 'name', 'ours'))")
    assert run("--real", *words, PYTHONPATH=path).stdout == "the installed one\n"
    assert run(*words, PYTHONPATH=path).stdout == "ours\n"


def test_without_tensorflow(tmp_path):
    (tmp_path / "tensorflow.py").write_text("name = 'the installed one'\n")
    path = os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)])
    code = "import keras, tensorflow; print(keras.version(), tensorflow.name)"
    ran = run("--no-tensorflow", "-c", code, PYTHONPATH=path)
    assert ran.stdout == "3.15.1 the installed one\n", ran.stderr


def test_the_path_serves_any_command():
    path = run("--path").stdout.strip()
    assert path.split(os.pathsep)[:2] == [str(folder) for folder in alias.FOLDERS]
    joined = os.pathsep.join([path, *(p for p in sys.path if p)])
    ran = start("-c", "import keras; print(keras)", PYTHONPATH=joined)
    assert ran.stdout == "<module 'keras' (minikeras)>\n"


def test_processes_find_the_minikeras_that_started_them(tmp_path):
    (tmp_path / "minikeras").mkdir()
    ours = str(alias.FOLDERS[0].parents[3])
    before = os.pathsep.join(["first", str(tmp_path), "last"])
    path = alias.python_path(before).split(os.pathsep)[2:]
    if alias._is_installed(alias.FOLDERS[0].parents[3]):
        assert path == ["first", str(tmp_path), "last"]
    else:
        assert path == ["first", ours, str(tmp_path), "last"]
        assert alias.python_path("first").split(os.pathsep)[2:] == ["first", ours]
    assert alias.python_path(os.pathsep.join(path)).split(os.pathsep)[2:] == path


def test_words_are_parted():
    assert command.split(["--real", "a.py", "--real"]) == (
        ["--real"],
        ["a.py", "--real"],
    )
    assert command.split(["-m", "pytest", "-q"]) == ([], ["-m", "pytest", "-q"])
    assert command.split(["-mpytest"]) == ([], ["-mpytest"])
    assert command.split(["--", "-x.py"]) == ([], ["-x.py"])
    assert command.split(["--path"]) == (["--path"], [])
    assert command.split(["--real", "-W", "error", "-"]) == (
        ["--real"],
        ["-W", "error", "-"],
    )
    flags = ["python", "-W", "error", "-Xdev", "/bin/minikeras", "run", "-c"]
    assert command.interpreter_flags(flags) == ["-W", "error", "-Xdev"]


def test_a_python_that_reads_no_environment_is_told():
    ran = start("-E", "-c", "import sys; sys.path[:] = sys.argv[1:]; "
                "from minikeras.__main__ import main; sys.exit(main(['run', 'x.py']))",
                *(p for p in sys.path if p))  # fmt: skip
    assert ran.returncode == 2 and "-E or -I" in ran.stderr


def test_flags_of_python_and_a_script_from_the_input():
    code = "import keras, sys, warnings; print(keras.version(), sys.flags.dev_mode)"
    ran = start("-m", "minikeras", "run", "-X", "dev", "-", input=code)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["3.15.1", "True"]
    ran = start("-m", "minikeras", "run", "-I", "-c", code)
    assert ran.returncode == 2 and "-E or -I" in ran.stderr
    for words in (["-W", "error"], []):
        ran = start("-m", "minikeras", "run", *words)
        assert ran.returncode == 2 and "expected a script" in ran.stderr


def test_the_real_keras_gets_a_backend_that_it_knows(monkeypatch, tmp_path, capsys):
    missing = {"tensorflow"}
    monkeypatch.setattr(command, "find_spec", lambda name: name not in missing)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    ours = {"KERAS_BACKEND": "numba", "MINIKERAS_BACKEND": "numba", "A": "1"}
    real = command.real_environment(ours)
    assert real == {**ours, "KERAS_BACKEND": "jax"}
    assert "KERAS_BACKEND=jax" in capsys.readouterr().err
    assert (
        command.real_environment({"KERAS_BACKEND": "torch"})["KERAS_BACKEND"] == "torch"
    )
    (tmp_path / "keras.json").write_text('{"backend": "openvino"}')
    assert command.real_environment({"A": "1"}) == {"A": "1"}
    (tmp_path / "keras.json").write_text('{"backend": "tensorflow"}')
    missing |= {"jax", "torch"}
    assert command.real_environment({})["KERAS_BACKEND"] == "numpy"
    missing.clear()
    assert command.real_environment(ours) == {"MINIKERAS_BACKEND": "numba", "A": "1"}
