"""NVRTC by ctypes, from the package nvidia-cuda-nvrtc: compiles CUDA without a GPU."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

ARCHITECTURES = ("sm_75", "sm_80", "sm_90")


def _folders() -> list[Path]:
    spec = importlib.util.find_spec("nvidia")
    return [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []


def library() -> ctypes.CDLL | None:
    """The compiler, or None where its package is not installed."""
    for folder in _folders():
        for path in sorted(folder.glob("*/lib/libnvrtc.so.*")):
            return ctypes.CDLL(str(path))
    return None


def includes() -> list[str]:
    """Folders with CUDA's headers (package nvidia-cuda-runtime); needed for half types."""
    found = [p.parent for f in _folders() for p in f.glob("*/include/cuda_fp16.h")]
    return [str(p) for p in found]


def compile_source(source: str, architecture: str) -> bytes:
    """The machine code of `source`.

    Raises:
        RuntimeError: With the compiler's log.
    """
    nvrtc = library()
    assert nvrtc is not None
    program = ctypes.c_void_p()
    nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None
    )
    try:
        flags = [f"--gpu-architecture={architecture}", "--std=c++17"]
        flags += [f"--include-path={p}" for p in includes()]
        options = (ctypes.c_char_p * len(flags))(*[f.encode() for f in flags])
        status = nvrtc.nvrtcCompileProgram(program, len(flags), options)
        size = ctypes.c_size_t()
        nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetProgramLog(program, log)
        if status:
            raise RuntimeError(f"{log.value.decode()}\n{source}")
        nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
        code = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetCUBIN(program, code)
        return code.raw
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
