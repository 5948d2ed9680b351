"""Many byte strings in one buffer, read eight bytes at a time by vectors of positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Packed:
    """Byte strings one behind the other.

    Attributes:
        starts: Where each begins.
        lengths: How many bytes each has.
    """

    def __init__(self, values: Sequence[bytes]) -> None:
        self.lengths = np.fromiter(map(len, values), "int64", len(values))
        self.starts = np.cumsum(self.lengths) - self.lengths
        self._bytes = b"".join([*values, bytes(8)])  # words may reach over the end
        self.bytes = np.frombuffer(self._bytes, "uint8")
        size = len(self._bytes)
        # Overlapping words, one for each byte: hashes begin anywhere.
        self._words = np.ndarray((size - 7,), "<u8", self._bytes, strides=(1,))
        self._halves = np.ndarray((size - 3,), "<u4", self._bytes, strides=(1,))

    def word(self, places: Array) -> Array:
        """Eight bytes from each place, the first the lowest."""
        return self._words[places].astype("uint64", copy=False)

    def half(self, places: Array) -> Array:
        """Four bytes from each place."""
        return self._halves[places].astype("uint64")

    def byte(self, places: Array) -> Array:
        """A byte from each place."""
        return self.bytes[places].astype("uint64")


def rotated_left(value: Array, bits: int) -> Array:
    """64-bit words turned to the left."""
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))
