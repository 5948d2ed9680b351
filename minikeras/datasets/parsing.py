"""From the bytes of the datasets' files to arrays."""

from __future__ import annotations

import pickle
import struct
from typing import IO, Any

import numpy as np

Array = np.ndarray[Any, Any]
Split = tuple[tuple[Array, Array], tuple[Array, Array]]

# What the pickles of the CIFAR archives are made of; nothing else is ever imported.
_PICKLED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


def idx_array(data: bytes) -> Array:
    """The array of an IDX file of bytes.

    The format: two zeros, the dtype (8: bytes), the rank, the dimensions as big-endian
    32 bit integers, the values.

    Raises:
        ValueError: If it is none.
    """
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise ValueError("an IDX file of bytes begins with 0, 0, 8; this one does not.")
    rank = data[3]
    shape = struct.unpack_from(f">{rank}I", data, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape).copy()


def npz_arrays(path: str, *names: str, objects: bool = False) -> list[Array]:
    """Arrays of an npz file; `objects` for lists of different lengths, which are pickled."""
    with np.load(path, allow_pickle=objects) as file:
        return [file[name] for name in names]


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _PICKLED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a dataset")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def cifar_batches(path: str, names: list[str], label: str) -> tuple[Array, Array]:
    """Pictures `(samples, 32, 32, 3)` and labels `(samples, 1)` of batches in an archive.

    Args:
        path: The tar file.
        names: The batches, in order.
        label: The key of the labels.
    """
    import tarfile  # of no use to the other datasets

    pictures: dict[str, Array] = {}
    labels: dict[str, Array] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.rsplit("/", 1)[-1]
            if name not in names:
                continue
            file = archive.extractfile(member)
            assert file is not None
            batch = _batch(file)
            pixels = np.asarray(batch["data"]).reshape(-1, 3, 32, 32)
            pictures[name] = pixels.transpose(0, 2, 3, 1)
            labels[name] = np.asarray(batch[label])
    x = np.ascontiguousarray(np.concatenate([pictures[name] for name in names]))
    y = np.concatenate([labels[name] for name in names])
    return x, y.reshape(-1, 1)


def _batch(file: IO[bytes]) -> dict[str, Any]:
    found = _Restricted(file, encoding="bytes").load()
    return {k.decode() if isinstance(k, bytes) else k: v for k, v in found.items()}


def split(x: Array, y: Array, test_split: float, seed: int) -> Split:
    """Samples in an order drawn from `seed`, the last ones for the test.

    Raises:
        ValueError: If the fraction is not between 0 and 1.
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split={test_split}; expected from 0 to below 1.")
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = x[order], y[order]
    at = int(len(x) * (1 - test_split))
    return (x[:at], y[:at]), (x[at:], y[at:])
