"""Whole models in files: `save_model` and `load_model`."""

from __future__ import annotations

import datetime
import importlib
import io
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from minikeras import naming
from minikeras.budget import creation_limit
from minikeras.engine.backend import BackendError
from minikeras.engine.collecting import resting
from minikeras.engine.errors import see
from minikeras.engine.warn import warn_user
from minikeras.saving import (
    archive,
    dialects,
    functions,
    hdf5,
    limits,
    serialization,
    sharing,
    sniff,
    weights_files,
)
from minikeras.saving.asking import may_overwrite
from minikeras.saving.atomic import replaced_file, replaced_folder, scratch_folder
from minikeras.saving.dialects import paths
from minikeras.saving.limits import FileError, MissingFileError
from minikeras.saving.state import asset_paths, load_state, save_state
from minikeras.saving.tree import Tree, count_arrays, total_bytes
from minikeras.variable import values_later
from minikeras.version import KERAS_VERSION

if TYPE_CHECKING:
    from minikeras.types import Config

CONFIG, METADATA, ASSETS = "config.json", "metadata.json", "assets/"
# Bytes of variables that a file need have no arrays for (metrics, optimizers).
_SPARE_BYTES = 8 * limits.MIB
_SPARE_CALLS = 5_000  # of layers in models in the model


def save_model(
    model: object,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Write a model, its weights and its optimizer's state to a file.

    The file that is there is replaced as a whole, or stays as it was: a kill or a full
    disk never leaves half a file under its name.

    Args:
        model: The model.
        filepath: Ends in `.keras`, or in `.h5` for the older format. With
            `zipped=False` the name of a folder, without such an ending.
        overwrite: Whether to replace a file that is there; else it is asked.
        zipped: Whether to write one zip archive (default) or a folder.
        **kwargs: `include_optimizer` (default True): whether the optimizer and its state
            are kept.

    Raises:
        ValueError: If the name ends in something else, or an argument is unknown.
        FileExistsError: If the file is there and nobody can be asked.

    Example:

    >>> import os, tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "line.keras")
    ...     keras.saving.save_model(model, path)
    ...     same = keras.saving.load_model(path)
    >>> x = np.ones((3, 2), "float32")
    >>> bool((same.predict(x, verbose=0) == model.predict(x, verbose=0)).all())
    True
    """
    keep = kwargs.pop("include_optimizer", True)
    if kwargs.pop("save_format", None) is not None:
        warn_user(
            "save_model: save_format says nothing any more; the name's ending does."
        )
    if kwargs:
        raise ValueError(f"save_model: unknown arguments {sorted(kwargs)}.")
    name = _checked_name(filepath, zipped)
    if not may_overwrite(name, overwrite):
        return
    if name.lower().endswith((".h5", ".hdf5")):
        buffer = io.BytesIO()
        _legacy_h5().save_model(model, buffer, include_optimizer=keep)
        _parent(Path(name))
        with replaced_file(name) as part:
            hdf5.write_buffer(buffer, part)
        return
    goal = Path(name)
    _parent(goal)
    with scratch_folder(goal) as scratch:
        with resting():
            members = _members(model, scratch, keep)
        if zipped is False:
            with replaced_folder(goal) as folder:
                archive.write_folder(folder, members)
        else:
            with replaced_file(goal) as part:
                archive.write_zip(part, members)


def _parent(goal: Path) -> Path:
    goal.parent.mkdir(parents=True, exist_ok=True)
    return goal.parent


def _checked_name(filepath: str | PathLike[str], zipped: bool | None) -> str:
    if not isinstance(filepath, (str, os.PathLike)):
        raise ValueError(
            f"save_model: filepath={filepath!r}; expected a path: a string or pathlib.Path."
        )
    name = os.path.expanduser(os.fspath(filepath))
    sniff.refuse_address(name, "save_model")
    known = name.lower().endswith((".keras", ".h5", ".hdf5"))
    if zipped is False and known:
        raise ValueError(
            f"save_model: filepath={name!r} with zipped=False, which writes a folder; "
            "expected a name without `.keras` or `.h5`."
        )
    if zipped is not False and not known:
        raise ValueError(
            f"save_model: filepath={name!r}; invalid filepath extension for saving: expected "
            "`.keras` (or `.h5` for the older format). For a folder pass zipped=False."
        )
    return name


def _legacy_h5() -> ModuleType:
    return importlib.import_module("minikeras.saving.dialects.legacy_h5")


def _members(model: object, scratch: Path, keep_optimizer: bool) -> dict[str, Any]:
    """The members of a `.keras` archive: bytes, or paths of files in `scratch`."""
    with sharing.shared_objects():
        config = serialization.serialize_keras_object(model)
    config = sharing.without_single_numbers(config)
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_VERSION, "date_saved": now}
    assets = scratch / "assets"
    assets.mkdir()
    tree = save_state(model, assets)
    if not keep_optimizer:
        config.pop("compile_config", None)
        tree = {p: g for p, g in tree.items() if p.split("/")[0] != "optimizer"}
    members: dict[str, Any] = {
        METADATA: json.dumps(metadata).encode(),
        CONFIG: json.dumps(config).encode(),
        weights_files.WEIGHTS: hdf5.buffer_of(tree).getbuffer(),
    }
    for path in sorted(assets.rglob("*")):
        if path.is_file():
            members[ASSETS + path.relative_to(assets).as_posix()] = path
    return members


def load_model(
    filepath: str | PathLike[str],
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model that a file holds, with its weights and its optimizer's state.

    What kind of file it is, its contents say and not its name. Nothing named in a file
    is ever imported: it may name what this package has, what
    `keras.saving.register_keras_serializable` knows, and `custom_objects`.

    Args:
        filepath: A `.keras` file or folder or an `.h5` file, of any Keras; or an open
            binary file.
        custom_objects: Names of classes and functions that are not part of the package.
        compile: Whether to compile the model as it was.
        safe_mode: Whether to refuse code of Python lambdas; True unless you trust the
            file as you would a program.

    Returns:
        The model.

    Raises:
        ValueError: If the file is damaged, not safe, of another kind, or names unknown
            objects.
        FileNotFoundError: If there is no such file (it is a ValueError too).

    Example: see `save_model`.

    Example:

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "m.keras")
    >>> keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)
    >>> keras.models.load_model(path).output_shape
    (None, 2)
    """
    if not hasattr(filepath, "read") and not isinstance(filepath, (str, os.PathLike)):
        raise ValueError(
            f"load_model: filepath={naming.shown(filepath)}; "
            "expected a path or an open binary file."
        )
    label = "the file"
    if not hasattr(filepath, "read"):
        filepath = os.path.expanduser(os.fspath(filepath))
        label = repr(filepath)
        if not os.path.exists(filepath):
            sniff.refuse_address(filepath, "load_model")
            raise MissingFileError(
                f"load_model: file not found: {label}. Please ensure that it is a `.keras` "
                "or `.h5` file, or a folder saved with zipped=False."
            )
    kind = sniff.kind_of(filepath)
    with clear_build_errors(label), values_later(), resting():
        if kind in ("zip", "folder"):
            with archive.opened(filepath, label) as members:
                return _load_members(members, label, custom_objects, compile, safe_mode)
        if kind == "hdf5":
            return _load_hdf5(filepath, label, custom_objects, compile, safe_mode)
    if kind == "saved_model":
        raise sniff.saved_model_error(filepath)
    raise FileError(f"load_model: {label} {_WRONG_KIND[kind]}")


_WRONG_KIND = {
    "json": "is JSON: a model's config without weights? Use keras.models.model_from_json "
    "on its text, then load_weights.",
    "safetensors": "holds weights alone. Make the model, then model.load_weights(path).",
    "pickle": "is a pickle, which may run any program when loaded: refused. If you trust it, "
    "use the pickle module.",
    "other": "is no model file that is known here: file format not supported. Expected a "
    "`.keras` file or folder, or an `.h5` file.",
}


@contextmanager
def clear_build_errors(label: str) -> Iterator[None]:
    """What goes wrong in building from a strange config, as one clear error."""
    try:
        with limits.short_errors():
            yield
    except BackendError:  # not the file's fault
        raise
    except RecursionError:
        raise FileError(f"{label}: its model is nested too deep.") from None
    except (LookupError, TypeError, AttributeError, ArithmeticError, AssertionError,
            UnicodeError, MemoryError, RuntimeError) as error:  # fmt: skip
        if isinstance(error, ValueError):  # it is one already, with its own text
            raise
        kind, text = type(error).__name__, str(error)[:300]
        raise FileError(
            f"{label} does not describe a model that can be built: {kind}: {text}"
        ) from error


@contextmanager
def limit_of_text(owner: str) -> Iterator[None]:
    """What a config without arrays may make, unless code in configs is trusted anyway."""
    if not functions.in_safe_mode():
        yield
        return
    why = "; if you trust it, call keras.config.enable_unsafe_deserialization() before"
    things = limits.MAX_TEXT_THINGS
    with creation_limit(limits.MAX_TEXT_VARIABLES, owner, why, things=things):
        yield


def _load_hdf5(
    file: object,
    label: str,
    custom_objects: Mapping[str, Any] | None,
    compile: bool,
    safe_mode: bool,
) -> Any:
    with hdf5.opened(file, label) as opened:
        whole = "model_config" in opened.attrs
        is_weights = any(path in opened for path in ("vars", "layers", "model_weights"))
    if whole:
        return _legacy_h5().load_model(
            file, custom_objects=custom_objects, compile=compile, safe_mode=safe_mode
        )
    what = "weights alone" if is_weights else "no model"
    raise FileError(
        f"load_model: {label} holds {what} (an HDF5 file without 'model_config'). Make the "
        "model in Python, then model.load_weights(path)."
    )


def _load_members(
    members: archive.Members,
    label: str,
    custom_objects: Mapping[str, Any] | None,
    compile: bool,
    safe_mode: bool,
) -> Any:
    if CONFIG not in members.names:
        raise FileError(f"load_model: {label} is no Keras model: it has no {CONFIG!r}.")
    config = read_config(members, label)
    if not compile:
        config.pop("compile_config", None)
    with weights_files.weights_of(members, label) as tree:
        model = build_model(
            config, tree, members.size, custom_objects, safe_mode, label
        )
        with tempfile.TemporaryDirectory() as scratch:
            assets = Path(scratch)
            there = any(name.startswith(ASSETS) for name in members.names)
            # Walking a model takes its time: not where no part can have a file.
            there = (
                there and bool(asset_paths(model)) and members.extract(ASSETS, assets)
            )
            paths.modern_assets(assets)
            version = read_metadata(members, label).get("keras_version")
            found = paths.modern_tree(tree, model, version, config)
            load_state(model, found, assets if there else None, label=label, fresh=True)
    return model


def read_config(members: archive.Members, label: str) -> dict[str, Any]:
    """The config of a model in today's form.

    Raises:
        FileError: If it is damaged, or too large or deep.
    """
    data = members.read(CONFIG, limits.MAX_JSON_BYTES)
    most = limits.most_parts(members.size)
    config = limits.parse_json(data, f"{label}: {CONFIG}", most)
    if not isinstance(config, dict) or "class_name" not in config:
        whose = (
            " of Keras, but one of Hugging Face's libraries: load it there"
            if sniff.is_hugging_face(config)
            else ""
        )
        raise FileError(f"{label}: {CONFIG} describes no model{whose}.")
    if sharing.count_listed(config) > limits.MAX_LISTED:
        raise FileError(
            f"{label}: {CONFIG} has more than {limits.MAX_LISTED:,} layers."
        )
    version = read_metadata(members, label).get("keras_version")
    modern: dict[str, Any] = dialects.modern_config(config, version)
    return modern


def read_metadata(members: archive.Members, label: str) -> dict[str, Any]:
    """What a `.keras` file says of its making; empty if nothing."""
    if METADATA not in members.names:
        return {}
    data = members.read(METADATA, limits.MIB)
    most = limits.most_parts(members.size)
    found = limits.parse_json(data, f"{label}: {METADATA}", most)
    return found if isinstance(found, dict) else {}


@contextmanager
def limit_of_arrays(
    tree: Tree, size: int, config: Config, safe_mode: bool, label: str
) -> Iterator[None]:
    """What a config may make that stands beside arrays: not much more than those.

    Args:
        tree: The arrays.
        size: The bytes of the file on disk.
        config: The config of the model, or of how it is compiled.
        safe_mode: Whether the file is trusted no further.
        label: What to call the file in errors.

    Raises:
        FileError: If it lists far more layers, before any of them is made.
    """
    # An optimizer may hold several numbers for each of the model's before the first step.
    room = 8 * total_bytes(tree) + _SPARE_BYTES
    why = ", judging by the arrays that it holds"
    things = calls = math.inf
    if safe_mode and functions.in_safe_mode():
        arrays, listed = count_arrays(tree), sharing.count_listed(config)
        things = limits.most_things(arrays, size)
        calls = _SPARE_CALLS + 5 * listed + 20 * arrays
        if listed > things:
            raise FileError(
                f"{label} describes {listed:,} layers and calls of them; at most {things:,} "
                "are made, judging by the arrays that it holds. If you trust where it "
                "comes from, pass safe_mode=False." + see("security.md")
            )
    with creation_limit(room, label, why, calls, things):
        yield


def build_model(
    config: dict[str, Any],
    tree: Tree,
    size: int,
    custom_objects: Mapping[str, Any] | None,
    safe_mode: bool,
    label: str,
) -> Any:
    """The model of a config, whose variables are not larger than the file's arrays.

    Args:
        config: The config, in today's form.
        tree: The arrays that the variables will be given.
        size: The bytes of the file on disk.
        custom_objects: Names of classes and functions from elsewhere.
        safe_mode: Whether to refuse code.
        label: What to call the file in errors.

    Raises:
        FileError: If the config describes no model, or one much larger than its arrays.
    """
    with (
        limit_of_arrays(tree, size, config, safe_mode, label),
        sharing.shared_objects(reading=True),
    ):
        sharing.number_firsts(config)
        model = serialization.deserialize_keras_object(
            config, custom_objects=custom_objects, safe_mode=safe_mode
        )
        if not hasattr(model, "load_own_variables") or not hasattr(model, "weights"):
            raise FileError(
                f"{label} describes {type(model).__name__}, which is no model."
            )
        weights_files.build_optimizer(model)
    return model
