"""HDF5 files for other packages: `saving_lib.H5IOStore`, `legacy.saving.legacy_h5_format`."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, MutableMapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras import ops
from minikeras.saving import hdf5
from minikeras.saving.dialects import h5_layers, h5_matching, legacy_h5
from minikeras.saving.model_files import save_model

if TYPE_CHECKING:
    from minikeras.models.model import Model


class _Entry(MutableMapping[str, Any]):
    """The arrays of a path, by name."""

    def __init__(self, group: Any) -> None:
        self._group = group

    def __getitem__(self, name: str) -> Any:
        if self._group is None:
            raise KeyError(name)
        data = self._group[name]
        if data.attrs.get("dtype") == "bfloat16":
            return np.asarray(data).view(
                ops.convert_to_numpy(ops.ones((), "bfloat16")).dtype
            )
        return data

    def __setitem__(self, name: str, value: Any) -> None:
        hdf5.put_array(self._group, name, np.asarray(ops.convert_to_numpy(value)))

    def __delitem__(self, name: str) -> None:
        del self._group[name]

    def __iter__(self) -> Iterator[str]:
        return iter(() if self._group is None else self._group)

    def __len__(self) -> int:
        return 0 if self._group is None else len(self._group)


class H5IOStore:
    """Arrays in an HDF5 file, below paths: those of `path` lie in its group `vars`.

    Args:
        path_or_io: A file's path, or an open binary file.
        archive: Of no use here: None.
        mode: `"r"` to read, `"w"` to write a new file.

    Raises:
        ValueError: If the mode is another, or an archive is given.
    """

    def __init__(
        self, path_or_io: Any, archive: object | None = None, mode: str = "r"
    ) -> None:
        if mode not in ("r", "w") or archive is not None:
            raise ValueError(
                f"H5IOStore: mode={mode!r}, archive={archive!r}; expected 'r' or 'w', and no "
                "archive: keras.saving reads and writes those."
            )
        import h5py

        self.mode = mode
        self.h5_file = h5py.File(path_or_io, mode)

    def make(self, path: str, metadata: dict[str, Any] | None = None) -> _Entry:
        """The arrays of a new path; what is set there is written."""
        group = self.h5_file.require_group(path) if path else self.h5_file
        if metadata:
            group.attrs.update(metadata)
        return _Entry(group.require_group("vars"))

    def get(self, path: str) -> _Entry:
        """The arrays of a path; none where there is no such path."""
        return _Entry(self.h5_file.get(f"{path}/vars" if path else "vars"))

    def has_path(self, path: str) -> bool:
        """Whether there is such a path."""
        return path in self.h5_file

    def keys(self) -> Any:
        """The first parts of all paths."""
        return self.h5_file.keys()

    def close(self) -> None:
        """Ends reading or writing."""
        self.h5_file.close()


def save_attributes_to_hdf5_group(group: Any, name: str, data: list[Any]) -> None:
    """A list of texts as an attribute, or as several where it is long."""
    listed = [v.decode() if isinstance(v, bytes) else str(v) for v in data]
    h5_layers.write_texts(group, name, listed)


def load_attributes_from_hdf5_group(group: Any, name: str) -> list[str]:
    """What `save_attributes_to_hdf5_group` wrote."""
    pieces, number = ([name] if name in group.attrs else []), 0
    while f"{name}{number}" in group.attrs:
        pieces.append(f"{name}{number}")
        number += 1
    found = [text for piece in pieces for text in np.atleast_1d(group.attrs[piece])]
    return [text.decode() if isinstance(text, bytes) else str(text) for text in found]


def save_subset_weights_to_hdf5_group(group: Any, weights: list[Any]) -> None:
    """Variables as arrays of a group, with their names in an attribute."""
    h5_layers.write_variables(group, weights)


def load_subset_weights_from_hdf5_group(group: Any) -> list[np.ndarray[Any, Any]]:
    """The arrays of a group, in the order of its attribute."""
    names = load_attributes_from_hdf5_group(group, "weight_names")
    return [np.asarray(group[name]) for name in names]


def save_weights_to_hdf5_group(group: Any, model: Model) -> None:
    """A model's weights, layer by layer, as `.h5` files have them."""
    layers = [(one.name, h5_matching.ordered_variables(one)) for one in model.layers]
    h5_layers.write_layers(group, layers, h5_matching.own_variables(model))


def load_weights_from_hdf5_group(
    group: Any, model: Model, skip_mismatch: bool = False
) -> None:
    """Gives a model the weights of a group, by the order of layers.

    Raises:
        ValueError: If they do not fit; the model is as before then.
    """
    _load(group, model, False, skip_mismatch)


def load_weights_from_hdf5_group_by_name(
    group: Any, model: Model, skip_mismatch: bool = False
) -> None:
    """Gives the layers of a model the weights that a group has under their names."""
    _load(group, model, True, skip_mismatch)


def _load(group: Any, model: Model, by_name: bool, skip_mismatch: bool) -> None:
    """From a copy of the group in memory, which is looked through as any file is."""
    import h5py

    label = f"{group.file.filename!r}{group.name.rstrip('/')}"
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as copy:
        for key, value in group.attrs.items():
            copy.attrs[key] = value
        for key in group:
            group.copy(key, copy)
    buffer.seek(0)
    with hdf5.opened(buffer, label) as file:
        stored = h5_layers.read_layers(file, label)
        h5_matching.load_layers(model, stored, by_name, skip_mismatch, label)


def save_model_to_hdf5(
    model: Model,
    filepath: str | PathLike[str],
    overwrite: bool = True,
    include_optimizer: bool = True,
) -> None:
    """Writes a model as an `.h5` file.

    Raises:
        ValueError: If the name ends otherwise.
    """
    if not os.fspath(filepath).endswith((".h5", ".hdf5")):
        raise ValueError(
            f"save_model_to_hdf5: {filepath!r}; expected a name that ends in .h5."
        )
    save_model(model, filepath, overwrite, include_optimizer=include_optimizer)


load_model_from_hdf5 = legacy_h5.load_model

__all__ = [
    "H5IOStore",
    "load_attributes_from_hdf5_group",
    "load_model_from_hdf5",
    "load_subset_weights_from_hdf5_group",
    "load_weights_from_hdf5_group",
    "load_weights_from_hdf5_group_by_name",
    "save_attributes_to_hdf5_group",
    "save_model_to_hdf5",
    "save_subset_weights_to_hdf5_group",
    "save_weights_to_hdf5_group",
]
