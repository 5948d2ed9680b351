"""The command line: `minikeras demo`, or `python -m minikeras demo`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from minikeras import version
from minikeras.command import COMMANDS
from minikeras.command.errors import refuse
from minikeras.engine.backend import BackendError

_EPILOG = "`minikeras COMMAND --help` says more about one of them."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: The words after the command's name; those of the process when None.

    Returns:
        The exit status: 0, 1 after an error, 2 for words that make no sense, files that are
        missing or wrong and backends that are not here, 130 when stopped; that of the
        script for `run`.

    Example:
        >>> main(["info"])  # doctest: +ELLIPSIS
        minikeras ...
        0
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    others: list[str] = []
    if words and words[0] in COMMANDS:
        cut = getattr(_module(words[0]), "split", None)  # words that are not for us
        if cut is not None:
            ours, others = cut(words[1:])
            words = [words[0], *ours]
    made = parser(words)
    if not words:
        made.print_help(sys.stderr)
        return 2
    options = made.parse_args(words)
    options.words = others
    try:
        status = int(_module(options.command).run(options))
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # whoever read our lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (BackendError, OSError) as error:
        return refuse(options.command, error, given=False)
    except KeyboardInterrupt:
        print(f"\nminikeras {options.command}: stopped", file=sys.stderr)
        return 130


def parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of the words, with the arguments of the command among them.

    Args:
        words: Of the command line; the modules of other commands are not imported.
    """
    made = argparse.ArgumentParser(
        "minikeras",
        description="The Keras 3 API with engines of its own.",
        epilog=_EPILOG,
    )
    made.add_argument("--version", action="version", version=f"minikeras {version()}")
    commands = made.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_Command
    )
    asked = next((word for word in words if word in COMMANDS), None)
    for name, about in COMMANDS.items():
        one = commands.add_parser(name, help=about)
        if name == asked:
            _module(name).configure(one)
    return made


class _Command(argparse.ArgumentParser):
    """A command's parser, which refuses words that it does not know by itself.

    argparse leaves them to the parser above, whose usage says nothing about the command.
    """

    def parse_known_args(
        self, args: Any = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """As its own, with an error where words are left."""
        options, others = super().parse_known_args(args, namespace)
        if others:
            self.error(f"unrecognized arguments: {' '.join(others)}")
        return options, others


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"minikeras.command.{name}")


if __name__ == "__main__":
    sys.exit(main())
