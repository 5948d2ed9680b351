"""Runs a generated kernel on the CPU: the CUDA source compiled as C++ with a shim.

The kernels use no shared memory and no barriers, so one thread that walks the whole
grid computes what the GPU would. Needs a C++ compiler.
"""

# ruff: noqa: E501 - lines of C in texts
from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from minikeras_cupy.fused import Kernel

SHIM = r"""
#include <cmath>
#include <cstring>
using namespace std;
#define __device__
#define __global__
struct Dim { unsigned x; };
static Dim blockIdx = {0}, blockDim = {1}, threadIdx = {0}, gridDim = {1};
static inline float __int_as_float(int i) { float f; memcpy(&f, &i, 4); return f; }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((unsigned long long)a * b) >> 32); }
struct __half {
  unsigned short bits;
  __half() {}
  __half(float f) { _Float16 h = (_Float16)f; memcpy(&bits, &h, 2); }
};
static inline float __half2float(__half a) { _Float16 h; memcpy(&h, &a.bits, 2); return (float)h; }
static inline __half __float2half_rn(float f) { return __half(f); }
struct __nv_bfloat16 {
  unsigned short bits;
  __nv_bfloat16() {}
  __nv_bfloat16(float f) {  // to nearest, ties to even
    unsigned u; memcpy(&u, &f, 4);
    bits = f != f ? 0x7fc0 : (unsigned short)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
  }
};
static inline float __bfloat162float(__nv_bfloat16 a) { return __int_as_float((int)((unsigned)a.bits << 16)); }
static inline __nv_bfloat16 __float2bfloat16_rn(float f) { return __nv_bfloat16(f); }
template <class T> static inline T rsqrt(T a) { return (T)1 / sqrt(a); }
template <class T> static T erfinv(T y) {  // Newton's method from Winitzki's estimate
  if (y != y || y < (T)-1 || y > (T)1) return (T)NAN;
  if (y == (T)1 || y == (T)-1) return y * (T)INFINITY;
  double v = y, l = ::log(1 - v * v), a = 0.147, b = 2 / (M_PI * a) + l / 2;
  double x = copysign(::sqrt(::sqrt(b * b - l / a) - b), v);
  for (int k = 0; k < 4; ++k) x -= (::erf(x) - v) / (2 / ::sqrt(M_PI) * ::exp(-x * x));
  return (T)x;
}
"""

FLAGS = ["-O0", "-w", "-std=c++17", "-fwrapv", "-fPIC"]


def compiler() -> str | None:
    """The C++ compiler, if there is one."""
    return shutil.which("g++") or shutil.which("clang++")


def run(kernel: Kernel, folder: Path, *arrays: np.ndarray[Any, Any]) -> None:
    """Call the kernel on arrays, in its parameters' order; outputs are written in place."""
    found = compiler()
    assert found is not None
    header = folder / "shim.h"
    if not header.exists():  # compiled once, read by every kernel
        header.write_text(SHIM)
        command = [found, *FLAGS, "-x", "c++-header", str(header)]
        subprocess.run([*command, "-o", f"{header}.gch"], check=True)
    source, library = folder / f"{kernel.name}.cpp", folder / f"{kernel.name}.so"
    if not library.exists():
        code = kernel.source.replace("#include <cuda_fp16.h>", "")
        code = code.replace("#include <cuda_bf16.h>", "")
        source.write_text(f'#include "shim.h"\n{code}')
        command = [found, *FLAGS, "-shared", "-o", str(library), str(source)]
        subprocess.run(command, check=True)
    function = getattr(ctypes.CDLL(str(library)), kernel.name)
    function(*[a.ctypes.data_as(ctypes.c_void_p) for a in arrays])
