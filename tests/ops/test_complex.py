"""complex64 and complex128: creation, arithmetic, parts, gradients, compiled and symbolic."""

import numpy as np
import pytest

import minikeras as keras
from minikeras import ops
from minikeras.engine.compile import jit
from minikeras.engine.dtypes import result_type
from tests.goldens.oracle import keras as oracle

rng = np.random.default_rng(2)


def numbers(*shape, dtype="complex128"):
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)


Z, W = numbers(3, 4), numbers(4, 2)
FUNCTIONS = {
    "add": (lambda z: ops.add(z, 1.5), lambda z: z + 1.5),
    "times_i": (lambda z: z * 2j, lambda z: z * 2j),
    "divide": (lambda z: 1 / (z + 2), lambda z: 1 / (z + 2)),
    "power": (lambda z: ops.power(z, 2), lambda z: z**2),
    "matmul": (lambda z: ops.matmul(z, W), lambda z: z @ W),
    "einsum": (lambda z: ops.einsum("ij,jk->ki", z, W), lambda z: (z @ W).T),
    "conj": (lambda z: ops.conj(z), np.conj),
    "real": (lambda z: ops.real(z), np.real),
    "imag": (lambda z: ops.imag(z), np.imag),
    "angle": (lambda z: ops.angle(z), np.angle),
    "abs": (lambda z: ops.abs(z), np.abs),
    "exp": (lambda z: ops.exp(z), np.exp),
    "sqrt": (lambda z: ops.sqrt(z), np.sqrt),
    "sum": (lambda z: ops.sum(z, axis=0), lambda z: z.sum(0)),
    "mean": (lambda z: ops.mean(z), np.mean),
    "prod": (lambda z: ops.prod(z, axis=1), lambda z: z.prod(1)),
    "cumsum": (lambda z: ops.cumsum(z, axis=1), lambda z: z.cumsum(1)),
    "index": (lambda z: z[1:, ::2], lambda z: z[1:, ::2]),
    "take": (lambda z: ops.take(z, [2, 0], axis=0), lambda z: z[[2, 0]]),
    "pad": (lambda z: ops.pad(z, 1), lambda z: np.pad(z, 1)),
    "where": (
        lambda z: ops.where(ops.real(z) > 0, z, 0),
        lambda z: np.where(z.real > 0, z, 0),
    ),
    "concatenate": (
        lambda z: ops.concatenate([z, z]),
        lambda z: np.concatenate([z, z]),
    ),
    "view": (
        lambda z: ops.view_as_complex(ops.view_as_real(z)[..., ::-1]),
        lambda z: z.imag + 1j * z.real,
    ),
    "polar": (lambda z: ops.polar(ops.abs(z), ops.angle(z)), lambda z: z),
    "isreal": (lambda z: ops.isreal(z), np.isreal),
    "equal": (lambda z: ops.equal(z, z[0]), lambda z: z == z[0]),
    "var": (lambda z: ops.var(z, axis=0), lambda z: z.var(0)),
    "std": (lambda z: ops.std(z), np.std),
    "nanvar": (lambda z: ops.nanvar(holed(z), axis=1), lambda z: z[:, 1:].var(1)),
    "nanstd": (lambda z: ops.nanstd(holed(z)), lambda z: z[:, 1:].std()),
    "norm": (lambda z: ops.norm(z), np.linalg.norm),
    "norms": (lambda z: ops.norm(z, 3, 1), lambda z: np.linalg.norm(z, 3, 1)),
    "norm_1": (lambda z: ops.norm(z, 1), lambda z: np.linalg.norm(z, 1)),
    "vdot": (lambda z: ops.vdot(z, z + 2j), lambda z: np.vdot(z, z + 2j)),
    "correlate": (
        lambda z: ops.correlate(z[0], W[:, 0], "full"),
        lambda z: np.correlate(z[0], W[:, 0], "full"),
    ),
    "correlate_short": (
        lambda z: ops.correlate(W[1:, 0], z[0], "same"),
        lambda z: np.correlate(W[1:, 0], z[0], "same"),
    ),
    "corrcoef": (lambda z: ops.corrcoef(z), np.corrcoef),
    "round": (lambda z: ops.round(z, 1), lambda z: np.round(z, 1)),
    "nan_to_num": (
        lambda z: ops.nan_to_num(holed(z)),
        lambda z: np.concatenate([0 * z[:, :1], z[:, 1:]], 1),
    ),
    "isclose": (lambda z: ops.isclose(z, z + 1e-12), lambda z: z == z),
    "isclose_far": (lambda z: ops.isclose(z, z + 1), lambda z: z != z),
    "full": (lambda z: ops.full((2,), 1j) + z[0, :2], lambda z: 1j + z[0, :2]),
}
DOUBLE = ("matmul", "einsum", "correlate", "correlate_short")  # with W


def holed(z):
    """NaN in the first column."""
    hole = ops.full((3, 1), np.nan, ops.real(z).dtype)
    return ops.concatenate([ops.cast(hole, z.dtype), z[:, 1:]], axis=1)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_functions_give_numpys_values_eager_and_compiled(name, dtype):
    ours, theirs = FUNCTIONS[name]
    z = ops.convert_to_tensor(Z.astype(dtype))
    wanted = np.asarray(theirs(Z))
    double = dtype == "complex128" or name in DOUBLE
    for function in (ours, jit(ours)):
        made = function(z)
        np.testing.assert_allclose(
            made, wanted, rtol=1e-10 if dtype == "complex128" else 2e-5
        )
        if wanted.dtype.kind in "cf":
            assert made.dtype.itemsize == wanted.dtype.itemsize // (1 if double else 2)


REAL_LOSSES = {
    "abs": lambda z: ops.abs(z * z),
    "real": lambda z: ops.real(z * z * (1 + 2j)),
    "imag": lambda z: ops.imag(ops.exp(z)),
    "conj": lambda z: ops.real(ops.conj(z) * ops.sin(z)),
    "angle": lambda z: ops.angle(z),
    "matmul": lambda z: ops.abs(ops.matmul(z, W)),
    "divide": lambda z: ops.abs(1 / (z + 2)),
    "view": lambda z: ops.view_as_real(z * z)[..., 1],
    "cast": lambda z: ops.abs(ops.cast(ops.real(z), "complex128") + z),
}


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", REAL_LOSSES)
def test_gradients_are_those_of_the_two_parts(name):
    """d/dx - i d/dy, by central differences in float64."""
    function = REAL_LOSSES[name]
    with keras.GradientTape() as tape:
        z = ops.convert_to_tensor(Z)
        tape.watch(z)
        loss = ops.sum(function(z))
    gradient = tape.gradient(loss, z).numpy()
    assert gradient.dtype == "complex128"
    step = 1e-6
    for i in ((0, 0), (1, 2), (2, 3)):
        parts = []
        for turn in (step, step * 1j):
            up, down = Z.copy(), Z.copy()
            up[i] += turn
            down[i] -= turn
            parts.append(
                (ops.sum(function(up)) - ops.sum(function(down))).item() / (2 * step)
            )
        np.testing.assert_allclose(
            gradient[i], parts[0] - 1j * parts[1], rtol=1e-6, atol=1e-8
        )


def test_the_size_has_no_slope_at_zero():
    with keras.GradientTape() as tape:
        z = ops.zeros((2,), dtype="complex64")
        tape.watch(z)
        loss = ops.sum(ops.abs(z))
    assert tape.gradient(loss, z).tolist() == [0, 0]


def test_dtypes_meet_as_in_numpy_and_jax():
    assert result_type("complex64", "float32") == "complex64"
    assert result_type("complex64", "float64") == "complex128"
    assert result_type("int32", complex) == "complex64"
    assert result_type("float16", complex) == "complex64"
    assert result_type("float64", complex) == "complex128"
    assert ops.convert_to_tensor([1, 2j]).dtype == "complex64"
    assert ops.convert_to_tensor(np.ones(2, "complex128")).dtype == "complex128"
    assert (ops.ones(2) * 1j).dtype == "complex64"


@pytest.mark.filterwarnings("ignore")
def test_casts_keep_the_real_part():
    z = ops.convert_to_tensor([1.5 - 2j, 0])
    assert ops.cast(z, "float32").tolist() == [1.5, 0]
    assert ops.cast(z, "int32").tolist() == [1, 0]
    assert ops.cast(z, "bool").tolist() == [True, False]
    assert ops.cast([1.5], "complex64").tolist() == [1.5 + 0j]
    assert ops.saturate_cast(z * 1000, "uint8").tolist() == [255, 0]
    assert ops.saturate_cast(z, "complex128").tolist() == [1.5 - 2j, 0]


def test_what_has_no_order_is_refused():
    z = ops.convert_to_tensor([1 + 1j])
    for function in (ops.floor, ops.mod, ops.floor_divide):
        with pytest.raises(ValueError, match="complex"):
            function(z, z) if function is not ops.floor else function(z)


def test_variables_symbols_and_creation():
    variable = keras.Variable(Z)
    variable.assign_add(np.ones((3, 4)))
    np.testing.assert_allclose(variable, Z + 1)
    x = keras.Input((3,), dtype="complex64")
    assert (ops.abs(x).dtype, ops.exp(x).dtype) == ("float32", "complex64")
    model = keras.Model(x, ops.real(x * 1j))
    np.testing.assert_array_equal(
        model.predict(np.complex64([[1 + 2j, 3j, 4]]), verbose=0),
        np.float32([[-2, -3, 0]]),
    )
    assert ops.full((2,), 1 + 2j, dtype="complex64").tolist() == [1 + 2j, 1 + 2j]
    assert ops.zeros_like(Z).dtype == "complex128"
    assert ops.arange(3, dtype="complex64").tolist() == [0, 1, 2]


def test_eigenvalues_and_pairs_of_transforms():
    values, vectors = ops.eig(np.float64([[0, 1], [-1, 0]]))
    assert sorted(values.numpy().imag) == [-1, 1]
    turned = np.float64([[0, 1], [-1, 0]]) @ vectors.numpy()
    np.testing.assert_allclose(turned, vectors.numpy() * values.numpy(), atol=1e-12)
    for dtype in ("complex64", "complex128"):
        z = numbers(2, 3, 3, dtype=dtype)
        values, vectors = ops.eig(z)
        assert values.dtype == vectors.dtype == dtype
        turned = z @ vectors.numpy()
        wanted = vectors.numpy() * values.numpy()[:, None]
        np.testing.assert_allclose(turned, wanted, atol=1e-5)
        assert ops.eig(keras.KerasTensor((3, 3), dtype))[1].dtype == dtype
    z = numbers(8, dtype="complex64")
    real, imag = ops.fft((ops.real(z), ops.imag(z)))
    np.testing.assert_allclose(real + imag * 1j, np.fft.fft(z), rtol=1e-5, atol=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["abs", "conj", "angle", "view"])
def test_gradients_are_keras_on_jax_ones(name):
    oracle()
    import jax
    import jax.numpy as jnp

    theirs = {
        "abs": lambda z: jnp.abs(z * z),
        "conj": lambda z: jnp.real(jnp.conj(z) * jnp.sin(z)),
        "angle": jnp.angle,
        "view": lambda z: jnp.imag(z * z),
    }
    z = Z.astype("complex64")
    with keras.GradientTape() as tape:
        x = ops.convert_to_tensor(z)
        tape.watch(x)
        loss = ops.sum(REAL_LOSSES[name](x))
    wanted = jax.grad(lambda z: jnp.sum(theirs[name](z)))(z)
    np.testing.assert_allclose(tape.gradient(loss, x), wanted, rtol=1e-4, atol=1e-5)
