"""`minikeras convert`."""

from __future__ import annotations

import argparse

from minikeras.command import files
from minikeras.command.errors import ERRORS, refuse
from minikeras.command.numbers import Size
from minikeras.saving import converting


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments: two names, and whether code is trusted."""
    parser.description = (
        "Reads a model or weights of any Keras, and writes them in the format that OUT's name "
        "says: .keras, .h5, a folder (no ending), .onnx, .json (the config alone); or weights: "
        ".weights.h5, .weights.json (several files), .npz, .safetensors. IN may be .onnx, or "
        ".json too (a model with fresh weights)."
    )
    parser.add_argument("source", metavar="IN", help="the file or folder to read")
    parser.add_argument("target", metavar="OUT", help="the file or folder to write")
    files.add_code(parser, "IN")
    parser.add_argument(
        "--shard",
        type=Size(),
        default=5.0,
        metavar="GB",
        help="the size of the files beside a .weights.json (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Converts, and says what was done."""
    try:
        print(_converted(options))
    except ERRORS as error:
        return refuse("convert", error)
    return 0


def _converted(options: argparse.Namespace) -> str:
    """Converts; what was done, in a line."""
    source, target = options.source, options.target
    writes = files.is_onnx(target)
    if not files.is_onnx(source) and not writes:
        return converting.convert(
            source,
            target,
            files.own(options.modules),
            safe_mode=not options.trust,
            shard_gigabytes=options.shard,
        )
    model = files.opened(source, options)
    if writes:
        model.export(target, format="onnx")
    else:
        converting.write_model(model, target, options.shard)
    return f"model {model.name!r} of {source} -> {target}"
