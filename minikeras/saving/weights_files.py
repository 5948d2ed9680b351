"""Weights of a model in files: `save_weights` and `load_weights`."""

from __future__ import annotations

import importlib
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minikeras.saving import archive, hdf5, limits, npz, safetensors, shards, sniff
from minikeras.saving.asking import may_overwrite
from minikeras.saving.atomic import replaced_file
from minikeras.saving.dialects import paths
from minikeras.saving.limits import FileError, MissingFileError
from minikeras.saving.state import load_state, save_state
from minikeras.saving.tree import Tree

if TYPE_CHECKING:
    from minikeras.models.model import Model


WEIGHTS = "model.weights.h5"
OLD_WEIGHTS = "model.weights.npz"
_WRITERS = {
    ".weights.h5": hdf5.write_tree,
    ".npz": npz.write_tree,
    ".safetensors": safetensors.write_tree,
}


def save_weights(
    model: Model,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    max_shard_size: float | None = None,
    **kwargs: Any,
) -> None:
    """Write the weights of a model, and its optimizer's state, to a file.

    The file that is there is replaced as a whole, or stays as it was.

    Args:
        model: A built model.
        filepath: Ends in `.weights.h5`; with `max_shard_size` in `.weights.json`. Beside
            Keras's own, `.npz` and `.safetensors` are written.
        overwrite: Whether to replace a file that is there; else it is asked.
        max_shard_size: The most that one file may hold, in GB (2**30 bytes): the weights
            are spread over several.
        **kwargs: `objects_to_skip`: a list of layers that are left out, with all that is
            in them.

    Raises:
        ValueError: If the name ends in something else, or an argument is unknown.
        FileExistsError: If the file is there and nobody can be asked.

    Example:

    >>> import os, tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "line.weights.h5")
    ...     keras.saving.save_weights(model, path)
    ...     keras.saving.load_weights(model, path)
    """
    skipped = kwargs.pop("objects_to_skip", None)
    if kwargs:
        raise ValueError(f"save_weights: unknown arguments {sorted(kwargs)}.")
    name = _path_name(filepath, "save_weights")
    if max_shard_size is not None:
        _check_shard_size(max_shard_size)
        stem = name.removesuffix(".weights.h5").removesuffix(shards.ENDING)
        name = stem + shards.ENDING
    ending = next((e for e in _WRITERS if name.lower().endswith(e)), None)
    if ending is None and max_shard_size is None:
        raise ValueError(
            f"save_weights: filepath={name!r}; the filename must end in `.weights.h5` (or "
            "`.npz`, `.safetensors`, or with max_shard_size in `.weights.json`)."
        )
    _check_built(model, "save_weights")
    if not may_overwrite(name, overwrite):
        return
    tree = save_state(model, skipped=skipped or ())
    if max_shard_size is not None:
        shards.write_tree(tree, Path(name), max_shard_size)
        return
    assert ending is not None
    with replaced_file(name) as part:
        _WRITERS[ending](tree, part)


def load_weights(
    model: Model,
    filepath: str | os.PathLike[str],
    skip_mismatch: bool = False,
    **kwargs: Any,
) -> None:
    """Read the weights of a model, and its optimizer's state, from a file.

    What the file is, its contents say and not its name.

    Args:
        model: A built model. Compile it first to get the optimizer's state too.
        filepath: `.weights.h5`, the `.weights.json` of several files, a whole model
            (`.keras`, `.h5` or folder), `.npz` or `.safetensors`.
        skip_mismatch: Whether layers that do not fit keep what they have, with a warning.
        **kwargs: `by_name`, for whole-model `.h5` files: layers are found by their names
            and not by their order. `objects_to_skip`: a list of layers that keep what they
            have.

    Raises:
        ValueError: If the file is damaged or its arrays do not fit; the model is as
            before then.
        FileNotFoundError: If there is no such file (it is a ValueError too).

    Example:

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "m.weights.h5")
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> model.save_weights(path)
    >>> keras.saving.load_weights(model, path)
    """
    by_name = kwargs.pop("by_name", False)
    skipped = kwargs.pop("objects_to_skip", None) or ()
    if kwargs:
        raise ValueError(f"load_weights: unknown arguments {sorted(kwargs)}.")
    with limits.short_errors():
        _load(model, filepath, by_name, skip_mismatch, skipped)


def _load(
    model: Model,
    filepath: str | PathLike[str],
    by_name: bool,
    skip_mismatch: bool,
    skipped: Iterable[Any],
) -> None:
    name = _path_name(filepath, "load_weights")
    if not os.path.exists(name):
        raise MissingFileError(f"load_weights: there is no file {name!r}.")
    _check_built(model, "load_weights")
    if sniff.kind_of(name) == "hdf5" and legacy_layout(name):
        legacy = importlib.import_module("minikeras.saving.dialects.legacy_h5")
        legacy.load_weights(model, name, by_name=by_name, skip_mismatch=skip_mismatch)
        return
    if by_name:
        raise ValueError(
            f"load_weights: by_name=True is for whole-model `.h5` files, whose layers have "
            f"names; {name!r} is none."
        )
    build_optimizer(model)
    with opened_weights(name) as tree:
        found = paths.modern_tree(tree, model)
        load_state(
            model,
            found,
            skip_mismatch=skip_mismatch,
            label=f"{name!r}",
            skipped=skipped,
        )


def legacy_layout(file: object) -> bool:
    """Whether an HDF5 file has the layout of Keras 1 and 2 (and of Keras 3's `.h5`)."""
    names, attributes = hdf5.names_in(file)
    return "model_weights" in names or bool(
        attributes & {"layer_names", "model_config"}
    )


@contextmanager
def opened_weights(file: str) -> Iterator[Tree]:
    """The arrays of a weights file or whole model, of any format but the old `.h5`.

    Raises:
        FileError: If it is damaged, not safe, or of another kind.
    """
    label = f"{os.fspath(file)!r}" if not hasattr(file, "read") else "the file"
    kind = sniff.kind_of(file)
    if kind == "hdf5":
        with hdf5.opened(file, label) as opened:
            yield hdf5.read_tree(opened)
    elif kind in ("zip", "folder"):
        with archive.opened(file, label) as members, weights_of(members, label) as tree:
            yield tree
    elif hasattr(file, "read"):
        raise FileError(f"{label}, which is open, is neither a zip archive nor HDF5.")
    elif kind == "safetensors":
        yield safetensors.read_tree(file)
    elif kind == "json":
        with shards.opened(Path(file)) as tree:
            yield tree
    elif kind == "saved_model":
        raise sniff.saved_model_error(file)
    else:
        raise FileError(
            f"{label} holds no weights that are known here; expected `.weights.h5`, "
            "`.weights.json`, `.keras`, `.h5`, `.npz` or `.safetensors`."
        )


@contextmanager
def weights_of(members: archive.Members, label: str) -> Iterator[Tree]:
    """The arrays in the members of a `.keras` file, or of an `.npz`."""
    if WEIGHTS in members.names:
        data = members.source(WEIGHTS)
        with hdf5.opened(data, f"{label}: {WEIGHTS}", members.size) as opened:
            yield hdf5.read_tree(opened)
    elif OLD_WEIGHTS in members.names:
        data = members.read(OLD_WEIGHTS)
        what = f"{label}: {OLD_WEIGHTS}"
        with archive.opened(_stream(data), what, members.size) as inner:
            yield npz.read_tree(inner)
    elif not members.names or any(name.endswith(".npy") for name in members.names):
        yield npz.read_tree(members)
    else:
        raise FileError(f"{label} has no weights in it (no {WEIGHTS!r}).")


def _stream(data: bytes) -> Any:
    return io.BytesIO(data)


def build_optimizer(model: Model) -> None:
    """Make the optimizer's variables, so that its state can be loaded before a step."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built and model.built:
        optimizer.build(model.trainable_variables)


def _path_name(filepath: str | PathLike[str], owner: str) -> str:
    if not isinstance(filepath, (str, os.PathLike)):
        raise ValueError(
            f"{owner}: filepath={filepath!r}; expected a path: a string or pathlib.Path."
        )
    name = os.path.expanduser(os.fspath(filepath))
    sniff.refuse_address(name, owner)
    return name


def _check_shard_size(size: object) -> None:
    if isinstance(size, bool) or not isinstance(size, (int, float)) or not size > 0:
        raise ValueError(
            f"save_weights: max_shard_size={size!r}; expected a number of GB above 0."
        )


def _check_built(model: Model, owner: str) -> None:
    if not getattr(model, "built", True):
        raise ValueError(
            f"{owner}: model {model.name!r} is not built, so its weights do not exist yet. "
            "Call it on data, or model.build(input_shape), first."
        )
