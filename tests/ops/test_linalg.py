"""Linear algebra, norms and derivatives along a direction, against NumPy."""

import numpy as np
import pytest

import minikeras.models  # noqa: F401 - records symbolic calls
from minikeras import ops
from minikeras.engine.aval import ShapeError
from minikeras.engine.compile import jit
from minikeras.engine.symbolic import KerasTensor
from minikeras.testing.gradients import check_grads

RNG = np.random.default_rng(5)
SQUARE = RNG.normal(size=(2, 3, 3)) + 3 * np.eye(3)
DEFINITE = SQUARE @ SQUARE.swapaxes(-1, -2)
TALL = RNG.normal(size=(4, 3))
RIGHT = RNG.normal(size=(2, 3, 2))


def _logdet(a):
    return np.linalg.slogdet(a)[1]


ROWS = [
    ("cholesky", (DEFINITE,), {}, np.linalg.cholesky),
    ("det", (SQUARE,), {}, np.linalg.det),
    ("logdet", (DEFINITE,), {}, _logdet),
    ("inv", (SQUARE,), {}, np.linalg.inv),
    ("pinv", (TALL,), {}, np.linalg.pinv),
    ("solve", (SQUARE, RIGHT), {}, np.linalg.solve),
    ("lstsq", (TALL, TALL[:, 0] + 1), {}, lambda a, b: np.linalg.lstsq(a, b)[0]),
    ("svd", (TALL,), {"compute_uv": False}, lambda a: np.linalg.svd(a)[1]),
    ("norm", (TALL,), {}, np.linalg.norm),
    ("norm", (TALL,), {"ord": "nuc"}, lambda a: np.linalg.norm(a, "nuc")),
    ("norm", (TALL,), {"ord": -2}, lambda a: np.linalg.norm(a, -2)),
    ("norm", (TALL,), {"ord": 3, "axis": 1}, lambda a: np.linalg.norm(a, 3, axis=1)),
]


@pytest.mark.parametrize(("name", "args", "options", "reference"), ROWS)
def test_values_gradients_and_compiled(name, args, options, reference):
    def call(*tensors):
        return getattr(ops, name)(*tensors, **options)

    expected = reference(*args)
    np.testing.assert_allclose(call(*args).numpy(), expected, 1e-9, 1e-9)
    np.testing.assert_allclose(jit(call)(*args).numpy(), expected, 1e-9, 1e-9)
    check_grads(call, list(args))


def test_factors_multiply_to_the_matrix():
    q, r = (t.numpy() for t in ops.qr(TALL))
    np.testing.assert_allclose(q @ r, TALL, atol=1e-12)
    u, s, v = (t.numpy() for t in ops.svd(TALL, full_matrices=False))
    np.testing.assert_allclose((u * s) @ v, TALL, atol=1e-12)
    w, vectors = (t.numpy() for t in ops.eigh(DEFINITE))
    rebuilt = (vectors * w[:, None]) @ vectors.swapaxes(-1, -2)
    np.testing.assert_allclose(rebuilt, DEFINITE, atol=1e-11)
    w, v = (t.numpy() for t in ops.eig(SQUARE[0]))
    np.testing.assert_allclose(SQUARE[0] @ v, v * w, atol=1e-12)


def test_lu_factor_exchanges_rows_as_its_pivots_say():
    packed, pivots = (t.numpy() for t in ops.lu_factor(SQUARE[0][::-1].copy()))
    product = (np.tril(packed, -1) + np.eye(3)) @ np.triu(packed)
    rows = SQUARE[0][::-1].copy()
    for i, p in enumerate(pivots):
        rows[[i, p]] = rows[[p, i]]
    np.testing.assert_allclose(product, rows, atol=1e-12)


def test_triangular_systems_read_one_triangle():
    for lower in (True, False):
        x = ops.solve_triangular(SQUARE, RIGHT, lower=lower).numpy()
        triangle = np.tril(SQUARE) if lower else np.triu(SQUARE)
        np.testing.assert_allclose(triangle @ x, RIGHT, atol=1e-12)
    factor = np.linalg.cholesky(DEFINITE)
    inverse = ops.cholesky_inverse(factor).numpy()
    np.testing.assert_allclose(inverse @ DEFINITE, np.stack([np.eye(3)] * 2), atol=1e-9)


def test_rank_counts_what_is_not_zero():
    assert ops.matrix_rank(np.outer([1.0, 2.0], [3.0, 4.0])).item() == 1
    assert ops.matrix_rank(TALL).item() == 3


def test_jvp_is_the_derivative_along_the_tangent():
    value, slope = ops.jvp(lambda x, y: x * y + x, (3.0, 2.0), (1.0, 0.5))
    assert (value.item(), slope.item()) == (9.0, 4.5)
    out = ops.jvp(lambda x: (x * x, "aux"), (3.0,), (2.0,), has_aux=True)
    assert (out[0].item(), out[1].item(), out[2]) == (9.0, 12.0, "aux")


def test_unknown_batches_stay_unknown():
    x = KerasTensor((None, 3, 3))
    assert ops.inv(x).shape == (None, 3, 3)
    assert ops.det(x).shape == (None,)
    assert [t.shape for t in ops.svd(x)] == [(None, 3, 3), (None, 3), (None, 3, 3)]
    assert ops.norm(x, axis=-1).shape == (None, 3)


def test_errors_name_the_op():
    with pytest.raises(ShapeError, match="det: argument `x` has shape"):
        ops.det(TALL)
    with pytest.raises(
        ValueError, match=r"cholesky: a matrix .* not positive definite"
    ):
        ops.cholesky(-np.eye(2))
    with pytest.raises(ValueError, match="norm: ord='fro' along one axis"):
        ops.norm(TALL[0], ord="fro")
    with pytest.raises(ShapeError, match="solve: shapes"):
        ops.solve(SQUARE, np.ones((4, 1)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("shape", [(1024, 3), (1500, 7), (3001, 16), (1100, 1)])
def test_tall_matrices(shape, dtype, backend):
    """They are taken apart in blocks: the same values, and factors as good."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal(shape).astype(dtype)
    if dtype == "complex64":
        a = a + 1j * rng.standard_normal(shape).astype("float32")
    u, s, vh = (t.numpy() for t in ops.svd(a, full_matrices=False))
    limit = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(s, np.linalg.svd(a, compute_uv=False), rtol=limit)
    np.testing.assert_allclose((u * s) @ vh, a, atol=10 * limit)
    np.testing.assert_allclose(u.conj().T @ u, np.eye(shape[1]), atol=limit)
    assert u.dtype == vh.dtype == dtype
    if dtype != "complex64":
        b = rng.standard_normal((shape[0], 2)).astype(dtype)
        wanted = np.linalg.lstsq(a, b, rcond=None)[0]
        np.testing.assert_allclose(ops.lstsq(a, b).numpy(), wanted, atol=limit)


def test_a_tall_matrix_that_is_not_finite(backend):
    a = np.ones((1200, 2), "float32")
    a[7, 1] = np.nan
    assert all(np.isnan(t.numpy()).all() for t in ops.svd(a, full_matrices=False))
