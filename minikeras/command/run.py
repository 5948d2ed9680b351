"""`minikeras run`: a script, module or line of code whose `import keras` is minikeras.

A new Python takes the place of this one, with a folder in front of its `PYTHONPATH` that
answers for keras and tensorflow. So everything is as Python does it: tracebacks, pickles,
`-m pytest`, worker processes, exit status.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec

from minikeras import alias
from minikeras.engine import backend as registry


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.usage = (
        "minikeras run [--real] [--no-tensorflow] [FLAG OF PYTHON ...] "
        "(SCRIPT | - | -m MODULE | -c CODE) [ARGUMENT ...]"
    )
    parser.description = (
        "Runs Python with minikeras under Keras's name: `import keras`, `import "
        "tensorflow.keras` and `from tensorflow import keras` get it. Processes that the "
        "script starts do the same. What is installed stays untouched. SCRIPT, -m MODULE "
        "and -c CODE, and the words after them, are as Python's own."
    )
    parser.epilog = (
        "`PYTHONPATH=$(minikeras run --path) python script.py` does the same for any "
        "command that starts Python."
    )
    parser.add_argument(
        "--real",
        action="store_true",
        help="run it with the keras and tensorflow that are installed, to compare",
    )
    parser.add_argument(
        "--no-tensorflow",
        action="store_true",
        help="leave `import tensorflow` alone; only `import keras` is answered",
    )
    parser.add_argument(
        "--path", action="store_true", help="print the folder for PYTHONPATH, and stop"
    )


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """Our own words, and those that Python gets: from the first that is none of ours on.

    >>> split(["--real", "-W", "error", "script.py", "--real"])
    (['--real'], ['-W', 'error', 'script.py', '--real'])
    """
    for place, word in enumerate(words):
        if word == "--":
            return words[:place], words[place + 1 :]
        if word != "-h" and not word.startswith("--"):
            return words[:place], words[place:]
    return words, []


def run(options: argparse.Namespace) -> int:
    """Starts the new Python; where the system can, in place of this one."""
    if options.path:
        print(alias.python_path(None, not options.no_tensorflow))
        return 0
    words: list[str] = options.words
    flags = interpreter_flags(["", *words])
    if not words[len(flags) :]:
        print("minikeras run: error: expected a script, -m or -c", file=sys.stderr)
        return 2
    isolated = any(set("EI") & set(f) for f in flags if re.fullmatch("-[A-Za-z]+", f))
    if (sys.flags.ignore_environment or isolated) and not options.real:
        print(
            "minikeras run: error: Python was started with -E or -I, and so would not read "
            "PYTHONPATH; start it without",
            file=sys.stderr,
        )
        return 2
    command = [sys.executable, *interpreter_flags(sys.orig_argv), *words]
    environment = dict(os.environ)
    if options.real:
        environment = real_environment(environment)
    else:
        environment["PYTHONPATH"] = alias.python_path(
            os.environ.get("PYTHONPATH"), not options.no_tensorflow
        )
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execve(sys.executable, command, environment)
    return subprocess.call(command, env=environment)


def real_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What the installed Keras is started with: a backend that it knows and finds.

    `KERAS_BACKEND` may name one of ours. Where nothing names any, Keras wants TensorFlow, and
    stops without; then another engine that is installed serves, which a note says.

    Args:
        environment: That of this process; it stays as it is.
    """
    found = dict(environment)
    if found.get("KERAS_BACKEND") in set(registry.registered()) - {"numpy"}:
        del found["KERAS_BACKEND"]
    if "KERAS_BACKEND" in found or find_spec("tensorflow") or _configured():
        return found
    name = next((name for name in ("jax", "torch") if find_spec(name)), "numpy")
    print(
        f"minikeras run: TensorFlow is not installed, so KERAS_BACKEND={name}",
        file=sys.stderr,
    )
    return {**found, "KERAS_BACKEND": name}


def _configured() -> bool:
    """Whether Keras's own file names another backend than TensorFlow."""
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    try:
        with open(os.path.join(home, "keras.json"), encoding="utf-8") as file:
            name = json.load(file).get("backend")
    except (OSError, ValueError, AttributeError):
        return False
    return name not in (None, "", "tensorflow")


def interpreter_flags(words: list[str]) -> list[str]:
    """The flags that this Python was started with, such as `-W error` or `-X dev`.

    >>> interpreter_flags(["python", "-W", "error", "-X", "dev", "-m", "minikeras", "run"])
    ['-W', 'error', '-X', 'dev']
    """
    flags: list[str] = []
    rest = iter(words[1:])
    for word in rest:
        if word in ("-W", "-X"):
            flags += [word, next(rest, "")]
        elif word.startswith("-") and not word.startswith(("-m", "-c")) and word != "-":
            flags.append(word)
        else:
            break
    return flags
