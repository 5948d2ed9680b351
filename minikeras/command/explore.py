"""`minikeras explore`."""

from __future__ import annotations

import argparse
from pathlib import Path

from minikeras.command import files
from minikeras.command.errors import ERRORS, refuse
from minikeras.command.numbers import Whole
from minikeras.visualization import explore


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.description = (
        "Writes a page about a model: draw or choose a sample and see every neuron answer. It "
        "is one file, which runs the model by itself and asks no network for anything."
    )
    parser.add_argument(
        "model", metavar="MODEL", help="a file or folder of any Keras, or .onnx"
    )
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="mnist5k, an .npz file (arrays x and y, or one for each input), or a folder of "
        "pictures, with a folder in it for each class (default: none)",
    )
    parser.add_argument(
        "--recording",
        metavar="FILE",
        help="what ExplorerCallback.save() wrote while the model was trained",
    )
    parser.add_argument(
        "--samples",
        type=Whole(1),
        default=1000,
        metavar="N",
        help="samples that come along in the page, at most (default: %(default)s)",
    )
    parser.add_argument(
        "--weight-bits",
        type=int,
        choices=(8, 16, 32),
        default=32,
        help="bits of a weight; fewer make the page of a large model smaller, which says so "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--title", help="the page's heading (default: the model's name)"
    )
    files.add_code(parser, "MODEL")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.html",
        help="the page (default: the model's name with .html, in the current folder)",
    )


def run(options: argparse.Namespace) -> int:
    """Writes it."""
    try:
        name: str = options.model
        model = files.opened(name, options)
        page = explore(
            model,
            options.data,
            recording=options.recording,
            title=options.title,
            max_samples=options.samples,
            weight_bits=options.weight_bits,
        )
        out = options.out or Path(Path(name.rstrip("/")).stem + ".html")
        path = page.save(out)
    except ERRORS as error:
        return refuse("explore", error)
    for limit in page.payload["limits"]:
        print(limit)
    print(f"Page: {path.resolve()}")
    return 0
