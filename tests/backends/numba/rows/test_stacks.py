"""Stacks of small matrices, a lane each: what every decomposition promises, and the bits."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")
from minikeras_numba.machine.team import get_threads, set_threads

from minikeras import ops
from minikeras.engine import backend as registry
from minikeras.engine.compile import jit

SHAPES = [(40, 6, 6), (17, 5, 3), (33, 7, 9), (16, 1, 1), (9, 3, 16, 1), (20, 33, 33)]
SQUARE = [s for s in SHAPES if s[-1] == s[-2]]


@pytest.fixture(params=(1, 2))
def threads(request):
    before = get_threads()
    set_threads(request.param)
    yield request.param
    set_threads(before)


def kernel(name, backend="numba"):
    return registry.load(backend).kernels[name]


def drawn(shape, dtype, seed=0):
    """Matrices, some of them special: of lower rank, tiny, huge, zero."""
    x = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    x = x.reshape(-1, *shape[-2:])
    x[1] = 0
    x[2, :, 0] = x[2, :, -1]
    x[3] *= 1e-18
    x[4] *= 1e18
    x[5] = 1
    x[6, 0] = 0
    return x.reshape(shape)


def close(found, expected, unit, dtype, times=30):
    error = np.abs(found - expected) / unit
    assert error.max() <= times * np.finfo(dtype).eps


def unit_of(x):
    return np.abs(x).max((-1, -2), keepdims=True) * max(x.shape[-2:]) + 1e-30


def orthonormal(q, dtype):
    close(np.swapaxes(q, -1, -2) @ q, np.eye(q.shape[-1]), 1, dtype, 60)


def test_few_or_large_matrices_are_numpys():
    def step(*shape):
        x = np.zeros(shape, "float32")
        kernel("qr")(x, full=False)
        found = kernel("qr")._known([(x.shape, "float32")], {"full": False})
        return found

    assert step(100, 4, 4) is not None
    assert step(2, 4, 4) is None and step(16, 300, 300) is None
    # Of one matrix initial weights are made, which are the same on every backend.
    assert step(4, 4) is None and step(1, 4, 4) is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_qr(shape, dtype, threads):
    x = drawn(shape, dtype)
    for full in (False, True):
        q, r = kernel("qr")(x, full=full)
        shapes = [a.shape for a in kernel("qr", "numpy")(x, full=full)]
        assert [q.shape, r.shape] == shapes and q.dtype == r.dtype == dtype
        orthonormal(q, dtype)
        close(q @ r, x, unit_of(x), dtype)
        np.testing.assert_array_equal(r, np.triu(r))
    # The signs are LAPACK's.
    y = np.random.default_rng(1).standard_normal((20, 4, 3)).astype(dtype)
    for a, b in zip(kernel("qr")(y, full=False), kernel("qr", "numpy")(y, full=False)):
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_svd(shape, dtype, threads):
    x = drawn(shape, dtype)
    for full in {False, shape[-1] == shape[-2]}:
        u, s, v = kernel("svd")(x, full=full)
        orthonormal(u, dtype)
        orthonormal(np.swapaxes(v, -1, -2), dtype)
        close(u * s[..., None, :] @ v, x, unit_of(x), dtype)
        assert (np.diff(s, axis=-1) <= 0).all() and (s >= 0).all()
        expected = np.linalg.svd(x.astype("float64"), compute_uv=False)
        close(s, expected, unit_of(x)[..., 0], dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SQUARE)
def test_eigh(shape, dtype, threads):
    x = drawn(shape, dtype)
    w, v = kernel("eigh")(x)
    mean = (x + np.swapaxes(x, -1, -2)) / 2
    orthonormal(v, dtype)
    close(v * w[..., None, :] @ np.swapaxes(v, -1, -2), mean, unit_of(x), dtype)
    expected = np.linalg.eigvalsh(mean.astype("float64"))
    assert (np.diff(w, axis=-1) >= 0).all()
    close(w, expected, unit_of(x)[..., 0], dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 5, 33])
def test_cholesky_and_solve(n, dtype, threads):
    """What cannot be done is nan, and leaves the rest of the stack alone."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((19, n, n)).astype(dtype)
    spd = (x @ np.swapaxes(x, -1, -2) + n * np.eye(n)).astype(dtype)
    spd[4] *= -1
    spd[5, -1, -1] = 0
    spd[6, 0, 0] = np.nan
    found, expected = (kernel("cholesky", b)(spd) for b in ("numba", "numpy"))
    assert np.isnan(found[4:7]).all()  # LAPACK goes on where a pivot is nan
    rest = np.delete(np.arange(19), [4, 5, 6])
    tolerance = {"rtol": 1e-3, "atol": 1e-4} if dtype == "float32" else {}
    np.testing.assert_allclose(found[rest], expected[rest], **tolerance)
    a = (x + 4 * np.eye(n)).astype(dtype)
    a[7] = 0
    for columns in (1, 4, n):
        b = rng.standard_normal((19, n, columns)).astype(dtype)
        solved = kernel("solve")(a, b)
        assert np.isnan(solved[7]).all()
        kept = np.delete(np.arange(19), 7)
        size = np.abs(solved[kept]).max((-1, -2), keepdims=True) + 1
        close(a[kept] @ solved[kept], b[kept], size * 10 * n, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 6, 33])
def test_the_bits_of_substitution_and_lu(n, dtype, threads):
    rng = np.random.default_rng(4)
    a = (rng.standard_normal((21, n, n)) + 4 * np.eye(n)).astype(dtype)
    a[3, 0, 0] = 0
    a[4, -1, 0] = np.nan
    b = rng.standard_normal((21, n, 5)).astype(dtype)
    for lower in (False, True):
        for turned in (False, True):
            how = {"lower": lower, "transpose_a": turned}
            found, expected = (
                kernel("triangular_solve", k)(a, b, **how) for k in ("numba", "numpy")
            )
            np.testing.assert_array_equal(found, expected)
    for x in (a, np.round(a), a[..., : max(1, n // 2)], np.where(a > 1, np.inf, a)):
        x = np.ascontiguousarray(x)
        for f, e in zip(kernel("lu")(x), kernel("lu", "numpy")(x), strict=True):
            assert f.dtype == e.dtype
            np.testing.assert_array_equal(f, e)


def test_what_is_not_finite_is_nan_alone():
    x = np.random.default_rng(5).standard_normal((20, 4, 4))
    x[3, 1, 1], x[4, 0, 2] = np.nan, np.inf
    for made in (*kernel("eigh")(x), *kernel("svd")(x, full=True)):
        flat = np.isnan(made.reshape(20, -1))
        assert flat[3:5].all() and not np.delete(flat, [3, 4], 0).any()


def test_compiled_steps_have_eager_bits():
    x = np.random.default_rng(6).standard_normal((18, 5, 5)).astype("float32")
    for f in (ops.inv, ops.svd, ops.eigh, ops.pinv, ops.det, ops.qr, ops.lu_factor):
        compiled, eager = jit(f)(x), f(x)
        made = compiled if isinstance(compiled, tuple) else (compiled,)
        plain = eager if isinstance(eager, tuple) else (eager,)
        for a, b in zip(made, plain, strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
