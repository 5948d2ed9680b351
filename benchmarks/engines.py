"""The engines: what to import, which environment, which interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Engine:
    """One column of the comparison."""

    name: str
    module: str  # what stands in for `keras`
    env: Mapping[str, str]
    needs: tuple[str, ...]  # importable in its interpreter, or it is skipped

    @property
    def ours(self) -> bool:
        return self.module == "minikeras"


def _ours(backend: str, needs: tuple[str, ...]) -> Engine:
    name = f"minikeras-{backend}"
    return Engine(name, "minikeras", {"MINIKERAS_BACKEND": backend}, needs)


def _peer(backend: str) -> Engine:
    env = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
    return Engine(f"keras-{backend}", "keras", env, ("keras", backend))


ENGINES = {
    e.name: e
    for e in (
        _ours("numpy", ("numpy",)),
        _ours("numba", ("numba",)),
        _peer("jax"),
        _peer("tensorflow"),
        _peer("torch"),
    )
}


# On a GPU each engine runs in three precisions: float32 as it is written, its products
# rounded to TF32, and mixed bfloat16.
PRECISIONS = ("float32", "tf32", "bfloat16")
_PRECISION: dict[str, dict[str, dict[str, str]]] = {
    "minikeras": {
        "float32": {"MINIKERAS_TF32": "0"},
        "tf32": {"MINIKERAS_TF32": "1"},
        "bfloat16": {"MINIKERAS_TF32": "0"},
    },
    "jax": {
        "float32": {"JAX_DEFAULT_MATMUL_PRECISION": "float32"},
        "tf32": {"JAX_DEFAULT_MATMUL_PRECISION": "tensorfloat32"},
        "bfloat16": {"JAX_DEFAULT_MATMUL_PRECISION": "float32"},
    },
    "torch": {
        "float32": {"NVIDIA_TF32_OVERRIDE": "0"},
        "tf32": {"TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1"},
        "bfloat16": {"NVIDIA_TF32_OVERRIDE": "0"},
    },
}
# Several processes share the device; JAX would take most of it for itself.
_ON_JAX = {"JAX_PLATFORMS": "cuda", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def _plain_torch(how: str) -> Engine:
    """PyTorch without Keras."""
    env = {"BENCHMARK_COMPILE": str(int(how == "compile"))}
    return Engine(f"torch-{how}", "torch", env, ("torch",))


def _on_gpu() -> dict[str, Engine]:
    made = {}
    for precision in PRECISIONS:
        policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
        for base, backend in (
            (_ours("cupy", ("cupy",)), "minikeras"),
            (_peer("jax"), "jax"),
            (_peer("torch"), "torch"),
            (_plain_torch("eager"), "torch"),
            (_plain_torch("compile"), "torch"),
        ):
            more = {
                **_PRECISION[backend][precision],
                "BENCHMARK_POLICY": policy,
                "BENCHMARK_PRECISION": precision,
                **(_ON_JAX if backend == "jax" else {}),
            }
            name = f"{base.name}-{precision}"
            made[name] = Engine(name, base.module, {**base.env, **more}, base.needs)
    return made


GPU_ENGINES = _on_gpu()


def environment(engine: Engine) -> dict[str, str]:
    """The variables of its process. Peers see this folder alone, none of our caches."""
    paths = [str(ROOT)] + [str(ROOT / "backends")] * engine.ours
    return os.environ | dict(engine.env) | {"PYTHONPATH": os.pathsep.join(paths)}


def missing(engine: Engine, python: str = sys.executable) -> list[str]:
    """The packages it needs that its interpreter lacks. Nothing of them is imported."""
    code = (
        "import importlib.util as u, sys;"
        "print(*[n for n in sys.argv[1:] if u.find_spec(n) is None])"
    )
    ran = subprocess.run(
        [python, "-c", code, *engine.needs],
        capture_output=True,
        text=True,
        env=environment(engine),
        check=True,
    )
    return ran.stdout.split()
