"""`minikeras info`."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import minikeras as keras
from minikeras.command.cache import folders, size_of
from minikeras.engine import backend as registry

_OTHERS = ("h5py", "ml_dtypes", "rich")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments: there are none."""
    parser.description = (
        "Shows what a report of a fault should say: versions, which backends work here and "
        "what they found, the folders of caches."
    )


def run(options: argparse.Namespace) -> int:
    """Prints it."""
    print(f"minikeras {keras.__version__}")
    print(f"Python {platform.python_version()}, NumPy {np.__version__}")
    print(", ".join(f"{name} {_version(name)}" for name in _OTHERS))
    print(f"{platform.system()} {platform.release()}, {platform.machine()}")
    print(f"Processor: {_processor()}, {_threads()} threads for this process")
    print(f"CPU features that NumPy uses: {_features()}")
    print(f"Backends (in use: {registry.current_name()}):")
    for name in registry.registered():
        try:
            found = registry.load(name).describe()
        except registry.BackendError as error:
            print(f"  {name}: no. {error}")
        else:
            print(f"  {name}: ready")
            for what, value in found.items():
                print(f"    {what}: {value}")
    print("Caches:")
    for what, folder in folders().items():
        print(f"  {what}: {folder} ({size_of(folder)})")
    changed = {
        k: v for k, v in os.environ.items() if k.startswith(("MINIKERAS_", "KERAS_"))
    }
    for name in sorted(changed):
        print(f"{name}={changed[name]}")
    real = importlib.util.find_spec("keras") is not None
    print(f"Installed keras: {_version('keras') if real else 'none'}")
    return 0


def _processor() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        what, _, name = line.partition(":")
        if what.strip() == "model name":
            return name.strip()
    return platform.processor() or platform.machine() or "unknown"


def _threads() -> int:
    """How many processors this process may use at a time."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _features() -> str:
    known: Any = np.show_config(mode="dicts")
    simd = known.get("SIMD Extensions", {})
    return " ".join((*simd.get("baseline", ()), *simd.get("found", ()))) or "unknown"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"
