"""Trees of named arrays in HDF5, the format of `.weights.h5`.

The HDF5 library can do much more than hold arrays: point into other files, keep data
outside, make loops. Nothing of it is needed here, so every object is looked at before
anything is read, and a file that uses it is refused.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.saving import hdf5_heaps, limits
from minikeras.saving.limits import FileError
from minikeras.saving.tree import Array, Entry, Group, Tree, from_raw, raw_form

if TYPE_CHECKING:  # it takes a tenth of a second: imported where a file is opened
    import h5py

_FILTERS = (1, 2, 3, 32_000)  # deflate, shuffle, fletcher32, lzf


@contextmanager
def opened(file: Any, label: str = "") -> Iterator[h5py.File]:
    """An HDF5 file that was looked through, for reading.

    Args:
        file: A path, bytes, or an open binary file.
        label: What to call it in errors.

    Raises:
        FileError: If it is damaged, or uses what `check` forbids.
        FileNotFoundError: If there is no such file.
    """
    import h5py

    label = label or (str(file) if isinstance(file, (str, os.PathLike)) else "the file")
    source: Any = io.BytesIO(file) if isinstance(file, bytes) else file
    size = _size_of(source)
    hdf5_heaps.check(source, label)
    with clear_errors(label):
        handle = h5py.File(source, "r")
    try:
        with clear_errors(label):
            check(handle, size, label)
        yield handle
    finally:
        handle.close()


@contextmanager
def clear_errors(label: str) -> Iterator[None]:
    """What the library says of damage, as one `FileError`."""
    try:
        yield
    except (FileError, FileNotFoundError, PermissionError):
        raise
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, SystemError,
            MemoryError, OverflowError) as error:  # fmt: skip
        raise FileError(
            f"{label} is damaged, or no HDF5 file: {str(error)[:300]}"
        ) from None


def _size_of(source: Any) -> int:
    if isinstance(source, (str, os.PathLike)):
        return os.stat(source).st_size
    place = source.tell()
    size = source.seek(0, io.SEEK_END)
    source.seek(place)
    return int(size)


def check(file: h5py.File, size: int, label: str) -> None:
    """Look at every object in a file, without reading any array.

    Raises:
        FileError: If there are links to elsewhere, data outside the file, virtual data,
            loops, unknown filters, groups too deep or too many, or arrays that claim
            much more than the file weighs.
    """
    import h5py

    claimed, count = 0, 0
    seen: set[int] = set()
    waiting: list[tuple[Any, str, int]] = [(file.id, "", 0)]
    while waiting:
        group, path, depth = waiting.pop()
        address = h5py.h5o.get_info(group).addr
        if address in seen:
            raise FileError(f"{label}: group {path!r} is linked twice, or in a loop.")
        seen.add(address)
        if depth > limits.MAX_DEPTH:
            raise FileError(
                f"{label}: groups more than {limits.MAX_DEPTH} levels deep."
            )
        for name in group:
            count += 1
            if count > limits.MAX_OBJECTS or len(name) > limits.MAX_NAME:
                raise FileError(f"{label}: too many objects, or too long names.")
            where = f"{path}/{name.decode('utf-8', 'replace')}"
            kind = group.links.get_info(name).type
            if kind != h5py.h5l.TYPE_HARD:
                raise FileError(
                    f"{label}: {where!r} is a link to another place or file, which is "
                    "refused: it could make this program read any file."
                )
            inner = h5py.h5o.open(group, name)
            if isinstance(inner, h5py.h5g.GroupID):
                waiting.append((inner, where, depth + 1))
            elif isinstance(inner, h5py.h5d.DatasetID):
                claimed += _check_dataset(inner, f"{label}: {where!r}")
                limits.check_claim(claimed, size, label)
            else:
                raise FileError(f"{label}: {where!r} is neither a group nor an array.")


def _check_dataset(data: Any, where: str) -> int:
    """The bytes that an array claims."""
    import h5py

    creation = data.get_create_plist()
    if creation.get_layout() == h5py.h5d.VIRTUAL:
        raise FileError(
            f"{where} is a virtual dataset, with data in other files: refused."
        )
    if creation.get_external_count():
        raise FileError(f"{where} keeps its data in another file: refused.")
    for i in range(creation.get_nfilters()):
        if creation.get_filter(i)[0] not in _FILTERS:
            raise FileError(
                f"{where} is packed with filter {creation.get_filter(i)[0]}, which is not "
                "known here."
            )
    space = data.get_space()
    if space.get_simple_extent_type() == h5py.h5s.NULL:
        return 0
    count = 1
    for n in space.get_simple_extent_dims():
        count *= int(n)
    return count * max(int(data.get_type().get_size()), 1)


def read_tree(file: h5py.File) -> Tree:
    """All groups with their arrays, which are read when asked for (file still open).

    Args:
        file: What `opened` gave, or a group of it.

    Raises:
        FileError: If the file is damaged.
    """
    with clear_errors(f"{file.file.filename!r}"):
        return _read_groups(file)


def _read_groups(file: h5py.File) -> Tree:
    import h5py

    tree: Tree = {}
    size = file.file.id.get_filesize()
    waiting: list[tuple[h5py.Group, str]] = [(file, "")]
    while waiting:
        group, path = waiting.pop()
        found = Group(name=_text_attribute(group, "name"))
        inside: list[tuple[h5py.Group, str]] = []
        for key in group:
            inner = group[key]
            if isinstance(inner, h5py.Group):
                inside.append((inner, f"{path}/{key}" if path else key))
            else:
                found.entries[key] = _entry(inner, f"{path}/{key}", size)
        waiting += reversed(inside)
        tree[path] = found
    return tree


def _text_attribute(thing: Any, key: str) -> str | None:
    if key not in thing.attrs:
        return None
    value = thing.attrs[key]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _entry(data: h5py.Dataset, path: str, size_of_file: int) -> Entry:
    import h5py

    named = _text_attribute(data, "dtype")
    shape = tuple(data.shape or ())
    strings = h5py.check_string_dtype(data.dtype) is not None

    def read() -> Array:
        with clear_errors(f"array {path!r} of {data.file.filename!r}"):
            if strings:
                return _read_texts(data, size_of_file)
            array = np.empty(shape, data.dtype)
            if array.size:
                data.read_direct(array)
            if array.dtype.kind not in "biufcV":
                raise FileError(
                    f"array {path!r} has dtype {array.dtype}; expected numbers."
                )
            return from_raw(array, named)

    size = data.dtype.itemsize * int(np.prod(shape, dtype=object))
    return Entry(shape, named or data.dtype.name, read, size)


def _read_texts(data: h5py.Dataset, file_size: int) -> Array:
    """Texts, some at a time: all of them may point to the same long one."""
    count = int(np.prod(data.shape, dtype=object))
    step = max(1, limits.SLACK_BYTES // max(file_size, 1))
    if count > 5_000 * step or (data.ndim != 1 and count > step):
        raise FileError(f"{count:,} texts in a file of {file_size:,} bytes: refused.")
    source = data.asstr("utf-8", "replace")
    if data.ndim != 1:
        return np.asarray(source[()], object)
    found: list[str] = []
    room = limits.most_bytes(file_size)
    for start in range(0, count, step):
        found += list(source[start : start + step])
        room -= sum(map(len, found[start:]))
        if room < 0:
            raise FileError(
                f"texts of more than {limits.most_bytes(file_size):,} bytes."
            )
    return np.array(found, object)


def write_tree(tree: Tree, target: Path) -> None:
    """Write groups and arrays to a new file.

    Args:
        tree: The groups. An empty one becomes an empty group.
        target: A path (never one that is to be kept).
    """
    write_buffer(buffer_of(tree), target)


def buffer_of(tree: Tree) -> io.BytesIO:
    """A file of groups and arrays in memory.

    The library must never write to a disk by itself: where that is full, it cannot
    close the file, and takes the process down in the end.
    """
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, group in tree.items():
            made = file.require_group(path) if path else file
            if group.name is not None:
                made.attrs["name"] = group.name
            for key, entry in group.entries.items():
                array, name = raw_form(entry.read())
                data = made.create_dataset(key, data=_storable(array))
                if name is not None:
                    data.attrs["dtype"] = name
    return buffer


def write_buffer(buffer: io.BytesIO, target: Path) -> None:
    """Write what is in memory to a file, as a whole."""
    with open(target, "wb") as file:
        file.write(buffer.getbuffer())


def _storable(array: Array) -> Any:
    import h5py

    if array.dtype.kind in "UO":
        return np.asarray(array, h5py.string_dtype())
    return array
