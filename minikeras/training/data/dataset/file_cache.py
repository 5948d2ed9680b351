"""Elements of a Dataset kept in a file: written by the first whole pass, read by later ones.

The file is a row of elements. Each is the length of a head (8 bytes, little-endian), the
head, which is JSON (the structure, with numbers for its arrays; dtypes, shapes and sizes),
and the bytes of its arrays. A length of all ones ends it. Nothing in it is run.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from minikeras.engine.dtypes import numpy_dtype
from minikeras.engine.strings import StringArray, as_strings, is_strings
from minikeras.saving.atomic import replaced_file

_ENDING = ".elements"
_FIRST = b"minikeras elements 1\n"
# No length: the file has no element of 2^64 - 1 bytes.
_END = b"\xff" * 8


class FileCache:
    """A stream that is kept in a file once it was read to its end.

    Args:
        make: Gives the stream anew.
        filename: Where to; `.elements` is put behind it. What is there is taken.
    """

    def __init__(self, make: Callable[[], Iterator[Any]], filename: str) -> None:
        self._make = make
        self._path = Path(filename + _ENDING)

    def __call__(self) -> Iterator[Any]:
        return self._stored() if self._path.exists() else self._storing()

    def _storing(self) -> Iterator[Any]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Where the pass ends early, what was written goes away.
        with replaced_file(self._path) as part, open(part, "wb") as file:
            file.write(_FIRST)
            for element in self._make():
                _write(file, element)
                yield element
            file.write(_END)

    def _stored(self) -> Iterator[Any]:
        with open(self._path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            try:
                if file.read(len(_FIRST)) != _FIRST:
                    raise ValueError("it begins otherwise")
                while (length := _exactly(file, 8, size)) != _END:
                    yield _read(file, int.from_bytes(length, "little"), size)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise ValueError(
                    f"Dataset.cache: {str(self._path)!r} is damaged, or no such file ({error}). "
                    "Remove it, and the next pass writes it anew."
                ) from error


def _write(file: IO[bytes], element: object) -> None:
    arrays: list[Any] = []
    structure = _taken_apart(element, arrays)
    described, parts = [], []
    for array in arrays:
        dtype, data = _bytes_of(array)
        described.append([dtype, list(array.shape), len(data)])
        parts.append(data)
    head = json.dumps([structure, described]).encode()
    file.write(len(head).to_bytes(8, "little") + head)
    file.writelines(parts)


def _taken_apart(element: object, arrays: list[Any]) -> list[Any] | int | None:
    """The structure as JSON has it; arrays become their numbers in the list."""
    if element is None:
        return None
    if isinstance(element, tuple):
        return ["tuple", [_taken_apart(part, arrays) for part in element]]
    if isinstance(element, dict):
        pairs = [[key, _taken_apart(part, arrays)] for key, part in element.items()]
        return ["dict", pairs]
    arrays.append(np.asarray(element))
    return len(arrays) - 1


def _bytes_of(array: np.ndarray[Any, Any]) -> tuple[str, bytes]:
    if is_strings(array):
        return "string", json.dumps(as_strings(array).ravel().tolist()).encode()
    return array.dtype.name, np.ascontiguousarray(array).tobytes()


def _read(file: IO[bytes], length: int, size: int) -> Any:
    structure, described = json.loads(_exactly(file, length, size))
    arrays = [
        _array(dtype, tuple(shape), _exactly(file, count, size))
        for dtype, shape, count in described
    ]
    return _put_together(structure, arrays)


def _exactly(file: IO[bytes], count: int, size: int) -> bytes:
    # A damaged length must not ask for more memory than the file has bytes.
    if not 0 <= count <= size:
        raise ValueError(f"a part of {count} bytes")
    data = file.read(count)
    if len(data) != count:
        raise ValueError("it ends too early")
    return data


def _array(
    dtype: str, shape: tuple[int, ...], data: bytes
) -> StringArray | np.ndarray[Any, Any]:
    if dtype == "string":
        found = np.empty(math.prod(shape), object)
        found[:] = json.loads(data)
        return as_strings(found.reshape(shape))
    return np.frombuffer(bytearray(data), numpy_dtype(dtype)).reshape(shape)


def _put_together(structure: Any, arrays: list[Any]) -> Any:
    if structure is None:
        return None
    if isinstance(structure, int):
        return arrays[structure]
    kind, parts = structure
    if kind == "tuple":
        return tuple(_put_together(part, arrays) for part in parts)
    return {key: _put_together(part, arrays) for key, part in parts}
