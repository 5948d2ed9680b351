"""The layers' arrays in an old HDF5 model file: a group for each layer, named by it.

The attribute `layer_names` gives their order, `weight_names` that of a layer's arrays.
Long lists are cut into `layer_names0`, `layer_names1`, ..., since an attribute holds 64 KiB.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.saving import hdf5
from minikeras.saving.hdf5_attributes import read as attribute
from minikeras.saving.limits import FileError
from minikeras.saving.tree import Entry, Tree, count_arrays

if TYPE_CHECKING:
    import h5py

_OWN = "top_level_model_weights"
_ROOM = 64_000  # bytes of names in one attribute, which holds 64 KiB with its head


@dataclass
class StoredLayer:
    """A layer in a file: its name, and its arrays with their names, in order."""

    name: str
    entries: list[tuple[str, Entry]] = field(default_factory=list)

    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of its arrays."""
        return [entry.shape for _, entry in self.entries]

    def names(self) -> list[str]:
        """The names of its arrays, without paths and `:0`."""
        return [leaf(name) for name, _ in self.entries]


def leaf(name: str) -> str:
    """The last part of a weight's name: `"dense/kernel:0"` gives `"kernel"`."""
    return name.rsplit("/", 1)[-1].split(":")[0]


@dataclass
class StoredModel:
    """All layers of a file that have arrays, and who wrote it."""

    layers: list[StoredLayer]
    own: StoredLayer
    version: str | None
    backend: str | None


def text(value: object) -> str | None:
    """An attribute that is a text, in whatever form it was stored."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value) if isinstance(value, str) else None


def texts(group: h5py.Group, key: str) -> list[str]:
    """An attribute that is a list of texts, perhaps in several pieces."""
    pieces = [key] if key in group.attrs else []
    number = 0
    while f"{key}{number}" in group.attrs:
        pieces.append(f"{key}{number}")
        number += 1
    found = [
        text(v) for piece in pieces for v in np.atleast_1d(attribute(group, piece))
    ]
    return [v for v in found if v is not None]


def weights_group(file: h5py.File) -> Any:
    """The group whose attribute lists the layers: `model_weights`, or the file itself."""
    return file.get("model_weights", file)


def read_layers(file: object, label: str) -> StoredModel:
    """What an open HDF5 file holds of a model's weights; arrays are read when asked for.

    Raises:
        FileError: If it lists arrays that it does not have.
    """
    root = weights_group(file)
    if not any(key in root.attrs for key in ("layer_names", "layer_names0")):
        raise FileError(
            f"{label} has no attribute 'layer_names', so it holds no model of Keras 1 or 2."
        )
    tree = hdf5.read_tree(root)
    layers: list[StoredLayer] = []
    room = 100 + 4 * count_arrays(tree)
    for name in texts(root, "layer_names"):
        layers.append(_layer(root, tree, name, label))
        room -= len(layers[-1].entries)
        if room < 0:  # a few names in lists of thousands, each read for each layer
            raise FileError(f"{label} lists the same arrays again and again: refused.")
    own = _layer(root, tree, _OWN, label) if _OWN in root else StoredLayer(_OWN)
    return StoredModel(
        [layer for layer in layers if layer.entries],
        own,
        *(
            text(attribute(root, k, attribute(file, k)))
            for k in ("keras_version", "backend")
        ),
    )


def _layer(root: h5py.Group, tree: Tree, name: str, label: str) -> StoredLayer:
    if name not in root:
        raise FileError(f"{label} lists a layer {name!r}, for which it has no group.")
    found = [
        (weight, entry_at(tree, f"{name}/{weight}", label))
        for weight in texts(root[name], "weight_names")
    ]
    return StoredLayer(name, found)


def entry_at(tree: Tree, path: str, label: str) -> Entry:
    """The array at a path below the group that the tree was read from.

    Raises:
        FileError: If there is none.
    """
    group, _, key = path.strip("/").rpartition("/")
    entry = tree[group].entries.get(key) if group in tree else None
    if entry is None:
        raise FileError(f"{label} lists an array {path!r}, but does not hold it.")
    return entry


def write_layers(
    root: h5py.Group, layers: Iterable[tuple[str, list[Any]]], own: list[Any]
) -> None:
    """Write layers, each with its variables, below a group.

    Args:
        root: An open HDF5 group.
        layers: Name and variables of each layer, in order.
        own: Variables of the model itself.
    """
    names = []
    for name, variables in layers:
        names.append(name)
        write_variables(root.require_group(name), variables)
    write_texts(root, "layer_names", names)
    write_variables(root.create_group(_OWN), own)


def write_variables(group: object, variables: list[Any]) -> None:
    """Write variables as arrays named by their paths."""
    names = _unique([variable.path for variable in variables])
    for name, variable in zip(names, variables, strict=True):
        hdf5.put_array(group, name, variable.numpy())
    write_texts(group, "weight_names", names)


def _unique(names: list[str]) -> list[str]:
    """The names, in order; one that is taken gets a number."""
    found: dict[str, None] = {}
    for path in names:
        name, number = path, 0
        while name in found:
            number += 1
            name = f"{path}_{number}"
        found[name] = None
    return list(found)


def write_texts(group: h5py.Group, key: str, values: list[str]) -> None:
    """Write a list of texts as an attribute, or as several where it is long."""
    coded = [value.encode() for value in values]
    chunk = max(_ROOM // max(map(len, coded), default=1), 1)
    if len(coded) <= chunk:
        group.attrs[key] = np.array(coded, "S") if coded else values
        return
    for number, start in enumerate(range(0, len(coded), chunk)):
        group.attrs[f"{key}{number}"] = np.array(coded[start : start + chunk], "S")
