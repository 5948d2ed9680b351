"""Types of the command's arguments."""

from __future__ import annotations

import argparse
import math


class Whole:
    """Whole numbers from `least` up to what a 32-bit seed or count can hold."""

    def __init__(self, least: int) -> None:
        self.least = least

    def __call__(self, word: str) -> int:
        try:
            value = int(word)
        except ValueError:
            value = self.least - 1
        if not self.least <= value < 2**32:
            raise argparse.ArgumentTypeError(
                f"got {word!r}; expected a whole number from {self.least} to {2**32 - 1}"
            )
        return value


class Size:
    """Finite numbers above 0; 0 too where that means something."""

    def __init__(self, zero: bool = False) -> None:
        self.zero = zero

    def __call__(self, word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < 0 or (value == 0 and not self.zero):
            expected = "a number of at least 0" if self.zero else "a number above 0"
            raise argparse.ArgumentTypeError(f"got {word!r}; expected {expected}")
        return value
