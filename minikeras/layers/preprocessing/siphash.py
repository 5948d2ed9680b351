"""SipHash-2-4: a hash with a key, over many strings at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras.layers.preprocessing.packed import Packed, rotated_left

Array = np.ndarray[Any, Any]
_STATE = (
    0x736F6D6570736575,
    0x646F72616E646F6D,
    0x6C7967656E657261,
    0x7465646279746573,
)


def siphash64(values: Sequence[bytes], key: tuple[int, int]) -> Array:
    """The hash of each string, as uint64.

    Args:
        values: The strings.
        key: Two integers of 64 bits.

    Reference:
        Aumasson and Bernstein, 2012, "SipHash: a fast short-input PRF", section 2.
    """
    packed = Packed(values)
    count = len(packed.lengths)
    keys = [np.uint64(k % (1 << 64)) for k in key] * 2
    state = [np.full(count, np.uint64(c) ^ k) for c, k in zip(_STATE, keys)]
    whole = packed.lengths // 8
    for number in range(int(whole.max(initial=0))):
        rows = np.flatnonzero(whole > number)
        part = _taken(state, rows, packed.word(packed.starts[rows] + 8 * number))
        for whole_part, new in zip(state, part):
            whole_part[rows] = new
    left = (packed.lengths % 8).astype("uint64")
    last = packed.word(packed.starts + 8 * whole)
    last &= (np.uint64(1) << (left * np.uint64(8))) - np.uint64(1)
    last |= packed.lengths.astype("uint64") << np.uint64(56)
    state = _taken(state, np.arange(count), last)
    state[2] = state[2] ^ np.uint64(0xFF)
    for _ in range(4):
        state = _round(*state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _taken(state: list[Array], rows: Array, word: Array) -> list[Array]:
    """The states of some rows after a word each."""
    a, b, c, d = (part[rows] for part in state)
    a, b, c, d = _round(*_round(a, b, c, d ^ word))
    return [a ^ word, b, c, d]


def _round(a: Array, b: Array, c: Array, d: Array) -> list[Array]:
    a = a + b
    b = rotated_left(b, 13) ^ a
    a = rotated_left(a, 32)
    c = c + d
    d = rotated_left(d, 16) ^ c
    a = a + d
    d = rotated_left(d, 21) ^ a
    c = c + b
    b = rotated_left(b, 17) ^ c
    c = rotated_left(c, 32)
    return [a, b, c, d]
