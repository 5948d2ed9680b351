"""`minikeras cache`: kernels that were compiled, data sets and weights that were fetched."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from minikeras.engine import backend as registry


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.description = (
        "Shows the folders that minikeras keeps things in, or empties them."
    )
    parser.add_argument(
        "--clear",
        choices=("kernels", "data", "all"),
        metavar="WHAT",
        help="empty it: kernels (compiled again when needed), data (data sets and weights "
        "below the Keras folder, fetched again), all",
    )


def run(options: argparse.Namespace) -> int:
    """Prints or empties them."""
    for what, folder in folders().items():
        kind = "kernels" if what.startswith("kernels") else "data"
        before = size_of(folder)
        if options.clear in (kind, "all"):
            if folder.is_dir():
                shutil.rmtree(folder)
            print(f"{what}: {folder}, {before} removed")
        else:
            print(f"{what}: {folder}, {before}")
    return 0


def folders() -> dict[str, Path]:
    """What is kept, and where."""
    home = os.environ.get("KERAS_HOME")
    base = Path(home) if home else Path.home() / ".keras"
    kept = {}
    for name in registry.available():
        try:
            folder = registry.load(name).cache_folder()
        except registry.BackendError:
            continue
        if folder is not None:
            kept[f"kernels of {name}"] = folder
    return {**kept, "data sets": base / "datasets", "weights": base / "models"}


def size_of(folder: Path) -> str:
    """How many files a folder has, and their size, in words."""
    sizes = [p.stat().st_size for p in folder.rglob("*") if p.is_file()]
    if not sizes:
        return "empty"
    total, unit = float(sum(sizes)), "bytes"
    for larger in ("kB", "MB", "GB"):
        if total < 1000:
            break
        total, unit = total / 1000, larger
    files = "1 file" if len(sizes) == 1 else f"{len(sizes):,} files"
    return f"{files}, {total:.3g} {unit}"
