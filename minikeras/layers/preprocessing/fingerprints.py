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


def bins(values: Sequence[bytes], count: int, salt: Any = None) -> Array:
    """The hashes modulo `count`."""
    return (hashed(values, salt) % np.uint64(count)).astype("int64")
