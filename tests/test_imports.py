"""`import minikeras` stays light, and imports only go down."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = (
    "cupy",
    "h5py",
    "jax",
    "keras",
    "llvmlite",
    "ml_dtypes",
    "numba",
    "rich",
    "scipy",
)


def python(*words):
    env = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, env=env, cwd=ROOT
    )


def test_import_is_light_and_silent():
    ran = python("-W", "error", "-c", "import sys, minikeras; print(*sys.modules)")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert "minikeras" in loaded
    assert loaded & set(HEAVY) == set()
    assert not any(name.startswith("minikeras_") for name in loaded)


def test_a_model_needs_little_besides_numpy():
    """What is dear to import and rare in use waits until it is needed."""
    script = """
import sys, numpy
before = set(sys.modules)
import minikeras as keras
keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).compile("adam", "mse")
print(*(set(sys.modules) - before))
"""
    ran = python("-W", "error", "-c", script)
    assert ran.returncode == 0, ran.stderr
    loaded = set(ran.stdout.split())
    rare = ("multiprocessing", "concurrent.futures", "importlib.metadata", "email")
    # ml_dtypes follows NumPy: it takes 10 ms, and gives numpy.dtype("bfloat16").
    dear = {*rare, *HEAVY, "socket", "subprocess", "asyncio"} - {"ml_dtypes"}
    assert loaded & dear == set()


def test_contracts_hold():
    if importlib.util.find_spec("importlinter") is None:
        pytest.skip("import-linter comes with the extra `dev`")
    if not (ROOT / "backends").is_dir():
        pytest.skip("the contracts are about the source tree")
    run = "from importlinter.cli import lint_imports_command as c; c()"
    ran = python("-c", run, "--no-cache")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_first_model_brings_no_tables_of_other_formats():
    """What reads ONNX, and TensorFlow's functions in old files, comes when it is asked for."""
    code = (
        "import sys, minikeras as k; k.Sequential([k.Input((2,)), k.layers.Dense(1)])\n"
        "print(*sys.modules); k.models.OnnxGraph; k.models.load_onnx"
    )
    ran = python("-W", "error", "-c", code)
    assert ran.returncode == 0, ran.stderr
    loaded = ran.stdout.split()
    assert "minikeras.models.sequential" in loaded
    late = ("minikeras.models.onnx_import", "minikeras.saving.dialects.tf_")
    assert not [name for name in loaded if name.startswith(late)]
