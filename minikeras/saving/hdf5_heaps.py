"""The heaps of an HDF5 file, in which texts of any length lie, read without the library.

The library follows the sizes of the objects in a heap, and the lengths of the texts that
point into it, without asking where they lead: one that is damaged, or chosen, makes it go
round for ever, ask for gigabytes, or crash. So heaps are walked and texts are read here.
(HDF5 File Format Specification 3.0, section III.E, Global Heap.)
"""

from __future__ import annotations

import io
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minikeras.saving.limits import FileError

REFERENCE = 16  # bytes of what points to a text: length, heap, index in it
_SIGNATURE = b"GCOL\x01\x00\x00\x00"
_HEADER = 16  # of a heap, and of each object in it


@contextmanager
def bytes_of(source: Any) -> Iterator[Any]:
    """All bytes of a file, without reading those that nobody looks at.

    Args:
        source: A path, or an open binary file.
    """
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


def number(data: Any, place: int, size: int = 8) -> int:
    """An unsigned number of a file."""
    return int.from_bytes(data[place : place + size], "little")


class Heaps:
    """All texts in the heaps of a file.

    Args:
        data: The bytes of the file.
        label: What to call it in errors.

    Raises:
        FileError: If a heap or an object leads out of it, or nowhere.
    """

    def __init__(self, data: Any, label: str) -> None:
        self._data, self._label = data, label
        self._objects: dict[tuple[int, int], tuple[int, int]] = {}
        at = data.find(_SIGNATURE)
        # What users put before the file counts for no address.
        self.base = max(data.find(b"\x89HDF\r\n\x1a\n"), 0)
        while at >= 0:
            end = at + number(data, at + 8)
            if not at + _HEADER <= end <= len(data):
                raise FileError(f"{label} is damaged: a heap leads out of the file.")
            self._walk(at, end)
            at = data.find(_SIGNATURE, end)

    def _walk(self, heap: int, end: int) -> None:
        place = heap + _HEADER
        while end - place >= _HEADER:
            index = number(self._data, place, 2)
            size = number(self._data, place + 8)
            # Object 0 is what is free, its own header included.
            step = size if index == 0 else _HEADER + (size + 7) // 8 * 8
            if step < _HEADER or place + step > end:
                raise FileError(
                    f"{self._label} is damaged: an object in a heap has a wrong size."
                )
            self._objects[heap - self.base, index] = (place + _HEADER, size)
            place += step

    def text(self, reference: object) -> bytes:
        """The text that a reference of `REFERENCE` bytes points to.

        Raises:
            FileError: If there is none, or it is shorter than the reference says.
        """
        length, heap = number(reference, 0, 4), number(reference, 4)
        if not length:
            return b""
        place, size = self._objects.get((heap, number(reference, 12, 4)), (0, 0))
        if length > size:
            raise FileError(
                f"{self._label} is damaged: a text is not where it should be."
            )
        return bytes(self._data[place : place + length]).split(b"\0")[0]
