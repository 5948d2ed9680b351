"""The attributes of HDF5 groups and arrays, and texts of any length.

The library trusts what an attribute says of its size and of its texts, so texts are read
here, from the bytes of the file. (HDF5 File Format Specification 3.0, sections IV.A.1,
object headers, and IV.A.2.m, the attribute message.)
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minikeras.saving import limits
from minikeras.saving.hdf5_heaps import REFERENCE, Heaps, number
from minikeras.saving.limits import FileError

if TYPE_CHECKING:
    import h5py

_ATTRIBUTE, _CONTINUED = 0x0C, 0x10  # kinds of messages in an object's header
_VARIABLE = b"\x19", b"\x39"  # a datatype of any length, of versions 1 and 3
_STRINGS = b"\x01", b"\x11"  # of letters, padded with zero bytes or not
_SHARED = 2  # flag of a message that stands elsewhere


class Member(NamedTuple):
    """What is in a group: its name, the library's number, and what was found out of it."""

    name: bytes
    number: Any
    address: int | None  # of a group
    shape: tuple[int, ...] | None = None  # of an array; None where it is without one


@dataclass(frozen=True)
class Source:
    """An open file: its bytes, the texts in them, and by a group's address what is in it."""

    data: Any
    heaps: Heaps
    label: str
    members: dict[int, list[Member]]


_sources: dict[int, Source] = {}  # by the library's number of the open file


@contextlib.contextmanager
def readable(file: h5py.File, source: Source) -> Iterator[None]:
    """Attributes and texts of this file can be read inside the block."""
    key = _file_number(file)
    _sources[key] = source
    try:
        yield
    finally:
        del _sources[key]


def _file_number(thing: Any) -> int:
    import h5py

    return int(h5py.h5o.get_info(thing.id).fileno)


def source_of(thing: object) -> Source:
    """The file that a group or array of `readable` belongs to."""
    return _sources[_file_number(thing)]


def read(thing: Any, key: str, default: object = None) -> Any:
    """An attribute of a group or array: a text, a number, or an array of them.

    Args:
        thing: A group or array of a file that is `readable`.
        key: The attribute's name.
        default: What to give if there is none.

    Raises:
        FileError: If it is damaged, or neither texts nor numbers.
    """
    found = read_by_number(source_of(thing), thing.id, key)
    return default if found is None else found


def read_by_number(
    source: Source, thing: Any, key: str, address: int | None = None
) -> Any:
    """The same by the library's number of the group or array; None if there is none.

    Args:
        source: The file.
        thing: The number.
        key: The attribute's name.
        address: Where the group or array is in the file, if that is known.

    Raises:
        FileError: If it is damaged, or neither texts nor numbers.
    """
    import h5py

    name = key.encode()
    if address is not None:
        text = _text(source, name, address + source.heaps.base)
        if text is not None:
            return text
    if not h5py.h5a.exists(thing, name):
        return None
    where = f"{source.label}: attribute {key[:100]!r}"
    found = h5py.h5a.open(thing, name)
    kind = found.get_type()
    shape = tuple(int(n) for n in found.get_space().get_simple_extent_dims() or ())
    claimed = math.prod(shape) * max(int(kind.get_size()), 1)
    if claimed > len(source.data):
        raise FileError(f"{where} claims {claimed:,} bytes: the file is damaged.")
    if isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str():
        return _texts(source, thing, name, shape, where)
    if not isinstance(kind, (h5py.h5t.TypeStringID, h5py.h5t.TypeIntegerID,
                             h5py.h5t.TypeFloatID, h5py.h5t.TypeEnumID)):  # fmt: skip
        raise FileError(f"{where} is neither text nor a number.")
    return h5py.AttributeManager(_Numbered(thing))[key]


@dataclass(frozen=True)
class _Numbered:
    """What the library looks for in an object that has attributes."""

    id: Any


def _text(source: Source, name: bytes, address: int) -> str | None:
    """An attribute that is one text, without the library, which takes ten times as long."""
    for attribute in _attributes(source.data, address):
        if attribute.name == name:
            whole = attribute.is_text and len(attribute.raw) >= REFERENCE
            return references(source, attribute.raw, 1)[0] if whole else None
    return None


def _texts(
    source: Source, thing: Any, name: bytes, shape: tuple[int, ...], where: str
) -> np.ndarray[Any, Any] | str:
    import h5py

    address = int(h5py.h5o.get_info(thing).addr) + source.heaps.base
    found_there = (a.raw for a in _attributes(source.data, address) if a.name == name)
    raw = next(found_there, None)
    count = math.prod(shape)
    if raw is None or len(raw) < REFERENCE * count:
        raise FileError(f"{where} is damaged, or kept in a way that is not read.")
    found = references(source, raw, count)
    return np.array(found, object).reshape(shape) if shape else found[0]


def references(source: Source, raw: bytes, count: int) -> list[str]:
    """The texts that references point to, one after the other.

    Raises:
        FileError: If one points nowhere, or all are far larger than the file.
    """
    found: list[str] = []
    room = limits.most_bytes(len(source.data))
    for i in range(count):
        text = source.heaps.text(raw[i * REFERENCE : (i + 1) * REFERENCE])
        room -= len(text)
        if room < 0:
            raise FileError(
                f"{source.label}: texts of more than "
                f"{limits.most_bytes(len(source.data)):,} bytes."
            )
        found.append(text.decode("utf-8", "replace"))
    return found


class _Attribute(NamedTuple):
    name: bytes
    is_text: bool  # whether it is known to be one text of any length
    raw: Any


def _attributes(data: object, address: int) -> Iterator[_Attribute]:
    """The attributes that lie in the header of an object."""
    for kind, flags, message in _messages(data, address):
        if kind != _ATTRIBUTE or flags & _SHARED or len(message) < 9:
            continue
        version = message[0]
        sizes = [number(message, place, 2) for place in (2, 4, 6)]
        place = 9 if version == 3 else 8
        padded = [(n + 7) // 8 * 8 if version == 1 else n for n in sizes]
        name = bytes(message[place : place + sizes[0]]).split(b"\0")[0]
        kind_at = place + padded[0]
        space = message[kind_at + padded[1] :]
        is_text = (
            not message[1]  # no part of it stands elsewhere
            and bytes(message[kind_at : kind_at + 1])[:1] in _VARIABLE
            and bytes(message[kind_at + 1 : kind_at + 2]) in _STRINGS
            and len(space) > 3
            and space[1] == 0  # no axes
            and (space[0] == 1 or space[3] == 0)
        )
        yield _Attribute(name, is_text, message[place + sum(padded) :])


def _messages(data: Any, address: int) -> Iterator[tuple[int, int, Any]]:
    """Kind, flags and contents of the messages in a header."""
    old = data[address : address + 4] != b"OHDR"
    if old:
        waiting = [(address + 16, number(data, address + 8, 4))]
        ordered = 0
    else:
        flags = data[address + 5]
        place = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        waiting = [(place + width, number(data, place, width))]
        ordered = 2 if flags & 4 else 0
    head = 8 if old else 4 + ordered
    seen = set()
    while waiting:
        place, size = waiting.pop()
        end = place + size
        if place in seen or end > len(data):
            raise FileError("an object's header leads nowhere.")
        seen.add(place)
        while place + head <= end:
            kind = number(data, place, 2) if old else data[place]
            length = number(data, place + (2 if old else 1), 2)
            flags = data[place + (4 if old else 3)]
            message = data[place + head : min(place + head + length, end)]
            if kind == _CONTINUED:
                start = number(message, 0)
                # A block of the newer form has a signature before, and a sum after it.
                extra = 0 if old else 4
                waiting.append((start + extra, number(message, 8) - 2 * extra))
            yield kind, flags, message
            place += head + length
