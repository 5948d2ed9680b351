"""The benchmark's own arithmetic, data and processes, on our engine alone."""

import gzip
import importlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minikeras as keras

ROOT = Path(__file__).parents[2]
pytest.importorskip("benchmarks", reason="the benchmarks are not in the wheel")
data = importlib.import_module("benchmarks.data")
report = importlib.import_module("benchmarks.report")
workloads = importlib.import_module("benchmarks.workloads")
engines = importlib.import_module("benchmarks.engines")
session = importlib.import_module("benchmarks.session")


def test_multiply_adds_are_counted():
    mlp = workloads.mlp(keras)
    dense = 784 * 512, 512 * 512, 512 * 10
    assert workloads.forward_macs(mlp) == list(dense)
    assert workloads.train_macs(mlp) == 3 * sum(dense) - dense[0]
    cnn = workloads.forward_macs(workloads.cnn(keras))
    assert cnn == [26 * 26 * 9 * 32, 11 * 11 * 9 * 32 * 64, 1600 * 10]
    resnet = workloads.resnet20(keras)
    assert sum(workloads.forward_macs(resnet)) == pytest.approx(41.1e6, rel=0.01)


def test_idx_files_are_read(tmp_path):
    x = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    raw = b"\0\0\x08\x03" + struct.pack(">3i", 2, 28, 28) + x.tobytes()
    (tmp_path / data.IDX[0]).write_bytes(raw)
    labels = b"\0\0\x08\x01" + struct.pack(">i", 2) + b"\x07\x02"
    (tmp_path / (data.IDX[1] + ".gz")).write_bytes(gzip.compress(labels))
    got, y = data.pictures(3, str(tmp_path))
    np.testing.assert_array_equal(got, x[[0, 1, 0]].astype("float32") / 255)
    assert y.tolist() == [7, 2, 7]
    (tmp_path / data.IDX[0]).write_bytes(b"PK12")
    with pytest.raises(ValueError, match="expected an IDX file"):
        data.pictures(3, str(tmp_path))


def test_digits_serve_without_files(tmp_path):
    x, y = data.pictures(5001, str(tmp_path))
    assert x.shape == (5001, 28, 28)
    np.testing.assert_array_equal(x[0], x[5000])
    assert set(y.tolist()) == set(range(10))


def facts(step, predict):
    keys = "import_s import_mb memory_mb call_ms predict_ms predict_on_batch_ms"
    made = dict.fromkeys(keys.split(), 1.0)
    return made | {
        "step_ms": step,
        "predict_1024_ms": predict,
        "first_step_s": 1.0,
        "train_macs": 5e6,
    }


def test_ratios_are_to_the_fastest_peer():
    results = {
        "mlp": {
            "minikeras-numba": facts(2.0, 1.0),
            "keras-jax": facts(4.0, 3.0),
            "keras-torch": facts(6.0, 2.0),
        },
        "cnn": {"minikeras-numba": facts(1.0, 1.0), "keras-jax": facts(8.0, 1.0)},
    }
    assert report.ratios(results, "minikeras-numba") == [2.0, 8.0]
    assert report.ratios(results, "minikeras-numba", "predict_1024_ms") == [2.0, 1.0]
    text = report.summary(results, peak=10.0)
    assert "4.00 times the fastest peer (geometric mean of 2" in text
    first = report.speed_rows(results, 10.0)[0]
    assert first[2:6] == ["2.00", "2.00", "5", "50%"]


def test_missing_packages_are_named():
    assert engines.missing(
        engines.Engine("none", "keras", {}, ("sys", "no_such_package"))
    ) == ["no_such_package"]


def test_a_run_in_processes():
    done, failed = session.measure("mlp", [engines.ENGINES["minikeras-numpy"]], 1, {})
    assert failed == {}
    got = done["minikeras-numpy"]
    assert got["weights"] == 669706
    assert got["loss"] < 2.4
    assert {"step_ms", "predict_1024_ms", "call_ms", "import_s"} <= set(got)
    assert json.dumps(got)


def test_a_worker_that_fails_is_reported():
    broken = engines.Engine("broken", "no_such_module", {}, ())
    done, failed = session.measure("mlp", [broken], 1, {})
    assert done == {}
    assert "no_such_module" in failed["broken"]


def test_unknown_names_end_the_command():
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--workloads", "nope"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'backends'}"},
    )
    assert ran.returncode == 2
    assert "'nope' is unknown; expected some of mlp,cnn" in ran.stderr


def test_a_gpu_has_engines_and_workloads_of_its_own(monkeypatch, capsys):
    """Five engines in three precisions; without their packages each says so."""
    options = importlib.import_module("benchmarks.options")
    main = importlib.import_module("benchmarks.__main__")
    assert len(engines.GPU_ENGINES) == 15
    for name, engine in engines.GPU_ENGINES.items():
        precision = name.rpartition("-")[2]
        mixed = engine.env["BENCHMARK_POLICY"] == "mixed_bfloat16"
        assert mixed == (precision == "bfloat16")
        assert engine.ours == name.startswith("minikeras-cupy")
    assert engines.GPU_ENGINES["minikeras-cupy-tf32"].env["MINIKERAS_TF32"] == "1"
    monkeypatch.setattr(options, "missing", lambda engine, python: ["a GPU"])
    assert main.main(["--device", "gpu"]) == 1
    said = capsys.readouterr().out
    assert said.count("is skipped: not installed: a GPU") == 15
    given = main._parser().parse_args(["--device", "gpu", "--workloads", "encoder,mlp"])
    assert given.workloads == ["encoder", "mlp"]
    assert options.chosen(main._parser().parse_args([])) == list(engines.ENGINES)


def test_a_run_on_a_gpu_takes_medians_and_ends_in_time():
    """The leader of such a run, over an engine that needs no GPU."""
    from benchmarks import gpu

    made = engines.ENGINES["minikeras-numpy"]
    here = engines.Engine("minikeras-numpy-float32", made.module, made.env, ())
    broken = engines.Engine("broken-float32", "no_such_module", {}, ())
    done, failed = gpu.measure("mlp", [here, broken], 2, {}, gpu.Budget(2))
    assert "no_such_module" in failed["broken-float32"]
    facts = done["minikeras-numpy-float32"]
    assert facts["step_ms"] > 0 and facts["loss"] < 2.4
    text = gpu.summary({"mlp": done})
    assert "| mlp " in text and "minikeras-numpy" in text
    done, failed = gpu.measure("mlp", [here], 2, {}, gpu.Budget(0))
    assert not done and "time of the run is over" in failed["minikeras-numpy-float32"]


def test_ratios_on_a_gpu_are_those_of_one_precision():
    from benchmarks import gpu

    def facts(ms):
        return {"step_ms": ms, "train_macs": 10**9, "first_step_s": 1.0, "kernels": 7}

    results = {
        "mlp": {
            "minikeras-cupy-float32": facts(2.0),
            "torch-compile-float32": facts(3.0),
            "keras-jax-float32": facts(4.0),
            "minikeras-cupy-tf32": facts(1.0),
            "torch-eager-tf32": facts(5.0),
        }
    }
    first, *_, last = gpu.rows(results)
    assert first[:5] == ["mlp", "minikeras-cupy", "float32", "2.00", "1.50"]
    assert first[6] == "7" and last[:3] == ["mlp", "torch-eager", "tf32"]
    assert "minikeras-cupy, tf32: 5.00 times" in gpu.summary(results)


def test_what_our_backend_launches_is_tallied(monkeypatch):
    """Kernels and bytes of a step, by the wrapper that a GPU run puts around the backend."""
    from benchmarks.gpu_worker import watched
    from minikeras import config, ops
    from minikeras.engine import backend as registry
    from minikeras.engine.compile import jit
    from tests.backends.cupy import fake_cupy
    from tests.backends.kernels import lockstep

    if lockstep.compiler() is None:
        pytest.skip("needs a C++ compiler")
    before = config.backend()
    fake_cupy.installed(monkeypatch, fake_cupy.make())
    try:
        tally = watched(registry.use("cupy"))
        x = np.ones((4, 4), "float32")
        step = jit(lambda x: ops.sum(ops.exp(ops.matmul(x, x))))
        step(x)
        first = dict(tally)
        step(x)
        assert first["kernels"] == 2 == tally["kernels"] - first["kernels"]
        assert first["bytes"] == (64 + 64) + (64 + 4)  # x is read once
    finally:
        config.set_backend(before)
        registry._loaded.pop("cupy", None)


def test_pictures_for_resnet50():
    x, y = workloads.GPU_WORKLOADS["resnet50"].load(2, None)
    assert x.shape == (2, 224, 224, 3)
    assert y.shape == (2,)
    assert set(workloads.GPU_WORKLOADS) >= {"mlp", "cnn", "resnet20", "lstm", "encoder"}


def test_a_step_on_a_gpu_is_counted():
    """Launches and copies of a warm step, by a stand-in that computes nothing."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.counts", "mlp"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")]),
        },
    )
    assert done.returncode == 0, done.stderr[-2000:]
    last = done.stdout.strip().splitlines()[-1]
    name, kernels, products, calls, copies, graphs, moved, least, *_ = (
        cell.strip() for cell in last.strip("|").split("|")
    )
    assert name == "mlp"
    assert int(products) == 8  # three forward, three by weights, two by inputs
    assert 0 < int(kernels) <= 26
    assert int(calls) == 0
    assert int(copies) <= 4  # the batch, to the device and there
    assert int(graphs) <= 5  # the step is one graph, its batch is copied
    assert int(least) <= int(moved) <= 1.2 * int(least)


_ON_A_STAND_IN = """
import sys
from benchmarks import counts, gpu_worker
counts.install(counts.Counts())
sys.modules["cupy"].cuda.get_elapsed_time = lambda first, last: 12.5
gpu_worker.main("minikeras", "mlp", 2)
"""


def test_the_worker_on_a_gpu_counts_and_takes_the_devices_time():
    """All that it calls of CuPy is there: over a stand-in that computes nothing."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _ON_A_STAND_IN], input="go\n" * 3,
        capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    _, first, *epochs = map(json.loads, done.stdout.splitlines())
    assert 8 < first["kernels"] <= 37  # 8 products, and 3 kernels for the metric
    assert 30 < first["mb"] < 36
    steps = workloads.ALL_WORKLOADS["mlp"].steps
    assert [e["step_ms"] for e in epochs] == [12.5 / steps] * 2
