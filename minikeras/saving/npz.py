"""Trees of named arrays in NumPy's `.npz`, without its pickles.

Ours has a member `PATH/NAME.npy` for each array. Files of early Keras 3 keep a whole
group as one pickled dict; a pickle can run any program, so only one that holds dicts,
texts, numbers and arrays of numbers is read, by an unpickler that knows nothing else.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from minikeras import naming
from minikeras.saving import archive, limits
from minikeras.saving.limits import FileError
from minikeras.saving.tree import Array, Entry, Group, Tree, from_raw, raw_form

_NUMBERS = (np.ndarray, np.generic, bool, int, float)
_DTYPE_MARK = ".dtype."  # before the name of a dtype that NumPy does not know


def write_tree(tree: Tree, target: str | Path | io.BytesIO) -> None:
    """Write all arrays into a new `.npz`.

    Args:
        tree: The arrays by path.
        target: A path (never one that is to be kept), or `io.BytesIO()`.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
        for path, group in tree.items():
            for key, entry in group.entries.items():
                array, name = raw_form(entry.read())
                if name is not None:
                    key = f"{key}{_DTYPE_MARK}{name}"
                info = zipfile.ZipInfo(f"{path}/{key}.npy")
                with out.open(info, "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)


def read_tree(members: archive.Members) -> Tree:
    """All arrays of an `.npz` by path; they are read when asked for.

    Args:
        members: What `archive.opened` gave.

    Raises:
        FileError: If a member is no array, or claims more than it has.
    """
    tree: Tree = {}
    for name in members.names:
        if not name.endswith(".npy"):
            continue
        whole = name.removesuffix(".npy")
        data = members.read(name)
        if _is_pickled(data, name):
            for key, value in _plain_dict(data, name).items():
                tree.setdefault(whole, Group()).entries[key] = Entry.of(value)
            continue
        path, _, key = whole.rpartition("/")
        key, _, dtype = key.partition(_DTYPE_MARK)
        array = _array(data, name)
        if dtype:
            array = from_raw(array, dtype)
        tree.setdefault(path, Group()).entries[key] = Entry.of(array)
    return tree


def _header(data: bytes, name: str) -> tuple[io.BytesIO, Any, Any, Any]:
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        return (stream, *read(stream))
    except Exception:  # what it reads is Python's syntax: damage shows in many ways
        raise FileError(f"member {name!r} is no NumPy array.") from None


def _is_pickled(data: bytes, name: str) -> bool:
    return bool(_header(data, name)[3].hasobject)


def _array(data: bytes, name: str) -> Array:
    stream, shape, fortran, dtype = _header(data, name)
    if any(type(n) is not int or n < 0 for n in shape):
        raise FileError(f"member {name!r} claims shape {naming.shown(shape)}.")
    count = math.prod(shape)
    if (
        dtype.kind not in "biufcVU"
        or dtype.itemsize * count != len(data) - stream.tell()
    ):
        raise FileError(
            f"member {name!r} claims shape {naming.shown(shape)} of {dtype}, and has "
            f"{len(data) - stream.tell()} bytes."
        )
    flat = np.frombuffer(data, dtype, count, stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def _plain_dict(data: bytes, name: str) -> dict[str, Any]:
    stream, shape, _, _ = _header(data, name)
    value = plain_pickle(stream.read(), f"member {name!r}")
    if shape != () or not isinstance(value, dict):
        raise FileError(
            f"member {name!r} holds a pickle of something else than a group."
        )
    found = {}
    for key, array in value.items():
        if not isinstance(key, str) or not isinstance(array, _NUMBERS):
            raise FileError(f"member {name!r} holds something that is no array.")
        found[key] = np.asarray(array)
    return found


def plain_pickle(data: bytes, what: str) -> Any:
    """The value of a pickle that holds only plain values and arrays of numbers.

    Raises:
        FileError: If it wants anything else, whatever that is.
    """
    try:
        _check_opcodes(data, what)
        return _plain(_PlainUnpickler(io.BytesIO(data)).load())
    except FileError:
        raise
    except Exception as error:  # damage shows in many ways
        raise FileError(f"{what} holds a damaged pickle: {str(error)[:200]}") from None


def _check_opcodes(data: bytes, what: str) -> None:
    """Refuse pickles that ask for much memory or time by a few bytes."""
    for number, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        # The library makes room for as many objects as the number of one says.
        index = argument if "PUT" in opcode.name and isinstance(argument, int) else 0
        far = index > limits.MAX_OPCODES
        if far or number > limits.MAX_OPCODES:
            raise FileError(f"{what} holds a pickle of too many objects: refused.")


class _PlainUnpickler(pickle.Unpickler):
    """Knows how NumPy pickles arrays of numbers, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        root = module.replace("numpy._core", "numpy.core")
        known = {
            ("numpy.core.multiarray", "_reconstruct"): _empty,
            ("numpy.core.multiarray", "scalar"): _scalar,
            ("numpy", "ndarray"): _Array,
            ("numpy", "dtype"): _Dtype,
        }.get((root, name))
        if known is None:
            raise FileError(
                f"a pickle in the file asks for {module}.{name}: refused, since pickles can "
                "run any program."
            )
        return known

    def persistent_load(self, pid: object) -> Any:
        raise FileError("a pickle in the file points outside: refused.")


class _Dtype:
    """Stands for a dtype of numbers. NumPy's own have states that a pickle could set."""

    def __init__(self, code: object, *flags: object) -> None:
        made = np.dtype(code) if isinstance(code, str) and len(code) < 10 else None
        if made is None or made.kind not in "biufcO":
            raise FileError(
                f"a pickle in the file asks for dtype {naming.shown(code)}: refused."
            )
        self.made: np.dtype[Any] = made

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]  # the rest is of records and of pieces of arrays
        if order in ("<", ">"):
            self.made = self.made.newbyteorder(order)


class _Array:
    """Stands for an array, whose state makes a real one only where it is as it should be."""

    value: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        if dtype.made.kind == "O":  # what NumPy saved holds the group
            if shape != () or type(data) is not list or len(data) != 1:
                raise FileError("a pickle in the file holds a strange array: refused.")
            self.value = data[0]
            return
        if any(type(n) is not int or n < 0 for n in shape) or type(data) is not bytes:
            raise FileError("a pickle in the file holds a strange array: refused.")
        order: Any = "F" if fortran else "C"
        self.value = np.frombuffer(data, dtype.made).reshape(shape, order=order)


def _empty(cls: object, shape: object, code: object) -> _Array:
    if cls is not _Array or shape != (0,):
        raise FileError("a pickle in the file asks for a strange array: refused.")
    return _Array()


def _scalar(dtype: object, data: object) -> Any:
    if (
        not isinstance(dtype, _Dtype)
        or dtype.made.kind == "O"
        or type(data) is not bytes
        or len(data) != dtype.made.itemsize
    ):
        raise FileError("a pickle in the file holds a strange number: refused.")
    return np.frombuffer(data, dtype.made)[0]


def _plain(value: object) -> Any:
    """What was read, with arrays in the places of what stands for them."""
    value = value.value if isinstance(value, _Array) else value
    if not isinstance(value, dict):
        return value
    return {
        key: inner.value if isinstance(inner, _Array) else inner
        for key, inner in value.items()
    }
