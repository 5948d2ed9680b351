"""`minikeras demo`."""

from __future__ import annotations

import argparse
from pathlib import Path

import minikeras as keras
from minikeras import demo
from minikeras.command.errors import refuse
from minikeras.command.numbers import Whole
from minikeras.engine import backend as registry


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.description = (
        "Trains a CNN on 4,000 handwritten digits that come with the package, tests it "
        "on 1,000 others, and writes a page about it."
    )
    parser.add_argument(
        "--backend",
        metavar="NAME",
        help=f"the engine: {', '.join(registry.registered())} (default: the best one "
        "installed, or MINIKERAS_BACKEND)",
    )
    parser.add_argument(
        "--epochs",
        type=Whole(1),
        default=demo.EPOCHS,
        metavar="N",
        help="passes over the training pictures (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=Whole(0),
        default=0,
        metavar="S",
        help="the same seed gives the same run (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="PATH",
        help="the page, if it ends in .html or .htm; else the folder for report.html "
        "(default: the current one)",
    )


def run(options: argparse.Namespace) -> int:
    """Trains, and writes the page."""
    if options.backend is not None:
        keras.config.set_backend(options.backend)
    try:
        demo.run(options.epochs, options.seed, options.out)
    except OSError as error:
        return refuse("demo", error)
    return 0
