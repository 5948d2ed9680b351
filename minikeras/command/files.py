"""How commands open models, with classes of the user's own."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from minikeras.alias import install, installed, uninstall
from minikeras.models import load_model, load_onnx


def add_code(parser: argparse.ArgumentParser, name: str) -> None:
    """Adds `--import` and `--trust`: whose code may run.

    Args:
        parser: Of the command.
        name: What the command calls the file.
    """
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help=f"a module, or a file.py, with classes and functions of your own that {name} "
        "names; it is run. May be given several times",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help=f"run code of Python lambdas in {name}: as safe as running a program of its author",
    )


def opened(name: str, options: argparse.Namespace) -> Any:
    """The model in a file, by what `add_code` added."""
    if is_onnx(name):
        return load_onnx(name)
    return load_model(name, own(options.modules), safe_mode=not options.trust)


def is_onnx(name: str) -> bool:
    """Whether a file's name says ONNX."""
    return name.lower().endswith(".onnx")


def own(modules: list[str]) -> dict[str, Any]:
    """Classes and functions of modules that the user names; `keras` is minikeras there."""
    if not modules:
        return {}
    before, here = installed(), str(Path.cwd())
    install()
    sys.path.insert(0, here)
    try:
        public = [item for name in modules for item in vars(_module(name)).items()]
    finally:
        # What the modules imported is minikeras's own and goes on working.
        sys.path.remove(here)
        if not before:
            uninstall()
    return {k: v for k, v in public if callable(v) and not k.startswith("_")}


def _module(name: str) -> ModuleType:
    if name.endswith(".py"):
        return _run(Path(name))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise  # something that the module needs
        raise ValueError(f"--import {name}: no such module here.") from None


def _run(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # its name ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
