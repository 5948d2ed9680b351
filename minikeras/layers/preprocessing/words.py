"""Words of many texts at once, and their numbers: NumPy over one buffer of bytes.

No word becomes an object. Where words start and end is found by comparing bytes; the bytes
of a word are read as two integers, or four if it is long, which are looked up in a table
with open addresses. Words of more than 32 bytes, which are rare, go through a dict.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

MISSING = -2
_EMPTY = -3  # a place of the table that no word has
_EIGHTS = (2, 4)  # how many integers are a word: of short ones, of long ones
_SHORT, _LONGEST = (8 * n for n in _EIGHTS)
_GAP, _BORDER = (
    0xFE,
    0xFF,
)  # white space, and what stands between texts: no UTF-8 has them
_FACTOR, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_MASKS = np.array([(1 << 8 * n) - 1 for n in range(9)], "uint64")


@functools.cache
def _table(lower: bool) -> bytes:
    plain = bytes(range(256))
    plain = plain.lower() if lower else plain
    return plain.translate(bytes.maketrans(b" \t\n\v\f\r", bytes([_GAP]) * 6))


@dataclass(frozen=True)
class Words:
    """The words of texts, one text behind the other.

    Attributes:
        joined: All texts, padded by `_LONGEST` zeros.
        starts: Where each word begins.
        lengths: How many bytes it has, at least one.
        counts: How many words each text has.
    """

    joined: bytes
    starts: Array
    lengths: Array
    counts: Array

    def at(self, places: Array) -> list[bytes]:
        """Some words, by their places among all."""
        starts, lengths = self.starts[places], self.lengths[places]
        pairs = zip(starts.tolist(), lengths.tolist(), strict=True)
        return [self.joined[i : i + n] for i, n in pairs]

    def keys(self, eights: int, places: Array | None = None) -> list[Array]:
        """All words, or some, as so many integers of eight bytes each."""
        starts, lengths = self.starts, self.lengths
        if places is not None:
            starts, lengths = starts[places], lengths[places]
        size = len(self.joined) - 7
        memory: Array = np.ndarray((size,), "<u8", self.joined, strides=(1,))
        keys = [memory[starts] & _MASKS.take(lengths, mode="clip")]
        for i in range(8, 8 * eights, 8):
            rest = np.maximum(lengths - i, 0)
            keys.append(memory[starts + i] & _MASKS.take(rest, mode="clip"))
        return keys


def words_of(texts: list[bytes], lower: bool, without: bytes) -> Words | None:
    """The words between ASCII white space, of texts made plain.

    Args:
        texts: The texts, in UTF-8.
        lower: Whether A to Z become small.
        without: The bytes to leave out.

    Returns:
        The words; None if a text holds a byte that has a meaning of its own here, which
        is none of UTF-8's, or 0.
    """
    joined = bytes([_BORDER]).join(texts)
    strange = bytes([_GAP]) in joined or b"\0" in joined
    if strange or joined.count(_BORDER) != len(texts) - 1:
        return None
    plain = joined.translate(_table(lower), without)
    letters = np.frombuffer(plain, "uint8")
    ends = np.append(np.flatnonzero(letters >= _GAP), len(letters))
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts
    real = lengths > 0
    borders = np.append(letters[ends[:-1]] == _BORDER, True)
    counts = np.diff(np.cumsum(real)[borders], prepend=0)
    if not real.all():
        starts, lengths = starts[real], lengths[real]
    return Words(plain + bytes(_LONGEST), starts, lengths, counts)


class WordTable:
    """From words to numbers.

    Args:
        numbers: The number of each word, none of them below `MISSING`.
    """

    def __init__(self, numbers: Mapping[bytes, int]) -> None:
        self._numbers = numbers
        # One with a 0 would be as the word before its zeros; no text here has one.
        fit = [w for w in numbers if len(w) <= _LONGEST and b"\0" not in w]
        short = [w for w in fit if 0 < len(w) <= _SHORT]
        long = [w for w in fit if len(w) > _SHORT]
        self._short = _Keyed(short, [numbers[w] for w in short], _EIGHTS[0])
        self._long = _Keyed(long, [numbers[w] for w in long], _EIGHTS[1])

    def of(self, words: Words) -> Array:
        """The numbers of words; `MISSING` for those that have none."""
        long = np.flatnonzero(words.lengths > _SHORT)
        if not len(long):
            return self._short.of(words.keys(_EIGHTS[0]))
        short = np.flatnonzero(words.lengths <= _SHORT)
        found = np.empty(len(words.lengths), "int64")
        found[short] = self._short.of(words.keys(_EIGHTS[0], short))
        found[long] = self._long.of(words.keys(_EIGHTS[1], long))
        longer = long[words.lengths[long] > _LONGEST]
        if len(longer):
            found[longer] = [self._numbers.get(w, MISSING) for w in words.at(longer)]
        return found


class _Keyed:
    """A table with open addresses, for words of up to so many integers."""

    def __init__(self, words: list[bytes], numbers: list[int], eights: int) -> None:
        self._bits = max(4, (4 * len(words)).bit_length())
        self._last = (1 << self._bits) - 1
        packed = np.array(words, f"S{8 * eights}").view("<u8").reshape(-1, eights)
        keys = list(packed.T)
        owners = np.full(self._last + 1, -1)
        places, waiting = self._places(keys), np.arange(len(words))
        while len(waiting):  # of those that want one place, one gets it
            wanted = places[waiting]
            free = owners[wanted] < 0
            owners[wanted[free]] = waiting[free]
            waiting = waiting[owners[wanted] != waiting]
            places[waiting] = (places[waiting] + 1) & self._last
        taken = owners >= 0
        self._values = np.full(len(owners), _EMPTY)
        self._values[taken] = np.array(numbers, "int64")[owners[taken]]
        self._keys = [np.zeros(len(owners), "uint64") for _ in keys]
        for here, key in zip(self._keys, keys, strict=True):
            here[taken] = key[owners[taken]]

    def _places(self, keys: list[Array]) -> Array:
        mixed = keys[0]
        for key in keys[1:]:
            mixed = (mixed ^ mixed >> _HALF) * _FACTOR ^ key
        mixed = (mixed ^ mixed >> _HALF) * _FACTOR
        return (mixed >> np.uint64(64 - self._bits)).view("int64")

    def _differ(self, places: Array, keys: list[Array]) -> Array:
        differ: Array = self._keys[0][places] != keys[0]
        for here, key in zip(self._keys[1:], keys[1:], strict=True):
            differ |= here[places] != key
        return differ

    def of(self, keys: list[Array]) -> Array:
        """The numbers of words, given as integers."""
        places = self._places(keys)
        found = self._values[places]
        rest = np.flatnonzero(self._differ(places, keys))
        while True:
            rest = rest[
                found[rest] != _EMPTY
            ]  # another word is there: it may be behind
            if not len(rest):
                break
            at = places[rest] = (places[rest] + 1) & self._last
            found[rest] = self._values[at]
            rest = rest[self._differ(at, [key[rest] for key in keys])]
        found[found == _EMPTY] = MISSING
        return found
