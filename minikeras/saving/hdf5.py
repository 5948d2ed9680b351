"""Trees of named arrays in HDF5, the format of `.weights.h5`.

The HDF5 library can do much more than hold arrays: point into other files, keep data
outside, make loops. Nothing of it is needed here, so every object is looked at before
anything is read, and a file that uses it is refused.
"""

from __future__ import annotations

import io
import math
import os
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minikeras.engine.errors import see
from minikeras.saving import hdf5_attributes, hdf5_heaps, limits
from minikeras.saving.hdf5_attributes import Member
from minikeras.saving.limits import FileError
from minikeras.saving.tree import Array, Entry, Group, Tree, from_raw, raw_form

if TYPE_CHECKING:  # it takes a tenth of a second: imported where a file is opened
    import h5py

_FILTERS = (1, 2, 3, 32_000)  # deflate, shuffle, fletcher32, lzf
# What files written here end with, behind all that the HDF5 library knows of: their
# sum. Programs that change a file in place cut it off, since it lies beyond the end.
_SUM = b"\nminikeras CRC-32 %08x\n"
SUM_BYTES = len(_SUM % 0)


@contextmanager
def opened(
    file: object, label: str = "", weight: int | None = None
) -> Iterator[h5py.File]:
    """An HDF5 file that was looked through, for reading.

    Args:
        file: A path, bytes, or an open binary file.
        label: What to call it in errors.
        weight: The bytes on disk of what it was packed in, if it was.

    Raises:
        FileError: If it is damaged, or uses what `check` forbids.
        FileNotFoundError: If there is no such file.
    """
    import h5py

    label = label or (str(file) if isinstance(file, (str, os.PathLike)) else "the file")
    source: Any = io.BytesIO(file) if isinstance(file, bytes) else file
    with hdf5_heaps.bytes_of(source) as data:
        _check_sum(data, label)
        with clear_errors(label):
            handle = h5py.File(source, "r")
        try:
            with clear_errors(label):
                size = len(data) if weight is None else min(len(data), weight)
                members = check(handle, size, label)
            heaps = hdf5_heaps.Heaps(data, label)
            known = hdf5_attributes.Source(data, heaps, label, members)
            with hdf5_attributes.readable(handle, known):
                yield handle
        except Exception as error:
            if _is_of_library(error):  # damage that shows when it is come upon
                raise _damaged(label, error) from None
            raise
        finally:
            handle.close()


def names_in(file: object) -> tuple[set[str], set[str]]:
    """The names of what is at the top of an HDF5 file, and of its attributes.

    Nothing is opened: a name may be that of a link to elsewhere.

    Raises:
        FileError: If it is damaged.
    """
    import h5py

    label = str(file) if isinstance(file, (str, os.PathLike)) else "the file"
    with clear_errors(label), h5py.File(file, "r") as handle:
        return {name.decode("utf-8", "replace") for name in handle.id}, set(
            handle.attrs
        )


def _check_sum(data: Any, label: str) -> None:
    """Refuse a file that says its sum, and has another."""
    end = len(data) - SUM_BYTES
    said = bytes(data[max(end, 0) :])
    if said.startswith(_SUM[: _SUM.index(b"%")]):
        with memoryview(data) as view:
            right = sum_of(view[:end])
        if said != right:
            raise FileError(
                f"{label} is damaged: its bytes are not those that were written."
            )


def _is_of_library(error: Exception) -> bool:
    """Whether an error comes out of h5py, and not of what was done beside it."""
    if isinstance(error, FileError):
        return False
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__", "")).split(".")[0] == "h5py"


def _damaged(label: str, error: Exception) -> FileError:
    return FileError(f"{label} is damaged, or no HDF5 file: {str(error)[:300]}")


@contextmanager
def clear_errors(label: str) -> Iterator[None]:
    """What the library says of damage, as one `FileError`."""
    try:
        yield
    except (FileError, FileNotFoundError, PermissionError):
        raise
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, SystemError,
            MemoryError, OverflowError) as error:  # fmt: skip
        raise _damaged(label, error) from None


def check(file: h5py.File, size: int, label: str) -> dict[int, list[Member]]:
    """Look at every object in a file, without reading any array.

    Returns:
        What is in each group, by its address.

    Raises:
        FileError: If there are links to elsewhere, data outside the file, virtual data,
            loops, unknown filters, groups too deep or too many, or arrays that claim
            much more than the file weighs.
    """
    import h5py

    most = limits.most_objects(size)
    claimed, count = 0, 0
    seen: dict[int, list[Member]] = {}
    start = int(h5py.h5o.get_info(file.id).addr)
    waiting: list[tuple[Any, int, str, int]] = [(file.id, start, "", 0)]
    while waiting:
        group, address, path, depth = waiting.pop()
        if address in seen:
            raise FileError(f"{label}: group {path!r} is linked twice, or in a loop.")
        inside: list[Member] = []
        seen[address] = inside
        if depth > limits.MAX_DEPTH:
            raise FileError(
                f"{label}: groups more than {limits.MAX_DEPTH} levels deep."
            )
        links = _links(group, most - count)
        count += len(links)
        if count > most:
            raise FileError(
                f"{label} has {count:,} groups and arrays or more; at most {most:,} are read "
                f"in a file of {size:,} bytes." + see("security.md")
            )
        for name, kind in links:
            if len(name) > limits.MAX_NAME:
                raise FileError(f"{label}: an object's name is too long.")
            where = f"{path}/{name.decode('utf-8', 'replace')}"
            if kind != h5py.h5l.TYPE_HARD:
                raise FileError(
                    f"{label}: {where!r} is a link to another place or file, which is "
                    "refused: it could make this program read any file."
                )
            inner = h5py.h5o.open(group, name)
            if isinstance(inner, h5py.h5g.GroupID):
                place = int(h5py.h5o.get_info(inner).addr)
                waiting.append((inner, place, where, depth + 1))
                inside.append(Member(name, inner, place))
            elif isinstance(inner, h5py.h5d.DatasetID):
                bytes_of_it, shape = _check_dataset(inner, f"{label}: {where!r}")
                inside.append(Member(name, inner, None, shape))
                claimed += bytes_of_it
                limits.check_claim(claimed, size, label)
            else:
                raise FileError(f"{label}: {where!r} is neither a group nor an array.")
    return seen


def _links(group: Any, most: int) -> list[tuple[bytes, int]]:
    """Name and kind of what is in a group, until there are more than `most`."""
    links: list[tuple[bytes, int]] = []

    def take(name: bytes, info: Any) -> bool | None:
        links.append((name, info.type))
        return True if len(links) > most else None

    # In one go: one name by itself would be looked for among the others.
    group.links.iterate(take, info=True)
    return links


def _check_dataset(data: Any, where: str) -> tuple[int, tuple[int, ...] | None]:
    """The bytes that an array claims, and its shape; None where it holds nothing at all."""
    # An array has a place in the file only where it lies there in one piece, unpacked.
    if data.get_offset() is None:
        _check_creation(data.get_create_plist(), where)
    return _claim(data)


def _check_creation(creation: Any, where: str) -> None:
    import h5py

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


def _claim(data: Any) -> tuple[int, tuple[int, ...] | None]:
    import h5py

    space = data.get_space()
    if space.get_simple_extent_type() == h5py.h5s.NULL:
        return 0, None
    shape = tuple(int(n) for n in space.get_simple_extent_dims())
    return math.prod(shape) * max(int(data.get_type().get_size()), 1), shape


def read_tree(file: h5py.File) -> Tree:
    """All groups with their arrays, which are read when asked for (file still open).

    Args:
        file: What `opened` gave, or a group of it.

    Raises:
        FileError: If the file is damaged.
    """
    label = f"{file.file.filename!r}"
    with clear_errors(label):
        return _read_groups(file, label)


def _read_groups(file: h5py.File, label: str) -> Tree:
    import h5py

    tree: Tree = {}
    source = hdf5_attributes.source_of(file)
    # By the library's own numbers: objects of h5py take several times as long to make.
    start = int(h5py.h5o.get_info(file.id).addr)
    waiting: list[tuple[Any, int, str]] = [(file.id, start, "")]
    while waiting:
        group, address, path = waiting.pop()
        found = Group()
        if h5py.h5a.get_num_attrs(group):
            found.name = _text_attribute(source, group, "name", address)
        inside: list[tuple[Any, int, str]] = []
        for member in source.members[address]:
            key = member.name.decode("utf-8", "surrogateescape")
            if member.address is not None:
                below = f"{path}/{key}" if path else key
                inside.append((member.number, member.address, below))
            else:
                found.entries[key] = _entry(source, member, f"{path}/{key}", label)
        waiting += reversed(inside)
        tree[path] = found
    return tree


def _text_attribute(
    source: hdf5_attributes.Source, number: Any, key: str, address: int | None = None
) -> str | None:
    value = hdf5_attributes.read_by_number(source, number, key, address)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _entry(
    source: hdf5_attributes.Source, member: Member, path: str, label: str
) -> Entry:
    """An array, by the library's number of it."""
    import h5py

    number = member.number
    named = None
    if h5py.h5a.get_num_attrs(number):
        named = _text_attribute(source, number, "dtype")
    dtype = number.dtype
    if named is None and dtype.str == "|V2":
        named = "bfloat16"  # Keras's `.h5` does not say it, and keeps nothing else so
    shape = member.shape or ()
    strings = h5py.check_string_dtype(dtype) is not None

    def read() -> Array:
        with clear_errors(f"array {path!r} of {label}"):
            if strings:
                return _read_texts(h5py.Dataset(number))
            # Before the library reads: it would follow what objects point to.
            if dtype.kind not in "biufcV" or dtype.hasobject:
                raise FileError(f"array {path!r} has dtype {dtype}; expected numbers.")
            array = np.empty(shape, dtype)
            if member.shape is None:
                raise FileError(f"array {path!r} holds nothing, not even one number.")
            if array.size:
                # Not by `read_direct`, which takes five times as long for few numbers.
                number.read(h5py.h5s.ALL, h5py.h5s.ALL, array)
            return from_raw(array, named)

    return Entry(shape, named or dtype.name, read, dtype.itemsize * math.prod(shape))


def _read_texts(data: h5py.Dataset) -> Array:
    """Texts, of a fixed length or of any."""
    import h5py

    if not data.id.get_type().is_variable_str():
        return np.asarray(data.asstr("utf-8", "replace")[()], object)
    source = hdf5_attributes.source_of(data)
    count = int(np.prod(data.shape, dtype=object))
    place = data.id.get_offset()
    if count and place is None:
        if data.id.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS:
            return np.full(data.shape, "", object)  # nothing was ever written
        raise FileError("texts in pieces, or packed, are not read.")
    size = count * hdf5_heaps.REFERENCE
    raw = source.data[place : place + size] if count else b""
    if len(raw) != size:
        raise FileError("texts lead out of the file.")
    found = hdf5_attributes.references(source, raw, count)
    return np.array(found, object).reshape(data.shape)


def write_tree(tree: Tree, target: Path) -> None:
    """Write groups and arrays to a new file, in which a flipped bit is found.

    Args:
        tree: The groups. An empty one becomes an empty group.
        target: A path (never one that is to be kept).
    """
    write_buffer(buffer_of(tree), target)


def buffer_of(tree: Tree) -> io.BytesIO:
    """A file of groups and arrays in memory, without a sum.

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
                put_array(made, key, entry.read())
    return buffer


def put_array(group: h5py.Group, key: str, array: Array) -> None:
    """Write an array below a group.

    Args:
        group: The group, of a file for writing.
        key: The array's name, which may lead through groups.
        array: Numbers or texts.
    """
    array, dtype = raw_form(array)
    data = group.create_dataset(key, data=_storable(array))
    if dtype is not None:
        data.attrs["dtype"] = dtype


def write_buffer(buffer: io.BytesIO, target: Path) -> None:
    """Write what is in memory to a file, as a whole, and its sum behind it.

    HDF5 in its oldest form, which all readers know, has no sums.
    """
    with open(target, "wb") as file, buffer.getbuffer() as data:
        file.write(data)
        file.write(sum_of(data))


def sum_of(data: Any) -> bytes:
    """What stands behind the bytes of a file."""
    return _SUM % zlib.crc32(data)


def _storable(array: Array) -> np.ndarray[Any, Any]:
    import h5py

    if array.dtype.kind in "UO":
        return np.asarray(array, h5py.string_dtype())
    return array
