"""FarmHash's Fingerprint64: a hash whose values never change, over many strings at once.

The algorithm has a formula for each range of lengths; strings go through that of theirs
together. All arithmetic is modulo 2**64.

Reference:
    Pike and Alakuijala, 2014, FarmHash, https://github.com/google/farmhash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minikeras.layers.preprocessing.packed import Packed, rotated_left

Array = np.ndarray[Any, Any]
_Rule = Callable[[Packed, Array, Array], Array]

_K0 = np.uint64(0xC3A5C85C97CB3127)
_K1 = np.uint64(0xB492B66FBE98F273)
_K2 = np.uint64(0x9AE16A3B2F90404F)


def fingerprint64(values: Sequence[bytes]) -> Array:
    """The fingerprint of each string, as uint64."""
    packed = Packed(values)
    result = np.full(len(values), _K2)  # that of the empty string
    least: float = 1
    for most, rule in _RULES:
        rows = np.flatnonzero((packed.lengths >= least) & (packed.lengths <= most))
        if len(rows):
            result[rows] = rule(packed, packed.starts[rows], packed.lengths[rows])
        least = most + 1
    return result


def _u(value: int) -> np.uint64:
    return np.uint64(value % (1 << 64))


def _turned(value: Array, bits: int) -> Array:
    """Turned to the right."""
    return rotated_left(value, 64 - bits)


def _folded(value: Array) -> Array:
    return value ^ (value >> np.uint64(47))


def _mixed(u: Array, v: Array, factor: Array) -> Array:
    """Two words made one."""
    a = _folded((u ^ v) * factor)
    return _folded((v ^ a) * factor) * factor


def _factor(length: Array) -> Array:
    return _K2 + length.astype("uint64") * np.uint64(2)


def _to_3(packed: Packed, start: Array, length: Array) -> Array:
    first = packed.byte(start)
    middle = packed.byte(start + length // 2)
    last = packed.byte(start + length - 1)
    y = first + (middle << np.uint64(8))
    z = length.astype("uint64") + (last << np.uint64(2))
    return _folded(y * _K2 ^ z * _K0) * _K2


def _to_7(packed: Packed, start: Array, length: Array) -> Array:
    first = length.astype("uint64") + (packed.half(start) << np.uint64(3))
    return _mixed(first, packed.half(start + length - 4), _factor(length))


def _to_16(packed: Packed, start: Array, length: Array) -> Array:
    factor = _factor(length)
    a = packed.word(start) + _K2
    b = packed.word(start + length - 8)
    c = _turned(b, 37) * factor + a
    d = (_turned(a, 25) + b) * factor
    return _mixed(c, d, factor)


def _to_32(packed: Packed, start: Array, length: Array) -> Array:
    factor = _factor(length)
    a = packed.word(start) * _K1
    b = packed.word(start + 8)
    c = packed.word(start + length - 8) * factor
    d = packed.word(start + length - 16) * _K2
    y = _turned(a + b, 43) + _turned(c, 30) + d
    return _mixed(y, a + _turned(b + _K2, 18) + c, factor)


def _to_64(packed: Packed, start: Array, length: Array) -> Array:
    factor = _factor(length)
    a = packed.word(start) * _K2
    b = packed.word(start + 8)
    c = packed.word(start + length - 8) * factor
    d = packed.word(start + length - 16) * _K2
    y = _turned(a + b, 43) + _turned(c, 30) + d
    z = _mixed(y, a + _turned(b + _K2, 18) + c, factor)
    e = packed.word(start + 16) * factor
    f = packed.word(start + 24)
    g = (y + packed.word(start + length - 32)) * factor
    h = (z + packed.word(start + length - 24)) * factor
    return _mixed(
        _turned(e + f, 43) + _turned(g, 30) + h, e + _turned(f + a, 18) + g, factor
    )


class _Long:
    """The state for strings of more than 64 bytes, which are taken 64 at a time."""

    def __init__(self, x: Array) -> None:
        self.x = x * _K2
        self.y = np.full(len(x), _u(81 * int(_K1) + 113))
        self.z = _folded(self.y * _K2 + np.uint64(113)) * _K2
        self.v = [np.zeros(len(x), "uint64"), np.zeros(len(x), "uint64")]
        self.w = [np.zeros(len(x), "uint64"), np.zeros(len(x), "uint64")]

    def take(
        self,
        packed: Packed,
        at: Array,
        rows: Array,
        factor: np.uint64 | np.ndarray[Any, Any],
        by: object,
    ) -> None:
        """64 bytes from `at`, for some rows; `by` is 1, and 9 for the last ones."""

        def word(offset: int) -> Array:
            return packed.word(at + offset)

        x, y, z = self.x[rows], self.y[rows], self.z[rows]
        (v, v2), (w, w2) = [[part[rows] for part in pair] for pair in (self.v, self.w)]
        x = _turned(x + y + v + word(8), 37) * factor
        y = _turned(y + v2 + word(48), 42) * factor
        x = x ^ w2 * by
        y = y + v * by + word(40)
        z = _turned(z + w, 33) * factor
        self.v[0][rows], self.v[1][rows] = _weak(word, 0, v2 * factor, x + w)
        self.w[0][rows], self.w[1][rows] = _weak(word, 32, z + w2, y + word(16))
        self.x[rows], self.y[rows], self.z[rows] = z, y, x


def _weak(
    word: Callable[[int], Array], offset: int, a: Array, b: Array
) -> tuple[Array, Array]:
    """32 bytes and two words made two words."""
    first, second, third, fourth = (word(offset + 8 * i) for i in range(4))
    a = a + first
    b = _turned(b + a + fourth, 21)
    c = a
    a = a + second + third
    b = b + _turned(a, 44)
    return a + fourth, b + c


def _longer(packed: Packed, start: Array, length: Array) -> Array:
    state = _Long(np.full(len(start), np.uint64(81)))
    state.x = state.x + packed.word(start)
    blocks = (length - 1) // 64
    for number in range(int(blocks.max())):
        rows = np.flatnonzero(blocks > number)
        at = start[rows] + 64 * number
        state.take(packed, at, rows, _K1, np.uint64(1))
    every = np.arange(len(start))
    factor = _K1 + ((state.z & np.uint64(0xFF)) << np.uint64(1))
    state.w[0] += ((length - 1) % 64).astype("uint64")
    state.v[0] += state.w[0]
    state.w[0] += state.v[0]
    state.take(packed, start + length - 64, every, factor, np.uint64(9))
    v, w = state.v, state.w
    return _mixed(
        _mixed(v[0], w[0], factor) + _folded(state.y) * _K0 + state.z,
        _mixed(v[1], w[1], factor) + state.x,
        factor,
    )


_RULES: tuple[tuple[float, _Rule], ...] = (
    (3, _to_3),
    (7, _to_7),
    (16, _to_16),
    (32, _to_32),
    (64, _to_64),
    (float("inf"), _longer),
)
