"""Paths in weights files of Keras 2.12 to 3.0, as today's would be.

Weights files say no version, so everything is judged by its form; no file of today matches.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minikeras import naming
from minikeras.saving.dialects import keras2_slots, slot_order
from minikeras.saving.dialects.version import TODAY, Version, parse
from minikeras.saving.tree import Entry, Group, Tree

if TYPE_CHECKING:
    from minikeras.models.model import Model


_ROOTS = {"_layer_checkpoint_dependencies": "layers"}  # 2.12 to 2.14
_PARTS = {  # of MultiHeadAttention, until 2.16
    "_query_dense": "query_dense",
    "_key_dense": "key_dense",
    "_value_dense": "value_dense",
    "_output_dense": "output_dense",
}
_OPTIMIZER = "optimizer/vars"


def modern_tree(
    tree: Tree,
    model: Model,
    keras_version: str | None = None,
    config: dict[str, Any] | None = None,
) -> Tree:
    """The arrays of a weights file under today's paths.

    Args:
        tree: What the file holds.
        model: The model that it is for, whose optimizer, if any, has its variables.
        keras_version: The version that wrote it, where it is known.
        config: The model's config in the file, whose layers have the order of then.
    """
    names = {path: _modern_path(path) for path in tree}
    if any(old != new for old, new in names.items()):
        tree = {new: tree[old] for old, new in names.items()}
    old = (parse(keras_version) or TODAY) < (3, 0)
    if old and config is not None:
        moved = dict(_moved(config.get("config"), model, ""))
        tree = {_under(path, moved): group for path, group in tree.items()}
        if moved:
            tree = _reordered_slots(tree, config["config"], model)
    optimizer = getattr(model, "optimizer", None)
    tree = _with_absent_variables(tree, optimizer, old)
    return _in_todays_order(tree, optimizer, None if old else parse(keras_version))


def modern_assets(folder: Path) -> None:
    """Rename the folders of assets that 2.12 to 2.14 named otherwise."""
    for old, new in _ROOTS.items():
        for found in sorted(folder.rglob(old), reverse=True):  # the inner ones first
            if found.is_dir() and not found.with_name(new).exists():
                found.rename(found.with_name(new))


def _modern_path(path: str) -> str:
    # Windows wrote its own separators in 2.15.
    parts = [_ROOTS.get(p, p) for p in path.replace("\\", "/").split("/")]
    owners = ["", *parts]
    return "/".join(
        # GroupQueryAttention is of Keras 3, and keeps its parts under such names.
        part if owner.startswith("grouped_query") else _PARTS.get(part, part)
        for owner, part in zip(owners, parts)
    )


def _moved(config: object, model: object, above: str) -> Iterator[tuple[str, str]]:
    """Old and new paths of layers that are numbered otherwise, since their order is another.

    A class's layers are numbered in the order of the model's layers, which the config has.
    """
    if not isinstance(config, dict) or not hasattr(model, "layers"):
        return
    by_name = {layer.name: layer for layer in model.layers}
    written = [_name(data) for data in config.get("layers", ())]
    before = _numbered([by_name[name] for name in written if name in by_name])
    now = _numbered(list(model.layers))
    inner = {_name(data): data.get("config") for data in config.get("layers", ())}
    for name, old in before.items():
        path = f"{above}layers/{now[name]}"
        if now[name] != old:
            yield f"{above}layers/{old}", path
        yield from _moved(inner.get(name), by_name[name], f"{path}/")


def _name(data: Any) -> Any:
    return data.get("name") or data.get("config", {}).get("name")


def _numbered(layers: list[Any]) -> dict[str, str]:
    """The name of each layer in paths, by its own name."""
    counts: dict[str, int] = {}
    found = {}
    for layer in layers:
        kind = naming.to_snake_case(type(layer).__name__)
        number = counts.get(kind, 0)
        counts[kind] = number + 1
        found[layer.name] = f"{kind}_{number}" if number else kind
    return found


def _under(path: str, moved: dict[str, str]) -> str:
    """A path with the beginnings that moved, the outer ones first."""
    parts = path.split("/")
    for count in range(2, len(parts) + 1, 2):
        start = "/".join(parts[:count])
        if start in moved:
            parts[:count] = moved[start].split("/")
    return "/".join(parts)


def _reordered_slots(tree: Tree, config: dict[str, Any], model: Model) -> Tree:
    """The optimizer's state in the order of the model's variables: it was in the config's."""
    group = tree.get(_OPTIMIZER, Group())
    trained = [id(v) for v in model.trainable_variables]
    by_name = {layer.name: layer for layer in model.layers}
    layers = [by_name[n] for n in map(_name, config["layers"]) if n in by_name]
    order = [id(v) for layer in layers for v in layer.trainable_variables]
    each, rest = divmod(len(group) - 1, max(len(trained), 1))
    if rest or not each or sorted(order) != sorted(trained):
        return tree
    stored = [group.entries[str(i)] for i in range(len(group))]
    entries = stored[:1]
    for variable in trained:
        start = 1 + each * order.index(variable)
        entries += stored[start : start + each]
    moved = Group({str(i): entry for i, entry in enumerate(entries)}, group.name)
    return {**tree, _OPTIMIZER: moved}


def _with_absent_variables(tree: Tree, optimizer: Any, old: bool) -> Tree:
    """Until 2.16 the learning rate was no variable, nor were others: see `keras2_slots`.

    A model that was never trained, or by one of the optimizers of 2.10, has no state there.
    """
    group = tree.get(_OPTIMIZER, Group())
    variables = _variables(optimizer)
    if old and 0 < len(variables) < 3 and len(group) > 1:
        # SGD of then had momentum's sums also where it has none.
        kept = {"0": group.entries["0"]}
        kept.update(
            {str(i): Entry.of(v.numpy()) for i, v in enumerate(variables[1:], 1)}
        )
        return {**tree, _OPTIMIZER: Group(kept, group.name)}
    if len(variables) < 3:
        return tree
    stored = [tuple(v.shape) for v in keras2_slots.stored(optimizer)]
    if old and len(group) < 2:
        entries = [Entry.of(v.numpy()) for v in variables]
    elif 1 < len(group) < len(variables) and group.shapes() == stored:
        found = [group[str(i)] for i in range(len(group))]
        every = keras2_slots.completed(optimizer, found, int(found[0]))
        entries = [Entry.of(array) for array in every]
    else:
        return tree
    filled = Group({str(i): entry for i, entry in enumerate(entries)}, group.name)
    return {**tree, _OPTIMIZER: filled}


def _in_todays_order(tree: Tree, optimizer: object, version: Version | None) -> Tree:
    group = tree.get(_OPTIMIZER, Group())
    order = slot_order.todays_order(optimizer, group.shapes(), version)
    if order is None:
        return tree
    moved = {str(i): group.entries[str(n)] for i, n in enumerate(order)}
    return {**tree, _OPTIMIZER: Group(moved, group.name)}


def _variables(optimizer: object) -> list[Any]:
    return list(getattr(optimizer, "variables", ()))
