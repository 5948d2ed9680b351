"""`minikeras inspect`."""

from __future__ import annotations

import argparse

from minikeras.command import files
from minikeras.command.errors import ERRORS, refuse
from minikeras.models.onnx_import import contents as onnx_contents
from minikeras.saving import contents


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the argument: the files."""
    parser.description = (
        "Shows what is in model and weights files of any Keras: versions, layers, arrays with "
        "their shapes, numbers of parameters; of ONNX files also inputs, outputs and operators. "
        "Nothing is built, and no code in them is run."
    )
    parser.add_argument("file", nargs="+", metavar="FILE", help="a file or folder")


def run(options: argparse.Namespace) -> int:
    """Prints it."""
    status = 0
    for name in options.file:
        try:
            told = onnx_contents if files.is_onnx(name) else contents
            print("\n".join(told.lines(name)))
        except ERRORS as error:
            status = max(status, refuse("inspect", error))
    return status
