"""Trees of named arrays in safetensors, by the package of that name (an extra)."""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path
from types import ModuleType

import numpy as np

from minikeras.engine.errors import see
from minikeras.saving import limits
from minikeras.saving.limits import FileError
from minikeras.saving.tree import Entry, Group, Tree

# Commas, brackets and braces for an array of eight axes, as `parse_json` counts them.
_PARTS = 20


def _package() -> ModuleType:
    try:
        return importlib.import_module("safetensors.numpy")
    except ImportError:
        raise ImportError(
            "`.safetensors` files need the package safetensors: pip install "
            "'minikeras[safetensors]'." + see("guides/saving.md")
        ) from None


def write_tree(tree: Tree, target: Path) -> None:
    """Write all arrays into a new file, each as `PATH/NAME`.

    Raises:
        ImportError: If the package is not installed.
        OSError: If the disk is full.
    """
    flat = {
        f"{path}/{key}": np.ascontiguousarray(entry.read()).reshape(entry.shape)
        for path, group in tree.items()
        for key, entry in group.entries.items()
    }
    package = _package()
    try:
        package.save_file(flat, str(target))
    except Exception as error:  # the package's own: what the system said is in its text
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from None


def _check_header(path: str | Path) -> None:
    """Refuse a list of arrays that is far longer than they are large."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if length > min(size, limits.MAX_JSON_BYTES):
            raise FileError(
                f"{str(path)!r} is damaged: it says {length:,} bytes of names."
            )
        most = limits.most_objects(size)
        parts = min(limits.MAX_JSON_PARTS, _PARTS * (most + 1))
        found = limits.parse_json(file.read(length), f"{str(path)!r}", parts)
    if isinstance(found, dict) and len(found) > most:
        raise FileError(
            f"{str(path)!r} has {len(found):,} arrays in {size:,} bytes: refused."
            + see("security.md")
        )


def read_tree(path: str | Path) -> Tree:
    """All arrays of a file, by the part of their names before the last `/`.

    Raises:
        ImportError: If the package is not installed.
        FileError: If the file is damaged.
    """
    package = _package()
    _check_header(path)
    try:
        found = package.load_file(str(path))
    except (OSError, MemoryError):
        raise
    except Exception as error:  # the package's own error class, and others
        raise FileError(f"{str(path)!r} is damaged: {str(error)[:200]}") from None
    tree: Tree = {}
    for name, array in found.items():
        group, _, key = name.rpartition("/")
        tree.setdefault(group, Group()).entries[key] = Entry.of(array)
    return tree
