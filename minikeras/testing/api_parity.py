"""Our public API beside that of the installed Keras, and beside what it was.

    python -m minikeras.testing.api_parity [--namespace layers] [--json] [--write] [--strict]

Prints, for each namespace, how many functions and classes, methods and properties
Keras has, what is missing here, and what has another signature, other defaults or
other base classes; with `--write` the snapshot is refreshed. It holds our API and the
differences from Keras that are known: the exit status is 1 where one is new. `--strict`
needs no Keras: it fails where something of the snapshot was lost.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

from minikeras.testing import api_table
from minikeras.testing.api_table import ATTRIBUTE, BASES, NAMESPACES, Table

SNAPSHOT = Path(__file__).parents[2] / "tests" / "api_snapshot.json"
# Names of Keras that are left out on purpose (patterns, as for files), and why.
LEFT_OUT = {
    "layers.FlaxLayer": "wraps a model of another framework",
    "layers.JaxLayer": "wraps a model of another framework",
    "layers.TFSMLayer": "wraps a model of another framework",
    "layers.TorchModuleWrapper": "wraps a model of another framework",
    "callbacks.OrbaxCheckpoint": "writes the files of a JAX library",
    "config.is_nnx_enabled": "a switch of the JAX backend",
    "*.jax_state_sync": "of Keras's JAX trainer",
    "Model.compute_loss_and_updates": "of Keras's JAX trainer",
    "Model.*_step": "with JAX they take a state; ours are those of the other backends",
    "KerasTensor.shape": "Keras's setter only raises",
    "*.quantized_call": "a step inside of Keras's own calls",
    "*.rematerialized_call": "a step inside of Keras's own calls",
    "layers.*.convert_weight": "of Keras's data pipelines, between its backends",
    "layers.*.get_transformed_x_y": "a step inside of Keras's own calls",
    "layers.*.get_shifted_bbox": "a step inside of Keras's own calls",
    "layers.*.get_clipped_bbox": "a step inside of Keras's own calls",
    "optimizers.Muon.*": "steps inside of Keras's own update",
}


@dataclass
class Differences:
    """What Keras has and we do not, and what both have with another signature.

    Attributes:
        missing: Name -> what Keras has.
        different: Name -> what we have and what Keras has.
        counted: Name of Keras -> what it has; all that was compared.
    """

    missing: Table = field(default_factory=dict)
    different: dict[str, list[str]] = field(default_factory=dict)
    counted: Table = field(default_factory=dict)

    def add(self, name: str, ours: str | None, theirs: str) -> None:
        """Compare one name."""
        if any(fnmatchcase(name, pattern) for pattern in LEFT_OUT):
            return
        self.counted[name] = theirs
        if ours is None:
            self.missing[name] = theirs
        elif not _serves(ours, theirs):
            self.different[name] = [ours, theirs]

    def beyond(self, known: dict[str, Any]) -> list[str]:
        """The differences that a snapshot does not know."""
        gone = [f"missing: {n}" for n in self.missing if n not in known["missing"]]
        other = [
            f"different: {name}: {ours} here, {theirs} in keras"
            for name, (ours, theirs) in self.different.items()
            if known["different"].get(name) != [ours, theirs]
        ]
        return gone + other


def _serves(ours: str, theirs: str) -> bool:
    """Whether ours can stand where theirs is expected."""
    if ours in (theirs, "(*args, **kwargs)") and theirs.startswith("(") == (
        ours.startswith("(")
    ):
        return True
    values = (ATTRIBUTE, "property, settable", "property")
    if ours in values and theirs in values:
        return ours != "property" or theirs != "property, settable"
    return False


def compare(
    ours: object, theirs: object, namespaces: Sequence[str] = NAMESPACES
) -> Differences:
    """Our package beside Keras's, name by name.

    A member that differs in a class and, in the same way, in a public class that it
    derives from is told once, for the latter.
    """
    found = Differences()
    our_things = api_table.functions(ours, namespaces)
    known = api_table.classes(theirs)
    for name, thing in api_table.functions(theirs, namespaces).items():
        mine = our_things.get(name)
        found.add(
            name,
            None if mine is None else api_table.signature(mine),
            api_table.signature(thing),
        )
        if inspect.isclass(thing) and inspect.isclass(mine) and known[thing] == name:
            _compare_class(found, mine, thing, ours, known)
    return found


def _named(root: object, name: str) -> Any:
    path, _, last = name.rpartition(".")
    return getattr(api_table.namespace(root, path), last, None)


def _compare_class(
    found: Differences, mine: type, cls: type, ours: object, known: dict[type, str]
) -> None:
    name, above = known[cls], api_table.bases(cls, known)
    pairs = [(_named(ours, known[base]), base) for base in above]
    pairs = [(m, base) for m, base in pairs if inspect.isclass(m)]
    have = api_table.members(mine)
    for key, what in api_table.members(cls).items():
        inherited = any(
            (have.get(key), what)
            == (api_table.members(m).get(key), api_table.members(base).get(key))
            for m, base in pairs
        )
        # What Keras only sets on instances is no promise of its API.
        if not inherited and what != ATTRIBUTE:
            found.add(f"{name}.{key}", have.get(key), what)
    if pairs:
        kept = [known[base] for m, base in pairs if issubclass(mine, m)]
        wanted = [known[base] for _, base in pairs]
        found.add(name + BASES, ", ".join(sorted(kept)), ", ".join(sorted(wanted)))


def lost(whole: Table, kept: Table) -> list[str]:
    """Names of the snapshot that are gone or have another signature, with both.

    Args:
        whole: Our table of today, with inherited members.
        kept: That of the snapshot.
    """
    return [
        f"{name}{was} is now {name + whole[name] if name in whole else 'gone'}"
        for name, was in sorted(kept.items())
        if whole.get(name) != was
    ]


def snapshot() -> dict[str, Any]:
    """The snapshot: `api`, and the known differences `missing` and `different`."""
    kept: dict[str, Any] = json.loads(SNAPSHOT.read_text("utf-8"))
    return kept


def write(found: Differences | None) -> None:
    """Refresh the snapshot; without Keras the known differences stay."""
    import minikeras  # the whole package, which this module is a part of

    kept = snapshot() if found is None else {}
    made = {
        "api": api_table.public(minikeras),
        "missing": sorted(found.missing) if found else kept["missing"],
        "different": found.different if found else kept["different"],
    }
    text = json.dumps(made, indent=0, sort_keys=True)
    SNAPSHOT.write_text(text + "\n", encoding="utf-8")
    print(f"{len(made['api'])} entries written to {SNAPSHOT}")


def _home(name: str) -> str:
    """The namespace of an entry."""
    return max((n for n in NAMESPACES if not n or name.startswith(n + ".")), key=len)


def _table(found: Differences, namespaces: Sequence[str]) -> Iterator[str]:
    """A row for each namespace and a last one for all."""
    kinds = (found.counted, found.missing, found.different)
    homes = [[_home(name) for name in names] for names in kinds]
    yield f"{'namespace':24}{'in keras':>10}{'missing':>10}{'different':>10}"
    for path in namespaces:
        counts = [names.count(path) for names in homes]
        if counts[0]:
            yield f"{path or '(top)':24}" + "".join(f"{n:10}" for n in counts)
    yield f"{'all':24}" + "".join(f"{len(names):10}" for names in homes)


def _details(found: Differences) -> Iterator[str]:
    for name, theirs in found.missing.items():
        yield f"missing    {name}  {theirs}"
    for name, (ours, theirs) in found.different.items():
        yield f"different  {name}"
        yield f"    ours   {ours}"
        yield f"    keras  {theirs}"
    for pattern, reason in LEFT_OUT.items():
        yield f"left out   {pattern}: {reason}"


def _keras() -> ModuleType | None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    try:
        return importlib.import_module("keras")
    except ImportError:
        return None


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
    import minikeras

    if options.strict:
        losses = lost(api_table.public(minikeras, whole=True), snapshot()["api"])
        print("\n".join(losses) or "nothing of the snapshot is lost")
        return int(bool(losses))
    keras = _keras()
    if keras is None:
        print(
            "keras is not installed: pip install 'minikeras[oracle]'", file=sys.stderr
        )
        return 2
    namespaces = tuple(options.namespace or NAMESPACES)
    found = compare(minikeras, keras, namespaces)
    if options.write:
        write(found if namespaces == NAMESPACES else None)
        return 0
    if options.json:
        print(json.dumps({"missing": found.missing, "different": found.different}))
    else:
        print("\n".join((*_details(found), *_table(found, namespaces))))
    new = found.beyond(snapshot()) if SNAPSHOT.exists() else []
    if new:
        print("not in the snapshot:", *new, sep="\n  ", file=sys.stderr)
    return int(bool(new))


if __name__ == "__main__":
    sys.exit(main())
