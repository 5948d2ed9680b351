"""`minikeras convert`."""

from __future__ import annotations

import argparse
import sys

# Layers and models: loading a file makes them.
import minikeras.models
from minikeras.saving import converting


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments: two names, and whether code is trusted."""
    parser.description = (
        "Reads a model or weights of any Keras, and writes them in the format that OUT's name "
        "says: .keras, .h5, a folder (no ending), .json (the config alone); or weights: "
        ".weights.h5, .weights.json (several files), .npz, .safetensors."
    )
    parser.add_argument("source", metavar="IN", help="the file or folder to read")
    parser.add_argument("target", metavar="OUT", help="the file or folder to write")
    parser.add_argument(
        "--trust",
        action="store_true",
        help="run code of Python lambdas in IN: as safe as running a program of its author",
    )
    parser.add_argument(
        "--shard",
        type=float,
        default=5.0,
        metavar="GB",
        help="the size of the files beside a .weights.json (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Converts, and says what was done."""
    assert minikeras.models is not None
    try:
        print(
            converting.convert(
                options.source,
                options.target,
                safe_mode=not options.trust,
                shard_gigabytes=options.shard,
            )
        )
    except (ValueError, ImportError, NotImplementedError) as error:
        print(f"minikeras convert: error: {error}", file=sys.stderr)
        return 1
    return 0
