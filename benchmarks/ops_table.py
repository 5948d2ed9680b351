"""What each function of `keras.ops` and `keras.random` is called with, at some size.

A size is how many elements the main array has, about. Arrays are drawn by `F`, `I` and `B`;
what is not an array is static.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

SIZES = {"small": 1 << 10, "middle": 1 << 17, "large": 1 << 22}


class Draw(NamedTuple):
    """An array to be drawn."""

    shape: tuple[int, ...]
    low: float
    high: float
    dtype: str

    def array(self, seed: int) -> np.ndarray[Any, Any]:
        """Its values, the same for every engine."""
        rng = np.random.default_rng(seed)
        if self.dtype == "bool":
            return rng.random(self.shape) < 0.5
        if self.dtype.startswith("int"):
            return rng.integers(self.low, self.high, self.shape).astype(self.dtype)
        if self.dtype == "complex64":
            parts = rng.standard_normal((2, *self.shape)).astype("float32")
            return parts[0] + 1j * parts[1]
        return rng.uniform(self.low, self.high, self.shape).astype(self.dtype)


def F(*shape: int, low: float = -2.0, high: float = 2.0) -> Draw:
    """Floats."""
    return Draw(shape, low, high, "float32")


def P(*shape: int) -> Draw:
    """Positive floats."""
    return F(*shape, low=0.1, high=3.0)


def U(*shape: int) -> Draw:
    """Floats between 0 and 1."""
    return F(*shape, low=0.01, high=0.99)


def I(*shape: int, low: int = 1, high: int = 8) -> Draw:  # noqa: E743
    """Integers."""
    return Draw(shape, low, high, "int32")


def B(*shape: int) -> Draw:
    """Bools."""
    return Draw(shape, 0, 2, "bool")


def C(*shape: int) -> Draw:
    """Complex numbers."""
    return Draw(shape, 0, 0, "complex64")


class Size:
    """Shapes of about `n` elements."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.side = math.isqrt(n)
        self.square = (self.side, self.side)
        self.rows = (max(1, n // 64), 64)
        self.wide = (max(1, n // 1024), 1024)
        width = 16 if n < 1 << 14 else 32
        self.pictures = (max(1, n // (width * width * 4)), width, width, 4)
        self.small = (max(1, n // 64), 8, 8)
        self.line = (max(1, n // 256), 64, 4)
        self.volume = (max(1, n // 2048), 8, 8, 8, 4)


@dataclass(frozen=True)
class Call:
    """One call of one function.

    Attributes:
        args: Arrays, and what is static.
        static: Keywords.
        body: Instead of the function of that name: a function of `keras` and the
            arguments, for what takes functions itself.
        compiled: Whether it can be compiled: not where shapes depend on values, nor
            where there is no array.
        grad: Whether its gradient is of interest.
    """

    args: tuple[Any, ...] = ()
    static: Mapping[str, Any] = field(default_factory=dict)
    body: Callable[..., Any] | None = None
    compiled: bool = True
    grad: bool = True

    def drawn(self, name: str) -> tuple[Any, ...]:
        """The arguments, with arrays in the place of draws."""
        seed = zlib.crc32(name.encode())
        return tuple(_drawn(a, seed + i) for i, a in enumerate(self.args))


def _drawn(value: Any, seed: int) -> Any:
    if isinstance(value, Draw):
        return value.array(seed)
    if isinstance(value, (list, tuple)) and any(isinstance(v, Draw) for v in value):
        return [_drawn(v, seed + 100 * i) for i, v in enumerate(value)]
    return value


Row = Callable[[Size], Call]
ROWS: dict[str, Row] = {}
# Functions that compute nothing, or only look at their argument.
NOT_TIMED = frozenset(
    ("convert_to_numpy", "dtype", "is_tensor", "ndim", "shape", "random.SeedGenerator")
)


def row(names: str, make: Callable[[Size], tuple[Any, ...]], **options: Any) -> None:
    """Functions that are called alike: `make` gives the arguments, last perhaps a dict."""
    for name in names.split():

        def built(size: Size) -> Call:
            args = make(size)
            static = args[-1] if args and isinstance(args[-1], dict) else {}
            return Call(args[:-1] if static else args, static, **options)

        assert name not in ROWS, name
        ROWS[name] = built


def chosen(only: str | None) -> list[str]:
    """The functions whose names hold one of the words (with commas between), or all."""
    if not only:
        return list(ROWS)
    words = only.split(",")
    exact = [name for name in ROWS if name in words]
    return exact or [name for name in ROWS if any(word in name for word in words)]
