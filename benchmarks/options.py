"""What the command lines share: names, and which interpreter has an engine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.engines import ENGINES, GPU_ENGINES, Engine, missing

_ALL = {**ENGINES, **GPU_ENGINES}


def chosen(given: argparse.Namespace) -> list[str]:
    """The engines that were named, or all of the device."""
    return given.engines or list(GPU_ENGINES if given.device == "gpu" else ENGINES)


def names(known: Sequence[str]) -> Callable[[str], list[str]]:
    """What reads a list of known names, with commas between."""

    def parse(text: str) -> list[str]:
        given = text.split(",")
        for name in given:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"{name!r} is unknown; expected some of {','.join(known)}"
                )
        return given

    return parse


def add_engines(parser: argparse.ArgumentParser) -> None:
    """The options that say which engines run and where they are, and `--json`."""
    parser.add_argument(
        "--device",
        choices=("cpu", "gpu"),
        default="cpu",
        help="gpu: in float32, TF32 and bfloat16, beside Keras on JAX and torch, and torch",
    )
    parser.add_argument(
        "--engines",
        type=names([*ENGINES, *GPU_ENGINES]),
        help="all of the device, where none are named",
    )
    parser.add_argument(
        "--python",
        type=interpreter,
        action="append",
        default=[],
        metavar="ENGINE=PATH",
        help="the interpreter that has an engine; 'peers=PATH' for all peers",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write figures there")


def interpreter(text: str) -> tuple[str, str]:
    name, sign, path = text.partition("=")
    if not sign or not path or name not in ("peers", *ENGINES, *GPU_ENGINES):
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected ENGINE=PATH, with an engine's name or 'peers'"
        )
    return name, path


def interpreters(given: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The interpreters by engine, as `--python` gave them."""
    table: dict[str, str] = {}
    for name, path in given:
        peers = [e.name for e in _ALL.values() if not e.ours]
        for engine in peers if name == "peers" else [name]:
            table[engine] = path
    return table


def installed(given: Sequence[str], pythons: Mapping[str, str]) -> list[Engine]:
    """The engines that can run. What the others lack is printed."""
    found = []
    for name in given:
        lacking = missing(_ALL[name], pythons.get(name, sys.executable))
        if lacking:
            print(f"{name} is skipped: not installed: {', '.join(lacking)}")
        else:
            found.append(_ALL[name])
    return found
