"""Compiling kernels once and launching them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minikeras_cupy.ctext import KernelText
from minikeras_cupy.driver import Driver, Started
from minikeras_cupy.render import LANES, headers

Array = Any
_MOST_BLOCKS = 1 << 16  # every kernel strides over the grid, so more brings nothing


class Launcher:
    """The kernels of one process: each source is compiled once.

    Args:
        cp: The module cupy.
        driver: Loads and starts machine code.
    """

    def __init__(self, cp: Any, driver: Driver) -> None:
        self.cp, self.driver = cp, driver
        self._functions: dict[str, int] = {}

    def function(self, name: str, text: str) -> int:
        """The handle of a kernel; its name tells its text from all others."""
        if name not in self._functions:
            self._functions[name] = self.driver.function(name, headers() + text)
        return self._functions[name]

    def prepare(
        self, name: str, text: str, words: Sequence[int], threads: int
    ) -> Started:
        """A kernel with its words, for so many threads."""
        blocks = min(-(-threads // Started.BLOCK), _MOST_BLOCKS)
        return Started(self.function(name, text), blocks, np.array(words, np.int64))

    def warps(self, name: str, text: str, words: Sequence[int], units: int) -> Started:
        """A kernel whose last word is its units, a warp for each."""
        return self.prepare(name, text, [*words, units], units * LANES)

    def grid(self, kernel: KernelText, arrays: int) -> Started:
        """A kernel written by hand; the words of its arrays come first, still empty."""
        words = [0] * arrays + [*kernel.numbers, kernel.threads]
        return self.prepare(kernel.name, kernel.text, words, kernel.threads)

    def __call__(self, kernel: KernelText, *arrays: Array) -> None:
        """Run `kernel` on C-contiguous arrays, in its parameters' order."""
        if kernel.threads:
            call = self.grid(kernel, len(arrays))
            for i, array in enumerate(arrays):
                call.words[i] = array.data.ptr
            self.driver.start(call)
