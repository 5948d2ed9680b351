"""The notebooks' code runs from top to bottom, and they are stored without output."""

import ast
import contextlib
import json
import signal
import warnings
from pathlib import Path

import pytest

import minikeras as keras
from minikeras.engine.backend import installed

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
if not NOTEBOOKS:
    pytest.skip("the notebooks are not in the sdist", allow_module_level=True)


CAP = 180  # seconds of processor time: a busy machine makes no notebook slower by it


@contextlib.contextmanager
def capped(name):
    """A block that ends with an error when it has computed for too long."""
    if not hasattr(signal, "ITIMER_PROF"):  # Windows
        yield
        return

    def stop(number, frame):
        raise TimeoutError(f"{name} computes for more than {CAP} s of one processor")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, CAP)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def cells_of(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def run(source, name, names):
    """Runs a cell as a notebook does; the value of its last line, if it is one."""
    tree = ast.parse(source, name)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, name, "exec"), names)
    return eval(compile(last, name, "eval"), names) if last else None


@pytest.fixture
def as_a_user_has_it(monkeypatch):
    """The fast backend, and none of the checks that the other tests switch on."""
    monkeypatch.delenv("MINIKERAS_CHECK", raising=False)
    before = keras.config.backend()
    keras.config.set_backend("numba" if installed("numba") else "numpy")
    yield
    keras.config.set_backend(before)


@pytest.mark.usefixtures("as_a_user_has_it")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook(path, capsys):
    names = {"__name__": "__main__"}
    pictures = 0
    with capped(path.name):
        for number, cell in enumerate(cells_of(path)):
            if cell["cell_type"] != "code":
                continue
            assert cell["outputs"] == [] and cell["execution_count"] is None
            with warnings.catch_warnings():
                value = run("".join(cell["source"]), f"{path.name}[{number}]", names)
            pictures += hasattr(value, "_repr_html_")
    assert capsys.readouterr().out
    assert pictures, "a picture at least"


COURSE = [path for path in NOTEBOOKS if path.stem[:2].isdigit()]


@pytest.mark.parametrize("path", COURSE, ids=lambda p: p.stem)
def test_the_course_has_exercises_with_hidden_answers(path):
    text = "\n".join(
        "".join(c["source"]) for c in cells_of(path) if c["cell_type"] == "markdown"
    )
    exercises = text.split("## Exercises")[1]
    assert exercises.count("<details>") == exercises.count("</details>") >= 2
    assert text.startswith(f"# {int(path.stem[:2])} · ")


@pytest.mark.skipif(not hasattr(signal, "ITIMER_PROF"), reason="no such timer here")
def test_the_cap_ends_what_computes_for_ever(monkeypatch):
    monkeypatch.setattr(f"{__name__}.CAP", 0.05)

    def compute_for_ever():
        while True:
            pass

    with pytest.raises(TimeoutError, match="x computes"), capped("x"):
        compute_for_ever()
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
