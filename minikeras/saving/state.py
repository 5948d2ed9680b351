"""The weights of a model as a tree of named arrays, and back.

Each part of a model has the group `PATH/vars`, which its hook `save_own_variables`
fills and `load_own_variables` reads. Beside it, where Keras does not look,
`PATH/seeds` keeps the states of the part's seed generators, and what an optimizer keeps
that Keras's files lack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np

from minikeras.engine.warn import warn_user
from minikeras.saving.limits import FileError
from minikeras.saving.tree import Array, Entry, Group, Tree, nearest
from minikeras.saving.walk import walk
from minikeras.variable import Variable


class Filled(MutableMapping[str, Any]):
    """What `save_own_variables` gets: a mapping that keeps arrays for a group."""

    def __init__(self, group: Group) -> None:
        self.group = group

    def __setitem__(self, key: str, value: np.ndarray[Any, Any]) -> None:
        if isinstance(value, Variable) or hasattr(value, "numpy"):
            value = value.numpy()
        self.group.entries[str(key)] = Entry.of(value)

    def __getitem__(self, key: str) -> Array:
        return self.group[key]

    def __delitem__(self, key: str) -> None:
        del self.group.entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.group)

    def __len__(self) -> int:
        return len(self.group)


def vars_path(path: str) -> str:
    """The group of a part's variables."""
    return f"{path}/vars" if path else "vars"


def _beside_path(path: str) -> str:
    return f"{path}/seeds" if path else "seeds"


def _beside(part: object) -> list[Any]:
    """Variables that Keras's files do not have: states of generators, and what an optimizer
    inside another one keeps for itself."""
    seeds = getattr(getattr(part, "_tracker", None), "seeds", ())
    return [seed.state for seed in seeds] + list(getattr(part, "_unlisted", ()))


def save_state(
    model: object, assets: Path | None = None, skipped: Iterable[Any] = ()
) -> Tree:
    """All arrays of a model and of its optimizer, if it has one.

    Args:
        model: A model or layer.
        assets: An empty folder that the parts' `save_assets` write into, each in a
            folder of its own path.
        skipped: Parts that are left out.
    """
    tree: Tree = {}
    for path, part in walk(model, skipped=skipped):
        if hasattr(part, "save_own_variables"):
            group = Group(name=getattr(part, "name", None))
            part.save_own_variables(Filled(group))
            tree[vars_path(path)] = group
        states = {str(i): Entry.of(v.numpy()) for i, v in enumerate(_beside(part))}
        if states:
            tree[_beside_path(path)] = Group(states)
        if assets is not None and hasattr(part, "save_assets"):
            folder = assets / path
            folder.mkdir(parents=True, exist_ok=True)
            part.save_assets(str(folder))
    return tree


class Held:
    """The values of all variables and attributes, to go back to if loading fails half-way.

    What hooks of parts change is either: a vocabulary, or weights of tf-idf, are attributes.
    """

    def __init__(self, model: object) -> None:
        held: dict[int, Variable] = {}
        self.attributes: list[tuple[Any, dict[str, Any]]] = []
        for _, part in walk(model):
            own = getattr(part, "variables", ())
            held.update((id(v), v) for v in own if isinstance(v, Variable))
            self.attributes.append((part, dict(vars(part))))
        self.values = [(v, v.state.read()) for v in held.values()]

    def restore(self) -> None:
        for variable, value in self.values:
            variable.state.assign(value)
        for part, attributes in self.attributes:
            now = vars(part)
            now.update(attributes)
            for name in set(now) - set(attributes):
                del now[name]


def load_state(
    model: object,
    tree: Tree,
    assets: Path | None = None,
    skip_mismatch: bool = False,
    label: str = "the file",
    skipped: Iterable[Any] = (),
    fresh: bool = False,
) -> set[str]:
    """Give a model the arrays of a tree.

    Args:
        model: A built model or layer.
        tree: The arrays, by Keras's paths.
        assets: The folder that `save_state` filled, or None.
        skip_mismatch: Whether parts whose number or shapes of arrays differ keep what
            they have, with one warning.
        label: What to call the file in errors.
        skipped: Parts that keep what they have.
        fresh: Whether nobody has the model yet: it need not be put back then.

    Returns:
        The groups that a part took.

    Raises:
        ValueError: If arrays are missing or do not fit; the model is as before then.
    """
    before = None if fresh else Held(model)
    nested = any("container" in path.split("/") for path in tree)
    failed: dict[int, tuple[str, Exception]] = {}
    used: set[str] = set()
    try:
        # A part that several paths lead to may be in the file under another than the first.
        for path, part in walk(model, nested, skipped, again=failed):
            # Weights may have been saved without an optimizer.
            absent = vars_path(path) not in tree and hasattr(part, "apply_gradients")
            if hasattr(part, "load_own_variables") and not absent:
                group = tree.get(vars_path(path), Group())
                used.add(vars_path(path))
                try:
                    part.load_own_variables(group)
                except (ValueError, KeyError, TypeError, IndexError) as error:
                    if isinstance(error, FileError):
                        raise
                    failed.setdefault(id(part), (path, error))
                else:
                    failed.pop(id(part), None)
                _load_beside(part, tree.get(_beside_path(path)))
            _load_assets(part, path, assets)
        if failed and not skip_mismatch:
            raise ValueError(_complaint(list(failed.values()), tree, used, label))
    except BaseException:
        if before is not None:
            before.restore()
        raise
    if failed:
        warn_user(_complaint(list(failed.values()), tree, used, label))
    return used


def asset_paths(model: object) -> list[str]:
    """The paths of parts that read files."""
    return [path for path, part in walk(model) if hasattr(part, "load_assets")]


def _load_assets(part: object, path: str, assets: Path | None) -> None:
    if assets is None or not hasattr(part, "load_assets"):
        return
    folder = assets / path
    if folder.is_dir():
        part.load_assets(str(folder))


def _load_beside(part: object, group: Group | None) -> None:
    own = _beside(part)
    if group is None or len(group) != len(own):
        return
    for i, variable in enumerate(own):
        if str(i) in group and group.entries[str(i)].shape == variable.shape:
            variable.assign(group[str(i)])


def _complaint(
    failed: list[tuple[str, Exception]],
    tree: Tree,
    used: set[str],
    label: str,
) -> str:
    """One message about all parts that got nothing, or not what fits."""
    lines = []
    free = [p for p, g in tree.items() if g and p not in used]
    for path, error in failed[:5]:
        text = f"  {_short(path) or 'the model itself'!r}: {_first_line(error)}"
        if vars_path(path) not in tree:
            near = nearest(vars_path(path), dict.fromkeys(free))
            hint = f"; the nearest unused one is {_short(near)!r}" if near else ""
            text += f" The file has no such group{hint}."
        lines.append(text)
    if len(failed) > 5:
        lines.append(f"  ... and {len(failed) - 5} more.")
    return (
        f"{label}: the weights of {len(failed)} layers could not be loaded, so they do not "
        "belong to a model like this one:\n"
        + "\n".join(lines)
        + "\nTo load the others "
        "and leave these as they are, pass skip_mismatch=True."
    )


def _short(path: str) -> str:
    return path if len(path) <= 300 else f"{path[:100]}...{path[-190:]}"


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
