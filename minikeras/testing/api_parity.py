"""Our public names and signatures beside those of the installed Keras.

    python -m minikeras.testing.api_parity [--namespace ops] [--json] [--write] [--strict]

Prints, for each namespace, what is missing here and what has another signature. The
snapshot, a file of one line a name, keeps what we have: `--write` refreshes it, and
`--strict` fails where a name or signature in it was lost.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

NAMESPACES = (
    "", "activations", "backend", "callbacks", "config", "constraints", "datasets",
    "dtype_policies", "initializers", "layers", "losses", "metrics", "mixed_precision",
    "models", "ops", "ops.image", "ops.linalg", "ops.nn", "ops.numpy", "optimizers",
    "optimizers.schedules", "random", "regularizers", "saving", "tree", "utils",
)  # fmt: skip
SNAPSHOT = Path(__file__).parents[2] / "tests" / "api_snapshot.json"
# Names of Keras that are left out on purpose, and why.
LEFT_OUT = {
    "layers.FlaxLayer": "wraps a model of another framework",
    "layers.JaxLayer": "wraps a model of another framework",
    "layers.TFSMLayer": "wraps a model of another framework",
    "layers.TorchModuleWrapper": "wraps a model of another framework",
    "callbacks.OrbaxCheckpoint": "writes the files of a JAX library",
    "config.is_nnx_enabled": "a switch of the JAX backend",
}

Table = dict[str, str]


def _namespace(root: Any, path: str) -> Any:
    found = root
    for part in filter(None, path.split(".")):
        found = getattr(found, part, None)
        if found is None:
            try:
                return importlib.import_module(f"{root.__name__}.{path}")
            except ImportError:
                return None
    return found


def _default(value: Any) -> str:
    """A default as text that is the same for both libraries and in every process."""
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(map(_default, value)) + ")"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    return str(getattr(value, "__name__", type(value).__name__))


def signature(thing: Any) -> str:
    """Parameters in order, with their kinds and defaults; "" for what is no function."""
    function = thing.__init__ if inspect.isclass(thing) else thing
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ""
    if inspect.isclass(thing):
        parameters = parameters[1:]
    shown = []
    for p in parameters:
        star = "*" * (
            int(p.kind is p.VAR_POSITIONAL) + 2 * int(p.kind is p.VAR_KEYWORD)
        )
        tail = "" if p.default is p.empty else f"={_default(p.default)}"
        shown.append(f"{star}{p.name}{tail}")
    return f"({', '.join(shown)})"


def _members(owner: Any) -> Iterator[tuple[str, Any]]:
    for name in sorted(dir(owner)):
        if name.startswith("_"):
            continue
        thing = getattr(owner, name, None)
        if thing is not None and not inspect.ismodule(thing):
            yield name, thing


def public(root: Any, namespaces: Sequence[str] = NAMESPACES) -> Table:
    """`namespace.name` -> signature, for every public function and class."""
    found: Table = {}
    for path in namespaces:
        owner = _namespace(root, path)
        for name, thing in _members(owner) if owner is not None else ():
            if callable(thing) and type(thing).__module__ != "typing":
                found[f"{path}.{name}".lstrip(".")] = signature(thing)
    return found


def compare(ours: Table, theirs: Table) -> tuple[list[str], list[str]]:
    """Names of Keras that are missing here, and those with another signature."""
    missing = sorted(k for k in theirs if k not in ours and k not in LEFT_OUT)
    different = sorted(k for k in theirs if k in ours and ours[k] != theirs[k])
    return missing, different


def lost(ours: Table, kept: Table) -> list[str]:
    """Names of the snapshot that are gone or have another signature, with both."""
    return [
        f"{name}{was} is now {name + ours[name] if name in ours else 'gone'}"
        for name, was in sorted(kept.items())
        if ours.get(name) != was
    ]


def _report(ours: Table, theirs: Table, namespaces: Sequence[str]) -> None:
    missing, different = compare(ours, theirs)
    for path in namespaces:

        def here(name: str, path: str = path) -> bool:
            return name.rpartition(".")[0] == path

        names = [k for k in theirs if here(k)]
        if not names:
            continue
        gone, other = list(filter(here, missing)), list(filter(here, different))
        print(
            f"{path or '(top)'}: {len(names)} names of keras, {len(gone)} missing, "
            f"{len(other)} with another signature"
        )
        for name in gone:
            print(f"  missing    {name}{theirs[name]}")
        for name in other:
            print(f"  different  {name}")
            print(f"      ours   {ours[name]}")
            print(f"      keras  {theirs[name]}")
    for name, reason in LEFT_OUT.items():
        if name in theirs:
            print(f"left out on purpose: {name}: {reason}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; gives its exit status."""
    parser = argparse.ArgumentParser(prog="minikeras.testing.api_parity")
    parser.add_argument("--namespace", action="append", help="only this one")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", action="store_true", help="refresh the snapshot")
    parser.add_argument(
        "--strict", action="store_true", help="fail where names are lost"
    )
    options = parser.parse_args(arguments)
    import minikeras  # the whole package, which this module is a part of

    namespaces = tuple(options.namespace or NAMESPACES)
    ours = public(minikeras, namespaces)
    if options.write:
        text = json.dumps(public(minikeras), indent=0, sort_keys=True)
        SNAPSHOT.write_text(text + "\n", encoding="utf-8")
        print(f"{len(ours)} names written to {SNAPSHOT}")
        return 0
    if options.strict:
        losses = lost(public(minikeras), json.loads(SNAPSHOT.read_text("utf-8")))
        print("\n".join(losses) or "nothing of the snapshot is lost")
        return int(bool(losses))
    os.environ.setdefault("KERAS_BACKEND", "jax")
    try:
        keras = importlib.import_module("keras")
    except ImportError:
        print(
            "keras is not installed: pip install 'minikeras[oracle]'", file=sys.stderr
        )
        return 2
    theirs = public(keras, namespaces)
    if options.json:
        missing, different = compare(ours, theirs)
        print(json.dumps({"missing": missing, "different": different}, indent=1))
    else:
        _report(ours, theirs, namespaces)
    return 0


if __name__ == "__main__":
    sys.exit(main())
