"""The heaps of an HDF5 file, in which texts lie, looked at before the library does.

The library follows the sizes of the objects in a heap without asking where they lead: a
size that is damaged, or chosen, makes it go round for ever. So each heap is walked here
first. (HDF5 File Format Specification 3.0, section III.E, Global Heap.)
"""

from __future__ import annotations

import io
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minikeras.saving.limits import FileError

_SIGNATURE = b"GCOL\x01\x00\x00\x00"
_HEADER = 16  # of a heap, and of each object in it


@contextmanager
def _bytes_of(source: Any) -> Iterator[Any]:
    """All bytes of a file, without reading those that nobody looks at."""
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            if not os.fstat(file.fileno()).st_size:
                yield b""
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                yield mapped
    elif isinstance(source, io.BytesIO):
        yield source.getvalue()  # no copy, as nobody writes to it
    else:
        place = source.tell()
        source.seek(0)
        data = source.read()
        source.seek(place)
        yield data


def check(source: Any, label: str) -> None:
    """Walk all heaps of a file.

    Args:
        source: A path, or an open binary file.
        label: What to call the file in errors.

    Raises:
        FileError: If a heap or an object leads out of it, or nowhere.
    """
    with _bytes_of(source) as data:
        at = data.find(_SIGNATURE)
        while at >= 0:
            end = at + _number(data, at + 8)
            if not at + _HEADER <= end <= len(data):
                raise FileError(f"{label} is damaged: a heap leads out of the file.")
            _walk(data, at + _HEADER, end, label)
            at = data.find(_SIGNATURE, end)


def _walk(data: Any, place: int, end: int, label: str) -> None:
    while end - place >= _HEADER:
        index = int.from_bytes(data[place : place + 2], "little")
        size = _number(data, place + 8)
        # Object 0 is what is free, its own header included.
        step = size if index == 0 else _HEADER + (size + 7) // 8 * 8
        if step < _HEADER or place + step > end:
            raise FileError(
                f"{label} is damaged: an object in a heap has a wrong size."
            )
        place += step


def _number(data: Any, place: int) -> int:
    return int.from_bytes(data[place : place + 8], "little")
