"""A file in one format made one in another."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minikeras.engine.warn import warn_user
from minikeras.saving import (
    hdf5,
    model_files,
    npz,
    safetensors,
    shards,
    sniff,
    texts,
    weights_files,
)
from minikeras.saving.atomic import replaced_file
from minikeras.saving.tree import Entry, Group, Tree

if TYPE_CHECKING:
    from minikeras.models.model import Model

_WHOLE = (".keras", ".h5", ".hdf5")
_WEIGHTS = (".weights.h5", ".weights.json", ".npz", ".safetensors")


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    custom_objects: dict[str, Any] | None = None,
    safe_mode: bool = True,
    shard_gigabytes: float = 5.0,
) -> str:
    """Read a file, and write what is in it in the format that the target's name says.

    Args:
        source: A whole model or weights, in any format that is read here, or a config alone.
        target: `.keras`, `.h5`, a name without ending (a folder), `.json` (the config
            alone), or weights: `.weights.h5`, `.weights.json`, `.npz`, `.safetensors`.
        custom_objects: Names of classes and functions that are not part of the package.
        safe_mode: Whether to refuse code in the source.
        shard_gigabytes: The size of the files beside a `.weights.json`.

    Returns:
        What was done, in a line.

    Raises:
        ValueError: If the source is damaged, or the target needs more than it holds.
    """
    source, target = os.fspath(source), os.fspath(target)
    low = target.lower()
    check_target(target)
    wants_weights = low.endswith(_WEIGHTS)
    if sniff.kind_of(source) == "other":
        raise ValueError(f"{source!r} is no model or weights file that is known here.")
    config = texts.config_of_file(source)
    if config is not None:
        if wants_weights:
            raise ValueError(
                f"{source!r} describes a model without its weights; {target!r} is a file of "
                "weights. Expected the file or folder of a whole model as the source."
            )
        made = texts.model_of(config, repr(source), custom_objects, safe_mode)
        write_model(made, target, shard_gigabytes)
        return f"model {made.name!r} of {source}, with fresh weights -> {target}"
    if wants_weights and not _is_old(source):
        _write(_read(source), target, shard_gigabytes)
        return f"weights of {source} -> {target}"
    if not _is_whole(source):
        if wants_weights:
            raise ValueError(
                f"{source!r} holds weights alone, by the names of layers, as Keras did before "
                f"3.0; {target!r} has them by a model's parts. Expected a whole model. Make "
                "the model, load_weights into it, and save_weights under that name."
            )
        raise ValueError(
            f"{source!r} holds weights alone, from which no model can be made; {target!r} "
            f"names a whole one. Expected a target that ends in {', '.join(_WEIGHTS)}."
        )
    model = _whole_model(source, custom_objects, safe_mode)
    write_model(model, target, shard_gigabytes)
    return f"model {model.name!r} of {source} -> {target}"


def _whole_model(
    source: str, custom_objects: dict[str, Any] | None, safe_mode: bool
) -> Any:
    """The model of a file; without how it was compiled, where only that cannot be read."""

    def load(compile: bool) -> Any:
        return model_files.load_model(source, custom_objects, compile, safe_mode)

    try:
        return load(True)
    except ValueError as error:
        try:
            model = load(False)
        except ValueError:
            raise error from None
        warn_user(
            f"{source!r} is converted without its optimizer, loss and metrics: {error}"
        )
        return model


def write_model(
    model: Model, target: str | os.PathLike[str], shard_gigabytes: float = 5.0
) -> None:
    """Write a model in the format that the target's name says, as `convert` does."""
    target = os.fspath(target)
    check_target(target)
    low = target.lower()
    if low.endswith(_WEIGHTS):
        shard = shard_gigabytes if low.endswith(".json") else None
        weights_files.save_weights(model, target, max_shard_size=shard)
    elif low.endswith(".json"):
        with replaced_file(target) as part:
            part.write_text(model.to_json(indent=2), "utf-8")
    else:
        model_files.save_model(model, target, zipped=low.endswith(_WHOLE))


def check_target(target: str) -> None:
    """Refuse an ending that names no format: such a name would become a folder.

    Raises:
        ValueError: If the name has one, and is no folder.
    """
    name = Path(target).name
    ending = re.search(r".(\.[A-Za-z][A-Za-z0-9]*)$", name)
    if ending is None or os.path.isdir(target):
        return
    if not name.lower().endswith((*_WHOLE, *_WEIGHTS, ".json")):
        known = ", ".join(dict.fromkeys((*_WHOLE, ".json", ".onnx", *_WEIGHTS)))
        raise ValueError(
            f"{target!r} ends in {ending[1]}, which is no format that is written here; "
            f"expected one of {known}, or no ending for a folder."
        )


def _is_old(source: str) -> bool:
    return sniff.kind_of(source) == "hdf5" and weights_files.legacy_layout(source)


def _is_whole(source: str) -> bool:
    kind = sniff.kind_of(source)
    if kind == "hdf5":
        with hdf5.opened(source) as file:
            return "model_config" in file.attrs
    if kind in ("zip", "folder"):
        with model_files.archive.opened(source, repr(source)) as members:
            return model_files.CONFIG in members.names
    return kind == "saved_model"  # whose error says more


def _read(source: str) -> Tree:
    """All arrays of a file, in memory."""
    with weights_files.opened_weights(source) as tree:
        return {
            path: Group({k: Entry.of(group[k]) for k in group}, group.name)
            for path, group in tree.items()
        }


def _write(tree: Tree, target: str, shard_gigabytes: float) -> None:
    low = target.lower()
    if low.endswith(shards.ENDING):
        shards.write_tree(tree, Path(target), shard_gigabytes)
        return
    with replaced_file(target) as part:
        if low.endswith(".npz"):
            npz.write_tree(tree, part)
        elif low.endswith(".safetensors"):
            safetensors.write_tree(tree, part)
        else:
            hdf5.write_tree(tree, part)
