"""Runs a generated kernel on the CPU: the CUDA source compiled as C++ with a shim.

The kernels use no shared memory and no barriers, so one thread that walks the whole
grid computes what the GPU would. Needs a C++ compiler; float16 and bfloat16 are left
to the machines that have a GPU.
"""

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


def compiler() -> str | None:
    """The C++ compiler, if there is one."""
    return shutil.which("g++") or shutil.which("clang++")


def run(kernel: Kernel, folder: Path, *arrays: np.ndarray[Any, Any]) -> None:
    """Call the kernel on arrays, in its parameters' order; outputs are written in place."""
    found = compiler()
    assert found is not None
    source, library = folder / f"{kernel.name}.cpp", folder / f"{kernel.name}.so"
    if not library.exists():
        source.write_text(SHIM + kernel.source)
        command = [found, "-O1", "-w", "-std=c++17", "-fwrapv", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", str(library), str(source)], check=True)
    function = getattr(ctypes.CDLL(str(library)), kernel.name)
    function(*[a.ctypes.data_as(ctypes.c_void_p) for a in arrays])
