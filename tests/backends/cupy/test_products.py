"""Products by cuBLAS's interface: every form, 16 bits as they are, TF32 where it is allowed."""

import numpy as np
import pytest
from minikeras_cupy import cublas

from minikeras import config, ops
from minikeras.engine.compile import jit
from minikeras.extend import numpy_dtype
from tests.backends.cupy.conftest import needs_compiler

pytestmark = needs_compiler
RNG = np.random.default_rng(8)


@pytest.fixture
def seen(standing_in):
    """What cuBLAS was asked for: names and arguments."""
    return standing_in._maker.products.cublas.seen


FORMS = [  # shapes, and how many calls
    ((5, 3), (3, 4), 1),
    ((2, 5, 3), (3, 4), 1),
    ((2, 3, 5, 3), (2, 3, 3, 4), 1),
    ((1, 5, 3), (4, 3, 2), 1),
    ((5, 3), (4, 3, 2), 1),
    ((6, 5, 3), (1, 3, 2), 1),
    ((3, 5, 0), (3, 0, 2), 0),
    ((0, 3), (3, 2), 0),
    ((2, 1, 5, 3), (1, 4, 3, 2), 0),  # CuPy's
]


@pytest.mark.parametrize(("a", "b", "calls"), FORMS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_form_is_one_call(seen, a, b, calls, dtype):
    x, y = (RNG.normal(size=s).astype(dtype) for s in (a, b))
    wanted = x @ y
    for turned in range(4):
        left, right = x, y
        if turned & 1:
            left = np.ascontiguousarray(x.swapaxes(-1, -2))
        if turned & 2:
            right = np.ascontiguousarray(y.swapaxes(-1, -2))

        def product(left, right, turned=turned):
            left = ops.swapaxes(left, -1, -2) if turned & 1 else left
            right = ops.swapaxes(right, -1, -2) if turned & 2 else right
            return ops.matmul(left, right)

        seen.clear()
        made = jit(product)(left, right).numpy()
        np.testing.assert_allclose(made, wanted, rtol=1e-5, atol=1e-6)
        assert made.dtype == wanted.dtype and len(seen) == calls


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(7, 6), (3, 7, 6)], ids=str)
def test_16_bits_are_multiplied_as_they_are(seen, dtype, shape):
    """On the tensor cores, sums in float32; no copies of float32 are made."""
    x = RNG.normal(size=shape).astype(numpy_dtype(dtype))
    y = RNG.normal(size=(*shape[:-2], 6, 5)).astype(numpy_dtype(dtype))
    wanted = (x.astype("f4") @ y.astype("f4")).astype(x.dtype).astype("f4")
    for product in (ops.matmul, jit(ops.matmul)):
        seen.clear()
        made = product(*map(ops.convert_to_tensor, (x, y))).numpy()
        assert made.dtype == x.dtype
        np.testing.assert_allclose(made.astype("f4"), wanted, rtol=1e-2, atol=1e-3)
        ((name, *given),) = seen
        assert ("Strided" in name) == (len(shape) == 3)
        kind = {"float16": 2, "bfloat16": 14}[dtype]
        assert given.count(kind) >= 3 and given[-2] == 68


def test_float32_is_exact_unless_tf32_is_allowed(seen):
    x = np.float32([[1 + 2**-12, 1]])
    y = np.float32([[1], [-1]])
    product = jit(ops.matmul)
    try:
        assert config.matmul_precision() == "highest"
        assert product(x, y).numpy() == 2.0**-12
        config.set_matmul_precision("high")
        assert product(x, y).numpy() == 0
        assert ops.matmul(x, y).numpy() == 0
        assert [given[-2] for given in seen] == [68, 77, 77]
        config.set_matmul_precision("highest")
        assert product(x, y).numpy() == 2.0**-12
        assert product.traces == 2
        wide = x.astype("float64")
        config.set_matmul_precision("high")
        assert product(wide, y.astype("float64")).numpy() == 2.0**-12
    finally:
        config.set_matmul_precision("highest")


def test_precision_is_one_of_two():
    with pytest.raises(ValueError, match=r"set_matmul_precision: got 'low'.*'high'"):
        config.set_matmul_precision("low")


@pytest.mark.usefixtures("backend")
def test_tf32_changes_nothing_on_a_processor():
    x = RNG.normal(size=(4, 5)).astype("float32")
    made = []
    for precision in ("highest", "high"):
        config.set_matmul_precision(precision)
        made.append(jit(ops.matmul)(x, x.T.copy()).numpy())
    np.testing.assert_array_equal(*made)
    config.set_matmul_precision("highest")


def test_without_cublas_cupy_multiplies(standing_in, monkeypatch, caplog):
    monkeypatch.setattr(standing_in._maker, "products", None)
    for dtype in ("float32", "bfloat16"):
        x = np.ones((2, 3, 3)).astype(numpy_dtype(dtype))
        made = jit(ops.matmul)(x, x).numpy().astype("f4")
        np.testing.assert_array_equal(made, np.full((2, 3, 3), 3, "f4"))
    with caplog.at_level("INFO", "minikeras"):
        assert cublas.library() is None  # there is none on this machine, and it is said
    assert "products go by way of CuPy" in caplog.text


def test_eig_goes_to_the_host_where_the_device_has_none(
    standing_in, monkeypatch, caplog
):
    x = np.float32([[2, 1], [0, 3]])
    wanted = sorted(np.linalg.eigvals(x).tolist())

    def lacking(*args):
        raise RuntimeError("geev is not in this cuSOLVER")

    monkeypatch.setitem(vars(standing_in.cp.linalg), "eig", lacking)
    with caplog.at_level("INFO", "minikeras"):
        for _ in range(3):
            values, _ = ops.eig(x)
            assert sorted(values.numpy().real.tolist()) == wanted
    (record,) = caplog.records
    assert "on the host" in record.getMessage() and "geev" in record.getMessage()
