"""The benchmark of every op: its table is whole, figures are kept, ratios are right."""

import importlib
import inspect
import json

import pytest

import minikeras as keras

pytest.importorskip("benchmarks", reason="the benchmarks are not in the wheel")
ops = importlib.import_module("benchmarks.ops")
ops_worker = importlib.import_module("benchmarks.ops_worker")
table = importlib.import_module("benchmarks.ops_table")
NOT_TIMED, ROWS, SIZES, Size = table.NOT_TIMED, table.ROWS, table.SIZES, table.Size
chosen = table.chosen

EVERY = (
    {n for n in keras.ops.__all__ if inspect.isfunction(getattr(keras.ops, n))}
    | {f"random.{n}" for n in keras.random.__all__}
    | {f"image.{n}" for n in keras.ops.image.__all__}
)


def test_every_function_has_a_row():
    assert set(ROWS) == EVERY - NOT_TIMED


@pytest.mark.parametrize("size", SIZES)
def test_arrays_are_about_as_large_as_the_size_says(size):
    for name, make in ROWS.items():
        for argument in make(Size(SIZES[size])).args:
            for draw in argument if isinstance(argument, list) else [argument]:
                if isinstance(draw, tuple) and hasattr(draw, "low"):
                    count = 1
                    for d in draw.shape:
                        assert d >= 1, name
                        count *= d
                    assert count <= 10 * max(SIZES[size], 1 << 14), name


def test_figures_of_an_engine(monkeypatch):
    monkeypatch.setattr(ops_worker, "SECONDS", 0.0)
    said = ops_worker.figures(keras, ops_worker.Ours(keras), "softplus", "small", True)
    assert {"eager", "compiled", "gradient"} <= said.keys() and "errors" not in said
    assert said["bytes"] == 2 * 4 * 1024 and said["flops"] >= 1024
    said = ops_worker.figures(keras, ops_worker.Ours(keras), "unique", "small", False)
    assert said.keys() == {"eager"}


def test_a_run_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    asked = []

    class Session:
        def __init__(self, pythons):
            self.times = {
                "minikeras-numba": 2.0,
                "minikeras-numpy": 9.0,
                "keras-jax": 1.0,
            }

        def ask(self, engine, name, size):
            asked.append((engine.name, name))
            ms = self.times[engine.name]
            return {"compiled": ms, "gradient": 2.0, "bytes": 4000, "flops": 1000}

        def close(self):
            pass

    monkeypatch.setattr(ops, "Session", Session)
    monkeypatch.setattr(ops, "measured", lambda: 100.0)
    monkeypatch.setattr(ops, "bandwidth", lambda: 10.0)
    monkeypatch.setattr(ops.options, "installed", lambda names, pythons: [
        ops.options._ALL[n] for n in names if "torch" not in n])  # fmt: skip
    path = tmp_path / "ops.json"
    assert ops.main(["--only", "sin,cos", "--json", str(path)]) == 0
    text = capsys.readouterr().out
    assert asked[:3] == [("minikeras-numba", "cos"), ("minikeras-numpy", "cos"),
                         ("keras-jax", "cos")]  # fmt: skip
    assert text.count("| 0.50 ") == 2 and "2 under 0.8" in text
    assert json.loads(path.read_text())["roofs"] == {"gflops": 100.0, "gbytes": 10.0}
    count = len(asked)
    assert ops.main(["--only", "sin,cos,tan", "--json", str(path)]) == 0
    assert [name for _, name in asked[count:]] == ["tan"] * 3
    assert ops.main(["--only", "tan", "--again", "--json", str(path)]) == 0
    assert len(asked) == count + 6


def test_names():
    assert chosen("sort") == ["sort"]
    assert chosen("arc")[0].startswith("arc") and len(chosen("arc")) > 5
    assert chosen(None) == list(ROWS)


def test_ratios_are_of_the_fastest_peer_and_the_worst_comes_first():
    figures = {
        "slow": {"middle": {"minikeras-numba": {"compiled": 4.0, "gradient": 1.0},
                            "keras-jax": {"compiled": 2.0, "gradient": 3.0},
                            "keras-torch": {"compiled": 1.0}}},
        "fast": {"middle": {"minikeras-numba": {"eager": 1.0},
                            "keras-torch": {"eager": 3.0}}},
        "alone": {"middle": {"minikeras-numba": {"eager": 1.0}}},
    }  # fmt: skip
    found = ops.rows(figures, ["fast", "alone", "slow"], ["middle"], {})
    assert [cells[0] for _, _, cells in found] == ["slow", "fast", "alone"]
    assert [r for _, r, _ in found] == [[0.25, 3.0], [3.0, None], [None, None]]
