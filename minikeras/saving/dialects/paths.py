"""Paths in weights files of Keras 2.12 to 2.16, as today's would be.

Their files say no version, so everything is judged by its form; no file of today matches.
"""

from __future__ import annotations

from typing import Any

from minikeras.saving.tree import Entry, Group, Tree

_ROOTS = {"_layer_checkpoint_dependencies": "layers"}  # 2.12 to 2.14
_PARTS = {  # of MultiHeadAttention, until 2.16
    "_query_dense": "query_dense",
    "_key_dense": "key_dense",
    "_value_dense": "value_dense",
    "_output_dense": "output_dense",
}
_OPTIMIZER = "optimizer/vars"


def modern_tree(tree: Tree, model: Any) -> Tree:
    """The arrays of a weights file under today's paths.

    Args:
        tree: What the file holds.
        model: The model that it is for, whose optimizer, if any, has its variables.
    """
    names = {path: _modern_path(path) for path in tree}
    changed = any(old != new for old, new in names.items())
    found = {new: tree[old] for old, new in names.items()} if changed else tree
    return _with_learning_rate(found, getattr(model, "optimizer", None))


def _modern_path(path: str) -> str:
    parts = path.replace("\\", "/").split(
        "/"
    )  # Windows wrote its own separators in 2.15
    renamed = [_ROOTS.get(part, part) for part in parts]
    return "/".join(_PARTS.get(part, part) for part in renamed)


def _with_learning_rate(tree: Tree, optimizer: Any) -> Tree:
    """Until 2.16 the learning rate was no variable: the optimizer's own one stands in."""
    group = tree.get(_OPTIMIZER)
    variables = list(getattr(optimizer, "variables", ()))
    if not group or len(variables) != len(group) + 1 or len(group) < 2:
        return tree
    shapes = group.shapes()
    ours = [tuple(v.shape) for v in variables]
    if shapes != [ours[0], *ours[2:]]:
        return tree
    entries = [group.entries[str(i)] for i in range(len(group))]
    entries.insert(1, Entry.of(variables[1].numpy()))
    moved = Group({str(i): entry for i, entry in enumerate(entries)}, group.name)
    return {**tree, _OPTIMIZER: moved}
