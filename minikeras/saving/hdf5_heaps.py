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

    Raises:
        FileError: If the path is that of a folder, a pipe or a device.
    """
    if isinstance(source, (str, os.PathLike)):
        if os.path.exists(source) and not os.path.isfile(source):
            raise FileError(f"{os.fspath(source)!r} is no file but a pipe or a device.")
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
    """The texts in the heaps of a file; each heap is looked through when one is read of it.

    Args:
        data: The bytes of the file, which the library has opened.
        label: What to call it in errors.
    """

    def __init__(self, data: Any, label: str) -> None:
        self._data, self._label = data, label
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}
        # What users put before the file counts for no address.
        self.base = max(data.find(b"\x89HDF\r\n\x1a\n"), 0)
        self._room = len(data)

    def _objects(self, heap: int) -> dict[int, tuple[int, int]]:
        """Where the objects of the heap at an address lie, and how long they are."""
        known = self._heaps.get(heap)
        if known is None:
            known = self._heaps[heap] = self._walk(heap + self.base)
        return known

    def _walk(self, heap: int) -> dict[int, tuple[int, int]]:
        data = self._data
        if bytes(data[heap : heap + len(_SIGNATURE)]) != _SIGNATURE:
            raise FileError(
                f"{self._label} is damaged: a text is not where it should be."
            )
        end = heap + number(data, heap + 8)
        if not heap + _HEADER <= end <= len(data):
            raise FileError(f"{self._label} is damaged: a heap leads out of the file.")
        self._room -= end - heap
        if self._room < 0:
            raise FileError(f"{self._label} is damaged: heaps lie in each other.")
        found: dict[int, tuple[int, int]] = {}
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
            found[index] = (place + _HEADER, size)
            place += step
        return found

    def text(self, reference: object) -> bytes:
        """The text that a reference of `REFERENCE` bytes points to.

        Raises:
            FileError: If there is none, or it is shorter than the reference says.
        """
        length, heap = number(reference, 0, 4), number(reference, 4)
        if not length:
            return b""
        place, size = self._objects(heap).get(number(reference, 12, 4), (0, 0))
        if length > size:
            raise FileError(
                f"{self._label} is damaged: a text is not where it should be."
            )
        return bytes(self._data[place : place + length]).split(b"\0")[0]
