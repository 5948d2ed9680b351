"""Weights in several files: `NAME.weights.json` says which arrays are where."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from minikeras.saving import hdf5, limits
from minikeras.saving.atomic import replaced_file
from minikeras.saving.limits import FileError, MissingFileError
from minikeras.saving.tree import Group, Tree, total_bytes

ENDING = ".weights.json"
_GIGABYTE = 2**30


def write_tree(tree: Tree, index: Path, shard_gigabytes: float) -> None:
    """Write weights into as many `.weights.h5` files as needed, and an index.

    The files of an older index are deleted last: until the new index is in place, the
    old one and its files are whole.

    Args:
        tree: The arrays by path.
        index: The path of the index, which ends in `.weights.json`.
        shard_gigabytes: The most that one file may hold, in units of 2**30 bytes.

    Raises:
        ValueError: If an array alone is larger.
    """
    shards = _split(tree, shard_gigabytes * _GIGABYTE)
    if len(shards) > limits.MAX_SHARDS:
        raise ValueError(
            f"save_weights: max_shard_size={shard_gigabytes} GB makes {len(shards):,} files; "
            f"at most {limits.MAX_SHARDS} are read again: expected a larger one."
        )
    old = _files_of(index)
    stem = _free_stem(index, len(shards), old)
    where: dict[str, list[str]] = {}
    for number, shard in enumerate(shards):
        name = f"{stem}_{number:05d}.weights.h5"
        with replaced_file(index.with_name(name)) as part:
            hdf5.write_tree(shard, part)
        for path, group in shard.items():
            if group:
                where.setdefault(f"/{path}", []).append(name)
    text = {"metadata": {"total_size": total_bytes(tree)}, "weight_map": where}
    with replaced_file(index) as part:
        part.write_text(json.dumps(text, indent=4), "utf-8")
    for name in old:
        with suppress(OSError):
            index.with_name(name).unlink()


def _split(tree: Tree, most: float) -> list[Tree]:
    shards: list[Tree] = [{}]
    room = most
    for path, group in tree.items():
        shards[-1].setdefault(path, Group(name=group.name))
        for key, entry in group.entries.items():
            if entry.nbytes > most:
                raise ValueError(
                    f"save_weights: max_shard_size={most / _GIGABYTE} GB is less than array "
                    f"{path}/{key} of shape {entry.shape}, {entry.nbytes / _GIGABYTE} GB."
                )
            if entry.nbytes > room:
                shards.append({})
                room = most
            room -= entry.nbytes
            place = shards[-1].setdefault(path, Group(name=group.name))
            place.entries[key] = entry
    return shards


def _files_of(index: Path) -> list[str]:
    """The files that an index there now names; none if it cannot be read."""
    try:
        named = _read_index(index)[1].values()
    except (FileError, OSError):
        return []
    return sorted({name for names in named for name in names})


def _free_stem(index: Path, count: int, old: list[str]) -> str:
    first = index.name.removesuffix(ENDING)
    stem, number = first, 0
    while any(f"{stem}_{i:05d}.weights.h5" in old for i in range(count)):
        number += 1
        stem = f"{first}-{number}"
    return stem


def _read_index(index: Path) -> tuple[Path, dict[str, list[str]]]:
    if index.stat().st_size > limits.MAX_JSON_BYTES:
        raise FileError(f"{str(index)!r} is too large for an index of weights.")
    data = limits.parse_json(index.read_bytes(), f"{str(index)!r}")
    found = data.get("weight_map") if isinstance(data, dict) else None
    if not isinstance(found, dict):
        raise FileError(
            f"{str(index)!r} is no index of weights; it has no 'weight_map'."
        )
    where = {}
    for path, names in found.items():
        names = [names] if isinstance(names, str) else names
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise FileError(f"{str(index)!r}: weight_map[{path!r}] names no files.")
        for name in names:
            if not name or os.path.basename(name.replace("\\", "/")) != name:
                raise FileError(
                    f"{str(index)!r} names the file {name[:100]!r}; expected one beside it."
                )
        where[path] = names
    return index.parent, where


def _check_there(index: Path, path: Path) -> None:
    try:
        link, there = path.is_symlink(), path.is_file()
    except OSError:  # a name that no disk can have
        link = there = False
    if link:
        raise FileError(f"{str(path)!r} is a link: refused.")
    if not there:
        raise MissingFileError(
            f"{str(index)!r} says that arrays are in {path.name[:100]!r}, which is not "
            "beside it: the files of one save_weights belong together."
        )


@contextmanager
def opened(index: Path) -> Iterator[Tree]:
    """The arrays of all files that an index names, while they are open.

    Raises:
        FileError: If the index or a file is damaged.
        FileNotFoundError: If a file is missing (it is a ValueError too).
    """
    folder, where = _read_index(index)
    tree: Tree = {}
    with ExitStack() as stack:
        names = dict.fromkeys(name for names in where.values() for name in names)
        if len(names) > limits.MAX_SHARDS:
            raise FileError(
                f"{str(index)!r} names {len(names):,} files; at most {limits.MAX_SHARDS} are "
                "read: save with a larger max_shard_size."
            )
        for name in names:
            _check_there(index, folder / name)
            file = stack.enter_context(hdf5.opened(folder / name))
            for path, group in hdf5.read_tree(file).items():
                known = tree.setdefault(path, Group(name=group.name))
                known.name = known.name or group.name
                known.entries.update(group.entries)
        yield tree
