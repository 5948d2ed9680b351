"""Large models: what is built, how figures become tables, and one engine's process."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import minikeras as keras

ROOT = Path(__file__).parents[2]
pytest.importorskip("benchmarks", reason="the benchmarks are not in the wheel")
large = importlib.import_module("benchmarks.large")
models = importlib.import_module("benchmarks.large_models")


@pytest.mark.parametrize("name", ["mlp", "mobilenet_v2", "unet"])
def test_models_take_their_data(name):
    found = models.LARGE[name]
    model, (x, y) = found.build(keras), found.data()
    assert model.input_shape == (None, *x.shape[1:])
    assert model.output_shape == (None, *y.shape[1:], models.CLASSES)
    assert len(x) == len(y) == found.batch
    assert y.max() < models.CLASSES


def facts(step, batch, one, memory=1.0):
    return {
        "step_ms": step,
        "batch_ms": batch,
        "one_ms": one,
        "first_step_s": 0.5,
        "memory_mb": memory,
    }


def test_ratios_are_to_the_fastest_peer():
    onnx = facts(0, 4.0, 1.0) | {"first_step_s": float("nan")}
    del onnx["step_ms"]
    engines = {
        "minikeras-numba": facts(10.0, 2.0, 2.0),
        "keras-jax": facts(30.0, 6.0, 8.0),
        "keras-torch": facts(20.0, 9.0, 9.0, None),
        "onnxruntime": onnx,
    }
    ours, _, torch, last = large.rows("mlp", engines)
    assert ours[2:8] == ["10.0", "2.00", "2.00", "2.00", "2.00", "0.50"]
    assert (torch[3], torch[-1]) == ("1.00", "")
    assert last[2:6] == ["", "", "4.00", "1.00"]
    told = large.means(
        {"mlp": engines, "lstm": {"keras-jax": facts(1, 1, 1)}}, "minikeras-numba"
    )
    assert told == (
        "minikeras-numba: training 2.00, at least 2.00; batch 2.00, at least 2.00; "
        "one sample 0.50, at least 0.50"
    )


def test_one_engine_measures_one_model():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.large", "--models", "mlp", "--rounds", "1"]
        + ["--engines", "minikeras-numpy"],
        capture_output=True, text=True, cwd=ROOT, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "| mlp   | minikeras-numpy |" in done.stdout


def test_unknown_models_are_refused():
    with pytest.raises(SystemExit):
        large.main(["--models", "gpt5"])
