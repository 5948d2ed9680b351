"""Hashes that are the same everywhere and for ever; see `farmhash` and `siphash`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras.layers.preprocessing.farmhash import fingerprint64
from minikeras.layers.preprocessing.siphash import siphash64

Array = np.ndarray[Any, Any]


def hashed(values: Sequence[bytes], salt: Any = None) -> Array:
    """The 64-bit hashes of strings: FarmHash's fingerprint, or SipHash with a salt."""
    if salt is None:
        return fingerprint64(values)
    return siphash64(values, (int(salt[0]), int(salt[1])))


def bins(
    values: Sequence[bytes], count: int, salt: int | Sequence[int] | None = None
) -> Array:
    """The hashes modulo `count`."""
    return (hashed(values, salt) % np.uint64(count)).astype("int64")


_CROSS_START = np.uint64(0xDECAFCAFFE)
_CROSS_FACTOR = np.uint64(0xC6A4A7935BD1E995)


def crossed_bins(features: Sequence[Array], count: int) -> Array:
    """Bins of combinations: the features' hashes joined one after the other.

    Args:
        features: For each feature the hashes of its values, or integers as they are.
        count: How many bins there are.
    """
    joined = np.full(len(features[0]), _CROSS_START)
    for values in features:
        joined = _joined(joined, values.astype("uint64"))
    return (joined % np.uint64(count)).astype("int64")


def _joined(first: Array, second: Array) -> Array:
    """One hash of two, as MurmurHash2 joins words."""
    found = first ^ _CROSS_FACTOR
    found = found ^ _folded(second * _CROSS_FACTOR) * _CROSS_FACTOR
    return _folded(_folded(found * _CROSS_FACTOR) * _CROSS_FACTOR)


def _folded(value: Array) -> Array:
    return value ^ (value >> np.uint64(47))
