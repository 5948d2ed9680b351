"""Rows of arrays in files, read so that only a few of them count as memory.

The system counts pages of a map that were read as memory of this process until it needs
room, so a pass over a file would seem to need as much memory as the file is long. They
stay in the system's cache, where another pass finds them.
"""

from __future__ import annotations

import functools
import mmap
import os
import sys
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

# Bytes of a file that may count as memory of this process.
HELD = 1 << 23
# Shorter files are left to their map.
SHORT = 1 << 26


class Pages:
    """Reads rows of a memory map, and keeps few of its pages.

    Neighbours are a view; the pages of those before are let go. Scattered rows are read
    from the file, row by row: looked at through the map, each would bring in 16 pages.

    Args:
        mapping: What the array lies in; its changes are the file's.
        file: An open descriptor of the file, or None where that is not known.
        begin: The place of the array's first row in the file.
    """

    def __init__(self, mapping: mmap.mmap, file: int | None, begin: int) -> None:
        self._mapping = mapping
        self._file = file
        self._begin = begin
        self._held = 0

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def read(self, source: Array, where: Any) -> Array:
        """Rows of `source`: those of a slice or of an index array."""
        if isinstance(where, np.ndarray) and self._file is not None:
            return self._scattered(source, where, self._file)
        if self._held > HELD:
            # Pages that were read count as this process's memory until it lets go of
            # them.
            self._mapping.madvise(mmap.MADV_DONTNEED)
            self._held = 0
        rows = np.asarray(source[where])
        self._held += rows.nbytes
        return rows

    def _scattered(self, source: Array, rows: Array, file: int) -> Array:
        size = source.dtype.itemsize * int(np.prod(source.shape[1:]))
        firsts, counts = rows, np.ones(len(rows), np.intp)
        if source.strides[0] == size:  # runs of neighbours at once
            at = np.flatnonzero(np.diff(rows, prepend=rows[:1] - 2) != 1)
            firsts, counts = rows[at], np.diff(at, append=len(rows))
        places = (firsts * source.strides[0] + self._begin).tolist()
        read = functools.partial(os.pread, file)
        found = b"".join(map(read, (counts * size).tolist(), places))
        # `pread` gives less at the end of a file, where a map would kill the process
        # (SIGBUS).
        if len(found) != size * len(rows):
            raise OSError("a file under a memory map is shorter than it was.")
        return np.frombuffer(found, source.dtype).reshape(-1, *source.shape[1:])


def pages_of(array: Array) -> Pages | None:
    """The pages of a large array in a file, where it is safe to let go of them."""
    base: Any = array
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    mapping = getattr(base, "_mmap", None)
    # Changes of a private map (mode "c") are nowhere but in its pages.
    shared = getattr(base, "mode", "c") in ("r", "r+", "w+")
    if not (shared and isinstance(mapping, mmap.mmap) and sys.platform == "linux"):
        return None
    if len(mapping) <= SHORT:
        return None
    file, begin = None, 0
    if array[:1].flags.c_contiguous and array.strides[0] > 0:
        file, begin = _file_under(array, getattr(base, "filename", None))
    return Pages(mapping, file, begin)


def _file_under(array: Array, name: str | None) -> tuple[int | None, int]:
    """A descriptor of the file under a map, and where in it the array begins.

    A file of that name may have taken the place of the one that was mapped.
    """
    region = _region_of(array.ctypes.data)
    if region is None or name is None:
        return None, 0
    try:
        file = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, TypeError):
        return None, 0
    status = os.fstat(file)
    # The name may mean another file by now; the map still shows the old one.
    if (status.st_dev, status.st_ino) != (region.device, region.inode):
        os.close(file)
        return None, 0
    return file, array.ctypes.data - region.start + region.offset


class _Region(NamedTuple):
    start: int
    offset: int
    device: int
    inode: int


def _region_of(address: int) -> _Region | None:
    """The mapped region that holds an address, as the system has it (proc(5), maps)."""
    try:
        with open("/proc/self/maps") as lines:
            for line in lines:
                span, _, offset, device, inode = line.split(maxsplit=5)[:5]
                start, end = (int(word, 16) for word in span.split("-"))
                if start <= address < end:
                    major, minor = (int(word, 16) for word in device.split(":"))
                    known = os.makedev(major, minor)
                    return _Region(start, int(offset, 16), known, int(inode))
    except (OSError, ValueError):
        pass
    return None
