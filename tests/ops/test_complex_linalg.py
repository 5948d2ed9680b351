"""Decompositions, systems and norms of complex matrices: values, and slopes of both parts."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.engine.compile import jit
from tests.goldens.oracle import keras as oracle

rng = np.random.default_rng(5)


def numbers(*shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


Z = numbers(2, 3, 3) + 2 * np.eye(3)
TALL, WIDE, B = numbers(2, 4, 3), numbers(2, 3, 4), numbers(2, 3, 2)
WEIGHTS = numbers(2, 4, 4)


def hermitian(z):
    """Positive definite ones."""
    return ops.matmul(z, ops.conj(ops.swapaxes(z, -1, -2))) + np.eye(
        z.shape[-2], dtype="float32"
    )


def adjoint(z):
    return ops.conj(ops.swapaxes(z, -1, -2))


def weighed(z):
    """A real number that all elements of a matrix go into, each with a weight of its own."""
    *_, rows, columns = z.shape
    return ops.real(ops.sum(z * WEIGHTS[:, :rows, :columns]))


def projections(vectors, values):
    """What is the same whatever the phases of vectors are: sum of f(value) v v^H."""
    scaled = vectors * ops.expand_dims(ops.cast(ops.sin(values), vectors.dtype), -2)
    return ops.matmul(scaled, adjoint(vectors))


def _both_sides(z):
    u, s, v = ops.svd(z, full_matrices=False)
    turned = ops.cast(ops.expand_dims(ops.exp(-s), -1), v.dtype) * v
    return weighed(ops.matmul(u, turned))


def _left_alone(z):
    u, s, _ = ops.svd(z, full_matrices=False)
    return weighed(projections(u, s))


def _right_alone(z):
    _, s, v = ops.svd(z, full_matrices=False)
    return weighed(projections(adjoint(v), s))


def _q_and_r(z):
    q, r = ops.qr(z)
    return weighed(ops.sin(q)) + weighed(r * r)


def _log_and_sign(z):
    sign, log = ops.slogdet(z)
    return ops.sum(log) + ops.real(ops.sum(sign * np.array([1 + 2j, -0.5j])))


LOSSES = {
    "inv": (Z, lambda z: weighed(ops.inv(z))),
    "solve": (Z, lambda z: weighed(ops.solve(z, B))),
    "solve_right": (B, lambda b: weighed(ops.solve(Z, b))),
    "triangular": (Z, lambda z: weighed(ops.solve_triangular(z, B, lower=True))),
    "det": (Z, lambda z: ops.real(ops.sum(ops.det(z) * np.array([1j, 2 - 1j])))),
    "slogdet": (Z, _log_and_sign),
    "lu": (Z, lambda z: weighed(ops.lu_factor(z)[0])),
    "cholesky": (Z, lambda z: weighed(ops.cholesky(hermitian(z)))),
    "cholesky_upper": (Z, lambda z: weighed(ops.cholesky(hermitian(z), upper=True))),
    "cholesky_lopsided": (
        hermitian(Z).numpy() + 0.01 * Z,
        lambda z: weighed(ops.cholesky(z)),
    ),
    "cholesky_inverse": (Z, lambda z: weighed(ops.cholesky_inverse(z))),
    "cholesky_inverse_upper": (Z, lambda z: weighed(ops.cholesky_inverse(z, True))),
    "qr_square": (Z, _q_and_r),
    "qr_tall": (TALL, _q_and_r),
    "qr_wide": (WIDE, _q_and_r),
    "eigenvalues": (Z, lambda z: ops.sum(ops.sin(ops.eigh(hermitian(z))[0]))),
    "eigh": (Z, lambda z: weighed(projections(*ops.eigh(z + adjoint(z))[::-1]))),
    "eigh_lopsided": (Z, lambda z: weighed(projections(*ops.eigh(z)[::-1]))),
    "singular_values": (
        WIDE,
        lambda z: ops.sum(ops.sin(ops.svd(z, compute_uv=False))),
    ),
    "svd_square": (Z, _both_sides),
    "svd_tall": (TALL, _both_sides),
    "svd_wide": (WIDE, _both_sides),
    "svd_left": (TALL, _left_alone),
    "svd_right": (WIDE, _right_alone),
    "pinv": (TALL, lambda z: weighed(ops.pinv(z))),
    "lstsq": (TALL[0], lambda z: ops.real(ops.sum(ops.lstsq(z, TALL[1])))),
    "lstsq_right": (TALL[1], lambda b: ops.real(ops.sum(ops.lstsq(TALL[0], b)))),
    "nuclear": (TALL, lambda z: ops.sum(ops.norm(z, "nuc", axis=(1, 2)))),
    "spectral": (WIDE, lambda z: ops.sum(ops.norm(z, 2, axis=(1, 2)))),
    "least": (WIDE, lambda z: ops.sum(ops.norm(z, -2, axis=(1, 2)))),
    "frobenius": (WIDE, lambda z: ops.sum(ops.norm(z, "fro", axis=(1, 2)))),
}


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_the_two_parts(name, compiled):
    """d/dx - i d/dy along random directions, by central differences in float64."""
    start, loss = LOSSES[name]

    def slopes(z):
        with keras.GradientTape() as tape:
            tape.watch(z)
            value = loss(z)
        assert value.dtype == "float64"
        return tape.gradient(value, z)

    run = jit(slopes) if compiled else slopes
    gradient = run(ops.convert_to_tensor(start)).numpy()
    assert (gradient.dtype, gradient.shape) == ("complex128", start.shape)
    draw = np.random.default_rng(9)
    for _ in range(4):
        way = draw.normal(size=start.shape) + 1j * draw.normal(size=start.shape)
        up, down = loss(start + 1e-6 * way).item(), loss(start - 1e-6 * way).item()
        slope = np.sum(gradient * way).real
        np.testing.assert_allclose(slope, (up - down) / 2e-6, rtol=2e-6, atol=1e-7)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_factors_make_the_matrix(dtype):
    close = {"rtol": 0, "atol": 1e-4 if dtype == "complex64" else 1e-11}
    part = "float32" if dtype == "complex64" else "float64"
    for x in (Z, TALL, WIDE, np.empty((0, 2, 2)), numbers(1, 1)):
        x = x.astype(dtype)
        for full in (False, True):
            u, s, v = ops.svd(x, full_matrices=full)
            assert (u.dtype, s.dtype, v.dtype) == (dtype, part, dtype)
            k = s.shape[-1]
            made = (u.numpy()[..., :k] * s.numpy()[..., None, :]) @ v.numpy()[
                ..., :k, :
            ]
            np.testing.assert_allclose(made, x, **close)
        for mode in ("reduced", "complete"):
            q, r = ops.qr(x, mode=mode)
            np.testing.assert_allclose(q.numpy() @ r.numpy(), x, **close)
    w, v = ops.eigh(hermitian(ops.convert_to_tensor(Z.astype(dtype))))
    h = hermitian(Z).numpy()
    assert (w.dtype, v.dtype) == (part, dtype)
    np.testing.assert_allclose(h @ v.numpy(), v.numpy() * w.numpy()[:, None], **close)
    low = ops.cholesky(h.astype(dtype)).numpy()
    np.testing.assert_allclose(low @ low.conj().swapaxes(1, 2), h, **close)
    np.testing.assert_allclose(ops.cholesky_inverse(low).numpy() @ h, _units(), **close)
    up = ops.cholesky(h.astype(dtype), upper=True).numpy()
    np.testing.assert_allclose(up.conj().swapaxes(1, 2) @ up, h, **close)
    back = ops.cholesky_inverse(up, upper=True).numpy()
    np.testing.assert_allclose(back @ h, _units(), **close)


def _units():
    return np.broadcast_to(np.eye(3), (2, 3, 3))


@pytest.mark.usefixtures("backend")
def test_values_are_numpys():
    sign, log = ops.slogdet(Z)
    np.testing.assert_allclose((sign, log), np.linalg.slogdet(Z), rtol=1e-12)
    assert log.dtype == "float64"
    for ours, theirs in (
        (ops.inv(Z), np.linalg.inv(Z)),
        (ops.det(Z), np.linalg.det(Z)),
        (ops.solve(Z, B), np.linalg.solve(Z, B)),
        (ops.pinv(TALL), np.linalg.pinv(TALL)),
        (ops.lstsq(TALL[0], TALL[1]), np.linalg.lstsq(TALL[0], TALL[1])[0]),
        (ops.matrix_rank(Z), np.linalg.matrix_rank(Z)),
        (ops.norm(Z[0], 2), np.linalg.norm(Z[0], 2)),
        (ops.norm(Z[0], "nuc"), np.linalg.norm(Z[0], "nuc")),
        (ops.norm(Z[0], -2), np.linalg.norm(Z[0], -2)),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
        assert ours.dtype == ("int32" if theirs.dtype.kind == "i" else theirs.dtype)


@pytest.mark.usefixtures("backend")
def test_singular_complex_matrices_have_values_and_slopes():
    flat = np.array([[1, 1j], [1j, -1]]) * np.ones((2, 1, 1))
    assert ops.det(flat).tolist() == [0, 0]
    assert ops.slogdet(flat)[0].tolist() == [0, 0]
    assert ops.slogdet(flat)[1].tolist() == [-np.inf, -np.inf]
    with keras.GradientTape() as tape:
        z = ops.convert_to_tensor(flat)
        tape.watch(z)
        loss = ops.real(ops.sum(ops.det(z)))
    cofactors = np.array([[-1, -1j], [-1j, 1]])
    np.testing.assert_allclose(tape.gradient(loss, z)[0], cofactors, atol=1e-12)


def test_symbols_know_which_results_are_real():
    x = keras.KerasTensor((2, 3, 3), "complex64")
    assert [t.dtype for t in ops.svd(x)] == ["complex64", "float32", "complex64"]
    assert [t.dtype for t in ops.eigh(x)] == ["float32", "complex64"]
    assert [t.dtype for t in ops.slogdet(x)] == ["complex64", "float32"]
    assert ops.norm(x, "nuc", axis=(1, 2)).dtype == "float32"
    assert ops.inv(x).dtype == ops.cholesky(x).dtype == "complex64"


@pytest.mark.usefixtures("backend")
def test_the_greatest_has_the_greatest_real_part():
    z = np.array([[1 + 5j, 2 - 1j, 2 + 0j], [0j, -1j, 1j]])
    for function in (lambda: ops.argmax(z, axis=1), lambda: jit(ops.argmax)(z, axis=1)):
        assert function().tolist() == [2, 2]
    assert ops.argmin(z, axis=1).tolist() == [0, 1]
    assert ops.argmax(z).tolist() == 2
    assert ops.top_k(z, 2)[1].tolist() == [[2, 1], [2, 0]]


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["eigh", "svd_tall", "cholesky_lopsided", "slogdet"])
def test_gradients_are_jaxs(name):
    oracle()
    import jax
    import jax.numpy as jnp

    def theirs(z):
        weights = jnp.asarray(WEIGHTS.astype("complex64"))

        def weighed(m):
            *_, rows, columns = m.shape
            return jnp.real(jnp.sum(m * weights[:, :rows, :columns]))

        if name == "eigh":
            w, v = jnp.linalg.eigh(z + z.conj().swapaxes(1, 2))
            return weighed((v * jnp.sin(w)[:, None]) @ v.conj().swapaxes(1, 2))
        if name == "svd_tall":
            u, s, v = jnp.linalg.svd(z, full_matrices=False)
            return weighed(u @ (jnp.exp(-s)[..., None] * v))
        if name == "slogdet":
            sign, log = jnp.linalg.slogdet(z)
            return log.sum() + jnp.real(jnp.sum(sign * jnp.array([1 + 2j, -0.5j])))
        return weighed(jnp.linalg.cholesky(z))

    start, loss = LOSSES[name]
    start = start.astype("complex64")
    with keras.GradientTape() as tape:
        z = ops.convert_to_tensor(start)
        tape.watch(z)
        value = loss(z)
    wanted = jax.grad(theirs)(start)
    np.testing.assert_allclose(tape.gradient(value, z), wanted, rtol=2e-3, atol=2e-3)
