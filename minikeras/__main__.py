"""The command `minikeras`: `demo` trains a CNN on digits, `info` says what is installed."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import minikeras as keras
from minikeras import demo
from minikeras.engine import backend as registry


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Gives the exit status: 0, or 1 after an error.

    Args:
        arguments: The words after the command's name; those of the process when None.

    Example:
        >>> main(["info"])  # doctest: +ELLIPSIS
        minikeras ...
        0
    """
    options = _parser().parse_args(arguments)
    try:
        if options.command == "info":
            return _info()
        if options.backend is not None:
            keras.config.set_backend(options.backend)
        demo.run(options.epochs, options.seed, options.out)
    except (registry.BackendError, OSError) as error:
        print(f"minikeras {options.command}: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nminikeras {options.command}: stopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "minikeras",
        description="The Keras 3 API with engines of its own.",
    )
    version = f"minikeras {keras.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    trial = commands.add_parser(
        "demo",
        help="train a CNN on handwritten digits and write report.html",
        description="Trains a CNN on 4,000 handwritten digits that come with the "
        "package, tests it on 1,000 others, and writes report.html.",
    )
    trial.add_argument(
        "--backend",
        metavar="NAME",
        help=f"the engine: {', '.join(registry.registered())} (default: the best one "
        "installed, or MINIKERAS_BACKEND)",
    )
    trial.add_argument(
        "--epochs",
        type=_whole(1),
        default=demo.EPOCHS,
        metavar="N",
        help="passes over the training pictures (default: %(default)s)",
    )
    trial.add_argument(
        "--seed",
        type=_whole(0),
        default=0,
        metavar="S",
        help="the same seed gives the same run (default: %(default)s)",
    )
    trial.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="the folder for report.html (default: the current one)",
    )
    commands.add_parser("info", help="show the version and which backends work here")
    return parser


class _whole:
    """Whole numbers from `least` up to what a 32-bit seed or count can hold."""

    def __init__(self, least: int) -> None:
        self.least = least

    def __call__(self, word: str) -> int:
        try:
            value = int(word)
        except ValueError:
            value = self.least - 1
        if not self.least <= value < 2**32:
            raise argparse.ArgumentTypeError(
                f"got {word!r}; expected a whole number from {self.least} to {2**32 - 1}"
            )
        return value


def _info() -> int:
    print(f"minikeras {keras.__version__}")
    print(f"Python {platform.python_version()}, NumPy {np.__version__}")
    print(f"Backends (in use: {registry.current_name()}):")
    for name in registry.registered():
        try:
            registry.load(name)
        except registry.BackendError as error:
            print(f"  {name}: no. {error}")
        else:
            print(f"  {name}: ready")
    return 0


if __name__ == "__main__":
    sys.exit(main())
