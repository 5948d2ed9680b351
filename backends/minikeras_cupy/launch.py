"""Compiling and launching generated kernels."""

from __future__ import annotations

from typing import Any

from minikeras_cupy.fused import Kernel

Array = Any
_BLOCK = 256
_MAX_BLOCKS = 1 << 16  # every kernel strides over the grid, so more brings nothing


class Launcher:
    """The kernels of one process: each source is compiled once.

    CuPy keeps the machine code on disk too, so that a second process compiles nothing.

    Args:
        cp: The module cupy.
    """

    def __init__(self, cp: Any) -> None:
        self.cp = cp
        self._functions: dict[str, Any] = {}

    def __call__(self, kernel: Kernel, *arrays: Array) -> None:
        """Run `kernel` on C-contiguous arrays, in its parameters' order."""
        if kernel.threads:
            self.function(kernel)(*grid(kernel.threads), arrays)

    def function(self, kernel: Kernel) -> Any:
        """The compiled kernel: called with grid, block, arguments."""
        made = self._functions.get(kernel.name)
        if made is None:
            options = ("-std=c++17",)
            made = self.cp.RawKernel(kernel.source, kernel.name, options=options)
            self._functions[kernel.name] = made
        return made


def grid(threads: int) -> tuple[tuple[int], tuple[int]]:
    """Blocks of a launch, and threads of a block."""
    return (min(-(-threads // _BLOCK), _MAX_BLOCKS),), (_BLOCK,)
