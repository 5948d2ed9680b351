"""KerasFileEditor: look into a weights file, change it, and save it anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minikeras import naming
from minikeras.saving import archive, hdf5, model_files, sniff, weights_files
from minikeras.saving.atomic import replaced_file
from minikeras.saving.limits import FileError, MissingFileError
from minikeras.saving.state import save_state
from minikeras.saving.tree import Entry, Group, Tree
from minikeras.saving.walk import is_part

Weights = dict[str, Any]


class KerasFileEditor:
    """Looks into a weights file, or the weights of a whole model, and edits them.

    An object (a layer, say) is named by its path, such as `"layers/dense_2"`, or by the
    last part of it where that is unique.

    Args:
        filepath: A `.keras` file or folder, or a `.weights.h5` file.

    Raises:
        ValueError: If the file is damaged, or of another kind.

    Attributes:
        weights_dict: The objects, nested as they are, with their arrays by name.
        metadata: What a `.keras` file says of its making, else None.
        config: The config in a `.keras` file, else None.

    Example:

    >>> import os, tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "line.weights.h5")
    ...     model.save_weights(path)
    ...     editor = keras.saving.KerasFileEditor(path)
    ...     editor.rename_object("dense", "einsum_dense")
    ...     editor.add_weights("einsum_dense", {"2": np.zeros(3)})
    ...     editor.summary()
    Keras model file '...line.weights.h5'
    Weights structure
      └─ layers
          └─ einsum_dense
              ├─ 0: shape=(2, 1), dtype=float32
              ├─ 1: shape=(1,), dtype=float32
              └─ 2: shape=(3,), dtype=float64
    """

    def __init__(self, filepath: str | os.PathLike[str]) -> None:
        self.filepath = os.fspath(filepath)
        self.metadata: dict[str, Any] | None = None
        self.config: dict[str, Any] | None = None
        self.weights_dict: Weights = {}
        self.object_metadata: dict[str, dict[str, str]] = {}
        self._others: Tree = {}
        label = repr(self.filepath)
        if not os.path.exists(self.filepath):
            raise MissingFileError(f"KerasFileEditor: there is no file {label}.")
        if sniff.kind_of(self.filepath) in ("zip", "folder"):
            with archive.opened(self.filepath, label) as members:
                if model_files.CONFIG in members.names:
                    self.config = model_files.read_config(members, label)
                    self.metadata = model_files.read_metadata(members, label)
        elif weights_files.legacy_layout(self.filepath):
            raise FileError(
                f"KerasFileEditor: {label} has the layout of Keras 2, which is not edited. "
                "Load it and save it as `.keras` or `.weights.h5` first."
            )
        with weights_files.opened_weights(self.filepath) as tree:
            self._take(tree)
        print(f"Keras model file {label}")
        if self.metadata:
            version, date = (
                self.metadata.get(k) for k in ("keras_version", "date_saved")
            )
            print(naming.printable(f"Saved with Keras {version} - date: {date}"))

    def _take(self, tree: Tree) -> None:
        for path, group in tree.items():
            parts = path.split("/")
            if parts[-1] != "vars":
                if group:
                    entries = {k: Entry.of(group[k]) for k in group}
                    self._others[path] = Group(entries, group.name)
                continue
            if not group:
                continue
            place = self.weights_dict
            for part in parts[:-1]:
                place = place.setdefault(part, {})
            place.update((key, group[key]) for key in group)
            if group.name is not None:
                self.object_metadata["/" + "/".join(parts[:-1])] = {"name": group.name}

    # --- looking

    def summary(self) -> None:
        """Print the objects, and the shapes and dtypes of their arrays."""
        print("Weights structure")
        for line in _lines(self.weights_dict, "  "):
            print(naming.printable(line))

    def compare(self, reference_model: object) -> dict[str, Any]:
        """Compare the file with a model, and print where they differ.

        Args:
            reference_model: A built model.

        Returns:
            `{"status": "success" or "error", "error_count": ..., "match_count": ...}`.

        Raises:
            ValueError: If it is no model or layer.
        """
        if not is_part(reference_model):
            raise ValueError(
                f"compare: reference_model={naming.shown(reference_model)}; expected a model."
            )
        wanted = _shapes(_nested(save_state(reference_model)))
        found = _shapes(self.weights_dict)
        errors = [
            f"{path}: shape {found[path]} in the file, {shape} in the model"
            for path, shape in wanted.items()
            if path in found and found[path] != shape
        ]
        errors += _lacking(wanted, found, "missing in the file")
        errors += _lacking(found, wanted, "only in the file")
        for error in errors:
            print(naming.printable(f"...{error}"))
        matches = sum(found.get(path) == shape for path, shape in wanted.items())
        print(f"{matches} arrays match, {len(errors)} do not.")
        status = "error" if errors else "success"
        return {"status": status, "error_count": len(errors), "match_count": matches}

    # --- editing

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name.

        Args:
            object_name: Its path or name.
            new_name: Its new name, beside the same others; or a whole new path.

        Raises:
            ValueError: If there is no such object, or the new name is taken.
        """
        path = self._find(object_name)
        goal = new_name.strip("/").split("/")
        goal = goal if len(goal) > 1 else [*path[:-1], *goal]
        if _get(self.weights_dict, goal) is not None:
            raise ValueError(f"rename_object: {'/'.join(goal)!r} is there already.")
        value = self._pop(path)
        self._parent(goal)[goal[-1]] = value

    def delete_object(self, object_name: str) -> None:
        """Take an object out, with all that is in it.

        Args:
            object_name: Its path or name.

        Raises:
            ValueError: If there is no such object.
        """
        self._pop(self._find(object_name))

    def add_object(self, object_path: str, weights: Weights) -> None:
        """Put a new object in.

        Args:
            object_path: Its whole path, e.g. `"layers/dense_2"`.
            weights: Arrays by name, e.g. `{"0": kernel, "1": bias}`; dicts of arrays are
                objects in it.

        Raises:
            ValueError: If the path is taken, or leads through an array.
        """
        added = _arrays(weights, "add_object")
        parts = object_path.strip("/").split("/")
        if not all(parts):
            raise ValueError(f"add_object: {object_path!r} is no path.")
        if _get(self.weights_dict, parts) is not None:
            raise ValueError(f"add_object: {object_path!r} is there already.")
        self._parent(parts)[parts[-1]] = added

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Take an array out of an object.

        Args:
            object_name: The object's path or name.
            weight_name: The array's name, e.g. `"0"`.

        Raises:
            ValueError: If there is no such object or array.
        """
        held = self._held(object_name)
        if weight_name not in held or isinstance(held[weight_name], dict):
            known = [k for k, v in held.items() if not isinstance(v, dict)]
            raise ValueError(
                f"delete_weight: {object_name!r} has no array {weight_name!r}; it has {known}."
            )
        del held[weight_name]

    def add_weights(self, object_name: str, weights: Weights) -> None:
        """Put arrays into an object.

        Args:
            object_name: The object's path or name.
            weights: Arrays by name.

        Raises:
            ValueError: If there is no such object, or it has a name already.
        """
        added = _arrays(weights, "add_weights")
        held = self._held(object_name)
        taken = sorted(set(held) & set(added))
        if taken:
            raise ValueError(f"add_weights: {object_name!r} has {taken} already.")
        held.update(added)

    # --- saving

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write the weights to a `.weights.h5` file, which is replaced as a whole.

        Args:
            filepath: The file.

        Raises:
            ValueError: If the name ends in something else.
        """
        name = os.fspath(filepath)
        if not name.endswith(".weights.h5"):
            raise ValueError(
                f"save: filepath={name!r}; expected a name that ends in `.weights.h5`."
            )
        tree: Tree = dict(self._groups(self.weights_dict, ""))
        tree.update(self._others)
        with replaced_file(name) as part:
            hdf5.write_tree(tree, Path(part))

    def resave_weights(self, filepath: str | os.PathLike[str]) -> None:
        """The same as `save`."""
        self.save(filepath)

    def _groups(self, held: Weights, path: str) -> Iterator[tuple[str, Group]]:
        entries = {k: Entry.of(v) for k, v in held.items() if not isinstance(v, dict)}
        if entries or not held:
            name = self.object_metadata.get("/" + path, {}).get("name")
            yield (f"{path}/vars" if path else "vars"), Group(entries, name)
        for key, value in held.items():
            if isinstance(value, dict):
                yield from self._groups(value, f"{path}/{key}" if path else key)

    # --- finding

    def _find(self, name: str) -> list[str]:
        """The path of an object, by its path or by its last part."""
        wanted = name.strip("/").split("/")
        if isinstance(_get(self.weights_dict, wanted), dict):
            return wanted
        paths = list(_objects(self.weights_dict, []))
        found = [path for path in paths if path[-1] == name]
        if len(found) > 1:
            raise ValueError(
                f"the name {name!r} stands for several objects: "
                f"{', '.join('/'.join(path) for path in found)}. Give the whole path."
            )
        if not found:
            known = ", ".join("/".join(path) for path in paths)
            raise ValueError(f"there is no object {name!r}; the file has {known}.")
        return found[0]

    def _held(self, name: str) -> Weights:
        found: Weights = _get(self.weights_dict, self._find(name))
        return found

    def _parent(self, path: list[str]) -> Weights:
        place = self.weights_dict
        for part in path[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise ValueError(
                    f"{'/'.join(path)!r} leads through an array, {part!r}."
                )
        return place

    def _pop(self, path: list[str]) -> Any:
        return self._parent(path).pop(path[-1])


def _arrays(weights: Weights, owner: str) -> Weights:
    """Arrays by name, and dicts of them."""
    if not isinstance(weights, dict):
        raise ValueError(
            f"{owner}: weights of type {type(weights).__name__}; expected a dict of names, such "
            "as '0' and '1', and arrays."
        )
    found: Weights = {}
    for key, value in weights.items():
        inner = isinstance(value, dict)
        found[str(key)] = _arrays(value, owner) if inner else np.asarray(value)
        if not inner and found[str(key)].dtype.kind not in "biufcV":
            raise ValueError(
                f"{owner}: {key!r} is {naming.shown(value)}; expected numbers."
            )
    return found


def _get(held: object, path: list[str]) -> Any:
    for part in path:
        held = held.get(part) if isinstance(held, dict) else None
    return held


def _objects(held: Weights, above: list[str]) -> Iterator[list[str]]:
    for key, value in held.items():
        if isinstance(value, dict):
            yield [*above, key]
            yield from _objects(value, [*above, key])


def _nested(tree: Tree) -> Weights:
    found: Weights = {}
    for path, group in tree.items():
        parts = path.split("/")
        if parts[-1] == "vars" and group:
            place = found
            for part in parts[:-1]:
                place = place.setdefault(part, {})
            place.update((key, group[key]) for key in group)
    return found


def _shapes(held: Weights, above: str = "") -> dict[str, tuple[int, ...]]:
    found = {}
    for key, value in held.items():
        path = f"{above}/{key}" if above else key
        if isinstance(value, dict):
            found.update(_shapes(value, path))
        else:
            found[path] = np.shape(value)
    return found


def _lacking(
    some: dict[str, tuple[int, ...]], others: dict[str, tuple[int, ...]], what: str
) -> list[str]:
    """What the others have not got: whole objects, or single arrays of them."""
    objects = {path.rpartition("/")[0] for path in others}
    lacking: dict[str, list[str]] = {}
    for path, shape in some.items():
        owner, _, key = path.rpartition("/")
        if path not in others:
            lacking.setdefault(owner if owner not in objects else path, []).append(
                f"{key} {shape}"
            )
    return [f"{what}: {path}: {', '.join(arrays)}" for path, arrays in lacking.items()]


def _lines(held: Weights, before: str) -> Iterator[str]:
    for i, (key, value) in enumerate(held.items()):
        last = i == len(held) - 1
        corner = "└─" if last else "├─"
        if isinstance(value, dict):
            yield f"{before}{corner} {key}"
            yield from _lines(value, before + ("    " if last else "│   "))
        else:
            array = np.asarray(value)
            yield f"{before}{corner} {key}: shape={array.shape}, dtype={array.dtype}"
