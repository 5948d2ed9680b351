"""CUDA's driver by its C interface: machine code is loaded, kernels are started.

A kernel's parameters are one run of 8 byte words: addresses, numbers, and last how many
units or threads there are.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from minikeras_kernels import objects

from minikeras_cupy import nvrtc

_END, _POINTER, _SIZE = 0, 1, 2  # of CUDA's list of a launch's extras
Words = npt.NDArray[np.int64]


class Started:
    """A kernel with its parameters, which may change from launch to launch.

    Attributes:
        function: CUDA's handle.
        blocks: Blocks of the grid, each of `BLOCK` threads.
        words: The parameters.
    """

    BLOCK = 256

    def __init__(self, function: int, blocks: int, words: Words) -> None:
        self.function, self.blocks, self.words = function, blocks, words
        self._size = ctypes.c_size_t(words.nbytes)
        self.extra = (ctypes.c_void_p * 5)(
            *(_POINTER, int(words.ctypes.data), _SIZE, ctypes.addressof(self._size)),
            _END,
        )


class Driver:
    """The driver of the current device.

    Args:
        cp: The module cupy; it owns the context, memory and streams.
    """

    def __init__(self, cp: Any) -> None:
        self.cp = cp
        cp.cuda.runtime.free(0)  # makes the device's context, and makes it current
        self.architecture = f"sm_{cp.cuda.Device().compute_capability}"
        name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
        self.cuda = ctypes.CDLL(name)
        self._modules: list[ctypes.c_void_p] = []

    def _check(self, status: int, what: str) -> None:
        if status:
            text = ctypes.c_char_p()
            self.cuda.cuGetErrorString(status, ctypes.byref(text))
            said = (text.value or b"unknown error").decode()
            raise RuntimeError(f"CUDA: {what} failed: {said} ({status}).")

    def compile(self, text: str) -> bytes:
        """Machine code for the device."""
        return nvrtc.compile_text(text, self.architecture)

    def function(self, name: str, text: str) -> int:
        """The handle of the kernel `name` of a source; its code is kept on disk."""
        code = self._kept(name, text)
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        loaded = self.cuda.cuModuleLoadData(ctypes.byref(module), code)
        self._check(loaded, f"loading {name}")
        self._modules.append(module)
        found = self.cuda.cuModuleGetFunction(
            ctypes.byref(function), module, name.encode()
        )
        self._check(found, f"finding {name}")
        return int(function.value or 0)

    def _kept(self, name: str, text: str) -> bytes:
        root = objects.root()
        if root is None:
            return self.compile(text)
        about = repr((text, self.architecture, nvrtc.FLAGS, nvrtc.version()))
        digest = hashlib.blake2b(about.encode(), digest_size=20).hexdigest()
        path: Path = root / "cupy" / f"{digest}.cubin"
        code = objects.read(path)
        if code is None:
            code = self.compile(text)
            objects.write(path, code)
        return code

    def start(self, call: Started) -> None:
        """Launch a kernel on the current stream; it runs when the stream comes to it."""
        stream = ctypes.c_void_p(self.cp.cuda.get_current_stream().ptr)
        status = self.cuda.cuLaunchKernel(
            ctypes.c_void_p(call.function),
            *(call.blocks, 1, 1, call.BLOCK, 1, 1, 0),
            stream,
            None,
            call.extra,
        )
        self._check(status, "a launch")
