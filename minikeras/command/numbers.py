"""Types of the command's arguments."""

from __future__ import annotations

import argparse


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
