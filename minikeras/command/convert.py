"""`minikeras convert`."""

from __future__ import annotations

import argparse
import sys

from minikeras.models import load_model, load_onnx
from minikeras.saving import converting


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments: two names, and whether code is trusted."""
    parser.description = (
        "Reads a model or weights of any Keras, and writes them in the format that OUT's name "
        "says: .keras, .h5, a folder (no ending), .onnx, .json (the config alone); or weights: "
        ".weights.h5, .weights.json (several files), .npz, .safetensors. IN may be .onnx too."
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
    try:
        print(_converted(options))
    except (ValueError, ImportError, NotImplementedError) as error:
        print(f"minikeras convert: error: {error}", file=sys.stderr)
        return 1
    return 0


def _converted(options: argparse.Namespace) -> str:
    """Converts; what was done, in a line."""
    source, target, safe = options.source, options.target, not options.trust
    reads, writes = (name.lower().endswith(".onnx") for name in (source, target))
    if not reads and not writes:
        return converting.convert(
            source, target, safe_mode=safe, shard_gigabytes=options.shard
        )
    model = load_onnx(source) if reads else load_model(source, safe_mode=safe)
    if writes:
        model.export(target, format="onnx")
    elif ".weights." in target.lower():
        model.save_weights(target)
    else:
        model.save(target)
    return f"model {model.name!r} of {source} -> {target}"
