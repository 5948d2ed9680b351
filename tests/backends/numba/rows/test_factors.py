"""LU factors by the kernel: the bits of NumPy's, whatever the matrix."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")
from minikeras_numba.machine.team import get_threads, set_threads

from minikeras import ops
from minikeras.engine import backend as registry
from minikeras.engine.compile import jit

SHAPES = [(5, 8, 8), (2, 3, 7, 4), (1, 4, 9), (40, 40), (3, 1, 1), (70, 17, 17)]
KINDS = {
    "normal": lambda x: x,
    "zeros": np.zeros_like,
    "of few numbers": np.round,
    "with NaN": lambda x: np.where(x > 1.5, np.nan, x).astype(x.dtype),
    "with infinities": lambda x: np.where(x > 1.5, np.inf, x).astype(x.dtype),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_bits(kind, shape, dtype):
    x = KINDS[kind](np.random.default_rng(1).standard_normal(shape).astype(dtype))
    before = get_threads()
    expected = registry.load("numpy").kernels["lu"](x)
    try:
        for threads in (1, 2):
            set_threads(threads)
            found = registry.load("numba").kernels["lu"](x)
            for a, b in zip(found, expected, strict=True):
                assert a.dtype == b.dtype
                np.testing.assert_array_equal(a, b)
    finally:
        set_threads(before)


def test_a_compiled_determinant_factors_once():
    """The second factorisation, and what solves for cofactors, are for the gradient alone."""
    x = np.random.default_rng(2).standard_normal((9, 4, 4))
    x[3] = 0
    x[4, 1] = x[4, 0]
    f = jit(ops.det)
    np.testing.assert_allclose(np.asarray(f(x)), np.linalg.det(x), atol=1e-12)
    names = [n.prim.name for n in f.programs[0].nodes]
    assert names.count("lu") == 1 and "triangular_solve" not in names
