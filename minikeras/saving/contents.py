"""What is in a model or weights file, told without building anything."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

from minikeras import naming
from minikeras.saving import (
    archive,
    hdf5,
    hdf5_attributes,
    limits,
    model_files,
    sniff,
    texts,
    weights_files,
)
from minikeras.saving.limits import FileError
from minikeras.saving.tree import Group, Tree, in_order, total_bytes
from minikeras.types import Config

_KINDS = {
    "zip": "zip archive",
    "folder": "folder",
    "hdf5": "HDF5",
    "json": "index of weights in several files",
    "safetensors": "safetensors",
}


def lines(path: str | os.PathLike[str]) -> Iterator[str]:
    """The lines of `minikeras inspect`, in which no name of the file speaks to a terminal.

    Args:
        path: Any file or folder that `load_model` or `load_weights` takes.

    Raises:
        ValueError: If it is damaged, or of another kind.
        FileNotFoundError: If there is none.
    """
    yield from map(naming.printable, _lines(path))


def _lines(path: str | os.PathLike[str]) -> Iterator[str]:
    name = os.fspath(path)
    kind = sniff.kind_of(name)
    if kind == "saved_model":
        raise sniff.saved_model_error(name)
    described = texts.config_of_file(name)
    if described is not None:
        yield f"{name}: config of a model (JSON), {_size_of(name):,} bytes"
        for key in ("keras_version", "backend"):
            if isinstance(described.get(key), str):
                yield f"{key}: {described[key]}"
        yield from _layers(described)
        yield "Arrays: none, a config alone"
        return
    yield f"{name}: {_KINDS.get(kind, 'unknown')}, {_size_of(name):,} bytes"
    config, about = _described(name, kind)
    for key, value in about.items():
        yield f"{key}: {value}"
    if config is not None:
        yield from _layers(config)
    with weights_files.opened_weights(name) as tree:
        yield from _arrays(tree)


def _size_of(name: str) -> int:
    if not os.path.isdir(name):
        return os.stat(name).st_size
    return sum(
        os.path.getsize(os.path.join(folder, file))
        for folder, _, files in os.walk(name)
        for file in files
    )


def _described(name: str, kind: str) -> tuple[Any, dict[str, Any]]:
    """The config of the model, if there is one, and what is said of its making."""
    label = repr(name)
    if kind in ("zip", "folder"):
        with archive.opened(name, label) as members:
            if model_files.CONFIG not in members.names:
                return None, {}
            data = members.read(model_files.CONFIG, limits.MAX_JSON_BYTES)
            most = limits.most_parts(members.size)
            config = limits.parse_json(data, label, most)
            return config, model_files.read_metadata(members, label)
    if kind != "hdf5":
        return None, {}
    with hdf5.opened(name, label) as file:
        about = {
            key: _text(hdf5_attributes.read(file, key))
            for key in ("keras_version", "backend")
            if key in file.attrs
        }
        text = _text(hdf5_attributes.read(file, "model_config"))
    if text is None:
        return None, about
    config = limits.parse_json(text, label)
    return limits.parse_json(config, label) if isinstance(
        config, str
    ) else config, about


def _text(value: Any) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _layers(config: Config) -> Iterator[str]:
    """A line for each layer, those inside models indented; and how it was compiled."""
    if not isinstance(config, dict):
        raise FileError("the config describes no model.")
    yield "Layers:"
    waiting: list[tuple[Any, int]] = [(config, 1)]
    while waiting:
        part, depth = waiting.pop()
        if not isinstance(part, dict):
            continue
        inner = part.get("config")
        own = inner if isinstance(inner, dict) else {}
        name = part.get("name") or own.get("name") or ""
        yield f"{'  ' * depth}{part.get('class_name', '?')} {name}".rstrip()
        found = inner if isinstance(inner, list) else own.get("layers")
        below = list(found) if isinstance(found, list) else []
        below += [
            own[key] for key in ("layer", "cell") if isinstance(own.get(key), dict)
        ]
        waiting += [(layer, depth + 1) for layer in reversed(below)]
    compiled = config.get("compile_config")
    if isinstance(compiled, dict) and compiled:
        yield (
            f"Compiled: optimizer {_short(compiled.get('optimizer'))}, loss "
            + _short(compiled.get("loss"))
        )


def _short(value: object) -> str:
    if isinstance(value, dict) and "class_name" in value:
        value = (
            value["config"]
            if value["class_name"] == "function"
            else value["class_name"]
        )
    text = str(value)
    return text if len(text) < 60 else f"{text[:57]}..."


def _arrays(tree: Tree) -> Iterator[str]:
    """The groups with the shapes and dtypes of their arrays, and sums."""
    model = optimizer = 0
    yield "Arrays:"
    for path, group in tree.items():
        if not group.entries:
            continue
        numbers = sum(math.prod(e.shape) for e in group.entries.values())
        part = path.removesuffix("/vars")
        if path.split("/")[0] in ("optimizer", "optimizer_weights"):
            optimizer += numbers
        elif path.split("/")[-1] != "seeds":
            model += numbers
        yield from _group(part, group, numbers)
    yield f"Parameters: {model:,}; optimizer: {optimizer:,}; {total_bytes(tree):,} bytes"


def _group(path: str, group: Group, numbers: int) -> Iterator[str]:
    label = f" ({group.name})" if group.name and group.name != path else ""
    shown = ", ".join(
        f"{key}: {'x'.join(map(str, entry.shape)) or 'scalar'} {entry.dtype}"
        for key, entry in sorted(group.entries.items(), key=lambda e: in_order(e[0]))[
            :8
        ]
    )
    more = f", and {len(group.entries) - 8} more" if len(group.entries) > 8 else ""
    yield f"  {path or 'model'}{label}: {numbers:,} numbers: {shown}{more}"
