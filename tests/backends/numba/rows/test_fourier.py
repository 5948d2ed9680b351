"""Fourier transforms by the kernel, beside NumPy's in float64."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")
from minikeras_kernels.fourier import radices
from minikeras_numba.machine.team import get_threads, set_threads
from minikeras_numba.rows import fourier

from minikeras import ops
from minikeras.engine import backend as registry
from minikeras.engine.compile import jit

LENGTHS = (2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 21, 30, 49, 64, 100, 105, 256, 1024)
ULP = {"float32": 2.0**-23, "float64": 2.0**-52}


def drawn(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for _ in range(2)]


def error(found, expected):
    made = found[0].astype("float64") + 1j * found[1]
    return abs(made - expected).max() / abs(expected).max()


@pytest.mark.parametrize("dtype", ULP)
@pytest.mark.parametrize("length", LENGTHS)
def test_values(length, dtype):
    kernel = registry.load("numba").kernels["fft"]
    for lines in (8, 16, 37):
        real, imag = drawn((lines, length), dtype)
        z = real.astype("float64") + 1j * imag
        limit = 2 * ULP[dtype] * np.log2(2 * length)
        found = kernel(real, imag, inverse=False)
        assert all(part.dtype == dtype for part in found)
        assert error(found, np.fft.fft(z)) < limit
        back = kernel(real, imag, inverse=True)
        assert error(back, np.fft.ifft(z, norm="forward")) < limit


def test_the_kernel_is_asked(monkeypatch):
    asked = []
    plain = fourier.transform
    monkeypatch.setattr(fourier, "compile_kernel", lambda *a: asked.append(a) or 1 / 0)
    for shape, wanted in (((8, 64), 1), ((4, 2, 64), 1), ((3, 64), 0), ((64, 11), 0)):
        asked.clear()
        real, imag = drawn(shape, "float64")
        kernel = registry.load("numba").kernels["fft"]
        kernel._kept.clear()
        if wanted:
            with pytest.raises(ZeroDivisionError):
                kernel(real, imag, inverse=False)
        else:
            kernel(real, imag, inverse=False)
        assert len(asked) == wanted
        kernel._kept.clear()
    assert plain is fourier.transform


def test_bits_do_not_hang_on_threads_nor_on_the_other_lines():
    real, imag = drawn((100, 120), "float32")
    kernel, before = registry.load("numba").kernels["fft"], get_threads()
    try:
        made = []
        for threads in (1, 3):
            set_threads(threads)
            kernel._kept.clear()
            made.append(kernel(real, imag, inverse=False))
    finally:
        set_threads(before)
        kernel._kept.clear()
    few = kernel(real[40:60], imag[40:60], inverse=False)
    for one, other, part in zip(*made, few, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one[40:60], part)


def test_what_is_not_finite_stays_in_its_line():
    real, imag = drawn((20, 32), "float32")
    clean = ops.fft((real, imag))
    real[3, 5], imag[7, 2] = np.inf, np.nan
    for found, plain in zip(ops.fft((real, imag)), clean, strict=True):
        rows = np.isfinite(found.numpy()).all(1)
        assert rows.tolist() == [i not in (3, 7) for i in range(20)]
        np.testing.assert_array_equal(found.numpy()[rows], plain.numpy()[rows])


def test_compiled_and_two_axes(backend):
    real, imag = drawn((5, 12, 20), "float32")
    z = real.astype("float64") + 1j * imag
    for function, theirs in ((ops.fft2, np.fft.fft2), (ops.ifft2, np.fft.ifft2)):
        eager = function((real, imag))
        staged = jit(lambda a, b, f=function: f((a, b)))(real, imag)
        for one, other in zip(eager, staged, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
        assert error([v.numpy() for v in eager], theirs(z)) < 1e-6


def test_radices():
    assert radices(1) == ()
    assert radices(22) is None
    for n in LENGTHS:
        assert np.prod(radices(n)) == n
