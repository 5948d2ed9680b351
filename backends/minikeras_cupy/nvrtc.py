"""NVRTC by its C interface: CUDA C++ to machine code, with flags of our own.

CuPy's compiler always lets denormal numbers be zero and multiplications and additions
be contracted; then a group would not give the bits of its steps. It works where there is
no GPU too, so every kernel's text is compiled in the tests by what runs here.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from minikeras.extend import BackendError

FLAGS = (
    "--std=c++17",
    "--ftz=false",
    "--fmad=false",
    "--prec-div=true",
    "--prec-sqrt=true",
)
_INSTALL = "pip install nvidia-cuda-nvrtc-cu12 (or nvidia-cuda-nvrtc for CUDA 13)"


def _places() -> Iterator[str]:
    """Where the library may be: its wheels, a CUDA toolkit, the system's folders."""
    spec = importlib.util.find_spec("nvidia")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for pattern in ("*/lib/libnvrtc.so.*", "*/bin/nvrtc64_*.dll"):
            for path in sorted(Path(folder).glob(pattern), reverse=True):
                if "builtins" not in path.name and "alt" not in path.name:
                    yield str(path)
    for variable in ("CUDA_PATH", "CUDA_HOME"):
        root = os.environ.get(variable)
        if root:
            yield from map(str, sorted(Path(root).glob("lib64/libnvrtc.so*")))
    found = ctypes.util.find_library("nvrtc")
    if found:
        yield found
    yield from ("libnvrtc.so.13", "libnvrtc.so.12")


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiler, or None where there is none."""
    for place in _places():
        try:
            return ctypes.CDLL(place)
        except OSError:
            continue
    return None


def version() -> str:
    """The compiler's version, say 12.9."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    found = library()
    if found is None:
        return "none"
    found.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return f"{major.value}.{minor.value}"


def compile_text(text: str, architecture: str) -> bytes:
    """The machine code of a source for an architecture, say sm_90.

    Raises:
        BackendError: If there is no compiler.
        RuntimeError: If it refuses the source; with its log.
    """
    nvrtc = library()
    if nvrtc is None:
        raise BackendError(
            f"backend 'cupy' needs NVRTC, CUDA's compiler, to make its kernels: {_INSTALL}."
        )
    program = ctypes.c_void_p()
    nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), text.encode(), b"kernel.cu", 0, None, None
    )
    try:
        flags = [f"--gpu-architecture={architecture}", *FLAGS]
        options = (ctypes.c_char_p * len(flags))(*[flag.encode() for flag in flags])
        status = nvrtc.nvrtcCompileProgram(program, len(flags), options)
        size = ctypes.c_size_t()
        if status:
            nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
            log = ctypes.create_string_buffer(size.value)
            nvrtc.nvrtcGetProgramLog(program, log)
            raise RuntimeError(f"NVRTC: {log.value.decode()}\n{text[-4000:]}")
        nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
        code = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetCUBIN(program, code)
        return code.raw
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
